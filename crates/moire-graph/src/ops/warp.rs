use std::sync::Arc;

use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, operands, rank4};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// A sparse linear map from one plane of pixels to another: each output is a weighted sum of a few inputs.
///
/// What [`AxisMap`](crate::AxisMap) is to one axis, for maps that do not fall into one of rows and one of columns:
/// rotation, above all. The adjoint is its transpose.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneMap {
    input: [usize; 2],
    output: [usize; 2],
    starts: Vec<usize>,
    taps: Vec<(u32, f32)>,
}

impl PlaneMap {
    /// The map between planes of these heights and widths whose output pixel `o`, counted row by row, is the sum of
    /// `weight * input[i]` over the `o`-th of `rows`, pairs `(i, weight)`.
    ///
    /// # Panics
    /// There is not one row for each output pixel, there are more than 2^32 of them, or a pair names an input that does
    /// not exist.
    pub fn new(
        input: [usize; 2],
        output: [usize; 2],
        rows: impl IntoIterator<Item = Vec<(u32, f32)>>,
    ) -> Self {
        let mut map = Self { input, output, starts: vec![0], taps: Vec::new() };
        let inputs: usize = input.iter().product();
        for row in rows {
            assert!(row.iter().all(|&(i, _)| (i as usize) < inputs), "a tap reads one of {inputs} inputs");
            map.taps.extend(row);
            map.starts.push(map.taps.len());
        }
        let outputs: usize = output.iter().product();
        assert_eq!(map.starts.len() - 1, outputs, "there is a row for each output");
        assert!(u32::try_from(outputs).is_ok(), "the adjoint counts outputs in 32 bits");
        map
    }

    /// Height and width of the plane that is read.
    pub fn input(&self) -> [usize; 2] {
        self.input
    }

    /// Height and width of the plane that comes out.
    pub fn output(&self) -> [usize; 2] {
        self.output
    }

    /// The pairs `(input, weight)` whose products sum to output pixel `o`, both counted row by row.
    ///
    /// # Panics
    /// There is no such output pixel.
    pub fn row(&self, o: usize) -> &[(u32, f32)] {
        &self.taps[self.starts[o]..self.starts[o + 1]]
    }

    /// The adjoint map.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut rows = vec![Vec::new(); self.input.iter().product()];
        for o in 0..self.starts.len() - 1 {
            self.row(o).iter().for_each(|&(i, weight)| rows[i as usize].push((o as u32, weight)));
        }
        Self::new(self.output, self.input, rows)
    }
}

/// A [`PlaneMap`] of every channel of `[r, c, h, w]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Warp(pub Arc<PlaneMap>);

impl Rule for Warp {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        let [h, w] = self.0.input();
        match rank4(x) {
            Some([r, c, xh, xw]) if [xh, xw] == [h, w] => {
                let [h, w] = self.0.output();
                Ok([r, c, h, w].into())
            }
            _ => Err(format!("an image [r, c, {h}, {w}]")),
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let pixels: usize = self.0.input().iter().product();
        let outputs: usize = self.0.output().iter().product();
        let sum = |plane: &[f64], o: usize| {
            self.0.row(o).iter().map(|&(i, weight)| f64::from(weight) * plane[i as usize]).sum::<f64>()
        };
        let planes = xs[0].data().chunks_exact(pixels);
        let data = planes.flat_map(|plane| (0..outputs).map(move |o| sum(plane, o))).collect();
        Tensor::new(shape.clone(), data)
            .expect("each plane becomes one of as many pixels as the map has rows")
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        let adjoint = Self(Arc::new(self.0.transpose()));
        at.b.adjoint(Op::Warp(adjoint), &[at.dy])
    }
}
