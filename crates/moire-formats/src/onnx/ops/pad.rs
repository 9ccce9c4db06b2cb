//! Padding.

use moire_graph::{AxisMap, ValueId};
use moire_tensor::Tensor;

use super::Read;
use crate::onnx::array::Ints;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[("Pad", pad)];

/// Pixels before and after each axis; negative ones are cut.
fn amounts(node: &mut Node<'_, '_, '_>, rank: usize) -> Result<Vec<[i64; 2]>, Fault> {
    let pads = node.ints_or(1, "pads")?.ok_or_else(|| node.fault("pads", "none"))?;
    let axes = if node.get(3).is_some() { node.ints(3)?.data.clone() } else { (0..rank as i64).collect() };
    if pads.len() != 2 * axes.len() {
        return Err(node.fault(format!("two pads for each of {} axes", axes.len()), pads.len().to_string()));
    }
    let mut amounts = vec![[0, 0]; rank];
    for (i, &axis) in axes.iter().enumerate() {
        let both = [pads[i], pads[axes.len() + i]];
        for pad in both {
            node.small("pads", pad.saturating_abs())?;
        }
        amounts[node.axis(axis, rank)?] = both;
    }
    Ok(amounts)
}

fn pad(node: &mut Node<'_, '_, '_>) -> Outcome {
    let value = node.value(0)?;
    let mode = node.only_text("mode", &["constant", "reflect", "edge", "wrap"])?;
    let fill = if node.get(2).is_some() { node.scalar(2)? as f32 } else { node.float("value", 0.0) };
    let rank = match &value {
        Value::Ints(ints) => ints.shape.len(),
        Value::Float(x) => node.shape(*x).len(),
    };
    let amounts = amounts(node, rank)?;
    if let Value::Ints(ints) = &value {
        return padded_ints(node, ints, &amounts, fill as i64);
    }
    let mut x = node.x(0)?;
    let old = node.shape(x);
    for (axis, &[before, after]) in amounts.iter().enumerate().filter(|(_, a)| **a != [0, 0]) {
        let extent = node.shape(x)[axis];
        let cut = |pad: i64| usize::try_from(-pad).unwrap_or(0);
        let (start, end) = (cut(before), extent.saturating_sub(cut(after)));
        if (start, end) != (0, extent) {
            x = node.b().slice(x, axis, start, end)?;
        }
        let (before, after) = (before.max(0) as usize, after.max(0) as usize);
        if before + after > 0 {
            x = grown(node, x, axis, [before, after], &mode)?;
        }
    }
    let grows = amounts.iter().any(|[a, b]| *a > 0 || *b > 0);
    if mode == "constant" && fill != 0.0 && grows {
        // Zeros where the image is, the fill around it.
        let shape = node.shape(x);
        let dims: Vec<usize> = (0..rank).map(|a| if amounts[a] == [0, 0] { 1 } else { shape[a] }).collect();
        let strides = moire_tensor::Shape::from(&dims[..]).strides();
        let inside = |at: usize| {
            (0..rank).all(|a| {
                let (i, [before, after]) = (at / strides[a] % dims[a], amounts[a]);
                let end = dims[a] as i64 - after.max(0);
                amounts[a] == [0, 0] || (before.max(0)..end).contains(&(i as i64))
            })
        };
        let shape = node.extents(&dims.iter().map(|&d| d as i64).collect::<Vec<_>>())?;
        node.import.spend(shape.numel())?;
        let border = Tensor::from_fn(shape, |at| if inside(at) { 0.0 } else { fill });
        let border = node.b().literal(border);
        x = node.b().add(x, border)?;
    }
    if node.shape(x).contains(&0) {
        return Err(node.fault("pads that leave something", format!("{amounts:?} of {old}")));
    }
    one(x)
}

fn grown(
    node: &mut Node<'_, '_, '_>,
    x: ValueId,
    axis: usize,
    [before, after]: [usize; 2],
    mode: &str,
) -> Result<ValueId, Fault> {
    let shape = node.shape(x);
    let extent = shape[axis];
    node.import.check(&node.place, &shape.with(axis, before + extent + after))?;
    if mode == "constant" {
        return Ok(node.b().pad(x, axis, before, after)?);
    }
    node.import.spend(before + extent + after)?;
    let map = match mode {
        "reflect" if before < extent && after < extent => AxisMap::reflect(extent, before, after),
        "reflect" => return unsupported(format!("reflections of {before} and {after} pixels of {extent}")),
        mode => {
            let pixel = |o: usize| match mode {
                "edge" => o.saturating_sub(before).min(extent - 1),
                _ => (o + extent - before % extent) % extent,
            };
            AxisMap::new(extent, (0..before + extent + after).map(|o| vec![(pixel(o), 1.0)]))
        }
    };
    Ok(node.b().resample(x, axis, map)?)
}

fn padded_ints(node: &mut Node<'_, '_, '_>, ints: &Ints, amounts: &[[i64; 2]], fill: i64) -> Outcome {
    if amounts.iter().flatten().any(|&p| p < 0) || node.text("mode", "constant") != "constant" {
        return unsupported("integers that are cut or reflected");
    }
    let dims: Vec<i64> =
        ints.shape.iter().zip(amounts).map(|(&d, [before, after])| d as i64 + before + after).collect();
    let shape = node.extents(&dims)?;
    node.import.spend(shape.numel())?;
    let strides = ints.shape.strides();
    // The fill stands one past the end.
    let mut data = ints.data.clone();
    data.push(fill);
    let long = Ints::vector(data);
    one(long.rearranged(shape, |index| {
        let mut at = 0;
        for (a, &i) in index.iter().enumerate() {
            match i.checked_sub(amounts[a][0] as usize).filter(|&i| i < ints.shape[a]) {
                Some(i) => at += i * strides[a],
                None => return ints.data.len(),
            }
        }
        at
    }))
}
