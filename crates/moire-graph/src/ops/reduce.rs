use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// What becomes of the elements that are reduced to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReduceKind {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest; the first of equals takes the gradient.
    Max,
}

/// Sum, mean or maximum over axes, which stay with extent 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    /// Sum, mean or maximum.
    pub kind: ReduceKind,
    /// Over which axes, ascending; none leaves the operand as it is.
    pub axes: Vec<usize>,
}

/// Adjoint of a maximum over axes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxGrad {
    /// Over which axes the maximum was taken.
    pub axes: Vec<usize>,
}

fn reduced(x: &Shape, axes: &[usize]) -> Result<Shape, String> {
    let ascending = axes.windows(2).all(|w| w[0] < w[1]);
    if ascending && axes.last().is_none_or(|&a| a < x.len()) {
        Ok((0..x.len()).map(|a| if axes.contains(&a) { 1 } else { x[a] }).collect())
    } else {
        Err(format!("an operand with axes {axes:?}"))
    }
}

/// Calls `f(x, y)` with the position of each element and of what it is reduced into.
fn each_pair(x: &Shape, y: &Shape, mut f: impl FnMut(usize, usize)) {
    let mut at = 0;
    each_index(x, |index| {
        let own: Vec<usize> = index.iter().zip(y.iter()).map(|(&i, &d)| i.min(d - 1)).collect();
        f(at, offset(y, &own));
        at += 1;
    });
}

/// For each reduced element the position of the largest.
fn winners(x: &Tensor<f64>, y: &Shape) -> Vec<usize> {
    let mut winners = vec![usize::MAX; y.numel()];
    each_pair(x.shape(), y, |i, o| {
        if winners[o] == usize::MAX || x.data()[i] > x.data()[winners[o]] {
            winners[o] = i;
        }
    });
    winners
}

impl Rule for Reduce {
    fn name(&self) -> &'static str {
        match self.kind {
            ReduceKind::Sum => "sum",
            ReduceKind::Mean => "mean",
            ReduceKind::Max => "max",
        }
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        reduced(x, &self.axes)
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let x = xs[0];
        if self.kind == ReduceKind::Max {
            let winners = winners(x, shape);
            return Tensor::from_fn(shape.clone(), |o| x.data()[winners[o]]);
        }
        let mut y = Tensor::full(shape.clone(), 0.0);
        each_pair(x.shape(), shape, |i, o| y.data_mut()[o] += x.data()[i]);
        match self.kind {
            ReduceKind::Mean => y.map(|v| v * shape.numel() as f64 / x.shape().numel() as f64),
            _ => y,
        }
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let shape = at.input_shape(input);
        let dy = match self.kind {
            ReduceKind::Sum => at.dy,
            ReduceKind::Mean => {
                let factor = at.b.shape(at.output).numel() as f32 / shape.numel() as f32;
                at.b.scale(at.dy, factor)?
            }
            ReduceKind::Max => {
                let op = Op::MaxGrad(MaxGrad { axes: self.axes.clone() });
                return at.b.adjoint(op, &[at.inputs[0], at.dy]);
            }
        };
        at.b.expand(dy, shape).map(Some)
    }
}

impl Rule for MaxGrad {
    fn name(&self) -> &'static str {
        "max_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x, dy] = operands(shapes)?;
        if reduced(x, &self.axes)? == *dy {
            Ok(x.clone())
        } else {
            Err("a cotangent of the maximum".to_owned())
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut dx = Tensor::full(shape.clone(), 0.0);
        let winners = winners(xs[0], xs[1].shape());
        winners.iter().zip(xs[1].data()).for_each(|(&i, dy)| dx.data_mut()[i] += dy);
        dx
    }
}
