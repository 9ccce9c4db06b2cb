use moire_image::Rect;

use crate::error::{Error, Repr};
use crate::face::Face;
use crate::framing::celeba;

/// Where each pixel of a photograph lies in a square that is laid over it: the other way round of a
/// [`Crop`](crate::Crop), for what is to be the same on every face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    region: Rect,
    /// The point (u, v) of the square over the point (x, y) of the photograph is `x column + y row + shift`.
    column: [f64; 2],
    row: [f64; 2],
    shift: [f64; 2],
}

impl Placement {
    /// The square of `size` x `size` that [`Framing::StarGan`](crate::Framing) cuts out, over a face in a photograph of
    /// `[height, width]`.
    ///
    /// # Errors
    /// `size` is 0, the landmarks are one point, or the square lies beside the photograph.
    pub fn over_face(face: &Face, photograph: [usize; 2], size: usize) -> Result<Self, Error> {
        if size == 0 {
            return Err(Repr::Size.into());
        }
        let to_photograph = celeba(face, size)?;
        let side = size as f64;
        let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]].map(|c| to_photograph.apply(c));
        let span = |axis: usize, extent: usize| {
            let low = corners.iter().map(|c| c[axis]).fold(f64::MAX, f64::min);
            let high = corners.iter().map(|c| c[axis]).fold(f64::MIN, f64::max);
            let start = low.floor().clamp(0.0, extent as f64) as usize;
            let end = high.ceil().clamp(0.0, extent as f64) as usize;
            (start < end).then_some((start, end - start))
        };
        let (Some((x, width)), Some((y, height))) = (span(0, photograph[1]), span(1, photograph[0])) else {
            let [x, y] = face.bounds.centre();
            let [height, width] = photograph;
            return Err(Repr::Outside { x, y, width, height }.into());
        };
        let back = to_photograph.inverse();
        let shift = back.apply([0.0; 2]);
        let part = |point: [f64; 2]| [0, 1].map(|k| back.apply(point)[k] - shift[k]);
        let region = Rect { x, y, width, height };
        Ok(Self { region, column: part([1.0, 0.0]), row: part([0.0, 1.0]), shift })
    }

    /// The square over a whole photograph of `[height, width]`, without regard to its proportions.
    ///
    /// # Errors
    /// `size` or the photograph is empty.
    pub fn over_all([height, width]: [usize; 2], size: usize) -> Result<Self, Error> {
        if [height, width, size].contains(&0) {
            return Err(Repr::Size.into());
        }
        let [column, row] = [width, height].map(|side| size as f64 / side as f64);
        let region = Rect { x: 0, y: 0, width, height };
        Ok(Self { region, column: [column, 0.0], row: [0.0, row], shift: [0.0; 2] })
    }

    /// The part of the photograph that the square may lie over.
    pub fn region(&self) -> Rect {
        self.region
    }

    /// Where the middle of a pixel of the photograph lies in the square, whose pixel i of an axis is from i to i + 1; beside
    /// the square it is below 0 or above its size.
    pub fn at(&self, x: usize, y: usize) -> [f64; 2] {
        let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
        [0, 1].map(|k| x * self.column[k] + y * self.row[k] + self.shift[k])
    }
}
