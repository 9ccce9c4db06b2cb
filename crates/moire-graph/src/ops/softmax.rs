use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// Probabilities along an axis: e^x over the sum of e^x, without overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    /// Which axis.
    pub axis: usize,
}

/// Adjoint of a [`Softmax`], from its result y: y (dy - sum(dy y)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftmaxGrad(pub Softmax);

/// Calls `f` with the positions of the elements of each line along `axis`.
fn each_line(shape: &Shape, axis: usize, mut f: impl FnMut(&[usize])) {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    for o in 0..outer {
        for i in 0..inner {
            let line: Vec<usize> = (0..shape[axis]).map(|k| (o * shape[axis] + k) * inner + i).collect();
            f(&line);
        }
    }
}

impl Rule for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        if self.axis < x.len() {
            Ok(x.clone())
        } else {
            Err(format!("an operand with an axis {}", self.axis))
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let x = xs[0].data();
        let mut y = Tensor::full(shape.clone(), 0.0);
        each_line(shape, self.axis, |line| {
            let top = line.iter().map(|&i| x[i]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = line.iter().map(|&i| (x[i] - top).exp()).sum();
            line.iter().for_each(|&i| y.data_mut()[i] = (x[i] - top).exp() / sum);
        });
        y
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        at.b.adjoint(Op::SoftmaxGrad(SoftmaxGrad(*self)), &[at.output, at.dy])
    }
}

impl Rule for SoftmaxGrad {
    fn name(&self) -> &'static str {
        "softmax_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [y, dy] = operands(shapes)?;
        if y == dy { self.0.infer(&[y]) } else { Err("two operands of one shape".to_owned()) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let (y, dy) = (xs[0].data(), xs[1].data());
        let mut dx = Tensor::full(shape.clone(), 0.0);
        each_line(shape, self.0.axis, |line| {
            let dot: f64 = line.iter().map(|&i| dy[i] * y[i]).sum();
            line.iter().for_each(|&i| dx.data_mut()[i] = y[i] * (dy[i] - dot));
        });
        dx
    }
}
