use moire_graph::{AvgPool2d, MaxPool2d};
use rayon::prelude::*;

use super::Kernel;
use crate::layout::Planes;
use crate::program::Operands;
use crate::scratch::Scratch;

/// Windows over images, forwards or backwards.
pub(crate) struct Pool {
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
    fn window(&self, oy: usize, ox: usize) -> [std::ops::Range<usize>; 2] {
        let (kernel, stride, padding) = self.geometry();
        let range = |axis: usize, o: usize, extent: usize| {
            let start = o * stride[axis];
            start.saturating_sub(padding[axis])
                ..(start + kernel[axis]).saturating_sub(padding[axis]).min(extent)
        };
        [range(0, oy, self.x.height), range(1, ox, self.x.width)]
    }

    /// What a window's mean divides by, inverted.
    fn share(&self, [ys, xs]: &[std::ops::Range<usize>; 2]) -> f32 {
        match self.kind {
            PoolKind::Avg(p) if p.count_padding => 1.0 / (p.kernel[0] * p.kernel[1]) as f32,
            _ => 1.0 / (ys.len() * xs.len()) as f32,
        }
    }

    /// Calls `f` with where each pixel of a window starts.
    fn each_pixel(&self, [ys, xs]: &[std::ops::Range<usize>; 2], mut f: impl FnMut(usize)) {
        for iy in ys.clone() {
            xs.clone().for_each(|ix| f((iy * self.x.width + ix) * self.x.channels));
        }
    }

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

    /// Adds what one window gives back to the image's cotangent.
    fn backward(&self, x: &[f32], oy: usize, ox: usize, dy: &[f32], dx: &mut [f32]) {
        let window = self.window(oy, ox);
        match self.kind {
            PoolKind::Max(_) => {
                for (c, dy) in dy.iter().enumerate() {
                    let mut best: Option<usize> = None;
                    self.each_pixel(&window, |at| {
                        if best.is_none_or(|b| x[at + c] > x[b]) {
                            best = Some(at + c);
                        }
                    });
                    if let Some(at) = best {
                        dx[at] += dy;
                    }
                }
            }
            PoolKind::Avg(_) => {
                let share = self.share(&window);
                self.each_pixel(&window, |at| {
                    dx[at..].iter_mut().zip(dy).for_each(|(dx, dy)| *dx += dy * share);
                });
            }
        }
    }
}

impl Kernel for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let Planes { height, width, channels, rows } = self.y;
        let x = operands.get(0);
        if !self.adjoint {
            return out.par_chunks_mut(self.y.image()).enumerate().for_each(|(unit, image)| {
                let x = x.unit(unit, rows);
                image.par_chunks_mut(width * channels).enumerate().for_each(|(oy, line)| {
                    for (ox, pixel) in line.chunks_exact_mut(channels).enumerate() {
                        self.forward(x, oy, ox, pixel);
                    }
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
            dx.fill(0.0);
            for oy in 0..height {
                for ox in 0..width {
                    self.backward(x, oy, ox, &dy[(oy * width + ox) * channels..][..channels], dx);
                }
            }
        });
    }
}
