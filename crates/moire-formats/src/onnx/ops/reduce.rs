//! Many numbers to one.

use moire_graph::{Act, ReduceKind, ValueId};
use moire_tensor::Shape;

use super::Read;
use crate::onnx::array::{Array, Ints};
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("ReduceL1", |n| reduce(n, l1, |_, _| None)),
    ("ReduceL2", |n| reduce(n, l2, |_, _| None)),
    ("ReduceLogSumExp", |n| reduce(n, log_sum_exp, |_, _| None)),
    ("ReduceMax", |n| reduce(n, |n, x, a| Ok(n.b().reduce(x, ReduceKind::Max, a)?), |a, b| Some(a.max(b)))),
    ("ReduceMean", |n| reduce(n, |n, x, a| Ok(n.b().reduce(x, ReduceKind::Mean, a)?), |_, _| None)),
    ("ReduceMin", |n| reduce(n, least, |a, b| Some(a.min(b)))),
    ("ReduceProd", |n| reduce(n, |_, _, _| unsupported("numbers"), |a, b| Some(a.wrapping_mul(b)))),
    ("ReduceSum", |n| {
        reduce(n, |n, x, a| Ok(n.b().reduce(x, ReduceKind::Sum, a)?), |a, b| Some(a.wrapping_add(b)))
    }),
    ("ReduceSumSquare", |n| reduce(n, sum_of_squares, |_, _| None)),
];

type Floats = fn(&mut Node<'_, '_, '_>, ValueId, &[usize]) -> Result<ValueId, Fault>;

fn reduce(node: &mut Node<'_, '_, '_>, floats: Floats, ints: fn(i64, i64) -> Option<i64>) -> Outcome {
    let value = node.value(0)?;
    let shape = match &value {
        Value::Ints(ints) => ints.shape.clone(),
        Value::Float(x) => node.shape(*x),
    };
    let axes = node.ints_or(1, "axes")?.filter(|a| !a.is_empty());
    if axes.is_none() && node.int("noop_with_empty_axes", 0) != 0 {
        return Ok(vec![value]);
    }
    let axes = match axes {
        Some(axes) => node.axes(&axes, shape.len())?,
        None => (0..shape.len()).collect(),
    };
    let kept: Shape = (0..shape.len()).filter(|a| !axes.contains(a)).map(|a| shape[a]).collect();
    let keep = node.int("keepdims", 1) != 0;
    match value {
        Value::Float(_) => {
            let x = node.x(0)?;
            let y = floats(node, x, &axes)?;
            one(if keep { y } else { node.b().reshape(y, kept)? })
        }
        Value::Ints(all) => {
            let order: Vec<usize> =
                (0..shape.len()).filter(|a| !axes.contains(a)).chain(axes.iter().copied()).collect();
            let group: usize = axes.iter().map(|&a| shape[a]).product();
            if group == 0 {
                return Err(node.fault("numbers to reduce", shape.to_string()));
            }
            let moved: Ints = all.transposed(&order);
            let reduced: Option<Vec<i64>> = moved
                .data
                .chunks_exact(group)
                .map(|c| c[1..].iter().try_fold(c[0], |a, &b| ints(a, b)))
                .collect();
            let Some(reduced) = reduced else { return unsupported("integers") };
            let ones = (0..shape.len()).map(|a| if axes.contains(&a) { 1 } else { shape[a] }).collect();
            one(Array::new(if keep { ones } else { kept }, reduced))
        }
    }
}

fn l1(node: &mut Node<'_, '_, '_>, x: ValueId, axes: &[usize]) -> Result<ValueId, Fault> {
    let size = node.b().act(x, Act::Abs)?;
    Ok(node.b().reduce(size, ReduceKind::Sum, axes)?)
}

fn sum_of_squares(node: &mut Node<'_, '_, '_>, x: ValueId, axes: &[usize]) -> Result<ValueId, Fault> {
    let square = node.b().act(x, Act::Square)?;
    Ok(node.b().reduce(square, ReduceKind::Sum, axes)?)
}

fn l2(node: &mut Node<'_, '_, '_>, x: ValueId, axes: &[usize]) -> Result<ValueId, Fault> {
    let sum = sum_of_squares(node, x, axes)?;
    Ok(node.b().act(sum, Act::Sqrt)?)
}

fn least(node: &mut Node<'_, '_, '_>, x: ValueId, axes: &[usize]) -> Result<ValueId, Fault> {
    let flipped = node.b().scale(x, -1.0)?;
    let largest = node.b().reduce(flipped, ReduceKind::Max, axes)?;
    Ok(node.b().scale(largest, -1.0)?)
}

fn log_sum_exp(node: &mut Node<'_, '_, '_>, x: ValueId, axes: &[usize]) -> Result<ValueId, Fault> {
    let b = node.b();
    let top = b.reduce(x, ReduceKind::Max, axes)?;
    let below = b.sub(x, top)?;
    let each = b.act(below, Act::Exp)?;
    let sum = b.reduce(each, ReduceKind::Sum, axes)?;
    let log = b.act(sum, Act::Log)?;
    Ok(b.add(log, top)?)
}
