//! Normalisation, by stored statistics or by a sample's own.

use moire_graph::{Act, Normalise, ReduceKind, ValueId};
use moire_tensor::Shape;

use super::Read;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("BatchNormalization", batch),
    ("GroupNormalization", group),
    ("InstanceNormalization", instance),
    ("LayerNormalization", layer),
    ("LogSoftmax", log_softmax),
    ("LpNormalization", unit_length),
    ("RMSNormalization", root_mean_square),
    ("Softmax", softmax),
];

fn batch(node: &mut Node<'_, '_, '_>) -> Outcome {
    node.only("training_mode", 0)?;
    let x = node.x(0)?;
    let stats = [node.x(1)?, node.x(2)?, node.x(3)?, node.x(4)?];
    let eps = node.float("epsilon", 1e-5);
    for (i, &v) in stats.iter().enumerate() {
        if node.import.known(v).is_none() {
            return unsupported(format!("statistics (input {}) that are computed from the image", i + 1));
        }
    }
    one(node.b().batch_norm(x, stats, eps)?)
}

/// x times scale plus shift, one number a channel each.
fn by_channel(node: &mut Node<'_, '_, '_>, x: ValueId, inputs: [usize; 2]) -> Result<ValueId, Fault> {
    let rank = node.shape(x).len();
    let mut part = |i: usize| -> Result<ValueId, Fault> {
        let v = node.x(i)?;
        let count = node.shape(v).checked_numel().unwrap_or(0);
        let shape: Shape = (0..rank).map(|a| if a == 1 { count } else { 1 }).collect();
        Ok(node.b().reshape(v, shape)?)
    };
    let (scale, shift) = (part(inputs[0])?, part(inputs[1])?);
    let scaled = node.b().mul(x, scale)?;
    Ok(node.b().add(scaled, shift)?)
}

fn instance(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let rank = node.shape(x).len();
    if rank < 3 {
        return Err(node.fault("images", node.shape(x).to_string()));
    }
    let normalise =
        Normalise { axes: (2..rank).collect(), eps: node.float("epsilon", 1e-5), unbiased: false };
    let y = node.b().normalise(x, normalise)?;
    one(by_channel(node, y, [1, 2])?)
}

fn group(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let shape = node.shape(x);
    let groups = node.small("num_groups", node.int("num_groups", 0))?;
    let [rows, channels, ref pixels @ ..] = shape[..] else {
        return Err(node.fault("images", shape.to_string()));
    };
    if groups == 0 || channels % groups != 0 {
        return Err(node.fault(format!("groups of {channels} channels"), groups.to_string()));
    }
    let inner = pixels.iter().product::<usize>() * (channels / groups);
    let eps = node.float("epsilon", 1e-5);
    let parted = node.b().reshape(x, [rows, groups, inner])?;
    let y = node.b().normalise(parted, Normalise { axes: vec![2], eps, unbiased: false })?;
    let scale = node.x(1)?;
    if node.shape(scale).checked_numel().ok() == Some(groups) && groups != channels {
        // Before opset 21 scale and shift are one number a group.
        let y = by_channel(node, y, [1, 2])?;
        return one(node.b().reshape(y, shape)?);
    }
    let y = node.b().reshape(y, shape.clone())?;
    one(by_channel(node, y, [1, 2])?)
}

fn trailing(node: &Node<'_, '_, '_>, x: ValueId) -> Result<Vec<usize>, Fault> {
    let rank = node.shape(x).len();
    Ok((node.axis(node.int("axis", -1), rank)?..rank).collect())
}

fn layer(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let axes = trailing(node, x)?;
    let eps = node.float("epsilon", 1e-5);
    let mut y = node.b().normalise(x, Normalise { axes, eps, unbiased: false })?;
    let scale = node.x(1)?;
    y = node.b().mul(y, scale)?;
    if node.get(2).is_some() {
        let shift = node.x(2)?;
        y = node.b().add(y, shift)?;
    }
    one(y)
}

fn root_mean_square(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let axes = trailing(node, x)?;
    let (eps, scale) = (node.float("epsilon", 1e-5), node.x(1)?);
    let b = node.b();
    let square = b.act(x, Act::Square)?;
    let mean = b.reduce(square, ReduceKind::Mean, &axes)?;
    let eps = b.scalar(eps);
    let mean = b.add(mean, eps)?;
    let root = b.act(mean, Act::Sqrt)?;
    let y = b.div(x, root)?;
    one(b.mul(y, scale)?)
}

fn unit_length(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let axis = node.axis(node.int("axis", -1), node.shape(x).len())?;
    let power = node.int("p", 2);
    let b = node.b();
    let length = match power {
        1 => {
            let size = b.act(x, Act::Abs)?;
            b.reduce(size, ReduceKind::Sum, &[axis])?
        }
        2 => {
            let square = b.act(x, Act::Square)?;
            let sum = b.reduce(square, ReduceKind::Sum, &[axis])?;
            b.act(sum, Act::Sqrt)?
        }
        p => return unsupported(format!("p={p}")),
    };
    one(node.b().div(x, length)?)
}

/// The value with the axes that probabilities run along as one, which they are since opset 13.
fn classes(node: &mut Node<'_, '_, '_>) -> Result<(ValueId, usize, Shape), Fault> {
    let x = node.x(0)?;
    let shape = node.shape(x);
    if node.opset() >= 13 {
        let axis = node.axis(node.int("axis", -1), shape.len())?;
        return Ok((x, axis, shape));
    }
    let axis = node.axis(node.int("axis", 1), shape.len())?;
    let (outer, inner) = (shape[..axis].iter().product(), shape[axis..].iter().product());
    Ok((node.b().reshape(x, [outer, inner])?, 1, shape))
}

fn softmax(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, axis, shape) = classes(node)?;
    let y = node.b().softmax(x, axis)?;
    one(node.b().reshape(y, shape)?)
}

fn log_softmax(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, axis, shape) = classes(node)?;
    let b = node.b();
    let top = b.reduce(x, ReduceKind::Max, &[axis])?;
    let below = b.sub(x, top)?;
    let each = b.act(below, Act::Exp)?;
    let sum = b.reduce(each, ReduceKind::Sum, &[axis])?;
    let log = b.act(sum, Act::Log)?;
    let y = b.sub(below, log)?;
    one(b.reshape(y, shape)?)
}
