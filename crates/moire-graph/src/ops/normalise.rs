use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// Normalisation by a sample's own statistics: (x - mean) / sqrt(var + eps), over `axes`.
///
/// Instance norm takes `[2, 3]`, layer norm `[1, 2, 3]` or the last axis. Scale and shift are ordinary
/// products and sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalise {
    /// Over which axes mean and variance are taken, ascending.
    pub axes: Vec<usize>,
    /// Added to the variance.
    pub eps: f32,
    /// The variance divides by the count less one.
    pub unbiased: bool,
}

/// Adjoint of a [`Normalise`]. With inv = 1 / sqrt(var + eps), y the result, n the count and d what the
/// variance divides by: inv (dy - sum(dy) / n - y sum(dy y) / d).
#[derive(Debug, Clone, PartialEq)]
pub struct NormaliseGrad(pub Normalise);

impl Normalise {
    /// The elements over which one mean is taken, and what the variance divides by.
    fn counts(&self, shape: &Shape) -> (f64, f64) {
        let n = self.axes.iter().map(|&a| shape[a]).product::<usize>() as f64;
        (n, if self.unbiased { n - 1.0 } else { n })
    }

    /// For each element the position of its group, and the number of groups.
    fn groups(&self, shape: &Shape) -> (Vec<usize>, usize) {
        let outer: Shape =
            (0..shape.len()).map(|a| if self.axes.contains(&a) { 1 } else { shape[a] }).collect();
        let mut groups = Vec::with_capacity(shape.numel());
        each_index(shape, |index| {
            let own: Vec<usize> = index.iter().zip(outer.iter()).map(|(&i, &d)| i.min(d - 1)).collect();
            groups.push(offset(&outer, &own));
        });
        (groups, outer.numel())
    }

    /// The mean of each group, and 1 / sqrt(var + eps).
    fn statistics(&self, x: &Tensor<f64>, groups: &[usize], count: usize) -> (Vec<f64>, Vec<f64>) {
        let (n, d) = self.counts(x.shape());
        let mut mean = vec![0.0; count];
        groups.iter().zip(x.data()).for_each(|(&g, v)| mean[g] += v / n);
        let mut inv = vec![0.0; count];
        groups.iter().zip(x.data()).for_each(|(&g, v)| inv[g] += (v - mean[g]).powi(2) / d);
        inv.iter_mut().for_each(|v| *v = 1.0 / (*v + f64::from(self.eps)).sqrt());
        (mean, inv)
    }
}

impl Rule for Normalise {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let ascending = self.axes.windows(2).all(|w| w[0] < w[1]);
        let inside = self.axes.last().is_some_and(|&a| a < x.len());
        if ascending && inside && self.counts(x).1 >= 1.0 {
            Ok(x.clone())
        } else {
            Err(format!("axes {:?} with more than one element", self.axes))
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let (groups, count) = self.groups(shape);
        let (mean, inv) = self.statistics(xs[0], &groups, count);
        Tensor::from_fn(shape.clone(), |i| (xs[0].data()[i] - mean[groups[i]]) * inv[groups[i]])
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        at.b.adjoint(Op::NormaliseGrad(NormaliseGrad(self.clone())), &[at.inputs[0], at.dy])
    }
}

impl Rule for NormaliseGrad {
    fn name(&self) -> &'static str {
        "normalise_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x, dy] = operands(shapes)?;
        if x == dy { self.0.infer(&[x]) } else { Err("two operands of one shape".to_owned()) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let (groups, count) = self.0.groups(shape);
        let (mean, inv) = self.0.statistics(xs[0], &groups, count);
        let (n, d) = self.0.counts(shape);
        let (x, dy) = (xs[0].data(), xs[1].data());
        let y = |i: usize| (x[i] - mean[groups[i]]) * inv[groups[i]];
        let (mut sum, mut dot) = (vec![0.0; count], vec![0.0; count]);
        for (i, &g) in groups.iter().enumerate() {
            sum[g] += dy[i];
            dot[g] += dy[i] * y(i);
        }
        Tensor::from_fn(shape.clone(), |i| {
            let g = groups[i];
            inv[g] * (dy[i] - sum[g] / n - y(i) * dot[g] / d)
        })
    }
}
