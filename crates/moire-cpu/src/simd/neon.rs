//! NEON: 32 registers of 4 numbers.

#![allow(unsafe_code, reason = "intrinsics, which every processor of this architecture has")]

use core::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddq_s32, vaddvq_f32, vaddvq_u32, vandq_u32, vbslq_f32, vcgtq_f32, vcgtzq_f32,
    vcltq_f32, vcvtq_s32_f32, vdivq_f32, vdupq_n_f32, vdupq_n_s32, vdupq_n_u32, vfmaq_f32, vld1q_f32,
    vld1q_u32, vmulq_f32, vreinterpretq_f32_s32, vshlq_n_s32, vst1q_f32, vsubq_f32, vtstq_u32,
};

use super::{Simd, Task};

/// The bit of each lane.
static LANE: [u32; 4] = [1, 2, 4, 8];

/// The proof that this is a 64-bit ARM processor.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    pub(crate) fn detect() -> Option<Self> {
        Some(Self(()))
    }
}

// SAFETY of every block below: the architecture has NEON; loads and stores are valid as their callers promise.
#[allow(clippy::undocumented_unsafe_blocks, reason = "the line above holds for all of them")]
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const ROWS: usize = 14;

    #[inline(always)]
    fn vectorize<T: Task>(self, task: T) {
        task.run(self);
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn div(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    fn max(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    fn min(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }
    #[inline(always)]
    fn power_of_two(self, n: float32x4_t) -> float32x4_t {
        unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
        }
    }
    #[inline(always)]
    fn where_positive(self, of: float32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcgtzq_f32(of), yes, no) }
    }
    #[inline(always)]
    fn positive(self, v: float32x4_t) -> u32 {
        unsafe { vaddvq_u32(vandq_u32(vcgtzq_f32(v), vld1q_u32(LANE.as_ptr()))) }
    }
    #[inline(always)]
    fn where_bits(self, bits: u32, yes: float32x4_t, no: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vtstq_u32(vdupq_n_u32(bits), vld1q_u32(LANE.as_ptr())), yes, no) }
    }
    #[inline(always)]
    fn sum(self, v: float32x4_t) -> f32 {
        unsafe { vaddvq_f32(v) }
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn load_part(self, from: *const f32, count: usize) -> float32x4_t {
        let mut lanes = [0.0; 4];
        unsafe {
            from.copy_to_nonoverlapping(lanes.as_mut_ptr(), count);
            vld1q_f32(lanes.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, v: float32x4_t, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), v);
            to.copy_from_nonoverlapping(lanes.as_ptr(), count);
        }
    }
}
