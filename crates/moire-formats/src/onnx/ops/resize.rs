//! Resizing, one axis after another: each is a sparse linear map.

use moire_graph::AxisMap;

use super::Read;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, one};

pub(super) const OPS: &[(&str, Read)] = &[("Resize", resize)];

/// Where pixel `o` of the result lies among the pixels of the operand.
type Place = fn(o: f64, scale: f64, inputs: f64, outputs: f64) -> f64;

const PLACES: &[(&str, Place)] = &[
    ("half_pixel", |o, scale, _, _| (o + 0.5) / scale - 0.5),
    ("pytorch_half_pixel", |o, scale, _, outputs| if outputs > 1.0 { (o + 0.5) / scale - 0.5 } else { 0.0 }),
    ("asymmetric", |o, scale, _, _| o / scale),
    (
        "align_corners",
        |o, _, inputs, outputs| {
            if outputs > 1.0 { o * (inputs - 1.0) / (outputs - 1.0) } else { 0.0 }
        },
    ),
    ("half_pixel_symmetric", |o, scale, inputs, outputs| {
        let adjustment = outputs / (scale * inputs);
        inputs / 2.0 * (1.0 - adjustment) + (o + 0.5) / scale - 0.5
    }),
];

/// How a place between pixels is rounded to one.
type Round = fn(f64) -> f64;

const ROUNDINGS: &[(&str, Round)] = &[
    ("round_prefer_floor", |x| (x - 0.5).ceil()),
    ("round_prefer_ceil", |x| (x + 0.5).floor()),
    ("floor", f64::floor),
    ("ceil", f64::ceil),
];

fn resize(node: &mut Node<'_, '_, '_>) -> Outcome {
    let mut x = node.x(0)?;
    let rank = node.shape(x).len();
    node.only("antialias", 0)?;
    node.only("exclude_outside", 0)?;
    node.only_text("keep_aspect_ratio_policy", &["stretch"])?;
    let axes = node.list("axes").unwrap_or_else(|| (0..rank as i64).collect());
    let axes: Vec<usize> = axes.iter().map(|&a| node.axis(a, rank)).collect::<Result<_, _>>()?;
    let sized = node.get(3).is_some();
    let numbers = node.known(if sized { 3 } else { 2 })?;
    if numbers.data().len() != axes.len() {
        return Err(node.fault(format!("{} factors or sizes", axes.len()), numbers.data().len().to_string()));
    }
    for (axis, &number) in axes.into_iter().zip(numbers.data()) {
        let inputs = node.shape(x)[axis];
        let outputs = if sized { number } else { (inputs as f64 * number).floor() };
        let scale = if sized { number / inputs as f64 } else { number };
        if !(scale.is_finite() && scale > 0.0 && outputs >= 1.0) {
            return Err(node.fault("factors and sizes above 0", number.to_string()));
        }
        let outputs = node.small("sizes", outputs as i64)?;
        if outputs == inputs && scale == 1.0 {
            continue;
        }
        let shape = node.shape(x).with(axis, outputs);
        node.import.check(&node.place, &shape)?;
        node.import.spend(4 * outputs)?;
        let map = map(node, inputs, outputs, scale)?;
        x = node.b().resample(x, axis, map)?;
    }
    one(x)
}

fn map(node: &Node<'_, '_, '_>, inputs: usize, outputs: usize, scale: f64) -> Result<AxisMap, Fault> {
    let name = node.text("coordinate_transformation_mode", "half_pixel");
    let Some((_, place)) = PLACES.iter().find(|(known, _)| *known == name) else {
        return unsupported(format!("coordinate_transformation_mode={name}"));
    };
    let at = |o: usize| place(o as f64, scale, inputs as f64, outputs as f64);
    let last = inputs - 1;
    let pixel = |i: f64| (i.max(0.0) as usize).min(last);
    let mode = node.only_text("mode", &["nearest", "linear", "cubic"])?;
    let cubic = f64::from(node.float("cubic_coeff_a", -0.75));
    let rounding = node.text("nearest_mode", "round_prefer_floor");
    let Some((_, round)) = ROUNDINGS.iter().find(|(known, _)| *known == rounding) else {
        return unsupported(format!("nearest_mode={rounding}"));
    };
    let row = |o: usize| match &*mode {
        "nearest" => vec![(pixel(round(at(o))), 1.0)],
        "linear" => {
            let at = at(o).clamp(0.0, last as f64);
            let (low, part) = (at.floor(), at - at.floor());
            if part == 0.0 {
                vec![(pixel(low), 1.0)]
            } else {
                vec![(pixel(low), (1.0 - part) as f32), (pixel(low + 1.0), part as f32)]
            }
        }
        _ => {
            let low = at(o).floor();
            let taps = (-1..=2).map(|k| (low + f64::from(k), keys(at(o) - low - f64::from(k), cubic)));
            taps.map(|(i, weight)| (pixel(i), weight as f32)).collect()
        }
    };
    Ok(AxisMap::new(inputs, (0..outputs).map(row)))
}

/// The cubic convolution kernel (Keys 1981) at a distance below 2.
fn keys(distance: f64, a: f64) -> f64 {
    let d = distance.abs();
    if d <= 1.0 {
        ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    } else {
        0.0
    }
}
