use moire_graph::ReduceKind;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::{broadcast_strides, strides};
use crate::nest::Nest;
use crate::program::{Operands, Results};
use crate::scratch::Scratch;

/// Elements and the groups that they are reduced into.
pub(crate) struct Groups {
    /// Numbers a value, and groups a value.
    pub(crate) size: usize,
    pub(crate) count: usize,
    nest: Nest<2>,
}

impl Groups {
    /// The groups of `x` when `axes` are reduced.
    pub(crate) fn new(x: &Shape, axes: &[usize]) -> Self {
        let reduced: Shape = (0..x.len()).map(|a| if axes.contains(&a) { 1 } else { x[a] }).collect();
        let nest = Nest::new(x, [&strides(x), &broadcast_strides(&reduced, x)]);
        Self { size: x.numel(), count: reduced.numel(), nest }
    }

    /// Calls `f(element, group)` with every element, in memory order.
    pub(crate) fn each(&self, mut f: impl FnMut(usize, usize)) {
        let [element, group] = self.nest.steps();
        self.nest.each_run(|[i, g]| (0..self.nest.run()).for_each(|k| f(i + k * element, g + k * group)));
    }

    /// Adds `term(element, group)` over each group: in double precision along a run that is one group, else
    /// run by run.
    pub(crate) fn sum(&self, sums: &mut [f32], term: impl Fn(usize, usize) -> f32) {
        sums.fill(0.0);
        let [element, group] = self.nest.steps();
        let run = self.nest.run();
        self.nest.each_run(|[i, g]| {
            if group == 0 {
                sums[g] += (0..run).map(|k| f64::from(term(i + k * element, g))).sum::<f64>() as f32;
            } else {
                (0..run).for_each(|k| sums[g + k * group] += term(i + k * element, g + k * group));
            }
        });
    }

    /// The largest of each group.
    pub(crate) fn max(&self, x: &[f32], tops: &mut [f32]) {
        tops.fill(f32::NEG_INFINITY);
        self.each(|i, g| tops[g] = tops[g].max(x[i]));
    }
}

/// Sum, mean or maximum over axes.
pub(crate) struct Reduction {
    pub(crate) kind: ReduceKind,
    pub(crate) groups: Groups,
}

impl Kernel for Reduction {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, _: &Scratch<'_>) {
        let x = operands.get(0);
        let groups = &self.groups;
        out.par_chunks_mut(groups.count).enumerate().for_each(|(s, out)| {
            let x = x.sample(s);
            if self.kind == ReduceKind::Max {
                return groups.max(x, out);
            }
            groups.sum(out, |i, _| x[i]);
            if self.kind == ReduceKind::Mean {
                let factor = groups.count as f32 / groups.size as f32;
                out.iter_mut().for_each(|v| *v *= factor);
            }
        });
    }
}

/// The adjoint of a maximum: the first element in memory order that equals it takes the cotangent.
pub(crate) struct MaxGrad {
    pub(crate) groups: Groups,
}

impl Kernel for MaxGrad {
    fn name(&self) -> &'static str {
        "max_grad"
    }

    fn run(&self, operands: &Operands<'_>, Results { value: out, .. }: Results<'_>, scratch: &Scratch<'_>) {
        let (x, dy) = (operands.get(0), operands.get(1));
        out.par_chunks_mut(self.groups.size).enumerate().for_each(|(s, dx)| {
            let (x, dy) = (x.sample(s), dy.sample(s));
            scratch.with(|tops| {
                let tops = &mut tops[..self.groups.count];
                self.groups.max(x, tops);
                self.groups.each(|i, g| {
                    dx[i] = 0.0;
                    if x[i] == tops[g] {
                        dx[i] = dy[g];
                        tops[g] = f32::NAN;
                    }
                });
            });
        });
    }

    fn scratch(&self) -> usize {
        self.groups.count
    }
}
