use crate::Shape;
use crate::error::{Error, Repr};

/// Numbers with a shape, row-major and contiguous. `f32` unless a test wants `f64`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<T = f32> {
    shape: Shape,
    data: Vec<T>,
}

impl<T: Copy> Tensor<T> {
    /// A tensor of `shape` over `data`, row-major.
    ///
    /// # Errors
    /// The shape's element count is not the length of `data`.
    pub fn new(shape: impl Into<Shape>, data: Vec<T>) -> Result<Self, Error> {
        let shape = shape.into();
        let expected = shape.checked_numel()?;
        if expected == data.len() {
            Ok(Self { shape, data })
        } else {
            Err(Repr::Elements { shape, expected, found: data.len() }.into())
        }
    }

    /// A tensor whose every element is `value`.
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        let data = vec![value; shape.numel()];
        Self { shape, data }
    }

    /// A tensor whose elements are `f(0)`, `f(1)`, .. in row-major order.
    pub fn from_fn(shape: impl Into<Shape>, f: impl FnMut(usize) -> T) -> Self {
        let shape = shape.into();
        let data = (0..shape.numel()).map(f).collect();
        Self { shape, data }
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The elements, row-major, to write.
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The elements, row-major, without the shape.
    pub fn into_data(self) -> Vec<T> {
        self.data
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// The element counts differ.
    pub fn reshape(self, shape: impl Into<Shape>) -> Result<Self, Error> {
        Self::new(shape, self.data)
    }

    /// Each element through `f`.
    pub fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Tensor<U> {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// The elements of row `index` along the outermost axis.
    ///
    /// # Panics
    /// The tensor is a scalar, or `index` is not below its first extent.
    pub fn row(&self, index: usize) -> &[T] {
        let stride = self.data.len() / self.shape[0].max(1);
        &self.data[index * stride..(index + 1) * stride]
    }

    /// The rows `indices` along the outermost axis, in that order.
    ///
    /// # Panics
    /// As [`Tensor::row`].
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut data = Vec::with_capacity(self.data.len() / self.shape[0].max(1) * indices.len());
        for &i in indices {
            data.extend_from_slice(self.row(i));
        }
        Self { shape: self.shape.with(0, indices.len()), data }
    }
}

impl Tensor<f32> {
    /// The tensor in double precision.
    pub fn to_f64(&self) -> Tensor<f64> {
        self.map(f64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::Tensor;

    #[test]
    fn shape_and_data_must_agree() {
        let error = Tensor::new([2, 2], vec![1.0f32]).unwrap_err();
        assert_eq!(error.to_string(), "shape [2, 2] has 4 elements, the data has 1");
    }

    #[test]
    fn rows_are_selected_in_order() {
        let t = Tensor::from_fn([3, 2], |i| i as f32);
        assert_eq!(t.row(1), [2.0, 3.0]);
        assert_eq!(t.select(&[2, 0]).data(), [4.0, 5.0, 0.0, 1.0]);
    }
}
