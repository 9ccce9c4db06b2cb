use moire_graph::Normalise;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use super::reduce::Groups;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// Normalisation by a sample's own statistics, or its adjoint.
pub(crate) struct Normalisation {
    /// Independent parts of a value: its rows, where axis 0 is not reduced.
    parts: usize,
    groups: Groups,
    eps: f32,
    /// What mean and variance divide by.
    n: f32,
    d: f32,
    adjoint: bool,
}

impl Normalisation {
    pub(crate) fn new(op: &Normalise, x: &Shape, adjoint: bool) -> Self {
        let parts = if op.axes.contains(&0) { 1 } else { x[0] };
        let groups = Groups::new(&x.with(0, x[0] / parts), &op.axes);
        let n = (groups.size / groups.count) as f32;
        Self { parts, groups, eps: op.eps, n, d: if op.unbiased { n - 1.0 } else { n }, adjoint }
    }

    /// The mean of each group, and 1 / sqrt(var + eps).
    fn statistics(&self, x: &[f32], mean: &mut [f32], inv: &mut [f32]) {
        self.groups.sum(mean, |i, _| x[i]);
        mean.iter_mut().for_each(|m| *m /= self.n);
        self.groups.sum(inv, |i, g| (x[i] - mean[g]).powi(2));
        inv.iter_mut().for_each(|v| *v = 1.0 / (*v / self.d + self.eps).sqrt());
    }
}

impl Kernel for Normalisation {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, scratch: &Scratch<'_>) {
        let groups = &self.groups;
        let x = operands.get(0);
        out.par_chunks_mut(groups.size).enumerate().for_each(|(unit, out)| {
            let x = x.unit(unit, self.parts);
            scratch.with(|scratch| {
                let (mean, rest) = scratch.split_at_mut(groups.count);
                let (inv, rest) = rest.split_at_mut(groups.count);
                self.statistics(x, mean, inv);
                if !self.adjoint {
                    return groups.each(|i, g| out[i] = (x[i] - mean[g]) * inv[g]);
                }
                let dy = operands.get(1).unit(unit, self.parts);
                let (sum, rest) = rest.split_at_mut(groups.count);
                let dot = &mut rest[..groups.count];
                groups.sum(sum, |i, _| dy[i]);
                groups.sum(dot, |i, g| dy[i] * (x[i] - mean[g]) * inv[g]);
                groups.each(|i, g| {
                    let y = (x[i] - mean[g]) * inv[g];
                    out[i] = inv[g] * (dy[i] - sum[g] / self.n - y * dot[g] / self.d);
                });
            });
        });
    }

    fn scratch(&self) -> usize {
        4 * self.groups.count
    }
}
