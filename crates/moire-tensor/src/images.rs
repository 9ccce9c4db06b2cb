use crate::Tensor;
use crate::error::{Error, Repr};

/// A batch of RGB images `[n, 3, h, w]`, every value in `[0, 1]`.
///
/// What holds one of these has been checked: attacks, metrics and encoders do not check again.
#[derive(Debug, Clone, PartialEq)]
pub struct Images(Tensor);

impl Images {
    /// Images from a tensor `[n, 3, h, w]`.
    ///
    /// # Errors
    /// Another shape, an empty extent, or a value outside `[0, 1]` or not finite. Nothing is clipped.
    pub fn new(tensor: Tensor) -> Result<Self, Error> {
        match **tensor.shape() {
            [n, 3, h, w] if n > 0 && h > 0 && w > 0 => {}
            _ => return Err(Repr::NotImages { found: tensor.shape().clone() }.into()),
        }
        let per_image = tensor.data().len() / tensor.shape()[0];
        match tensor.data().iter().position(|v| !(0.0..=1.0).contains(v)) {
            None => Ok(Self(tensor)),
            Some(i) => {
                Err(Repr::Pixel { image: i / per_image, index: i % per_image, value: tensor.data()[i] }
                    .into())
            }
        }
    }

    /// Images from arithmetic that may leave the range by rounding or by a step: every value is clamped to
    /// `[0, 1]`, which is the projection onto the box of valid images.
    ///
    /// # Errors
    /// Another shape than `[n, 3, h, w]`, or a value that is not a number.
    pub fn project(mut tensor: Tensor) -> Result<Self, Error> {
        tensor.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Self::new(tensor)
    }

    /// The number of images, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.0.shape()[0]
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.0.shape()[2]
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.0.shape()[3]
    }

    /// The tensor `[n, 3, h, w]`.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// The tensor `[n, 3, h, w]`, without the promise.
    pub fn into_tensor(self) -> Tensor {
        self.0
    }

    /// Image `index` as `[3, h, w]` values, row-major.
    ///
    /// # Panics
    /// `index` is not below [`Images::len`].
    pub fn image(&self, index: usize) -> &[f32] {
        self.0.row(index)
    }

    /// The images `indices`, in that order.
    ///
    /// # Panics
    /// `indices` is empty or one of them is not below [`Images::len`].
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        assert!(!indices.is_empty(), "a batch is never empty");
        Self(self.0.select(indices))
    }

    /// The images as an 8-bit file holds them: each value rounded to the nearest of 256 levels, halves up. In
    /// double precision product and sum are exact, so no value lands on the wrong side of a half.
    #[must_use]
    pub fn quantised(&self) -> Self {
        Self(self.0.map(|v| f32::from((f64::from(v) * 255.0 + 0.5) as u8) / 255.0))
    }

    /// The batch of all `parts` in order.
    ///
    /// # Errors
    /// Two parts differ in height or width.
    ///
    /// # Panics
    /// `parts` is empty.
    pub fn concat(parts: &[&Self]) -> Result<Self, Error> {
        let n = parts.iter().map(|p| p.len()).sum();
        let shape = parts[0].0.shape().with(0, n);
        let data = parts.iter().flat_map(|p| p.0.data().iter().copied()).collect();
        match parts.iter().find(|p| p.0.shape()[2..] != shape[2..]) {
            Some(odd) => Err(Repr::NotImages { found: odd.0.shape().clone() }.into()),
            None => Ok(Self(Tensor::new(shape, data)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Images;
    use crate::{ErrorKind, Tensor};

    #[test]
    fn a_value_out_of_range_is_named() {
        let mut t = Tensor::full([2, 3, 2, 2], 0.5);
        t.data_mut()[13] = 1.5;
        let error = Images::new(t.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Range);
        assert_eq!(error.to_string(), "pixel 1 of image 1 is 1.5, outside [0, 1]");
        assert_eq!(Images::project(t).unwrap().image(1)[1], 1.0);
    }

    #[test]
    fn not_a_number_is_refused_even_by_projection() {
        let mut t = Tensor::full([1, 3, 1, 1], 0.5);
        t.data_mut()[0] = f32::NAN;
        assert!(Images::new(t.clone()).is_err());
        assert!(Images::project(t).is_err());
    }

    #[test]
    fn shape_is_checked() {
        for shape in [[1, 1, 2, 2], [0, 3, 2, 2], [1, 3, 0, 2]] {
            assert_eq!(Images::new(Tensor::full(shape, 0.0)).unwrap_err().kind(), ErrorKind::Shape);
        }
    }
}
