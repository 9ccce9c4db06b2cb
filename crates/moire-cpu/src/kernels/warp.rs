use moire_graph::Warp;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::Planes;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// A sparse linear map of every channel's plane.
pub(crate) struct Warping {
    pub(crate) op: Warp,
    pub(crate) x: Planes,
    pub(crate) y: Planes,
}

impl Kernel for Warping {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, _: &Scratch<'_>) {
        let (x, channels) = (operands.get(0), self.y.channels);
        out.par_chunks_mut(self.y.image()).enumerate().for_each(|(unit, image)| {
            let x = x.unit(unit, self.x.rows);
            let rows = image.par_chunks_mut(self.y.width * channels);
            rows.enumerate().for_each(|(row, pixels)| {
                for (column, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
                    pixel.fill(0.0);
                    for &(i, weight) in self.op.0.row(row * self.y.width + column) {
                        let from = &x[i as usize * channels..][..channels];
                        pixel.iter_mut().zip(from).for_each(|(y, x)| *y += weight * x);
                    }
                }
            });
        });
    }
}
