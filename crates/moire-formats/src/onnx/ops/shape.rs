//! Shape arithmetic, and conversions between kinds of numbers.

use moire_tensor::Tensor;

use super::Read;
use super::elementwise::narrowed;
use crate::onnx::array::{Array, Ints};
use crate::onnx::fault::unsupported;
use crate::onnx::node::{Node, Outcome, Value, one};
use crate::onnx::tensor::is_float;

pub(super) const OPS: &[(&str, Read)] = &[
    ("Cast", cast),
    ("CastLike", cast_like),
    ("ConstantOfShape", constant_of_shape),
    ("EyeLike", eye_like),
    ("Range", range),
    ("Shape", shape),
    ("Size", size),
];

fn dims(node: &Node<'_, '_, '_>) -> Result<Vec<i64>, crate::onnx::fault::Fault> {
    let shape = match node.value(0)? {
        Value::Ints(ints) => ints.shape.clone(),
        Value::Float(x) => node.shape(x),
    };
    Ok(shape.iter().map(|&d| d as i64).collect())
}

fn shape(node: &mut Node<'_, '_, '_>) -> Outcome {
    let dims = dims(node)?;
    let rank = dims.len() as i64;
    let bound = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", rank)));
    one(Ints::vector(dims.get(start..end.max(start)).unwrap_or_default().to_vec()))
}

fn size(node: &mut Node<'_, '_, '_>) -> Outcome {
    one(Array::scalar(dims(node)?.iter().product()))
}

fn cast(node: &mut Node<'_, '_, '_>) -> Outcome {
    let to = node.int("to", 1) as i32;
    let to_bool = to == 9;
    match node.value(0)? {
        // Half precision is widened everywhere.
        Value::Float(x) if is_float(to) => one(x),
        Value::Float(_) => {
            let known = node.known(0)?;
            let whole = |v: f64| if to_bool { i64::from(v != 0.0) } else { v as i64 };
            node.import.spend(known.data().len())?;
            one(Array::new(known.shape().clone(), known.data().iter().map(|&v| whole(v)).collect()))
        }
        Value::Ints(ints) if is_float(to) => {
            let tensor = Tensor::from_fn(ints.shape.clone(), |i| ints.data[i] as f32);
            one(node.literal(tensor)?)
        }
        Value::Ints(ints) if to_bool => one(ints.map(|v| i64::from(v != 0))),
        Value::Ints(ints) => Ok(vec![Value::Ints(ints)]),
    }
}

fn cast_like(node: &mut Node<'_, '_, '_>) -> Outcome {
    match (node.value(0)?, node.value(1)?) {
        (Value::Float(x), Value::Float(_)) => one(x),
        (Value::Ints(ints), Value::Ints(_)) => Ok(vec![Value::Ints(ints)]),
        (Value::Ints(ints), Value::Float(_)) => {
            let tensor = Tensor::from_fn(ints.shape.clone(), |i| ints.data[i] as f32);
            one(node.literal(tensor)?)
        }
        (Value::Float(_), Value::Ints(_)) => {
            let known = node.known(0)?;
            one(Array::new(known.shape().clone(), known.data().iter().map(|&v| v as i64).collect()))
        }
    }
}

fn constant_of_shape(node: &mut Node<'_, '_, '_>) -> Outcome {
    let dims = node.ints(0)?;
    let shape = node.extents(&dims.data)?;
    node.import.spend(shape.numel())?;
    match node.tensor("value")? {
        Some(Value::Ints(ints)) if ints.data.len() == 1 => {
            one(Array::new(shape.clone(), vec![ints.data[0]; shape.numel()]))
        }
        Some(Value::Float(value)) => {
            let known = node.import.known(value).filter(|t| t.data().len() == 1);
            let Some(known) = known else { return Err(node.fault("a value that is one number", "several")) };
            one(node.b().literal(Tensor::full(shape, known.data()[0] as f32)))
        }
        Some(_) => Err(node.fault("a value that is one number", "several")),
        None => one(node.b().literal(Tensor::full(shape, 0.0))),
    }
}

fn eye_like(node: &mut Node<'_, '_, '_>) -> Outcome {
    let dims = dims(node)?;
    let shape = node.extents(&dims)?;
    let [_, columns] = shape[..] else { return Err(node.fault("a matrix", shape.to_string())) };
    let k = node.int("k", 0);
    let on = move |i: usize| (i % columns) as i64 - (i / columns) as i64 == k;
    if is_float(node.int("dtype", 1) as i32) {
        let eye = Tensor::from_fn(shape, |i| f32::from(u8::from(on(i))));
        return one(node.literal(eye)?);
    }
    node.import.spend(shape.numel())?;
    one(Array::new(shape.clone(), (0..shape.numel()).map(|i| i64::from(on(i))).collect()))
}

fn range(node: &mut Node<'_, '_, '_>) -> Outcome {
    let numbers = [node.scalar(0)?, node.scalar(1)?, node.scalar(2)?];
    let [start, limit, delta] = numbers;
    let count = ((limit - start) / delta).ceil().max(0.0);
    if !count.is_finite() || delta == 0.0 {
        return Err(node.fault("a range that ends", format!("{start} to {limit} by {delta}")));
    }
    if count > 65_536.0 {
        return unsupported("a range of more than 65536 numbers");
    }
    let number = |i: usize| start + i as f64 * delta;
    node.import.spend(count as usize)?;
    match node.value(0)? {
        Value::Ints(_) => one(Ints::vector((0..count as usize).map(|i| number(i) as i64).collect())),
        Value::Float(_) => one(node.literal(narrowed(&Tensor::from_fn([count as usize], number)))?),
    }
}
