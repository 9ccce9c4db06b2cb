use std::ops::Range;

use crate::aligned::Aligned;
use crate::simd::Vectors;

/// The right side of a product in panels two vectors wide, rows of a panel one after another; the last panel is one
/// vector wide where that is enough. What a panel has beyond the last column is zero.
pub(crate) struct Packed {
    data: Aligned,
    inner: usize,
    columns: usize,
    lanes: usize,
}

/// A borrowed [`Packed`].
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a> {
    pub(crate) data: &'a [f32],
    /// Rows: terms of each sum.
    pub(crate) inner: usize,
    pub(crate) columns: usize,
    pub(crate) lanes: usize,
}

/// Numbers that `columns` columns of `inner` rows take when packed.
pub(crate) fn packed_size(lanes: usize, inner: usize, columns: usize) -> usize {
    inner * columns.next_multiple_of(lanes)
}

impl Packed {
    /// The matrix whose row `k`, column `n` is `weight(k, n)`.
    pub(crate) fn new(
        vectors: Vectors,
        [inner, columns]: [usize; 2],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let lanes = vectors.lanes();
        let mut data = Aligned::zeros(packed_size(lanes, inner, columns));
        pack(&mut data, lanes, [inner, columns], |k, first, row| {
            row.iter_mut().enumerate().for_each(|(n, v)| *v = weight(k, first + n));
        });
        Self { data, inner, columns, lanes }
    }

    pub(crate) fn panels(&self) -> Panels<'_> {
        Panels { data: &self.data, inner: self.inner, columns: self.columns, lanes: self.lanes }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.data.bytes()
    }
}

/// Packs a matrix into `data`, of [`packed_size`]: `fill(k, n, part)` writes a part of its row `k`, from column `n` on.
pub(crate) fn pack(
    data: &mut [f32],
    lanes: usize,
    [inner, columns]: [usize; 2],
    fill: impl Fn(usize, usize, &mut [f32]),
) {
    let mut rest = data;
    for first in (0..columns).step_by(2 * lanes) {
        let width = if columns - first > lanes { 2 * lanes } else { lanes };
        let used = width.min(columns - first);
        let (panel, after) = rest.split_at_mut(inner * width);
        for (k, row) in panel.chunks_exact_mut(width).enumerate() {
            fill(k, first, &mut row[..used]);
            row[used..].fill(0.0);
        }
        rest = after;
    }
}

impl<'a> Panels<'a> {
    /// How many panels there are.
    pub(crate) fn count(&self) -> usize {
        self.columns.div_ceil(2 * self.lanes)
    }

    /// Panel `index`: its numbers and how many vectors wide it is.
    pub(crate) fn get(&self, index: usize) -> (&'a [f32], usize) {
        let first = index * 2 * self.lanes;
        let vectors = if self.columns - first > self.lanes { 2 } else { 1 };
        (&self.data[first * self.inner..][..self.inner * vectors * self.lanes], vectors)
    }

    /// The columns that some of the panels hold.
    pub(crate) fn columns_of(&self, which: Range<usize>) -> Range<usize> {
        let width = 2 * self.lanes;
        which.start * width..(which.end * width).min(self.columns)
    }

    /// Some of the panels as a matrix of their own.
    pub(crate) fn part(&self, which: Range<usize>) -> Self {
        let columns = self.columns_of(which);
        let size = packed_size(self.lanes, self.inner, columns.len());
        let data = &self.data[columns.start * self.inner..][..size];
        Self { data, columns: columns.len(), ..*self }
    }
}
