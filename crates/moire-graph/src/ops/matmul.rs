use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// Matrix product over the last two axes; the axes before them broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MatMul {
    /// The first operand is `[.., k, m]` rather than `[.., m, k]`.
    pub transpose_a: bool,
    /// The second operand is `[.., n, k]` rather than `[.., k, n]`.
    pub transpose_b: bool,
}

/// The leading axes, and the last two in the order rows, columns of the product.
fn parts(shape: &Shape, transposed: bool) -> Option<(Shape, [usize; 2])> {
    let (lead, last) = shape.split_at(shape.len().checked_sub(2)?);
    let [rows, columns] = [last[0], last[1]];
    Some((lead.into(), if transposed { [columns, rows] } else { [rows, columns] }))
}

impl Rule for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [a, b] = operands(shapes)?;
        let expected = || {
            let side = |t, plain: &str, flipped: &str| if t { flipped.to_owned() } else { plain.to_owned() };
            let (a, b) = (side(self.transpose_a, "m, k", "k, m"), side(self.transpose_b, "k, n", "n, k"));
            format!("matrices [.., {a}] and [.., {b}]")
        };
        let (a, b) = parts(a, self.transpose_a).zip(parts(b, self.transpose_b)).ok_or_else(expected)?;
        let ((lead_a, [m, k]), (lead_b, [k_b, n])) = (a, b);
        let lead = lead_a.broadcast(&lead_b).filter(|_| k == k_b).ok_or_else(expected)?;
        Ok(lead.iter().copied().chain([m, n]).collect())
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let (_, [_, inner]) = parts(xs[0].shape(), self.transpose_a).expect("shapes have been checked");
        let read = |x: &Tensor<f64>, lead: &[usize], row: usize, column: usize, transposed: bool| {
            let own = x.shape().len() - 2;
            let mut index: Vec<usize> = lead[lead.len() - own..].to_vec();
            index.iter_mut().zip(x.shape().iter()).for_each(|(i, &d)| *i = (*i).min(d - 1));
            index.extend(if transposed { [column, row] } else { [row, column] });
            x.data()[offset(x.shape(), &index)]
        };
        let mut data = Vec::with_capacity(shape.numel());
        each_index(shape, |index| {
            let (lead, last) = index.split_at(index.len() - 2);
            let product = |k| {
                read(xs[0], lead, last[0], k, self.transpose_a)
                    * read(xs[1], lead, k, last[1], self.transpose_b)
            };
            data.push((0..inner).map(product).sum());
        });
        Tensor::new(shape.clone(), data).expect("one number was pushed for each index")
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let Self { transpose_a: ta, transpose_b: tb } = *self;
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let (left, right, transpose_a, transpose_b) = match (input, ta, tb) {
            (0, false, _) => (at.dy, b, false, !tb),
            (0, true, _) => (b, at.dy, tb, true),
            (_, _, false) => (a, at.dy, !ta, false),
            (_, _, true) => (at.dy, a, true, ta),
        };
        let full = at.b.push(Op::MatMul(Self { transpose_a, transpose_b }), &[left, right])?;
        let shape = at.input_shape(input);
        at.b.sum_to(full, &shape).map(Some)
    }
}
