use moire_graph::Normalise;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::order;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Simd, Task, Vectors, math};

/// Numbers that one task takes, about.
const CHUNK: usize = 1 << 13;

/// What is done to lines, runs of numbers that lie side by side, each by itself.
pub(crate) struct Lines {
    pub(crate) vectors: Vectors,
    /// Numbers of a line, and of a sample.
    pub(crate) length: usize,
    pub(crate) size: usize,
    pub(crate) what: What,
    /// Whether it is the adjoint: operands are what the function's own adjoint reads.
    pub(crate) adjoint: bool,
}

/// A function of a line.
#[derive(Clone, Copy)]
pub(crate) enum What {
    /// Probabilities; the adjoint reads them and their cotangent.
    Softmax,
    /// Mean 0 and variance 1; the adjoint reads the input and the cotangent.
    Normalise {
        /// Added to the variance.
        eps: f32,
        /// What the sum of squares is divided by.
        d: f32,
    },
}

impl What {
    pub(crate) fn normalise(op: &Normalise, length: usize) -> Self {
        Self::Normalise { eps: op.eps, d: if op.unbiased { length as f32 - 1.0 } else { length as f32 } }
    }
}

/// The length of the lines of `shape` whose numbers differ in `axes` alone, where such lines lie in one piece.
pub(crate) fn line(shape: &Shape, axes: &[usize]) -> Option<usize> {
    let order: Vec<usize> = order(shape.len()).into_iter().filter(|&axis| shape[axis] > 1).collect();
    let first = order.iter().position(|axis| axes.contains(axis))?;
    let last = &order[first..];
    last.iter().all(|axis| axes.contains(axis)).then(|| last.iter().map(|&axis| shape[axis]).product())
}

/// Some lines of a sample.
struct Chunk<'a> {
    lines: &'a Lines,
    x: &'a [f32],
    /// The cotangent, for an adjoint; else as `x`.
    dy: &'a [f32],
    out: &'a mut [f32],
}

impl Task for Chunk<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { lines, x, dy, out } = self;
        let length = lines.length;
        for ((x, dy), out) in
            x.chunks_exact(length).zip(dy.chunks_exact(length)).zip(out.chunks_exact_mut(length))
        {
            match (lines.what, lines.adjoint) {
                (What::Softmax, false) => softmax(s, x, out),
                (What::Softmax, true) => softmax_adjoint(s, x, dy, out),
                (What::Normalise { eps, d }, false) => {
                    let (mean, scale) = statistics(s, x, eps, d);
                    each(s, out, |at, _| s.mul(s.sub(read(s, x, at), mean), scale));
                }
                (What::Normalise { eps, d }, true) => normalise_adjoint(s, x, dy, out, [eps, d]),
            }
        }
    }
}

/// The vector at `at`, with zeros beyond the end.
#[allow(unsafe_code, reason = "loads take pointers")]
#[inline(always)]
fn read<S: Simd>(s: S, line: &[f32], at: usize) -> S::V {
    let rest = &line[at..];
    // SAFETY: as many numbers as are asked for are there.
    unsafe {
        if rest.len() >= S::LANES { s.load(rest.as_ptr()) } else { s.load_part(rest.as_ptr(), rest.len()) }
    }
}

/// Fills a line by the vectors that `f` makes of their place and of how many of their lanes count.
#[allow(unsafe_code, reason = "stores take pointers")]
#[inline(always)]
fn each<S: Simd>(s: S, line: &mut [f32], mut f: impl FnMut(usize, usize) -> S::V) {
    let mut at = 0;
    while at < line.len() {
        let rest = &mut line[at..];
        let count = rest.len().min(S::LANES);
        let v = f(at, count);
        // SAFETY: as many numbers as are written are there.
        unsafe {
            if count == S::LANES {
                s.store(rest.as_mut_ptr(), v);
            } else {
                s.store_part(rest.as_mut_ptr(), v, count);
            }
        }
        at += S::LANES;
    }
}

/// The sum over a line of the vectors that `f` makes of their place; lanes beyond the end do not count.
#[inline(always)]
fn sum<S: Simd>(s: S, length: usize, mut f: impl FnMut(usize) -> S::V) -> f32 {
    let zero = s.splat(0.0);
    let mut sum = zero;
    let mut at = 0;
    while at < length {
        sum = s.add(sum, kept(s, length - at, f(at), zero));
        at += S::LANES;
    }
    s.sum(sum)
}

/// `v` in the first `count` lanes, `beyond` in the others.
#[inline(always)]
fn kept<S: Simd>(s: S, count: usize, v: S::V, beyond: S::V) -> S::V {
    if count >= S::LANES { v } else { s.where_bits((1 << count) - 1, v, beyond) }
}

#[inline(always)]
fn softmax<S: Simd>(s: S, x: &[f32], out: &mut [f32]) {
    let low = s.splat(f32::NEG_INFINITY);
    let mut top = low;
    let mut at = 0;
    while at < x.len() {
        top = s.max(kept(s, x.len() - at, read(s, x, at), low), top);
        at += S::LANES;
    }
    let mut lanes = [f32::NEG_INFINITY; WIDEST];
    each(s, &mut lanes[..S::LANES], |_, _| top);
    let top = s.splat(lanes.into_iter().fold(f32::NEG_INFINITY, f32::max));
    let zero = s.splat(0.0);
    let mut total = zero;
    each(s, out, |at, count| {
        let v = math::exp(s, s.sub(read(s, x, at), top));
        total = s.add(total, kept(s, count, v, zero));
        v
    });
    let total = s.splat(s.sum(total));
    let mut at = 0;
    while at < out.len() {
        let share = s.div(read(s, out, at), total);
        each(s, &mut out[at..(at + S::LANES).min(x.len())], |_, _| share);
        at += S::LANES;
    }
}

/// The most lanes on any machine.
const WIDEST: usize = 16;

#[inline(always)]
fn softmax_adjoint<S: Simd>(s: S, y: &[f32], dy: &[f32], out: &mut [f32]) {
    let dot = s.splat(sum(s, y.len(), |at| s.mul(read(s, dy, at), read(s, y, at))));
    each(s, out, |at, _| s.mul(read(s, y, at), s.sub(read(s, dy, at), dot)));
}

/// The mean, and 1 / sqrt(var + eps), in all lanes.
#[inline(always)]
fn statistics<S: Simd>(s: S, x: &[f32], eps: f32, d: f32) -> (S::V, S::V) {
    let mean = s.splat(sum(s, x.len(), |at| read(s, x, at)) / x.len() as f32);
    let squares = sum(s, x.len(), |at| {
        let apart = s.sub(read(s, x, at), mean);
        s.mul(apart, apart)
    });
    (mean, s.splat(1.0 / (squares / d + eps).sqrt()))
}

#[inline(always)]
fn normalise_adjoint<S: Simd>(s: S, x: &[f32], dy: &[f32], out: &mut [f32], [eps, d]: [f32; 2]) {
    let (mean, scale) = statistics(s, x, eps, d);
    let y = |at: usize| s.mul(s.sub(read(s, x, at), mean), scale);
    let share = s.splat(sum(s, x.len(), |at| read(s, dy, at)) / x.len() as f32);
    let slope = s.splat(-sum(s, x.len(), |at| s.mul(read(s, dy, at), y(at))) / d);
    each(s, out, |at, _| s.mul(scale, s.mul_add(y(at), slope, s.sub(read(s, dy, at), share))));
}

impl Kernel for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, _: &Scratch<'_>) {
        let (x, dy) = (operands.get(0), operands.get(usize::from(self.adjoint)));
        let chunk = (CHUNK / self.length).max(1) * self.length;
        out.par_chunks_mut(self.size).enumerate().for_each(|(sample, out)| {
            let (x, dy) = (x.sample(sample), dy.sample(sample));
            out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).zip(dy.par_chunks(chunk)).for_each(
                |((out, x), dy)| {
                    self.vectors.run(Chunk { lines: self, x, dy, out });
                },
            );
        });
    }
}
