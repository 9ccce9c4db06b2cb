//! Vectors of numbers on whatever processor this is.
//!
//! A kernel is written once, generic over [`Simd`], and compiled for each set of instructions. [`Vectors`] knows
//! which set this machine has and carries a kernel there.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
pub(crate) mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod signs;

pub use isa::Isa;
pub(crate) use isa::Vectors;
pub(crate) use signs::{Signs, SignsMut};

/// A set of vector instructions. A value of such a type is the proof that the machine has them.
///
/// The functions are inlined into [`Simd::vectorize`], where the instructions are enabled.
#[allow(unsafe_code, reason = "loads and stores take pointers")]
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// One vector.
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Rows of a product's tile, when it is two vectors wide: as many as the registers hold.
    const ROWS: usize;

    /// Runs `task` with the instructions enabled for all that is inlined into it.
    fn vectorize<T: Task>(self, task: T);

    /// All lanes alike.
    fn splat(self, x: f32) -> Self::V;
    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a - b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a b + c.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a / b.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// Lane by lane: a where it is the larger, else b, also where one is no number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// Lane by lane: a where it is the smaller, else b, also where one is no number.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// 2^n for whole n from -126 to 127.
    fn power_of_two(self, n: Self::V) -> Self::V;
    /// Lane by lane: `yes` where `of` is above 0, else `no`.
    fn where_positive(self, of: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// A bit for each lane, the first the lowest: whether it is above 0.
    fn positive(self, v: Self::V) -> u32;
    /// Lane by lane: `yes` where its bit is 1, else `no`.
    fn where_bits(self, bits: u32, yes: Self::V, no: Self::V) -> Self::V;
    /// The sum of the lanes, always in the same order.
    fn sum(self, v: Self::V) -> f32;

    /// Asks for the cache line at `at` ahead of its use.
    fn prefetch(self, at: *const f32);
    /// A vector from memory.
    ///
    /// # Safety
    /// `from` is valid for [`Simd::LANES`] reads.
    unsafe fn load(self, from: *const f32) -> Self::V;
    /// The first `count` lanes from memory, zeros in the others.
    ///
    /// # Safety
    /// `from` is valid for `count` reads, and `count` is at most [`Simd::LANES`].
    unsafe fn load_part(self, from: *const f32, count: usize) -> Self::V;
    /// A vector to memory.
    ///
    /// # Safety
    /// `to` is valid for [`Simd::LANES`] writes.
    unsafe fn store(self, to: *mut f32, v: Self::V);
    /// The first `count` lanes to memory.
    ///
    /// # Safety
    /// `to` is valid for `count` writes, and `count` is at most [`Simd::LANES`].
    unsafe fn store_part(self, to: *mut f32, v: Self::V, count: usize);
}

/// Work that is generic over the instructions that do it. Implementations are `#[inline(always)]`.
pub(crate) trait Task {
    /// Does it.
    fn run<S: Simd>(self, simd: S);
}

impl<F: FnOnce()> Task for F {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self();
    }
}
