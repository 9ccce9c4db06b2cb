//! Numbers that start on a cache line, so that no vector of them straddles two; large slices on a large page, so that
//! walking over them asks the page tables rarely.

#![allow(
    unsafe_code,
    reason = "the allocator is asked by hand, for an alignment that vectors of Rust do not have"
)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes in a cache line.
const LINE: usize = 64;
/// Numbers in a cache line.
pub(crate) const LINE_NUMBERS: usize = LINE / size_of::<f32>();
/// Bytes in a large page.
const PAGE: usize = 2 << 20;

/// A slice of fixed length that starts on a cache line.
pub(crate) struct Aligned {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: it owns its numbers, as a `Box<[f32]>` does.
unsafe impl Send for Aligned {}
// SAFETY: as above.
unsafe impl Sync for Aligned {}

impl Aligned {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        if len == 0 {
            return Self::default();
        }
        let layout = layout(len);
        // SAFETY: the layout is not empty; all its bytes are set before anybody reads them, and zeros are numbers.
        let start = unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            prefer_large_pages(start, layout);
            start.write_bytes(0, layout.size());
            start.cast()
        };
        Self { start, len }
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        Self::bytes_of(self.len)
    }

    /// Bytes that so many numbers take.
    pub(crate) fn bytes_of(len: usize) -> usize {
        if len == 0 { 0 } else { layout(len).size() }
    }
}

fn layout(len: usize) -> Layout {
    let bytes = len.checked_mul(size_of::<f32>()).expect("fewer bytes than there are addresses");
    let align = if bytes >= PAGE { PAGE } else { LINE };
    Layout::from_size_align(bytes.next_multiple_of(LINE), align).expect("a size that was asked for before")
}

/// Asks for large pages, where there is such a request. What comes of it changes no number.
#[cfg(target_os = "linux")]
fn prefer_large_pages(start: NonNull<u8>, layout: Layout) {
    if layout.align() == PAGE {
        // SAFETY: the range is one allocation of our own, and the advice leaves its content alone.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size() / PAGE * PAGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_large_pages(_: NonNull<u8>, _: Layout) {}

impl Default for Aligned {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0 }
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout(self.len)) };
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `len` numbers were allocated and set.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl fmt::Debug for Aligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aligned").field("len", &self.len).finish_non_exhaustive()
    }
}
