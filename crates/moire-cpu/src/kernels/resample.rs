use moire_graph::Resample;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::strides;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::Vectors;

/// A sparse linear map along one axis.
pub(crate) struct Resampling {
    vectors: Vectors,
    op: Resample,
    /// Numbers between neighbours along the axis: what lies inside it in memory.
    inner: usize,
    inputs: usize,
    outputs: usize,
    /// Lines of the axis in one value, counted by what lies outside it in memory.
    outer: usize,
}

impl Resampling {
    pub(crate) fn new(vectors: Vectors, op: &Resample, x: &Shape) -> Self {
        let inner = strides(x)[op.axis];
        let (inputs, outputs) = (op.map.inputs(), op.map.outputs());
        Self { vectors, op: op.clone(), inner, inputs, outputs, outer: x.numel() / (inputs * inner) }
    }
}

impl Kernel for Resampling {
    fn name(&self) -> &'static str {
        "resample"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, _: &Scratch<'_>) {
        let x = operands.get(0);
        out.par_chunks_mut(self.outputs * self.inner).enumerate().for_each(|(unit, lines)| {
            let x = x.unit(unit, self.outer);
            debug_assert_eq!(x.len(), self.inputs * self.inner, "a unit is one line of the axis");
            lines.par_chunks_mut(self.inner).enumerate().with_min_len(4).for_each(|(o, line)| {
                let from = |i: usize| &x[i * self.inner..][..self.inner];
                self.vectors.run(
                    #[inline(always)]
                    || match self.op.map.row(o) {
                        [(i, 1.0)] => line.copy_from_slice(from(*i)),
                        taps => {
                            line.fill(0.0);
                            for &(i, weight) in taps {
                                line.iter_mut().zip(from(i)).for_each(|(y, x)| *y += weight * x);
                            }
                        }
                    },
                );
            });
        });
    }
}
