//! Pooling. The graph's windows are padded alike on both sides; what is not alike is put before them.

use moire_graph::{AvgPool2d, AxisMap, MaxPool2d, ReduceKind, ValueId};
use moire_tensor::Tensor;

use super::Read;
use super::conv::{Windows, images, lines, shared, windows};
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("AveragePool", average),
    ("GlobalAveragePool", |n| global(n, ReduceKind::Mean)),
    ("GlobalMaxPool", |n| global(n, ReduceKind::Max)),
    ("MaxPool", max),
];

fn global(node: &mut Node<'_, '_, '_>, kind: ReduceKind) -> Outcome {
    let x = node.x(0)?;
    let axes: Vec<usize> = (2..node.shape(x).len()).collect();
    one(node.b().reduce(x, kind, &axes)?)
}

/// Images and the windows over them.
struct Pooled {
    x: ValueId,
    windows: Windows,
    /// Pads as far as the last window reaches.
    reach: [[usize; 2]; 2],
    line: bool,
}

fn pooled(node: &mut Node<'_, '_, '_>) -> Result<Pooled, Fault> {
    let (x, line) = images(node)?;
    let kernel = node.smalls("kernel_shape", &node.list("kernel_shape").unwrap_or_default())?;
    let kernel = match kernel[..] {
        [a, b] if !line => [a, b],
        [b] if line => [1, b],
        _ => return unsupported(format!("windows of {} axes", kernel.len())),
    };
    let shape = node.shape(x);
    let windows = windows(node, &shape, kernel)?;
    if windows.dilation != [1, 1] {
        return unsupported("dilations");
    }
    let mut reach = windows.pads;
    if node.int("ceil_mode", 0) != 0 {
        for axis in 0..2 {
            let (k, s, [before, after]) = (kernel[axis], windows.stride[axis], windows.pads[axis]);
            let size = shape[2 + axis] + before + after;
            // The last window may hang over the end, but has to begin before it.
            let mut last = size.saturating_sub(k).div_ceil(s);
            if last * s >= shape[2 + axis] + before {
                last -= 1;
            }
            reach[axis][1] += (last * s + k).saturating_sub(size);
        }
    }
    if (0..2).any(|a| reach[a].iter().any(|&p| p >= kernel[a])) {
        return unsupported(format!("pads {reach:?} as long as the window {kernel:?}"));
    }
    Ok(Pooled { x, windows, reach, line })
}

fn max(node: &mut Node<'_, '_, '_>) -> Outcome {
    if node.outputs.len() > 1 {
        return unsupported("positions as a result");
    }
    let Pooled { mut x, windows: Windows { kernel, stride, .. }, reach, line } = pooled(node)?;
    let (padding, rest) = shared(reach);
    for (axis, [before, after]) in rest.into_iter().enumerate().filter(|(_, r)| *r != [0, 0]) {
        // A window that reaches over an edge holds the edge: repeating it changes no maximum.
        let extent = node.shape(x)[2 + axis];
        node.import.spend(extent + before + after)?;
        let row = |o: usize| vec![(o.saturating_sub(before).min(extent - 1), 1.0)];
        let map = AxisMap::new(extent, (0..before + extent + after).map(row));
        x = node.b().resample(x, 2 + axis, map)?;
    }
    let y = node.b().max_pool2d(x, MaxPool2d { kernel, stride, padding })?;
    lines(node, y, line)
}

fn average(node: &mut Node<'_, '_, '_>) -> Outcome {
    let Pooled { mut x, windows: Windows { kernel, stride, pads, .. }, reach, line } = pooled(node)?;
    let count_padding = node.int("count_include_pad", 0) != 0;
    let even = reach == pads && pads.iter().all(|[before, after]| before == after);
    if even {
        let padding = pads.map(|[before, _]| before);
        let y = node.b().avg_pool2d(x, AvgPool2d { kernel, stride, padding, count_padding })?;
        return lines(node, y, line);
    }
    // Sums over zeros, divided by what each window is to count.
    let shape = node.shape(x);
    for (axis, [before, after]) in reach.into_iter().enumerate() {
        x = node.b().pad(x, 2 + axis, before, after)?;
    }
    let pool = AvgPool2d { kernel, stride, padding: [0, 0], count_padding: true };
    let mut y = node.b().avg_pool2d(x, pool)?;
    for axis in 0..2 {
        let counted = if count_padding { pads[axis] } else { [0, 0] };
        let (begin, end) = (reach[axis][0] - counted[0], reach[axis][0] + shape[2 + axis] + counted[1]);
        let places = node.shape(y)[2 + axis];
        let factor = |o: usize| {
            let (from, to) = (o * stride[axis], o * stride[axis] + kernel[axis]);
            kernel[axis] as f32 / to.min(end).saturating_sub(from.max(begin)).max(1) as f32
        };
        let mut dims = [1; 4];
        dims[2 + axis] = places;
        let factors = node.literal(Tensor::from_fn(dims, factor))?;
        y = node.b().mul(y, factors)?;
    }
    lines(node, y, line)
}
