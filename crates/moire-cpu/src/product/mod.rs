//! Matrix products with a right side that was packed beforehand: what convolutions of every kind come down to.
//!
//! The rows of the left side are lists of lines, runs of numbers that may lie anywhere: a pixel's neighbourhood is a
//! few lines of the image itself, so no patch is ever written out. Each number of the result is one sum in the order
//! of the lines, whatever rows and columns are computed beside it, so no result depends on how work is cut.

mod dots;
mod finish;
mod packed;
mod tile;

use std::marker::PhantomData;

pub(crate) use dots::{Dots, dots};
pub(crate) use finish::{Beside, Finish, Finishing, Gate, Gated, Leak, Repeat, Smooth};
pub(crate) use packed::{Packed, Panels, pack, packed_size};
pub(crate) use tile::tiles;

/// The most rows of a tile on any machine.
pub(crate) const MOST_ROWS: usize = 14;

/// The left side of a product and where its result goes, for a few rows.
pub(crate) struct Rows<'a> {
    /// Line l of row i at l `pitch` + i; rows beyond the last repeat it.
    pub(crate) lines: &'a [&'a [f32]],
    /// Rows that each line has in `lines`.
    pub(crate) pitch: usize,
    /// How many numbers of each line count.
    pub(crate) run: usize,
    /// Where in the result each row's first column lies.
    pub(crate) at: &'a [usize],
}

/// A slice that several tasks write at once, each its own elements.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    slice: PhantomData<&'a mut [f32]>,
}

#[allow(unsafe_code, reason = "tasks write disjoint elements of one slice")]
// SAFETY: elements are reached through unsafe functions alone, whose callers promise to share none.
unsafe impl Sync for Shared<'_> {}

#[allow(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Send for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// Numbers in the slice.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A part of the slice to read.
    ///
    /// # Safety
    /// While the part is in use nobody writes its elements.
    ///
    /// # Panics
    /// It reaches beyond the slice.
    #[allow(unsafe_code, reason = "other elements of the slice are written meanwhile")]
    pub(crate) unsafe fn read(&self, at: usize, len: usize) -> &'a [f32] {
        assert!(at <= self.len && len <= self.len - at, "the part lies in the slice");
        // SAFETY: inside the slice by the assertion; nobody writes it by the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start.add(at), len) }
    }

    /// A part of the slice.
    ///
    /// # Safety
    /// While the part is in use nobody else reads or writes its elements.
    ///
    /// # Panics
    /// It reaches beyond the slice.
    #[allow(unsafe_code, clippy::mut_from_ref, reason = "tasks write disjoint elements of one slice")]
    pub(crate) unsafe fn part(&self, at: usize, len: usize) -> &'a mut [f32] {
        assert!(at <= self.len && len <= self.len - at, "the part lies in the slice");
        // SAFETY: inside the slice by the assertion; nobody else uses it by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), len) }
    }
}
