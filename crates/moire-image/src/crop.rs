use std::fmt;

use moire_tensor::{Images, Tensor};

use crate::error::{Error, Repr};

/// A rectangle of pixels; (x, y) is its upper left corner, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rect {
    /// The first column.
    pub x: usize,
    /// The first row.
    pub y: usize,
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
}

impl Rect {
    /// The largest square in the middle of an image of `width` x `height`; where the margins cannot be equal, the
    /// left or upper one is the smaller.
    pub fn centre_square(width: usize, height: usize) -> Self {
        let side = width.min(height);
        Self { x: (width - side) / 2, y: (height - side) / 2, width: side, height: side }
    }

    /// Whether the rectangle has pixels, all of them inside an image of `width` x `height`.
    pub fn fits(self, width: usize, height: usize) -> bool {
        let inside = |start: usize, length: usize, extent: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= extent)
        };
        inside(self.x, self.width, width) && inside(self.y, self.height, height)
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} at ({}, {})", self.width, self.height, self.x, self.y)
    }
}

/// The pixels of `rect` in every image: `[n, 3, h, w]` to `[n, 3, rect.height, rect.width]`.
///
/// # Errors
/// The rectangle is empty or leaves the images.
pub fn crop(images: &Images, rect: Rect) -> Result<Images, Error> {
    let (width, height) = (images.width(), images.height());
    if !rect.fits(width, height) {
        return Err(Repr::Outside { rect, width, height }.into());
    }
    let rows = images.tensor().data().chunks_exact(width).enumerate();
    let data = rows
        .filter(|(row, _)| (rect.y..rect.y + rect.height).contains(&(row % height)))
        .flat_map(|(_, row)| row[rect.x..rect.x + rect.width].iter().copied())
        .collect();
    let tensor = Tensor::new([images.len(), 3, rect.height, rect.width], data);
    Ok(tensor.and_then(Images::new).expect("a rectangle that fits has pixels, all of them images' own"))
}

#[cfg(test)]
mod tests {
    use super::{Rect, crop};
    use crate::ErrorKind;
    use moire_tensor::{Images, Tensor};

    fn ramp() -> Images {
        Images::new(Tensor::from_fn([2, 3, 3, 4], |i| i as f32 / 100.0)).unwrap()
    }

    #[test]
    fn takes_the_same_rectangle_of_every_channel_and_image() {
        let found = crop(&ramp(), Rect { x: 1, y: 2, width: 2, height: 1 }).unwrap();
        assert_eq!(found.tensor().shape().to_vec(), [2, 3, 1, 2]);
        let expected: Vec<f32> =
            (0..6).flat_map(|p| [12 * p + 9, 12 * p + 10]).map(|i| i as f32 / 100.0).collect();
        assert_eq!(found.tensor().data(), expected);
        assert_eq!(crop(&ramp(), Rect { x: 0, y: 0, width: 4, height: 3 }).unwrap(), ramp());
    }

    #[test]
    fn the_centre_square() {
        assert_eq!(Rect::centre_square(7, 4), Rect { x: 1, y: 0, width: 4, height: 4 });
        assert_eq!(Rect::centre_square(4, 7), Rect { x: 0, y: 1, width: 4, height: 4 });
    }

    #[test]
    fn what_leaves_the_image_is_an_error() {
        for (x, y, width, height) in [(3, 0, 2, 1), (0, 3, 1, 1), (0, 0, 0, 1), (usize::MAX, 0, 2, 1)] {
            let error = crop(&ramp(), Rect { x, y, width, height }).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parameter);
        }
        let error = crop(&ramp(), Rect { x: 3, y: 0, width: 2, height: 1 }).unwrap_err();
        assert_eq!(error.to_string(), "rectangle 2 x 1 at (3, 0) does not fit an image of 4 x 3");
    }
}
