//! Convolutions, plain and transposed, of images and of lines.

use moire_graph::{Conv2d, ConvTranspose2d, ValueId};
use moire_tensor::Shape;

use super::Read;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, one};

pub(super) const OPS: &[(&str, Read)] = &[("Conv", conv), ("ConvTranspose", conv_transpose)];

/// Windows over an image: pairs are `[vertical, horizontal]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Pixels before and after.
    pub(super) pads: [[usize; 2]; 2],
}

/// The attributes of windows over `x` `[r, c, h, w]`, from which `SAME` pads follow.
pub(super) fn windows(node: &Node<'_, '_, '_>, x: &Shape, kernel: [usize; 2]) -> Result<Windows, Fault> {
    let pair = |name: &'static str| -> Result<[usize; 2], Fault> {
        let list = node.list(name).filter(|l| !l.is_empty()).unwrap_or_else(|| vec![1; 2]);
        match node.smalls(name, &list)?[..] {
            [a, b] => Ok([a, b]),
            [b] => Ok([1, b]),
            _ => unsupported(format!("{} axes", list.len())),
        }
    };
    let (stride, dilation) = (pair("strides")?, pair("dilations")?);
    if stride.contains(&0)
        || dilation.contains(&0)
        || kernel.contains(&0)
        || kernel.iter().any(|&k| k > 1 << 16)
    {
        return Err(node.fault("kernel, strides and dilations of 1 to 65536", format!("{kernel:?}")));
    }
    let mut windows = Windows { kernel, stride, dilation, pads: [[0; 2]; 2] };
    match &*node.text("auto_pad", "NOTSET") {
        "NOTSET" => {
            let pads = node.list("pads").filter(|l| !l.is_empty()).unwrap_or_else(|| vec![0; 4]);
            windows.pads = match node.smalls("pads", &pads)?[..] {
                [top, left, bottom, right] => [[top, bottom], [left, right]],
                [left, right] => [[0, 0], [left, right]],
                _ => return unsupported(format!("{} pads", pads.len())),
            };
        }
        "VALID" => {}
        same @ ("SAME_UPPER" | "SAME_LOWER") => {
            for axis in 0..2 {
                let (size, span) = (x[2 + axis], dilation[axis] * (kernel[axis] - 1) + 1);
                let reach = (size.div_ceil(stride[axis]) - 1) * stride[axis] + span;
                let total = reach.saturating_sub(size);
                let (less, more) = (total / 2, total - total / 2);
                windows.pads[axis] = if same == "SAME_UPPER" { [less, more] } else { [more, less] };
            }
        }
        other => return unsupported(format!("auto_pad={other}")),
    }
    Ok(windows)
}

/// Operand 0 as images; a line of pixels is an image of one row. Whether it was a line.
pub(super) fn images(node: &mut Node<'_, '_, '_>) -> Result<(ValueId, bool), Fault> {
    let x = node.x(0)?;
    match node.shape(x)[..] {
        [_, _, _, _] => Ok((x, false)),
        [r, c, w] => Ok((node.b().reshape(x, [r, c, 1, w])?, true)),
        _ => unsupported(format!("values of {} axes", node.shape(x).len())),
    }
}

/// The result for lines again, where they were.
pub(super) fn lines(node: &mut Node<'_, '_, '_>, y: ValueId, line: bool) -> Outcome {
    match node.shape(y)[..] {
        [r, c, 1, w] if line => one(node.b().reshape(y, [r, c, w])?),
        _ => one(y),
    }
}

/// Pads as what both sides of an axis have, and the rest of each.
pub(super) fn shared(pads: [[usize; 2]; 2]) -> ([usize; 2], [[usize; 2]; 2]) {
    let both = pads.map(|[before, after]| before.min(after));
    (both, [0, 1].map(|axis| pads[axis].map(|pad| pad - both[axis])))
}

/// Zeros where one side has more pads than the other, and the pads that both have.
fn even(
    node: &mut Node<'_, '_, '_>,
    mut x: ValueId,
    pads: [[usize; 2]; 2],
) -> Result<(ValueId, [usize; 2]), Fault> {
    let (both, rest) = shared(pads);
    for (axis, [before, after]) in rest.into_iter().enumerate().filter(|(_, r)| *r != [0, 0]) {
        x = node.b().pad(x, 2 + axis, before, after)?;
    }
    Ok((x, both))
}

fn weights(node: &mut Node<'_, '_, '_>, line: bool) -> Result<(ValueId, [usize; 2]), Fault> {
    let w = node.x(1)?;
    match node.shape(w)[..] {
        [_, _, kh, kw] if !line => Ok((w, [kh, kw])),
        [a, b, k] if line => Ok((node.b().reshape(w, [a, b, 1, k])?, [1, k])),
        _ => Err(node.fault("weights of the image's rank", node.shape(w).to_string())),
    }
}

fn conv(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, line) = images(node)?;
    let (w, kernel) = weights(node, line)?;
    let bias = if node.get(2).is_some() { Some(node.x(2)?) } else { None };
    let shape = node.shape(x);
    let Windows { stride, dilation, pads, .. } = windows(node, &shape, kernel)?;
    let groups = node.small("group", node.int("group", 1))?;
    let (x, padding) = even(node, x, pads)?;
    let y = node.b().conv2d(x, w, bias, Conv2d { stride, padding, dilation, groups })?;
    lines(node, y, line)
}

fn conv_transpose(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, line) = images(node)?;
    let (w, kernel) = weights(node, line)?;
    let bias = if node.get(2).is_some() { Some(node.x(2)?) } else { None };
    let shape = node.shape(x);
    let extra = node.smalls("output_padding", &node.list("output_padding").unwrap_or_default())?;
    let extra = match extra[..] {
        [] => [0, 0],
        [b] => [0, b],
        [a, b] => [a, b],
        _ => return unsupported("output_padding of more axes"),
    };
    let same = node.text("auto_pad", "NOTSET");
    let asked = node.list("output_shape");
    let mut windows = if same.starts_with("SAME") || asked.is_some() {
        // The pads follow from the result's size.
        let stride = node.smalls("strides", &node.list("strides").unwrap_or_else(|| vec![1; 2]))?;
        let [a, b] = stride[..] else { return unsupported("strides of other than two axes") };
        Windows { kernel, stride: [a, b], dilation: [1, 1], pads: [[0; 2]; 2] }
    } else {
        windows(node, &shape, kernel)?
    };
    let groups = node.small("group", node.int("group", 1))?;
    let Windows { stride, dilation, .. } = windows;
    if stride.contains(&0) {
        return Err(node.fault("strides above 0", "0"));
    }
    let full = |axis: usize| {
        (shape[2 + axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 + extra[axis]
    };
    if same.starts_with("SAME") || asked.is_some() {
        node.only("dilations", 1)?;
        for axis in 0..2 {
            let size = match &asked {
                Some(asked) => node.small("output_shape", *asked.iter().rev().nth(1 - axis).unwrap_or(&0))?,
                None => shape[2 + axis] * stride[axis],
            };
            let total = full(axis).saturating_sub(size);
            let (less, more) = (total / 2, total - total / 2);
            windows.pads[axis] = if same == "SAME_LOWER" { [more, less] } else { [less, more] };
        }
    }
    let (both, rest) = shared(windows.pads);
    let op = ConvTranspose2d { stride, padding: both, output_padding: extra, dilation, groups };
    let mut y = node.b().conv_transpose2d(x, w, bias, op)?;
    for (axis, [before, after]) in rest.into_iter().enumerate().filter(|(_, r)| *r != [0, 0]) {
        let size = node.shape(y)[2 + axis];
        let end = size
            .checked_sub(after)
            .ok_or_else(|| node.fault("pads below the result's size", size.to_string()))?;
        y = node.b().slice(y, 2 + axis, before, end)?;
    }
    lines(node, y, line)
}
