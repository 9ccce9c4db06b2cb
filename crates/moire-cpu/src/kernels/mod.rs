//! One family of ops a file. A kernel fills its output for all samples of a run.

pub(crate) mod conv;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod image_norm;
pub(crate) mod lattice;
pub(crate) mod lines;
pub(crate) mod matmul;
pub(crate) mod movement;
pub(crate) mod normalise;
pub(crate) mod pixel_sum;
pub(crate) mod points;
pub(crate) mod pool;
pub(crate) mod reading;
pub(crate) mod reduce;
pub(crate) mod resample;
pub(crate) mod softmax;
pub(crate) mod warp;
pub(crate) mod winograd;

use rayon::prelude::*;

use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// An op made ready for one graph.
pub(crate) trait Kernel: Send + Sync {
    /// What it is, in a profile.
    fn name(&self) -> &'static str;

    /// Fills the results, one value a sample. Tasks are cut by the graph's shapes alone.
    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>);

    /// Whether it has packed this operand, and so does not read it.
    fn holds(&self, _operand: usize) -> bool {
        false
    }

    /// How many numbers of working memory one thread needs.
    fn scratch(&self) -> usize {
        0
    }

    /// How many numbers of working memory all threads need together.
    fn shared(&self) -> usize {
        0
    }

    /// Bytes of packed weights.
    fn bytes(&self) -> usize {
        0
    }
}

/// One operand of a kernel for all samples of a run.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) data: &'a [f32],
    /// Numbers a sample.
    pub(crate) size: usize,
    /// From one sample to the next; 0 for constants.
    pub(crate) step: usize,
}

impl<'a> Operand<'a> {
    /// The value of one sample.
    pub(crate) fn sample(&self, index: usize) -> &'a [f32] {
        &self.data[index * self.step..][..self.size]
    }

    /// Part `unit` of the value cut into `parts` equal parts, counted over all samples.
    pub(crate) fn unit(&self, unit: usize, parts: usize) -> &'a [f32] {
        let size = self.size / parts;
        &self.sample(unit / parts)[unit % parts * size..][..size]
    }
}

/// Numbers that one task of a plain loop takes.
const CHUNK: usize = 1 << 14;

/// Cuts `out`, values of `size` numbers, into chunks and calls `f(sample, start, chunk)` with each.
fn each_chunk(out: &mut [f32], size: usize, f: impl Fn(usize, usize, &mut [f32]) + Sync) {
    out.par_chunks_mut(size).enumerate().for_each(|(s, value)| {
        value.par_chunks_mut(CHUNK).enumerate().for_each(|(i, chunk)| f(s, i * CHUNK, chunk));
    });
}

/// Bytes that a kernel keeps in place of numbers.
#[allow(unsafe_code, reason = "a view")]
fn bytes(numbers: &[f32]) -> &[u8] {
    // SAFETY: any bytes of the slice are bytes.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// The same, to write.
#[allow(unsafe_code, reason = "a view")]
fn bytes_mut(numbers: &mut [f32]) -> &mut [u8] {
    // SAFETY: any bytes are a number's.
    unsafe { std::slice::from_raw_parts_mut(numbers.as_mut_ptr().cast(), size_of_val(numbers)) }
}
