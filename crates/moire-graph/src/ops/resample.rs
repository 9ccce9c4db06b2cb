use std::sync::Arc;

use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, each_index, offset, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// A sparse linear map from one axis to another: each output is a weighted sum of a few inputs.
///
/// Resizing, reflection, cropping and flipping are all of this kind, and the adjoint is its transpose.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisMap {
    inputs: usize,
    starts: Vec<usize>,
    taps: Vec<(usize, f32)>,
}

impl AxisMap {
    /// The map whose output `o` is the sum of `weight * input[i]` over `rows[o]`'s pairs `(i, weight)`.
    ///
    /// # Panics
    /// A pair names an input that does not exist.
    pub fn new(inputs: usize, rows: impl IntoIterator<Item = Vec<(usize, f32)>>) -> Self {
        let mut map = Self { inputs, starts: vec![0], taps: Vec::new() };
        for row in rows {
            assert!(row.iter().all(|&(i, _)| i < inputs), "a tap reads one of {inputs} inputs");
            map.taps.extend(row);
            map.starts.push(map.taps.len());
        }
        map
    }

    /// `before` and `after` more pixels, mirrored without repeating the edge.
    ///
    /// # Panics
    /// A side is as long as the axis or longer.
    pub fn reflect(inputs: usize, before: usize, after: usize) -> Self {
        assert!(before < inputs && after < inputs, "an axis of {inputs} reflects fewer pixels than it has");
        let last = inputs - 1;
        let row = |o: usize| {
            let i = o.abs_diff(before);
            vec![(if i > last { 2 * last - i } else { i }, 1.0)]
        };
        Self::new(inputs, (0..before + inputs + after).map(row))
    }

    /// Each of `outputs` pixels takes the input pixel whose cell it lies in.
    pub fn nearest(inputs: usize, outputs: usize) -> Self {
        Self::new(inputs, (0..outputs).map(|o| vec![(o * inputs / outputs, 1.0)]))
    }

    /// Linear interpolation with half-pixel centres, clamped at the edges.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        let row = |o: usize| {
            let at =
                ((o as f64 + 0.5) * inputs as f64 / outputs as f64 - 0.5).clamp(0.0, (inputs - 1) as f64);
            let low = at.floor() as usize;
            let weight = (at - low as f64) as f32;
            if weight == 0.0 { vec![(low, 1.0)] } else { vec![(low, 1.0 - weight), (low + 1, weight)] }
        };
        Self::new(inputs, (0..outputs).map(row))
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// The pairs `(input, weight)` whose products sum to output `o`.
    ///
    /// # Panics
    /// `o` is not below [`AxisMap::outputs`].
    pub fn row(&self, o: usize) -> &[(usize, f32)] {
        &self.taps[self.starts[o]..self.starts[o + 1]]
    }

    /// The adjoint map.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut rows = vec![Vec::new(); self.inputs];
        for o in 0..self.outputs() {
            self.row(o).iter().for_each(|&(i, weight)| rows[i].push((o, weight)));
        }
        Self::new(self.outputs(), rows)
    }
}

/// An [`AxisMap`] along one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Resample {
    /// Which axis.
    pub axis: usize,
    /// The map.
    pub map: Arc<AxisMap>,
}

impl Rule for Resample {
    fn name(&self) -> &'static str {
        "resample"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let fits = x.get(self.axis) == Some(&self.map.inputs());
        if fits {
            Ok(x.with(self.axis, self.map.outputs()))
        } else {
            Err(format!("an axis {} of {}", self.axis, self.map.inputs()))
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut data = Vec::with_capacity(shape.numel());
        each_index(shape, |index| {
            let mut source = index.to_vec();
            let mut sum = 0.0;
            for &(i, weight) in self.map.row(index[self.axis]) {
                source[self.axis] = i;
                sum += f64::from(weight) * xs[0].data()[offset(xs[0].shape(), &source)];
            }
            data.push(sum);
        });
        Tensor::new(shape.clone(), data).expect("one number was pushed for each index")
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        let adjoint = Self { axis: self.axis, map: Arc::new(self.map.transpose()) };
        at.b.adjoint(Op::Resample(adjoint), &[at.dy])
    }
}
