//! Selections by index: indices are known, as positions in tables and rolled windows are.

use moire_tensor::{Shape, Tensor};

use super::Read;
use super::movement::pick;
use crate::onnx::array::Array;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("Gather", gather),
    ("GatherElements", gather_elements),
    ("GatherND", gather_nd),
    ("ScatterND", scatter_nd),
    ("Trilu", trilu),
];

fn gather(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (value, indices) = (node.value(0)?, node.ints(1)?);
    let shape = match &value {
        Value::Ints(ints) => ints.shape.clone(),
        Value::Float(x) => node.shape(*x),
    };
    let axis = node.axis(node.int("axis", 0), shape.len())?;
    let picked = pick(node, &value, axis, &indices.data)?;
    // The picked axis becomes the axes of the indices.
    let whole: Shape =
        shape[..axis].iter().chain(indices.shape.iter()).chain(&shape[axis + 1..]).copied().collect();
    node.import.check(&node.place, &whole)?;
    match picked {
        Value::Ints(ints) => one(Array::new(whole, ints.data.clone())),
        Value::Float(x) => one(node.b().reshape(x, whole)?),
    }
}

/// Numbers that are known, whatever they are, and how to make a value of some of them.
enum Known {
    Ints(Array<i64>),
    Floats(Array<f64>),
}

fn known(node: &mut Node<'_, '_, '_>, i: usize) -> Result<Known, Fault> {
    Ok(match node.value(i)? {
        Value::Ints(ints) => Known::Ints((*ints).clone()),
        Value::Float(_) => {
            let known = node.known(i)?;
            Known::Floats(Array::new(known.shape().clone(), known.into_data()))
        }
    })
}

fn given(node: &mut Node<'_, '_, '_>, known: Known) -> Outcome {
    match known {
        Known::Ints(ints) => one(ints),
        Known::Floats(floats) => {
            let tensor = Tensor::from_fn(floats.shape.clone(), |i| floats.data[i] as f32);
            one(node.literal(tensor)?)
        }
    }
}

fn gather_elements(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (data, indices) = (known(node, 0)?, node.ints(1)?);
    let shape = match &data {
        Known::Ints(a) => a.shape.clone(),
        Known::Floats(a) => a.shape.clone(),
    };
    let axis = node.axis(node.int("axis", 0), shape.len())?;
    let inside = indices.shape.len() == shape.len()
        && (0..shape.len()).all(|a| a == axis || indices.shape[a] <= shape[a]);
    if !inside {
        return Err(node.fault(format!("indices into {shape}"), indices.shape.to_string()));
    }
    let picks: Vec<usize> =
        indices.data.iter().map(|&i| node.axis(i, shape[axis])).collect::<Result<_, _>>()?;
    node.import.spend(picks.len())?;
    let (strides, mut at) = (shape.strides(), 0);
    let mut source = |index: &[usize]| {
        at += 1;
        (0..index.len()).map(|a| strides[a] * if a == axis { picks[at - 1] } else { index[a] }).sum()
    };
    let result = match data {
        Known::Ints(a) => Known::Ints(a.rearranged(indices.shape.clone(), &mut source)),
        Known::Floats(a) => Known::Floats(a.rearranged(indices.shape.clone(), &mut source)),
    };
    given(node, result)
}

/// Where each tuple of indices points in `shape`: the positions, and the numbers at each.
fn positions(
    node: &Node<'_, '_, '_>,
    shape: &Shape,
    indices: &Array<i64>,
) -> Result<(Vec<usize>, usize), Fault> {
    let depth = *indices.shape.last().ok_or_else(|| node.fault("indices of rank 1 or more", "a number"))?;
    if depth == 0 || depth > shape.len() {
        return Err(node.fault(format!("tuples of at most {} indices", shape.len()), depth.to_string()));
    }
    let strides = shape.strides();
    let position = |tuple: &[i64]| {
        let terms = tuple.iter().enumerate().map(|(a, &i)| Ok(node.axis(i, shape[a])? * strides[a]));
        terms.sum::<Result<usize, Fault>>()
    };
    let positions = indices.data.chunks_exact(depth).map(position).collect::<Result<_, _>>()?;
    Ok((positions, shape[depth..].iter().product()))
}

fn gather_nd(node: &mut Node<'_, '_, '_>) -> Outcome {
    node.only("batch_dims", 0)?;
    let (data, indices) = (known(node, 0)?, node.ints(1)?);
    let shape = match &data {
        Known::Ints(a) => a.shape.clone(),
        Known::Floats(a) => a.shape.clone(),
    };
    let (positions, size) = positions(node, &shape, &indices)?;
    let depth = indices.shape[indices.shape.len() - 1];
    let whole: Shape =
        indices.shape[..indices.shape.len() - 1].iter().chain(&shape[depth..]).copied().collect();
    node.import.check(&node.place, &whole)?;
    node.import.spend(whole.numel())?;
    let result = match data {
        Known::Ints(a) => Known::Ints(Array::new(whole, runs(&a.data, &positions, size))),
        Known::Floats(a) => Known::Floats(Array::new(whole, runs(&a.data, &positions, size))),
    };
    given(node, result)
}

fn runs<T: Copy>(data: &[T], positions: &[usize], size: usize) -> Vec<T> {
    positions.iter().flat_map(|&at| data[at..at + size].iter().copied()).collect()
}

fn scatter_nd(node: &mut Node<'_, '_, '_>) -> Outcome {
    node.only_text("reduction", &["none"])?;
    let (data, indices, updates) = (known(node, 0)?, node.ints(1)?, known(node, 2)?);
    let shape = match &data {
        Known::Ints(a) => a.shape.clone(),
        Known::Floats(a) => a.shape.clone(),
    };
    let (positions, size) = positions(node, &shape, &indices)?;
    let fits = |n: usize| n == positions.len() * size;
    let write = |found: usize| node.fault(format!("{} updates", positions.len() * size), found.to_string());
    let result = match (data, updates) {
        (Known::Ints(mut a), Known::Ints(u)) if fits(u.data.len()) => {
            overwrite(&mut a.data, &u.data, &positions, size);
            Known::Ints(a)
        }
        (Known::Floats(mut a), Known::Floats(u)) if fits(u.data.len()) => {
            overwrite(&mut a.data, &u.data, &positions, size);
            Known::Floats(a)
        }
        (_, Known::Ints(u)) => return Err(write(u.data.len())),
        (_, Known::Floats(u)) => return Err(write(u.data.len())),
    };
    given(node, result)
}

fn overwrite<T: Copy>(data: &mut [T], updates: &[T], positions: &[usize], size: usize) {
    for (&at, part) in positions.iter().zip(updates.chunks_exact(size.max(1))) {
        data[at..at + size].copy_from_slice(part);
    }
}

fn trilu(node: &mut Node<'_, '_, '_>) -> Outcome {
    let k = if node.get(1).is_some() { node.scalar(1)? as i64 } else { 0 };
    let upper = node.int("upper", 1) != 0;
    let value = node.value(0)?;
    let shape = match &value {
        Value::Ints(ints) => ints.shape.clone(),
        Value::Float(_) => {
            let x = node.x(0)?;
            node.shape(x)
        }
    };
    let [.., rows, columns] = shape[..] else { return unsupported("less than a matrix") };
    let kept = |i: usize| {
        let (row, column) = ((i / columns % rows) as i64, (i % columns) as i64);
        if upper { column - row >= k } else { column - row <= k }
    };
    match value {
        Value::Ints(ints) => {
            let data = ints.data.iter().enumerate().map(|(i, &v)| if kept(i) { v } else { 0 });
            one(Array::new(shape.clone(), data.collect()))
        }
        Value::Float(x) => {
            node.import.spend(rows.saturating_mul(columns))?;
            let mask = Tensor::from_fn([rows, columns], |i| f32::from(u8::from(kept(i))));
            let mask = node.b().literal(mask);
            one(node.b().mul(x, mask)?)
        }
    }
}
