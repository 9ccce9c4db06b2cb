//! Whether numbers are above 0, one bit each.

#![allow(unsafe_code, reason = "bits are read and written beside vectors, by pointer")]

use std::marker::PhantomData;

use super::Simd;

/// Bits of numbers in groups of eight, the first of a group the lowest of its byte.
#[derive(Clone, Copy)]
pub(crate) struct Signs<'a> {
    start: *const u8,
    /// Numbers.
    len: usize,
    of: PhantomData<&'a [u8]>,
}

/// The same, for several tasks to write at once.
#[derive(Clone, Copy)]
pub(crate) struct SignsMut<'a> {
    start: *mut u8,
    len: usize,
    of: PhantomData<&'a mut [u8]>,
}

// SAFETY: bits are only read.
unsafe impl Send for Signs<'_> {}
// SAFETY: as above.
unsafe impl Sync for Signs<'_> {}
// SAFETY: bits are written through an unsafe function, whose callers promise to share none.
unsafe impl Send for SignsMut<'_> {}
// SAFETY: as above.
unsafe impl Sync for SignsMut<'_> {}

impl<'a> Signs<'a> {
    /// The bits that lie in `data`.
    pub(crate) fn of(data: &'a [f32]) -> Self {
        Self { start: data.as_ptr().cast(), len: 32 * data.len(), of: PhantomData }
    }

    /// How many numbers there is room for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bits of `count` numbers from `at` on, the first the lowest.
    ///
    /// # Safety
    /// `at + count` is no more than [`Signs::len`]; both are multiples of 8, or of 4 for vectors of 4.
    #[inline(always)]
    pub(crate) unsafe fn get<S: Simd>(&self, _: S, at: usize, count: usize) -> u32 {
        // SAFETY: the bytes lie in the slice by the caller's promise.
        unsafe {
            let byte = self.start.add(at / 8);
            match S::LANES {
                16 if count > 8 => byte.cast::<u16>().read_unaligned().into(),
                4 => (byte.read() >> (at % 8) & 15).into(),
                _ => byte.read().into(),
            }
        }
    }
}

impl<'a> SignsMut<'a> {
    /// The bits that lie in `data`.
    pub(crate) fn of(data: &'a mut [f32]) -> Self {
        Self { start: data.as_mut_ptr().cast(), len: 32 * data.len(), of: PhantomData }
    }

    /// How many numbers there is room for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Writes the bits of the first `count` lanes of `v` to those from `at` on.
    ///
    /// # Safety
    /// As for [`Signs::get`]; and while it runs nobody else reads or writes the bytes that hold these bits.
    #[inline(always)]
    pub(crate) unsafe fn put<S: Simd>(&self, simd: S, v: S::V, at: usize, count: usize) {
        let bits = simd.positive(v);
        // SAFETY: the bytes lie in the slice and are the caller's own by its promise.
        unsafe {
            let byte = self.start.add(at / 8);
            match S::LANES {
                16 if count > 8 => byte.cast::<u16>().write_unaligned(bits as u16),
                4 => byte.write(byte.read() & !(15 << (at % 8)) | (bits as u8) << (at % 8)),
                _ => byte.write(bits as u8),
            }
        }
    }
}
