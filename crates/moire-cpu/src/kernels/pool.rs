use std::ops::Range;

use moire_graph::{AvgPool2d, MaxPool2d};
use rayon::prelude::*;

use super::{Kernel, bytes, bytes_mut};
use crate::layout::Planes;
use crate::program::{Operands, Results};
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
    /// The largest number, and whether its place in the window is kept for the way back.
    Max(MaxPool2d, bool),
    Avg(AvgPool2d),
}

impl Pool {
    fn geometry(&self) -> ([usize; 2], [usize; 2], [usize; 2]) {
        match self.kind {
            PoolKind::Max(p, _) => (p.kernel, p.stride, p.padding),
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

    /// Calls `f` with the pixels of a window: where each starts, and its place in the window.
    #[inline(always)]
    fn each_pixel(&self, [oy, ox]: [usize; 2], mut f: impl FnMut(usize, u32)) {
        let (kernel, stride, padding) = self.geometry();
        let [ys, xs] = self.window(oy, ox);
        for iy in ys {
            let ky = iy + padding[0] - oy * stride[0];
            for ix in xs.clone() {
                let kx = ix + padding[1] - ox * stride[1];
                f((iy * self.x.width + ix) * self.x.channels, (ky * kernel[1] + kx) as u32);
            }
        }
    }

    #[inline(always)]
    fn forward(&self, x: &[f32], at: [usize; 2], out: &mut [f32]) {
        match self.kind {
            PoolKind::Max(..) => {
                out.fill(f32::NEG_INFINITY);
                self.each_pixel(at, |from, _| {
                    out.iter_mut().zip(&x[from..]).for_each(|(y, &x)| *y = if x > *y { x } else { *y });
                });
            }
            PoolKind::Avg(_) => {
                out.fill(0.0);
                self.each_pixel(at, |from, _| out.iter_mut().zip(&x[from..]).for_each(|(y, x)| *y += x));
                let share = self.share(&self.window(at[0], at[1]));
                out.iter_mut().for_each(|y| *y *= share);
            }
        }
    }

    /// The largest numbers of a window and the places that they come from, of channels from `first` on: the first of
    /// equals wins, and anything wins against nothing.
    #[inline(always)]
    fn winners(&self, x: &[f32], at: [usize; 2], first: usize, tops: &mut [f32], places: &mut [u32]) {
        tops.fill(f32::NEG_INFINITY);
        places.fill(u32::MAX);
        self.each_pixel(at, |from, place| {
            let values = &x[from + first..][..tops.len()];
            for ((top, winner), &v) in tops.iter_mut().zip(&mut *places).zip(values) {
                let wins = v > *top || *winner == u32::MAX;
                *top = if wins { v } else { *top };
                *winner = if wins { place } else { *winner };
            }
        });
    }

    /// A line of windows with the places of their largest numbers.
    #[inline(always)]
    fn forward_kept(&self, x: &[f32], oy: usize, line: &mut [f32], kept: &mut [u8]) {
        let channels = self.y.channels;
        let pixels = line.chunks_exact_mut(channels).zip(kept.chunks_exact_mut(channels)).enumerate();
        for (ox, (out, kept)) in pixels {
            for (i, (out, kept)) in out.chunks_mut(BLOCK).zip(kept.chunks_mut(BLOCK)).enumerate() {
                let mut places = [0; BLOCK];
                let places = &mut places[..out.len()];
                self.winners(x, [oy, ox], i * BLOCK, out, places);
                kept.iter_mut().zip(places).for_each(|(kept, place)| *kept = *place as u8);
            }
        }
    }

    /// Image row `iy` of the cotangent: what every window that covers it gives back.
    #[inline(always)]
    fn backward(&self, x: &[f32], kept: Option<&[u8]>, dy: &[f32], iy: usize, out: &mut [f32]) {
        let Planes { height, width, channels, .. } = self.y;
        let (kernel, stride, padding) = self.geometry();
        out.fill(0.0);
        // Windows o with o stride - padding <= iy < o stride - padding + kernel.
        let first = (iy + padding[0] + 1).saturating_sub(kernel[0]).div_ceil(stride[0]);
        let last = ((iy + padding[0]) / stride[0] + 1).min(height);
        for oy in first..last {
            let row = (iy + padding[0] - oy * stride[0]) * kernel[1];
            for ox in 0..width {
                let window = self.window(oy, ox);
                let at = (oy * width + ox) * channels;
                let dy = &dy[at..][..channels];
                match (self.kind, kept) {
                    (PoolKind::Max(..), Some(kept)) => {
                        let kept = &kept[at..][..channels];
                        self.give(row, ox, &window[1], out, 0, dy, |place, i| u32::from(kept[i]) == place);
                    }
                    (PoolKind::Max(..), None) => {
                        for c in (0..channels).step_by(BLOCK) {
                            let block = BLOCK.min(channels - c);
                            let (mut tops, mut places) = ([0.0; BLOCK], [0; BLOCK]);
                            self.winners(x, [oy, ox], c, &mut tops[..block], &mut places[..block]);
                            let dy = &dy[c..][..block];
                            self.give(row, ox, &window[1], out, c, dy, |place, i| places[i] == place);
                        }
                    }
                    (PoolKind::Avg(_), _) => {
                        let share = self.share(&window);
                        let pixels = window[1].start * channels..window[1].end * channels;
                        for pixel in out[pixels].chunks_exact_mut(channels) {
                            pixel.iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * share);
                        }
                    }
                }
            }
        }
    }

    /// Adds `dy`, of channels from `first` on, to the pixels of an image's row that won their window; `row` is the place
    /// of the row's first in it.
    #[allow(clippy::too_many_arguments, reason = "one row of a table")]
    #[inline(always)]
    fn give(
        &self,
        row: usize,
        ox: usize,
        xs: &Range<usize>,
        out: &mut [f32],
        first: usize,
        dy: &[f32],
        won: impl Fn(u32, usize) -> bool,
    ) {
        let (_, stride, padding) = self.geometry();
        for ix in xs.clone() {
            let place = (row + ix + padding[1] - ox * stride[1]) as u32;
            let own = &mut out[ix * self.y.channels + first..][..dy.len()];
            for (i, (dx, dy)) in own.iter_mut().zip(dy).enumerate() {
                *dx += if won(place, i) { *dy } else { 0.0 };
            }
        }
    }
}

impl Kernel for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, _: &Scratch<'_>) {
        let Planes { width, height, channels, rows } = self.y;
        let Results { value: out, beside } = results;
        let x = operands.get(0);
        let keeps = matches!(self.kind, PoolKind::Max(_, true));
        if !self.adjoint {
            let line = width * channels;
            let lines = out.par_chunks_mut(line).enumerate();
            let image = |i: usize| (x.unit(i / height, rows), i % height);
            if keeps {
                let kept = bytes_mut(beside);
                return lines.zip(kept.par_chunks_mut(line)).for_each(|((i, line), kept)| {
                    let (x, oy) = image(i);
                    self.vectors.run(
                        #[inline(always)]
                        || self.forward_kept(x, oy, line, kept),
                    );
                });
            }
            return lines.for_each(|(i, line)| {
                let (x, oy) = image(i);
                self.vectors.run(
                    #[inline(always)]
                    || {
                        let pixels = line.chunks_exact_mut(channels).enumerate();
                        pixels.for_each(|(ox, pixel)| self.forward(x, [oy, ox], pixel));
                    },
                );
            });
        }
        // A maximum needs what was pooled, or the winners, before the cotangent; a mean needs the cotangent alone.
        let dy = match self.kind {
            PoolKind::Max(..) => operands.get(1),
            PoolKind::Avg(_) => x,
        };
        let kept = keeps.then(|| bytes(x.data));
        let line = self.x.width * channels;
        out.par_chunks_mut(line).enumerate().for_each(|(i, line)| {
            let (unit, iy) = (i / self.x.height, i % self.x.height);
            let dy = dy.unit(unit, rows);
            let x = if keeps { &[] } else { x.unit(unit, rows) };
            let kept = kept.map(|kept| &kept[unit * dy.len()..][..dy.len()]);
            self.vectors.run(
                #[inline(always)]
                || self.backward(x, kept, dy, iy, line),
            );
        });
    }
}
