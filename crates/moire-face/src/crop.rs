use moire_graph::{AxisMap, Builder, PlaneMap, ValueId};
use moire_image::{Filter, Picture, Rect};
use moire_tensor::{Images, Tensor};

use crate::error::{Error, Repr};
use crate::similarity::Similarity;

/// A crop of a photograph as a linear map from its pixels to a network's.
///
/// The same map cuts pixels out of a [`Picture`] ([`Crop::cut`]) and stands in a graph ([`Crop::push`]), where the
/// gradient with respect to the photograph's own pixels is its exact adjoint. It reads one upright rectangle of the
/// photograph, resizes it by rows and columns, and turns the result where the face is tilted.
#[derive(Debug, Clone, PartialEq)]
pub struct Crop {
    region: Rect,
    rows: AxisMap,
    columns: AxisMap,
    warp: Option<PlaneMap>,
}

impl Crop {
    /// The pixels of `region`, resized to `[height, width]` by [`Filter::Bilinear`]: what
    /// [`resize`](moire_image::resize) makes of a [`crop`](moire_image::crop()).
    ///
    /// # Errors
    /// `region` or the size is empty.
    pub fn upright(region: Rect, [height, width]: [usize; 2]) -> Result<Self, Error> {
        if [region.width, region.height, width, height].contains(&0) {
            return Err(Repr::Size.into());
        }
        let axis = |from: usize, to: usize| {
            let row = |t: moire_image::Taps| {
                (t.first..).zip(t.weights).map(|(i, w)| (i, w as f32)).collect::<Vec<_>>()
            };
            AxisMap::new(from, Filter::Bilinear.taps(from, to).into_iter().map(row))
        };
        let (rows, columns) = (axis(region.height, height), axis(region.width, width));
        Ok(Self { region, rows, columns, warp: None })
    }

    /// The crop of `[height, width]` pixels whose point (u, v) shows the point `place` (u, v) of a photograph of
    /// `[height, width]`, pixel i of an axis being from i to i + 1.
    ///
    /// Each new pixel is a mean of those around its place, weighed by a triangle along each axis of the crop, of radius
    /// one old or one new pixel, whichever is larger: without a turn, [`Filter::Bilinear`]. What lies outside the
    /// photograph is as the nearest pixel at its edge. A crop that shrinks by four or more is first shrunk upright, to
    /// between two and four times its size, so that the list of weights stays short.
    pub(crate) fn turned(
        [height, width]: [usize; 2],
        photograph: [usize; 2],
        place: &Similarity,
    ) -> Result<Self, Error> {
        let reach = 2.0 * place.scale().max(1.0);
        let (w, h) = (width as f64, height as f64);
        let corners = [[0.0, 0.0], [w, 0.0], [0.0, h], [w, h]].map(|corner| place.apply(corner));
        let span = |axis: usize, extent: usize| {
            let along = corners.map(|c| c[axis]);
            let low = along.into_iter().fold(f64::MAX, f64::min) - reach;
            let high = along.into_iter().fold(f64::MIN, f64::max) + reach;
            // Casts hold at 0, and a crop beside the photograph reads the last pixel.
            let start = (low.floor() as usize).min(extent - 1);
            (start, (high.ceil() as usize).clamp(start + 1, extent) - start)
        };
        let ((x, columns), (y, rows)) = (span(0, photograph[1]), span(1, photograph[0]));
        let region = Rect { x, y, width: columns, height: rows };
        let shrink = (place.scale() / 2.0).floor().max(1.0) as usize;
        let mut crop = Self::upright(region, [rows.div_ceil(shrink), columns.div_ceil(shrink)])?;
        crop.warp = Some(crop.turn([height, width], place));
        Ok(crop)
    }

    /// From the upright part to the crop.
    fn turn(&self, [height, width]: [usize; 2], place: &Similarity) -> PlaneMap {
        let (rows, columns) = (self.rows.outputs(), self.columns.outputs());
        let ratio = [columns as f64 / self.region.width as f64, rows as f64 / self.region.height as f64];
        let radius = (place.scale() * (ratio[0] * ratio[1]).sqrt()).max(1.0);
        let [cos, sin] = place.direction();
        let reach = radius * (cos.abs() + sin.abs());
        let pixel = |o: usize| {
            let [x, y] = place.apply([(o % width) as f64 + 0.5, (o / width) as f64 + 0.5]);
            let [x, y] =
                [(x - self.region.x as f64) * ratio[0] - 0.5, (y - self.region.y as f64) * ratio[1] - 0.5];
            let within = |at: f64| (at - reach).ceil() as i64..=(at + reach).floor() as i64;
            let held = |i: i64, count: usize| i.clamp(0, count as i64 - 1) as usize;
            let mut taps = Vec::new();
            for row in within(y) {
                for column in within(x) {
                    let (dx, dy) = (column as f64 - x, row as f64 - y);
                    let weight =
                        triangle((dx * cos + dy * sin) / radius) * triangle((dy * cos - dx * sin) / radius);
                    if weight > 0.0 {
                        taps.push(((held(row, rows) * columns + held(column, columns)) as u32, weight));
                    }
                }
            }
            let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
            taps.into_iter().map(|(i, weight)| (i, (weight / total) as f32)).collect()
        };
        PlaneMap::new([rows, columns], [height, width], (0..height * width).map(pixel))
    }

    /// The rectangle of the photograph that is read.
    pub fn region(&self) -> Rect {
        self.region
    }

    /// The same crop of the part of the photograph whose upper left corner is (x, y).
    ///
    /// # Panics
    /// The crop reads pixels left of or above that part.
    #[must_use]
    pub fn moved(&self, x: usize, y: usize) -> Self {
        assert!(x <= self.region.x && y <= self.region.y, "the crop lies within the part");
        let region = Rect { x: self.region.x - x, y: self.region.y - y, ..self.region };
        Self { region, ..self.clone() }
    }

    /// Height and width of the crop.
    pub fn size(&self) -> [usize; 2] {
        self.warp.as_ref().map_or([self.rows.outputs(), self.columns.outputs()], PlaneMap::output)
    }

    /// The crop's pixels, `[1, 3, height, width]`, not rounded to 8 bits. Memory is taken for the crop, not for the
    /// photograph.
    ///
    /// # Errors
    /// The photograph has not the rectangle that is read.
    pub fn cut(&self, photograph: &Picture) -> Result<Images, Error> {
        let Rect { x, y, width, height } = self.region;
        if !self.region.fits(photograph.width(), photograph.height()) {
            let (width, height) = (photograph.width(), photograph.height());
            return Err(Repr::Photograph { region: self.region, width, height }.into());
        }
        let (rows, columns) = (self.rows.outputs(), self.columns.outputs());
        let readers = self.rows.transpose();
        let mut sums = vec![0.0; 3 * rows * columns];
        let mut line = vec![[0.0; 3]; columns];
        for row in 0..height {
            let start = 3 * ((y + row) * photograph.width() + x);
            let pixels = &photograph.rgb()[start..start + 3 * width];
            for (column, sum) in line.iter_mut().enumerate() {
                *sum = [0.0; 3];
                for &(i, weight) in self.columns.row(column) {
                    for (sum, &byte) in sum.iter_mut().zip(&pixels[3 * i..3 * i + 3]) {
                        *sum += f64::from(weight) * f64::from(byte);
                    }
                }
            }
            for &(to, weight) in readers.row(row) {
                for (column, value) in line.iter().enumerate() {
                    for (channel, &v) in value.iter().enumerate() {
                        sums[(channel * rows + to) * columns + column] += f64::from(weight) * v / 255.0;
                    }
                }
            }
        }
        let data = match &self.warp {
            None => sums.into_iter().map(|v| v as f32).collect(),
            Some(warp) => {
                let [height, width] = warp.output();
                let value = |plane: &[f64], o: usize| {
                    warp.row(o).iter().map(|&(i, weight)| f64::from(weight) * plane[i as usize]).sum::<f64>()
                        as f32
                };
                let planes = sums.chunks_exact(rows * columns);
                planes.flat_map(|plane| (0..height * width).map(move |o| value(plane, o))).collect()
            }
        };
        let [height, width] = self.size();
        let tensor = Tensor::new([1, 3, height, width], data);
        Ok(tensor
            .and_then(Images::project)
            .expect("weighted means of bytes are numbers, one for each new pixel"))
    }

    /// Adds the crop to a graph in which `photograph` is a value `[r, c, h, w]`, the whole photograph; the result is
    /// `[r, c, height, width]`.
    ///
    /// # Errors
    /// The photograph has not the rectangle that is read.
    pub fn push(&self, b: &mut Builder, photograph: ValueId) -> Result<ValueId, Error> {
        let Rect { x, y, width, height } = self.region;
        let mut value = photograph;
        for (axis, start, length, map) in [(3, x, width, &self.columns), (2, y, height, &self.rows)] {
            if b.shape(value).get(axis) != Some(&length) {
                value = b.slice(value, axis, start, start + length)?;
            }
            if map.outputs() != length {
                value = b.resample(value, axis, map.clone())?;
            }
        }
        Ok(match &self.warp {
            Some(warp) => b.warp(value, warp.clone())?,
            None => value,
        })
    }
}

/// A triangle of radius and height 1.
fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}
