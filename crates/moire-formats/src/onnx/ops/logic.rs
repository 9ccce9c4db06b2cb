//! Truths, which are known, and what they choose.

use moire_tensor::Tensor;

use super::Read;
use super::elementwise::narrowed;
use crate::onnx::array::Array;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("And", |n| truths(n, |a, b| a != 0 && b != 0)),
    ("Equal", |n| compared(n, |a, b| a == b)),
    ("Greater", |n| compared(n, |a, b| a > b)),
    ("GreaterOrEqual", |n| compared(n, |a, b| a >= b)),
    ("IsInf", nowhere),
    ("IsNaN", nowhere),
    ("Less", |n| compared(n, |a, b| a < b)),
    ("LessOrEqual", |n| compared(n, |a, b| a <= b)),
    ("Not", not),
    ("Or", |n| truths(n, |a, b| a != 0 || b != 0)),
    ("Where", choose),
    ("Xor", |n| truths(n, |a, b| (a != 0) != (b != 0))),
];

fn truths(node: &mut Node<'_, '_, '_>, f: fn(i64, i64) -> bool) -> Outcome {
    let (a, b) = (node.ints(0)?, node.ints(1)?);
    one(node.zip(&a, &b, |a, b| i64::from(f(a, b)))?)
}

fn not(node: &mut Node<'_, '_, '_>) -> Outcome {
    one(node.ints(0)?.map(|v| i64::from(v == 0)))
}

fn compared(node: &mut Node<'_, '_, '_>, f: fn(f64, f64) -> bool) -> Outcome {
    let mut side = |i: usize| {
        let known = node.known(i)?;
        Ok::<_, Fault>(Array::new(known.shape().clone(), known.into_data()))
    };
    let (a, b) = (side(0)?, side(1)?);
    one(node.zip(&a, &b, |a, b| i64::from(f(a, b)))?)
}

/// Exporters guard attention against rows that are masked as a whole. No number of an image's own network is NaN or
/// infinite; where one is, the answer is NaN, and every consumer refuses that.
fn nowhere(node: &mut Node<'_, '_, '_>) -> Outcome {
    if let Value::Float(x) = node.value(0)? {
        let rank = node.shape(x).len();
        return one(Array::new(vec![1; rank], vec![0]));
    }
    unsupported("integers")
}

fn choose(node: &mut Node<'_, '_, '_>) -> Outcome {
    let condition = node.ints(0)?;
    if let (Value::Ints(a), Value::Ints(b)) = (node.value(1)?, node.value(2)?) {
        // 0 where b is chosen, 1 where a is: both sides are looked up by it.
        let shape = node.broadcast(&a.shape, &b.shape)?;
        let shape = node.broadcast(&condition.shape, &shape)?;
        node.import.spend(3 * shape.numel())?;
        let [c, a, b] = [&condition, &a, &b].map(|v| v.expanded(shape.clone()).data);
        let chosen = c.iter().zip(a.iter().zip(&b)).map(|(&c, (&a, &b))| if c != 0 { a } else { b });
        return one(Array::new(shape.clone(), chosen.collect()));
    }
    let (a, b) = (node.x(1)?, node.x(2)?);
    let (shape_a, shape_b) = (node.shape(a), node.shape(b));
    let whole = node.broadcast(&shape_a, &shape_b)?;
    let whole = node.broadcast(&condition.shape, &whole)?;
    for (value, truth) in [(a, true), (b, false)] {
        if condition.data.iter().all(|&c| (c != 0) == truth) {
            return one(node.b().expand(value, whole)?);
        }
    }
    let mut side = |input: usize, truth: bool| -> Result<_, Fault> {
        let kept = |c: i64| f32::from(u8::from((c != 0) == truth));
        let value = node.x(input)?;
        // Infinities must not meet zeros: a side that is known is masked now.
        if let Some(known) = node.import.known(value) {
            let known = Array::new(known.shape().clone(), known.data().to_vec());
            let mask = condition.map(|c| f64::from(kept(c)));
            let masked = node.zip(&known, &mask, |v, m| if m == 0.0 { 0.0 } else { v })?;
            let masked = Tensor::from_fn(masked.shape.clone(), |i| masked.data[i]);
            return node.literal(narrowed(&masked));
        }
        let mask = Tensor::from_fn(condition.shape.clone(), |i| kept(condition.data[i]));
        let mask = node.literal(mask)?;
        Ok(node.b().mul(value, mask)?)
    };
    let (a, b) = (side(1, true)?, side(2, false)?);
    one(node.b().add(a, b)?)
}
