//! The ops. One family a file: attributes, shape rule, meaning in `f64`, adjoint.

mod act;
mod batch_norm;
mod binary;
mod conv;
mod matmul;
mod movement;
mod normalise;
mod pool;
mod reduce;
mod resample;
mod softmax;
mod warp;

use std::sync::Arc;

use moire_tensor::{Shape, Tensor};

use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

pub use act::{Act, ActGrad};
pub use batch_norm::BatchNorm;
pub(crate) use batch_norm::by_channel;
pub use binary::Binary;
pub use conv::{Conv2d, ConvTranspose2d};
pub use matmul::MatMul;
pub use movement::{Concat, Expand, Pad, Permute, Reshape, Slice};
pub use normalise::{Normalise, NormaliseGrad};
pub use pool::{AvgPool2d, AvgPoolGrad, MaxPool2d, MaxPoolGrad};
pub use reduce::{MaxGrad, Reduce, ReduceKind};
pub use resample::{AxisMap, Resample};
pub use softmax::{Softmax, SoftmaxGrad};
pub use warp::{PlaneMap, Warp};

/// What a node computes. Images are `[r, c, h, w]`.
///
/// The variants that end in `Grad` appear in gradients only: each takes what its forward op saw (or made)
/// and the cotangent of the result.
#[derive(Debug, Clone)]
pub enum Op {
    /// A value given for each sample.
    Input,
    /// A weight.
    Constant(Arc<Tensor>),
    /// Convolution.
    Conv2d(Conv2d),
    /// Transposed convolution, and the adjoint of [`Op::Conv2d`].
    ConvTranspose2d(ConvTranspose2d),
    /// Matrix product.
    MatMul(MatMul),
    /// Batch norm with frozen statistics.
    BatchNorm(BatchNorm),
    /// Normalisation by a sample's own statistics.
    Normalise(Normalise),
    /// Adjoint of [`Op::Normalise`]: operand, cotangent.
    NormaliseGrad(NormaliseGrad),
    /// A function of each element.
    Act(Act),
    /// Adjoint of [`Op::Act`]: operand or result (see [`Act::saves_result`]), cotangent.
    ActGrad(ActGrad),
    /// A function of two elements, with broadcasting.
    Binary(Binary),
    /// Largest value under a window.
    MaxPool2d(MaxPool2d),
    /// Adjoint of [`Op::MaxPool2d`]: operand, cotangent.
    MaxPoolGrad(MaxPoolGrad),
    /// Mean value under a window.
    AvgPool2d(AvgPool2d),
    /// Adjoint of [`Op::AvgPool2d`]: cotangent.
    AvgPoolGrad(AvgPoolGrad),
    /// Sum, mean or maximum over axes.
    Reduce(Reduce),
    /// Adjoint of a maximum over axes: operand, cotangent.
    MaxGrad(MaxGrad),
    /// Probabilities along an axis.
    Softmax(Softmax),
    /// Adjoint of [`Op::Softmax`]: result, cotangent.
    SoftmaxGrad(SoftmaxGrad),
    /// Another shape over the same elements.
    Reshape(Reshape),
    /// Another order of axes.
    Permute(Permute),
    /// A part of an axis.
    Slice(Slice),
    /// Values one after another.
    Concat(Concat),
    /// Extents of 1 repeated.
    Expand(Expand),
    /// Zeros around an axis.
    Pad(Pad),
    /// A sparse linear map along an axis.
    Resample(Resample),
    /// A sparse linear map of planes.
    Warp(Warp),
}

/// What every op family says of itself.
pub(crate) trait Rule {
    /// The name in node names and messages.
    fn name(&self) -> &'static str;
    /// The result's shape, or in words what the operands should have been.
    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String>;
    /// The result, in plain loops. Shapes have been checked.
    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64>;
    /// The cotangent of operand `input`, or `None` where it is zero everywhere.
    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        Err(at.refuse(input))
    }
}

impl Op {
    fn rule(&self) -> &dyn Rule {
        match self {
            Self::Input => &Given,
            Self::Constant(_) => &Weight,
            Self::Conv2d(op) => op,
            Self::ConvTranspose2d(op) => op,
            Self::MatMul(op) => op,
            Self::BatchNorm(op) => op,
            Self::Normalise(op) => op,
            Self::NormaliseGrad(op) => op,
            Self::Act(op) => op,
            Self::ActGrad(op) => op,
            Self::Binary(op) => op,
            Self::MaxPool2d(op) => op,
            Self::MaxPoolGrad(op) => op,
            Self::AvgPool2d(op) => op,
            Self::AvgPoolGrad(op) => op,
            Self::Reduce(op) => op,
            Self::MaxGrad(op) => op,
            Self::Softmax(op) => op,
            Self::SoftmaxGrad(op) => op,
            Self::Reshape(op) => op,
            Self::Permute(op) => op,
            Self::Slice(op) => op,
            Self::Concat(op) => op,
            Self::Expand(op) => op,
            Self::Pad(op) => op,
            Self::Resample(op) => op,
            Self::Warp(op) => op,
        }
    }

    /// The op's name, as it stands in node names.
    pub fn name(&self) -> &'static str {
        self.rule().name()
    }

    /// The result's shape for operands of these shapes, or in words what they should have been.
    pub(crate) fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        self.rule().infer(shapes)
    }

    /// The result in plain loops over `f64`. The operands' shapes have been checked by [`Op::infer`].
    pub(crate) fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        match self {
            Self::Constant(tensor) => tensor.to_f64(),
            op => op.rule().eval(xs, shape),
        }
    }

    pub(crate) fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        self.rule().vjp(at, input)
    }
}

struct Given;
struct Weight;

impl Rule for Given {
    fn name(&self) -> &'static str {
        "input"
    }
    fn infer(&self, _: &[&Shape]) -> Result<Shape, String> {
        Err("to be declared by `Builder::input`".to_owned())
    }
    fn eval(&self, _: &[&Tensor<f64>], _: &Shape) -> Tensor<f64> {
        unreachable!("inputs are bound, not computed")
    }
}

impl Rule for Weight {
    fn name(&self) -> &'static str {
        "constant"
    }
    fn infer(&self, _: &[&Shape]) -> Result<Shape, String> {
        Err("to be declared by `Builder::constant`".to_owned())
    }
    fn eval(&self, _: &[&Tensor<f64>], _: &Shape) -> Tensor<f64> {
        unreachable!("`Op::eval` answers for constants")
    }
}

/// Exactly `N` operands, or a sentence.
fn operands<'a, const N: usize>(shapes: &[&'a Shape]) -> Result<[&'a Shape; N], String> {
    shapes.try_into().map_err(|_| format!("{N} operand{}", if N == 1 { "" } else { "s" }))
}

/// The extents of a shape of rank 4.
fn rank4(shape: &Shape) -> Option<[usize; 4]> {
    <[usize; 4]>::try_from(&**shape).ok()
}

/// Calls `f` with every index of `shape`, row-major.
fn each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        f(&index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// The row-major position of `index` in `shape`.
fn offset(shape: &Shape, index: &[usize]) -> usize {
    index.iter().zip(shape.iter()).fold(0, |at, (&i, &d)| at * d + i)
}
