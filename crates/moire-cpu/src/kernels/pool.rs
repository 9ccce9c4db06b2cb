use std::ops::Range;

use moire_graph::{AvgPool2d, MaxPool2d};
use rayon::prelude::*;

use super::Kernel;
use crate::layout::Planes;
use crate::program::Operands;
use crate::scratch::Scratch;
use crate::simd::Vectors;

/// Channels whose winners are found together.
const BLOCK: usize = 64;

/// Windows over images, forwards or backwards.
pub(crate) struct Pool {
    pub(crate) vectors: Vectors,
    pub(crate) kind: PoolKind,
    /// What is pooled, and what comes of it.
    pub(crate) x: Planes,
    pub(crate) y: Planes,
    pub(crate) adjoint: bool,
}

/// What is taken from a window.
#[derive(Clone, Copy)]
pub(crate) enum PoolKind {
    Max(MaxPool2d),
    Avg(AvgPool2d),
}

impl Pool {
    fn geometry(&self) -> ([usize; 2], [usize; 2], [usize; 2]) {
        match self.kind {
            PoolKind::Max(p) => (p.kernel, p.stride, p.padding),
            PoolKind::Avg(p) => (p.kernel, p.stride, p.padding),
        }
    }

    /// The rows and columns of the image that window `oy`, `ox` covers.
    fn window(&self, oy: usize, ox: usize) -> [Range<usize>; 2] {
        let (kernel, stride, padding) = self.geometry();
        let range = |axis: usize, o: usize, extent: usize| {
            let start = o * stride[axis];
            start.saturating_sub(padding[axis])
                ..(start + kernel[axis]).saturating_sub(padding[axis]).min(extent)
        };
        [range(0, oy, self.x.height), range(1, ox, self.x.width)]
    }

    /// What a window's mean divides by, inverted.
    fn share(&self, [ys, xs]: &[Range<usize>; 2]) -> f32 {
        match self.kind {
            PoolKind::Avg(p) if p.count_padding => 1.0 / (p.kernel[0] * p.kernel[1]) as f32,
            _ => 1.0 / (ys.len() * xs.len()) as f32,
        }
    }

    /// Calls `f` with where each pixel of a window starts.
    fn each_pixel(&self, [ys, xs]: &[Range<usize>; 2], mut f: impl FnMut(usize)) {
        for iy in ys.clone() {
            xs.clone().for_each(|ix| f((iy * self.x.width + ix) * self.x.channels));
        }
    }

    #[inline(always)]
    fn forward(&self, x: &[f32], oy: usize, ox: usize, out: &mut [f32]) {
        let window = self.window(oy, ox);
        match self.kind {
            PoolKind::Max(_) => {
                out.fill(f32::NEG_INFINITY);
                self.each_pixel(&window, |at| {
                    out.iter_mut().zip(&x[at..]).for_each(|(y, &x)| *y = if x > *y { x } else { *y });
                });
            }
            PoolKind::Avg(_) => {
                out.fill(0.0);
                self.each_pixel(&window, |at| out.iter_mut().zip(&x[at..]).for_each(|(y, x)| *y += x));
                let share = self.share(&window);
                out.iter_mut().for_each(|y| *y *= share);
            }
        }
    }

    /// Image row `iy` of the cotangent: what every window that covers it gives back.
    #[inline(always)]
    fn backward(&self, x: &[f32], dy: &[f32], iy: usize, out: &mut [f32]) {
        let Planes { height, width, channels, .. } = self.y;
        let (kernel, stride, padding) = self.geometry();
        out.fill(0.0);
        // Windows o with o stride - padding <= iy < o stride - padding + kernel.
        let first = (iy + padding[0] + 1).saturating_sub(kernel[0]).div_ceil(stride[0]);
        let last = ((iy + padding[0]) / stride[0] + 1).min(height);
        for oy in first..last {
            for ox in 0..width {
                let window = self.window(oy, ox);
                let dy = &dy[(oy * width + ox) * channels..][..channels];
                let from = window[1].start * channels;
                match self.kind {
                    PoolKind::Max(_) => self.give_to_largest(x, &window, iy, dy, out),
                    PoolKind::Avg(_) => {
                        let share = self.share(&window);
                        for pixel in out[from..window[1].end * channels].chunks_exact_mut(channels) {
                            pixel.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * share);
                        }
                    }
                }
            }
        }
    }

    /// Adds `dy` to the pixel of row `iy` that won its window, for channels whose winner lies in that row.
    #[inline(always)]
    fn give_to_largest(&self, x: &[f32], window: &[Range<usize>; 2], iy: usize, dy: &[f32], out: &mut [f32]) {
        let channels = self.y.channels;
        let pixel = |y: usize, ix: usize| (y * self.x.width + ix) * channels;
        for c in (0..channels).step_by(BLOCK) {
            let block = BLOCK.min(channels - c);
            let mut tops = [f32::NEG_INFINITY; BLOCK];
            let mut winners = [u32::MAX; BLOCK];
            let mut at = 0;
            for y in window[0].clone() {
                for ix in window[1].clone() {
                    let values = &x[pixel(y, ix) + c..][..block];
                    for ((top, winner), &v) in tops.iter_mut().zip(&mut winners).zip(values) {
                        // The first of equals wins; anything wins against nothing.
                        let wins = v > *top || *winner == u32::MAX;
                        *top = if wins { v } else { *top };
                        *winner = if wins { at } else { *winner };
                    }
                    at += 1;
                }
            }
            let first = ((iy - window[0].start) * window[1].len()) as u32;
            for (at, ix) in (first..).zip(window[1].clone()) {
                let own = out[ix * channels + c..][..block].iter_mut();
                for ((dx, &winner), dy) in own.zip(&winners).zip(&dy[c..]) {
                    *dx += if winner == at { *dy } else { 0.0 };
                }
            }
        }
    }
}

impl Kernel for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let Planes { width, channels, rows, .. } = self.y;
        let x = operands.get(0);
        if !self.adjoint {
            return out.par_chunks_mut(self.y.image()).enumerate().for_each(|(unit, image)| {
                let x = x.unit(unit, rows);
                image.par_chunks_mut(width * channels).enumerate().for_each(|(oy, line)| {
                    self.vectors.run(
                        #[inline(always)]
                        || {
                            let pixels = line.chunks_exact_mut(channels).enumerate();
                            pixels.for_each(|(ox, pixel)| self.forward(x, oy, ox, pixel));
                        },
                    );
                });
            });
        }
        // A maximum needs what was pooled before the cotangent; a mean needs the cotangent alone.
        let dy = match self.kind {
            PoolKind::Max(_) => operands.get(1),
            PoolKind::Avg(_) => x,
        };
        out.par_chunks_mut(self.x.image()).enumerate().for_each(|(unit, dx)| {
            let (x, dy) = (x.unit(unit, rows), dy.unit(unit, rows));
            dx.par_chunks_mut(self.x.width * channels).enumerate().for_each(|(iy, line)| {
                self.vectors.run(
                    #[inline(always)]
                    || self.backward(x, dy, iy, line),
                );
            });
        });
    }
}
