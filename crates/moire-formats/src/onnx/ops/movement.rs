//! What moves numbers and computes none.

use moire_graph::{AxisMap, Builder, ValueId};
use moire_tensor::Shape;

use super::Read;
use crate::onnx::array::Ints;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("Concat", concat),
    ("DepthToSpace", depth_to_space),
    ("Expand", expand),
    ("Flatten", flatten),
    ("Reshape", reshape),
    ("Slice", slice),
    ("SpaceToDepth", space_to_depth),
    ("Split", split),
    ("Squeeze", squeeze),
    ("Tile", tile),
    ("Transpose", transpose),
    ("Unsqueeze", unsqueeze),
];

fn shape_of(node: &Node<'_, '_, '_>, value: &Value) -> Shape {
    match value {
        Value::Ints(ints) => ints.shape.clone(),
        Value::Float(x) => node.shape(*x),
    }
}

/// The same numbers in order under another shape.
fn reshaped(node: &mut Node<'_, '_, '_>, value: Value, shape: &Shape) -> Outcome {
    let old = shape_of(node, &value);
    let (from, to) = (old.checked_numel().ok(), shape.checked_numel().ok());
    if from.is_none() || from != to || shape.len() > node.import.budget.limits.rank {
        return Err(node.fault(format!("a shape with the numbers of {old}"), shape.to_string()));
    }
    match value {
        Value::Ints(ints) => one(Ints::new(shape.clone(), ints.data.clone())),
        Value::Float(x) => one(node.b().reshape(x, shape.clone())?),
    }
}

fn reshape(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (value, dims) = (node.value(0)?, node.ints(1)?);
    let old = shape_of(node, &value);
    let keep_zero = node.int("allowzero", 0) != 0;
    let mut shape = Vec::with_capacity(dims.data.len());
    let mut free = None;
    for (axis, &d) in dims.data.iter().enumerate() {
        shape.push(match d {
            -1 if free.is_none() => {
                free = Some(axis);
                1
            }
            0 if !keep_zero => {
                *old.get(axis).ok_or_else(|| node.fault("an axis to keep", axis.to_string()))?
            }
            d => usize::try_from(d)
                .map_err(|_| node.fault("extents of 0 or more, and one -1", format!("{:?}", dims.data)))?,
        });
    }
    if let Some(axis) = free {
        let rest = Shape::from(&shape[..]).checked_numel().unwrap_or(usize::MAX).max(1);
        shape[axis] = old.checked_numel().unwrap_or(0) / rest;
    }
    reshaped(node, value, &shape.into())
}

fn flatten(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let old = shape_of(node, &value);
    let rank = old.len() as i64;
    let axis = node.int("axis", 1);
    let axis = if axis < 0 { axis.saturating_add(rank) } else { axis };
    let axis = usize::try_from(axis)
        .ok()
        .filter(|&a| a <= old.len())
        .ok_or_else(|| node.fault(format!("an axis up to {rank}"), axis.to_string()))?;
    let (a, b) = old.split_at(axis);
    reshaped(node, value, &[a.iter().product(), b.iter().product()].into())
}

fn squeeze(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let old = shape_of(node, &value);
    let axes = match node.ints_or(1, "axes")? {
        Some(axes) => node.axes(&axes, old.len())?,
        None => (0..old.len()).filter(|&a| old[a] == 1).collect(),
    };
    if let Some(a) = axes.iter().find(|&&a| old[a] != 1) {
        return Err(node.fault(format!("an axis {a} of extent 1"), old.to_string()));
    }
    let shape: Shape = (0..old.len()).filter(|a| !axes.contains(a)).map(|a| old[a]).collect();
    reshaped(node, value, &shape)
}

fn unsqueeze(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let old = shape_of(node, &value);
    let axes = node.ints_or(1, "axes")?.ok_or_else(|| node.fault("axes", "none"))?;
    let rank = old.len() + axes.len().min(64);
    let axes = node.axes(&axes, rank)?;
    let mut rest = old.iter();
    let shape: Vec<usize> = (0..old.len() + axes.len())
        .map(|a| if axes.contains(&a) { 1 } else { rest.next().copied().unwrap_or(1) })
        .collect();
    reshaped(node, value, &shape.into())
}

fn transpose(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let rank = shape_of(node, &value).len();
    let order = match node.list("perm") {
        Some(order) => order.iter().map(|&a| node.axis(a, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect::<Vec<_>>(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(node.fault("each axis once", format!("{order:?}")));
    }
    match value {
        Value::Ints(ints) => one(ints.transposed(&order)),
        Value::Float(x) if order.iter().copied().eq(0..rank) => one(x),
        Value::Float(_) => {
            let x = node.x(0)?;
            one(node.b().permute(x, &order)?)
        }
    }
}

fn concat(node: &mut Node<'_, '_, '_>) -> Outcome {
    let values: Vec<Value> = (0..node.operands.len()).map(|i| node.value(i)).collect::<Result<_, _>>()?;
    let Some(first) = values.first() else { return Err(node.fault("inputs", "none")) };
    let rank = shape_of(node, first).len();
    let axis = node.axis(node.int("axis", 0), rank)?;
    if let Value::Ints(_) = first {
        let parts: Vec<Ints> =
            (0..values.len()).map(|i| node.ints(i).map(|p| (*p).clone())).collect::<Result<_, _>>()?;
        let like = |p: &Ints| p.shape.len() == rank && p.shape.with(axis, 0) == parts[0].shape.with(axis, 0);
        if !parts.iter().all(like) {
            return Err(node.fault(format!("inputs that differ in axis {axis} alone"), "others"));
        }
        node.import.spend(parts.iter().map(|p| p.data.len()).sum())?;
        return one(Ints::joined(&parts, axis));
    }
    let parts: Vec<ValueId> = (0..values.len()).map(|i| node.x(i)).collect::<Result<_, _>>()?;
    if let [only] = parts[..] { one(only) } else { one(node.b().concat(&parts, axis)?) }
}

fn expand(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (value, dims) = (node.value(0)?, node.ints(1)?);
    let shape = node.extents(&dims.data)?;
    let shape = node.broadcast(&shape_of(node, &value), &shape)?;
    match value {
        Value::Ints(ints) => {
            node.import.spend(shape.numel())?;
            one(ints.expanded(shape))
        }
        Value::Float(_) => {
            let x = node.x(0)?;
            one(node.b().expand(x, shape)?)
        }
    }
}

fn tile(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (mut value, repeats) = (node.value(0)?, node.ints(1)?);
    let shape = shape_of(node, &value);
    let repeats = node.smalls("repeats", &repeats.data)?;
    if repeats.len() != shape.len() {
        return Err(node.fault(format!("{} repeats", shape.len()), repeats.len().to_string()));
    }
    for (axis, &count) in repeats.iter().enumerate().filter(|(_, c)| **c != 1) {
        node.import.spend(count.saturating_mul(shape[axis]))?;
        let picks: Vec<i64> = (0..count).flat_map(|_| 0..shape[axis] as i64).collect();
        value = pick(node, &value, axis, &picks)?;
    }
    Ok(vec![value])
}

/// The elements `picks` of an axis, in that order; negative ones count from the end.
pub(super) fn pick(
    node: &mut Node<'_, '_, '_>,
    value: &Value,
    axis: usize,
    picks: &[i64],
) -> Result<Value, Fault> {
    let shape = shape_of(node, value);
    let extent = shape[axis];
    let picks: Vec<usize> = picks.iter().map(|&p| node.axis(p, extent)).collect::<Result<_, _>>()?;
    node.import.check(&node.place, &shape.with(axis, picks.len()))?;
    node.import.spend(picks.len())?;
    match value {
        Value::Ints(ints) => {
            node.import.spend(ints.data.len() / extent.max(1) * picks.len())?;
            Ok(ints.picked(axis, &picks).into())
        }
        Value::Float(_) if picks.is_empty() => Err(node.fault("a selection of something", "nothing")),
        Value::Float(x) => {
            let run = picks.windows(2).all(|p| p[1] == p[0] + 1);
            Ok(match (run, picks.len() == extent) {
                (true, true) => (*x).into(),
                (true, false) => node.b().slice(*x, axis, picks[0], picks[0] + picks.len())?.into(),
                _ => {
                    let map = AxisMap::new(extent, picks.into_iter().map(|p| vec![(p, 1.0)]));
                    node.b().resample(*x, axis, map)?.into()
                }
            })
        }
    }
}

fn slice(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (mut value, starts, ends) = (node.value(0)?, node.ints(1)?, node.ints(2)?);
    let rank = shape_of(node, &value).len();
    let axes = if node.get(3).is_some() {
        node.ints(3)?.data.clone()
    } else {
        (0..starts.data.len() as i64).collect()
    };
    let steps = if node.get(4).is_some() { node.ints(4)?.data.clone() } else { vec![1; axes.len()] };
    if [starts.data.len(), ends.data.len(), steps.len()] != [axes.len(); 3] || axes.len() > rank {
        return Err(node.fault("a start, an end and a step for each axis", "others"));
    }
    for (i, &axis) in axes.iter().enumerate() {
        let (axis, step) = (node.axis(axis, rank)?, steps[i]);
        let extent = shape_of(node, &value)[axis] as i64;
        if step == 0 {
            return Err(node.fault("steps other than 0", "0"));
        }
        let bound = |at: i64, low: i64, high: i64| {
            (if at < 0 { at.saturating_add(extent) } else { at }).clamp(low, high)
        };
        let skip = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        let picks: Vec<i64> = if step > 0 {
            let (start, end) = (bound(starts.data[i], 0, extent), bound(ends.data[i], 0, extent));
            if let (Value::Float(x), true) = (&value, step == 1 && start < end) {
                // A run of pixels needs no list of them.
                let whole = (start, end) == (0, extent);
                let run = |b: &mut Builder| b.slice(*x, axis, start as usize, end as usize);
                value = if whole { value } else { run(node.b())?.into() };
                continue;
            }
            node.import.spend((end - start).max(0) as usize / skip)?;
            (start..end).step_by(skip).collect()
        } else {
            let (start, end) = (bound(starts.data[i], -1, extent - 1), bound(ends.data[i], -1, extent - 1));
            node.import.spend((start - end).max(0) as usize / skip)?;
            (end + 1..=start).rev().step_by(skip).collect()
        };
        value = pick(node, &value, axis, &picks)?;
    }
    Ok(vec![value])
}

fn split(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let shape = shape_of(node, &value);
    let axis = node.axis(node.int("axis", 0), shape.len())?;
    let extent = shape[axis];
    let count = node.outputs.len().max(1);
    let parts: Vec<usize> = if let Some(parts) = node.ints_or(1, "split")? {
        parts.iter().map(|&p| usize::try_from(p).unwrap_or(usize::MAX)).collect()
    } else {
        // Equal parts, the last one smaller where they do not fit.
        let part = extent.div_ceil(count);
        (0..count).map(|i| part.min(extent.saturating_sub(i * part))).collect()
    };
    let total = parts.iter().try_fold(0usize, |n, &p| n.checked_add(p));
    if total != Some(extent) || parts.len() != count {
        return Err(node.fault(format!("{count} parts of {extent}"), format!("{parts:?}")));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(count);
    for part in parts {
        results.push(match &value {
            Value::Float(_) if part > 0 => {
                let x = node.x(0)?;
                node.b().slice(x, axis, start, start + part)?.into()
            }
            _ => pick(node, &value, axis, &(start as i64..(start + part) as i64).collect::<Vec<_>>())?,
        });
        start += part;
    }
    Ok(results)
}

/// An image as `[r, c, h, w]`, and the size of blocks.
fn blocks(node: &mut Node<'_, '_, '_>) -> Result<(ValueId, [usize; 4], usize), Fault> {
    let x = node.x(0)?;
    let shape = node.shape(x);
    let size = node.small("blocksize", node.int("blocksize", 0))?;
    match <[usize; 4]>::try_from(&*shape) {
        Ok(dims) if size > 0 => Ok((x, dims, size)),
        _ => Err(node.fault("an image and blocks", format!("{shape} and {size}"))),
    }
}

fn depth_to_space(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, [r, c, h, w], s) = blocks(node)?;
    let channels = c / (s * s);
    let mode = node.only_text("mode", &["DCR", "CRD"])?;
    let (inner, order) = if mode == "DCR" {
        ([r, s, s, channels, h, w], [0, 3, 4, 1, 5, 2])
    } else {
        ([r, channels, s, s, h, w], [0, 1, 4, 2, 5, 3])
    };
    let b = node.b();
    let parted = b.reshape(x, inner)?;
    let moved = b.permute(parted, &order)?;
    one(b.reshape(moved, [r, channels, h * s, w * s])?)
}

fn space_to_depth(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, [r, c, h, w], s) = blocks(node)?;
    if h % s != 0 || w % s != 0 {
        return unsupported(format!("{h} x {w} pixels in blocks of {s}"));
    }
    let b = node.b();
    let parted = b.reshape(x, [r, c, h / s, s, w / s, s])?;
    let moved = b.permute(parted, &[0, 3, 5, 1, 2, 4])?;
    one(b.reshape(moved, [r, c * s * s, h / s, w / s])?)
}
