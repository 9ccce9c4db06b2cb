use rayon::prelude::*;

use super::Kernel;
use crate::layout::Planes;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::Vectors;

/// Pixels whose sum is one number until sums are merged.
const CHUNK: usize = 256;

/// The sum or mean over the pixels of each channel of each image, of one operand or of a product of two.
pub(crate) struct PixelSum {
    pub(crate) vectors: Vectors,
    pub(crate) planes: Planes,
    pub(crate) mean: bool,
    pub(crate) product: bool,
    /// The most images of one run.
    pub(crate) images: usize,
}

impl PixelSum {
    fn pixels(&self) -> usize {
        self.planes.height * self.planes.width
    }

    fn chunks(&self) -> usize {
        self.pixels().div_ceil(CHUNK)
    }
}

/// Adds the rows of `x`, times those of `y` where there are any, to `sums`; in four parts, so that neighbouring rows
/// need not wait for each other.
#[inline(always)]
fn add_rows(x: &[f32], y: Option<&[f32]>, sums: &mut [f32]) {
    let c = sums.len();
    sums.fill(0.0);
    for (i, x) in x.chunks(4 * c).enumerate() {
        let y = y.map(|y| &y[i * 4 * c..][..x.len()]);
        match (y, x.len() == 4 * c) {
            (None, true) => {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum += (x[j] + x[c + j]) + (x[2 * c + j] + x[3 * c + j]);
                }
            }
            (Some(y), true) => {
                let term = |k: usize| x[k] * y[k];
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum += (term(j) + term(c + j)) + (term(2 * c + j) + term(3 * c + j));
                }
            }
            (None, false) => {
                x.chunks_exact(c).for_each(|x| sums.iter_mut().zip(x).for_each(|(s, x)| *s += x));
            }
            (Some(y), false) => {
                for (x, y) in x.chunks_exact(c).zip(y.chunks_exact(c)) {
                    sums.iter_mut().zip(x.iter().zip(y)).for_each(|(s, (x, y))| *s += x * y);
                }
            }
        }
    }
}

impl Kernel for PixelSum {
    fn name(&self) -> &'static str {
        "pixel_sum"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>) {
        let Planes { channels, rows, .. } = self.planes;
        let (chunks, x) = (self.chunks(), operands.get(0));
        let y = self.product.then(|| operands.get(1));
        let mut shared = scratch.shared();
        let sums = &mut shared[..results.value.len() * chunks];
        sums.par_chunks_mut(channels).enumerate().for_each(|(unit, sums)| {
            let (image, first) = (unit / chunks, unit % chunks * CHUNK);
            let numbers = first * channels..(first + CHUNK).min(self.pixels()) * channels;
            let of_x = &x.unit(image, rows)[numbers.clone()];
            let of_y = y.map(|y| &y.unit(image, rows)[numbers]);
            self.vectors.run(
                #[inline(always)]
                || add_rows(of_x, of_y, sums),
            );
        });
        let factor = if self.mean { 1.0 / self.pixels() as f64 } else { 1.0 };
        for (out, sums) in results.value.chunks_exact_mut(channels).zip(sums.chunks_exact(chunks * channels))
        {
            for (j, out) in out.iter_mut().enumerate() {
                let all = sums.iter().skip(j).step_by(channels).map(|&v| f64::from(v)).sum::<f64>();
                *out = (all * factor) as f32;
            }
        }
    }

    fn shared(&self) -> usize {
        self.images * self.chunks() * self.planes.channels
    }
}
