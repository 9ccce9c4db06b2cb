use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// The same elements, row-major, under another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape(pub Shape);

/// Axis `i` of the result is axis `order[i]` of the operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permute {
    /// Each axis once.
    pub order: Vec<usize>,
}

/// The part `start..end` of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Which axis.
    pub axis: usize,
    /// First index.
    pub start: usize,
    /// One past the last index.
    pub end: usize,
}

/// Operands one after another; they agree in all other axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concat {
    /// Which axis.
    pub axis: usize,
}

/// Extents of 1 repeated, and axes put in front, as numpy broadcasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expand(pub Shape);

/// Zeros before and after an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// Which axis.
    pub axis: usize,
    /// How many zeros come first.
    pub before: usize,
    /// How many zeros come last.
    pub after: usize,
}

/// The result whose element at each index is `f(index)`.
fn gather(shape: &Shape, mut f: impl FnMut(&[usize]) -> f64) -> Tensor<f64> {
    let mut data = Vec::with_capacity(shape.numel());
    each_index(shape, |index| data.push(f(index)));
    Tensor::new(shape.clone(), data).expect("one number was pushed for each index")
}

impl Rule for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let fits = self.0.checked_numel().is_ok_and(|n| n == x.numel());
        if fits { Ok(self.0.clone()) } else { Err(format!("as many elements as {}", self.0)) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        xs[0].clone().reshape(shape.clone()).expect("shapes have been checked")
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let shape = at.input_shape(input);
        at.b.reshape(at.dy, shape).map(Some)
    }
}

impl Rule for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let mut sorted = self.order.clone();
        sorted.sort_unstable();
        if sorted.iter().copied().eq(0..x.len()) {
            Ok(self.order.iter().map(|&axis| x[axis]).collect())
        } else {
            Err(format!("an operand whose axes are those of {:?}", self.order))
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut source = vec![0; shape.len()];
        gather(shape, |index| {
            self.order.iter().zip(index).for_each(|(&axis, &i)| source[axis] = i);
            xs[0].data()[offset(xs[0].shape(), &source)]
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        let mut inverse = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(i, &axis)| inverse[axis] = i);
        at.b.permute(at.dy, &inverse).map(Some)
    }
}

impl Rule for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let Self { axis, start, end } = *self;
        if axis < x.len() && start < end && end <= x[axis] {
            Ok(x.with(axis, end - start))
        } else {
            Err(format!("an axis {axis} that holds {start}..{end}"))
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        gather(shape, |index| {
            let mut source = index.to_vec();
            source[self.axis] += self.start;
            xs[0].data()[offset(xs[0].shape(), &source)]
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let after = at.input_shape(input)[self.axis] - self.end;
        at.b.pad(at.dy, self.axis, self.start, after).map(Some)
    }
}

impl Rule for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let expected = || format!("operands that differ in axis {} alone", self.axis);
        let first = shapes.first().filter(|s| self.axis < s.len()).ok_or_else(expected)?;
        let alike = |s: &&Shape| s.len() == first.len() && s.with(self.axis, 0) == first.with(self.axis, 0);
        if !shapes.iter().all(alike) {
            return Err(expected());
        }
        Ok(first.with(self.axis, shapes.iter().map(|s| s[self.axis]).sum()))
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        gather(shape, |index| {
            let mut source = index.to_vec();
            for x in xs {
                if source[self.axis] < x.shape()[self.axis] {
                    return x.data()[offset(x.shape(), &source)];
                }
                source[self.axis] -= x.shape()[self.axis];
            }
            unreachable!("the result is as long as its parts")
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let start = (0..input).map(|i| at.input_shape(i)[self.axis]).sum();
        let extent = at.input_shape(input)[self.axis];
        at.b.slice(at.dy, self.axis, start, start + extent).map(Some)
    }
}

impl Rule for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        match x.broadcast(&self.0) {
            Some(shape) if shape == self.0 => Ok(shape),
            _ => Err(format!("a shape that broadcasts to {}", self.0)),
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let from = xs[0].shape();
        gather(shape, |index| {
            let own = &index[index.len() - from.len()..];
            let source: Vec<usize> = own.iter().zip(from.iter()).map(|(&i, &d)| i.min(d - 1)).collect();
            xs[0].data()[offset(from, &source)]
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let shape = at.input_shape(input);
        at.b.sum_to(at.dy, &shape).map(Some)
    }
}

impl Rule for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let Self { axis, before, after } = *self;
        let extent = x.get(axis).and_then(|d| d.checked_add(before)?.checked_add(after));
        extent.map(|d| x.with(axis, d)).ok_or_else(|| format!("an operand with an axis {axis}"))
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        gather(shape, |index| {
            let mut source = index.to_vec();
            source[self.axis] = source[self.axis].wrapping_sub(self.before);
            let inside = source[self.axis] < xs[0].shape()[self.axis];
            if inside { xs[0].data()[offset(xs[0].shape(), &source)] } else { 0.0 }
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let extent = at.input_shape(input)[self.axis];
        let op = Op::Slice(Slice { axis: self.axis, start: self.before, end: self.before + extent });
        at.b.adjoint(op, &[at.dy])
    }
}
