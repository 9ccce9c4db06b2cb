use moire_tensor::{Shape, Tensor};

use super::{Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// A function of two numbers; shapes broadcast as numpy's do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// a + b.
    Add,
    /// a - b.
    Sub,
    /// a b.
    Mul,
    /// a / b.
    Div,
}

impl Rule for Binary {
    fn name(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
        }
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = operands(shapes)?;
        a.broadcast(b).ok_or_else(|| "shapes that broadcast".to_owned())
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let at = |x: &Tensor<f64>, index: &[usize]| {
            let own = &index[index.len() - x.shape().len()..];
            let own: Vec<usize> = own.iter().zip(x.shape().iter()).map(|(&i, &d)| i.min(d - 1)).collect();
            x.data()[offset(x.shape(), &own)]
        };
        let mut data = Vec::with_capacity(shape.numel());
        each_index(shape, |index| {
            let (a, b) = (at(xs[0], index), at(xs[1], index));
            data.push(match self {
                Self::Add => a + b,
                Self::Sub => a - b,
                Self::Mul => a * b,
                Self::Div => a / b,
            });
        });
        Tensor::new(shape.clone(), data).expect("one number was pushed for each index")
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let full = match (self, input) {
            (Self::Add, _) | (Self::Sub, 0) => at.dy,
            (Self::Sub, _) => at.b.scale(at.dy, -1.0)?,
            (Self::Mul, 0) => at.b.mul(at.dy, b)?,
            (Self::Mul, _) => at.b.mul(at.dy, a)?,
            (Self::Div, 0) => at.b.div(at.dy, b)?,
            (Self::Div, _) => {
                let ratio = at.b.div(at.output, b)?;
                let product = at.b.mul(at.dy, ratio)?;
                at.b.scale(product, -1.0)?
            }
        };
        let shape = at.input_shape(input);
        at.b.sum_to(full, &shape).map(Some)
    }
}
