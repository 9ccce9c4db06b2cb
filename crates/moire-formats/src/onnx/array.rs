//! Whole numbers with a shape: what shape arithmetic is done in, exactly.

use moire_tensor::Shape;

/// Values of one kind with a shape, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array<T> {
    pub(crate) shape: Shape,
    pub(crate) data: Vec<T>,
}

/// Integers; truths are 0 and 1.
pub(crate) type Ints = Array<i64>;

impl<T: Copy> Array<T> {
    /// `data` has as many elements as `shape`.
    pub(crate) fn new(shape: impl Into<Shape>, data: Vec<T>) -> Self {
        let shape = shape.into();
        debug_assert_eq!(shape.numel(), data.len(), "a shape holds its data");
        Self { shape, data }
    }

    pub(crate) fn vector(data: Vec<T>) -> Self {
        Self::new([data.len()], data)
    }

    pub(crate) fn scalar(value: T) -> Self {
        Self::new(Shape::default(), vec![value])
    }

    pub(crate) fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Array<U> {
        Array::new(self.shape.clone(), self.data.iter().map(|&v| f(v)).collect())
    }

    /// The array of `shape` whose element at each index is the one at the position that `source` names.
    pub(crate) fn rearranged(&self, shape: Shape, mut source: impl FnMut(&[usize]) -> usize) -> Self {
        let mut data = Vec::with_capacity(shape.numel());
        let mut index = vec![0; shape.len()];
        for _ in 0..shape.numel() {
            data.push(self.data[source(&index)]);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Self { shape, data }
    }

    /// Extents of 1 repeated; `shape` is one that this one broadcasts to.
    pub(crate) fn expanded(&self, shape: Shape) -> Self {
        if self.shape == shape {
            return self.clone();
        }
        let (strides, lead) = (self.shape.strides(), shape.len() - self.shape.len());
        let steps: Vec<usize> =
            self.shape.iter().zip(strides).map(|(&d, s)| if d == 1 { 0 } else { s }).collect();
        self.rearranged(shape, |index| index[lead..].iter().zip(&steps).map(|(i, s)| i * s).sum())
    }

    /// Axis `i` of the result is axis `order[i]`.
    pub(crate) fn transposed(&self, order: &[usize]) -> Self {
        let strides = self.shape.strides();
        let shape = order.iter().map(|&a| self.shape[a]).collect();
        self.rearranged(shape, |index| index.iter().zip(order).map(|(i, &a)| i * strides[a]).sum())
    }

    /// The elements `picks` of `axis`, in that order.
    pub(crate) fn picked(&self, axis: usize, picks: &[usize]) -> Self {
        let strides = self.shape.strides();
        self.rearranged(self.shape.with(axis, picks.len()), |index| {
            let at = |a: usize| if a == axis { picks[index[a]] } else { index[a] };
            (0..index.len()).map(|a| at(a) * strides[a]).sum()
        })
    }

    /// Arrays one after another along `axis`; they agree in all other axes, and there is one.
    pub(crate) fn joined(parts: &[Self], axis: usize) -> Self {
        let first = &parts[0].shape;
        let shape = first.with(axis, parts.iter().map(|p| p.shape[axis]).sum());
        let outer: usize = first[..axis].iter().product();
        let mut data = Vec::with_capacity(shape.numel());
        for o in 0..outer {
            for part in parts {
                let size = part.data.len() / outer;
                data.extend_from_slice(&part.data[o * size..(o + 1) * size]);
            }
        }
        Self::new(shape, data)
    }
}
