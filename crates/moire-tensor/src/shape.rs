use std::fmt;
use std::ops::Deref;

use crate::error::{Error, Repr};

/// The extents of a tensor, outermost first. The empty shape is a scalar.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// The number of elements: the product of the extents, 1 for a scalar.
    pub fn numel(&self) -> usize {
        self.0.iter().product()
    }

    /// [`Shape::numel`] for extents that a stranger chose.
    ///
    /// # Errors
    /// The product does not fit a `usize`.
    pub fn checked_numel(&self) -> Result<usize, Error> {
        self.0
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .ok_or_else(|| Repr::TooLarge { shape: self.clone() }.into())
    }

    /// Row-major strides, in elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.0.len()];
        for axis in (1..self.0.len()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// This shape with `axis` set to `extent`.
    ///
    /// # Panics
    /// `axis` is not an axis of this shape.
    #[must_use]
    pub fn with(&self, axis: usize, extent: usize) -> Self {
        let mut dims = self.0.clone();
        dims[axis] = extent;
        Self(dims)
    }

    /// The shape that numpy's broadcasting gives two operands, or `None` where they do not fit.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let rank = self.len().max(other.len());
        let extent = |s: &Self, axis: usize| (axis + s.len()).checked_sub(rank).map_or(1, |a| s.0[a]);
        (0..rank)
            .map(|axis| match (extent(self, axis), extent(other, axis)) {
                (a, b) if a == b || b == 1 => Some(a),
                (1, b) => Some(b),
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self(dims.to_vec())
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Self(dims)
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Self {
        Self(dims.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, d) in self.0.iter().enumerate() {
            write!(f, "{}{d}", if axis == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn strides_are_row_major() {
        assert_eq!(Shape::from([2, 3, 4]).strides(), [12, 4, 1]);
        assert!(Shape::default().strides().is_empty());
        assert_eq!(Shape::default().numel(), 1);
    }

    #[test]
    fn broadcasting_follows_numpy() {
        let case = |a: &[usize], b: &[usize]| Shape::from(a).broadcast(&Shape::from(b)).map(|s| s.to_vec());
        assert_eq!(case(&[5, 1, 4], &[3, 1]), Some(vec![5, 3, 4]));
        assert_eq!(case(&[], &[2, 2]), Some(vec![2, 2]));
        assert_eq!(case(&[2], &[3]), None);
    }

    #[test]
    fn counting_elements_does_not_overflow() {
        assert!(Shape::from([usize::MAX, 2]).checked_numel().is_err());
        assert_eq!(Shape::from([3, 5]).checked_numel().unwrap(), 15);
    }
}
