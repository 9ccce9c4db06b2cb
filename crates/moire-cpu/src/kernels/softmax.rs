use rayon::prelude::*;

use super::Kernel;
use super::reduce::Groups;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// Probabilities along an axis, or their adjoint.
pub(crate) struct Probabilities {
    pub(crate) groups: Groups,
    pub(crate) adjoint: bool,
}

impl Kernel for Probabilities {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, scratch: &Scratch<'_>) {
        let groups = &self.groups;
        out.par_chunks_mut(groups.size).enumerate().for_each(|(s, out)| {
            let x = operands.get(0).sample(s);
            scratch.with(|scratch| {
                let stats = &mut scratch[..groups.count];
                if self.adjoint {
                    let dy = operands.get(1).sample(s);
                    groups.sum(stats, |i, _| dy[i] * x[i]);
                    groups.each(|i, g| out[i] = x[i] * (dy[i] - stats[g]));
                } else {
                    groups.max(x, stats);
                    groups.each(|i, g| out[i] = (x[i] - stats[g]).exp());
                    groups.sum(stats, |i, _| out[i]);
                    groups.each(|i, g| out[i] /= stats[g]);
                }
            });
        });
    }

    fn scratch(&self) -> usize {
        self.groups.count
    }
}
