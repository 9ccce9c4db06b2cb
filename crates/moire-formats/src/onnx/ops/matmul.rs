//! Matrix products.

use moire_graph::{MatMul, Op, ValueId};
use moire_tensor::Shape;

use super::Read;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[("Einsum", einsum), ("Gemm", gemm), ("MatMul", matmul)];

fn matmul(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (mut a, mut b) = (node.x(0)?, node.x(1)?);
    let (shape_a, shape_b) = (node.shape(a), node.shape(b));
    // A vector is a row on the left and a column on the right, and leaves no axis behind.
    let (row, column) = (shape_a.len() == 1, shape_b.len() == 1);
    if row {
        a = node.b().reshape(a, [1, shape_a[0]])?;
    }
    if column {
        b = node.b().reshape(b, [shape_b[0], 1])?;
    }
    let y = node.b().matmul(a, b)?;
    let shape = node.shape(y);
    node.import.check(&node.place, &shape)?;
    let rank = shape.len();
    let kept = (0..rank).filter(|&axis| !(row && axis == rank - 2 || column && axis == rank - 1));
    let shape: Shape = kept.map(|axis| shape[axis]).collect();
    one(node.b().reshape(y, shape)?)
}

fn gemm(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (a, b) = (node.x(0)?, node.x(1)?);
    let op = MatMul { transpose_a: node.int("transA", 0) != 0, transpose_b: node.int("transB", 0) != 0 };
    let mut y = node.b().push(Op::MatMul(op), &[a, b])?;
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    if alpha != 1.0 {
        y = node.b().scale(y, alpha)?;
    }
    if node.get(2).is_some() && beta != 0.0 {
        let mut c = node.x(2)?;
        if beta != 1.0 {
            c = node.b().scale(c, beta)?;
        }
        y = node.b().add(y, c)?;
    }
    one(y)
}

/// One operand of a sum over letters, `bhwc` say: its axes by letter.
type Letters = Vec<char>;

fn einsum(node: &mut Node<'_, '_, '_>) -> Outcome {
    let equation: String = node.text("equation", "").chars().filter(|c| !c.is_whitespace()).collect();
    let Some((terms, result)) = equation.split_once("->") else {
        return unsupported(format!("the equation {equation}, whose result is not written"));
    };
    let terms: Vec<Letters> = terms.split(',').map(|t| t.chars().collect()).collect();
    let result: Letters = result.chars().collect();
    let distinct = |letters: &Letters| {
        letters.iter().all(char::is_ascii_alphabetic)
            && (1..letters.len()).all(|i| !letters[..i].contains(&letters[i]))
    };
    if terms.len() != 2 || !terms.iter().chain([&result]).all(distinct) {
        return unsupported(format!("the equation {equation}"));
    }
    let mut values = Vec::new();
    for (i, letters) in terms.iter().enumerate() {
        if let Value::Float(_) = node.value(i)? {
            let x = node.x(i)?;
            if node.shape(x).len() != letters.len() {
                return Err(node.fault(format!("{} axes", letters.len()), node.shape(x).to_string()));
            }
            values.push(x);
        } else {
            return unsupported("integers");
        }
    }
    let (a, b) = (&terms[0], &terms[1]);
    let known = |c: &char| a.contains(c) || b.contains(c);
    let lost = |own: &Letters, other: &Letters| own.iter().any(|c| !other.contains(c) && !result.contains(c));
    if !result.iter().all(known) || lost(a, b) || lost(b, a) {
        return unsupported(format!("the equation {equation}"));
    }
    // Letters of both that stay are the axes of a batch of products; those that go are summed over.
    let batch: Letters = a.iter().copied().filter(|c| b.contains(c) && result.contains(c)).collect();
    let summed: Letters = a.iter().copied().filter(|c| b.contains(c) && !result.contains(c)).collect();
    let left: Letters = a.iter().copied().filter(|c| !b.contains(c)).collect();
    let right: Letters = b.iter().copied().filter(|c| !a.contains(c)).collect();
    let (x, rows) = matrix(node, values[0], a, [&batch, &left, &summed])?;
    let (y, columns) = matrix(node, values[1], b, [&batch, &summed, &right])?;
    let product = node.b().matmul(x, y)?;
    let shape: Shape = rows[0].iter().chain(&rows[1]).chain(&columns[2]).copied().collect();
    let product = node.b().reshape(product, shape)?;
    let letters: Letters = [batch, left, right].concat();
    let order: Vec<usize> =
        result.iter().filter_map(|c| letters.iter().position(|known| known == c)).collect();
    one(node.b().permute(product, &order)?)
}

/// An operand as a batch of matrices, its axes in groups, and the extents of each group.
fn matrix(
    node: &mut Node<'_, '_, '_>,
    x: ValueId,
    letters: &Letters,
    groups: [&Letters; 3],
) -> Result<(ValueId, [Vec<usize>; 3]), Fault> {
    let shape = node.shape(x);
    let axis = |c: &char| letters.iter().position(|known| known == c);
    let order: Vec<usize> = groups.iter().flat_map(|g| g.iter().filter_map(axis)).collect();
    let extents = groups.map(|g| g.iter().filter_map(axis).map(|a| shape[a]).collect::<Vec<_>>());
    let count = |extents: &Vec<usize>| extents.iter().product::<usize>();
    let x = if order.iter().copied().eq(0..order.len()) { x } else { node.b().permute(x, &order)? };
    let x = node.b().reshape(x, [count(&extents[0]), count(&extents[1]), count(&extents[2])])?;
    Ok((x, extents))
}
