//! Products with few columns, as dot products along the lines: vectors of channels rather than of columns.

use super::{Finish, Rows, Shared};
use crate::aligned::Aligned;
use crate::simd::{Simd, Vectors};

/// Columns of a tile.
const COLUMNS: usize = 4;

/// The right side, column after column: for each line its numbers, padded by zeros to whole vectors.
pub(crate) struct Dots {
    data: Aligned,
    lines: usize,
    run: usize,
    columns: usize,
    lanes: usize,
}

impl Dots {
    /// The matrix whose column `n` holds `weight(line * run + k, n)` for number `k` of each line.
    pub(crate) fn new(
        vectors: Vectors,
        [lines, run, columns]: [usize; 3],
        weight: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let lanes = vectors.lanes();
        let padded = run.next_multiple_of(lanes);
        let mut data = Aligned::zeros(columns * lines * padded);
        for n in 0..columns {
            for line in 0..lines {
                for k in 0..run {
                    data[(n * lines + line) * padded + k] = weight(line * run + k, n);
                }
            }
        }
        Self { data, lines, run, columns, lanes }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.data.bytes()
    }
}

/// The product of `rows` with `right`, finished and written to `out`.
///
/// # Safety
/// While it runs nobody else reads or writes those rows of `out`.
///
/// # Panics
/// A line, a place or an operand of the epilogue is too short.
#[allow(unsafe_code, reason = "registers are filled and written by pointer")]
#[inline(always)]
pub(crate) unsafe fn dots<S: Simd>(
    simd: S,
    rows: &Rows<'_>,
    right: &Dots,
    out: &Shared<'_>,
    finish: &Finish<'_>,
) {
    assert!(S::LANES == right.lanes, "the right side is of this machine");
    assert!(
        rows.run == right.run && rows.lines.len() == right.lines * rows.pitch,
        "as many terms on either side"
    );
    assert!(rows.lines.iter().all(|line| line.len() >= rows.run), "the lines are long enough");
    let fits = |&at: &usize| at <= out.len && right.columns <= out.len - at;
    assert!(rows.at.len() <= rows.pitch && rows.at.iter().all(fits), "the rows lie in the result");
    assert!(finish.covers(out.len, right.columns), "the epilogue covers the result");
    for column in (0..right.columns).step_by(COLUMNS) {
        // SAFETY: all extents have been checked above; the caller promises that the rows are its own.
        unsafe {
            match right.columns - column {
                1 => columns::<S, 1>(simd, rows, right, column, out, finish),
                2 => columns::<S, 2>(simd, rows, right, column, out, finish),
                3 => columns::<S, 3>(simd, rows, right, column, out, finish),
                _ => columns::<S, COLUMNS>(simd, rows, right, column, out, finish),
            }
        }
    }
}

/// `N` columns of all rows.
///
/// # Safety
/// As for [`tile`].
#[allow(unsafe_code, reason = "as for `tile`")]
#[inline(always)]
unsafe fn columns<S: Simd, const N: usize>(
    simd: S,
    rows: &Rows<'_>,
    right: &Dots,
    column: usize,
    out: &Shared<'_>,
    finish: &Finish<'_>,
) {
    let mut row = 0;
    // SAFETY: as the caller promises.
    unsafe {
        while S::LANES == 16 && row + 6 <= rows.at.len() {
            tile::<S, 6, N>(simd, rows, row, right, column, out, finish);
            row += 6;
        }
        while row + 2 <= rows.at.len() {
            tile::<S, 2, N>(simd, rows, row, right, column, out, finish);
            row += 2;
        }
        if row < rows.at.len() {
            tile::<S, 1, N>(simd, rows, row, right, column, out, finish);
        }
    }
}

/// `R` rows from `row` on by `N` columns from `column` on.
///
/// # Safety
/// The rows and columns exist, every line has `rows.run` numbers, and `out`, like the epilogue's operands, `N` numbers
/// from `at + column` on for each row.
#[allow(unsafe_code, reason = "an innermost loop")]
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const N: usize>(
    simd: S,
    rows: &Rows<'_>,
    row: usize,
    right: &Dots,
    column: usize,
    out: &Shared<'_>,
    finish: &Finish<'_>,
) {
    let padded = right.run.next_multiple_of(S::LANES);
    let mut sums = [[simd.splat(0.0); N]; R];
    for (l, line) in rows.lines.chunks_exact(rows.pitch).enumerate() {
        let a: [*const f32; R] = std::array::from_fn(|i| line[row + i].as_ptr());
        let b: [*const f32; N] =
            std::array::from_fn(|n| right.data[((column + n) * right.lines + l) * padded..].as_ptr());
        let mut k = 0;
        while k < right.run {
            let count = (right.run - k).min(S::LANES);
            // SAFETY: columns are padded to whole vectors; `count` numbers of each line are left.
            unsafe {
                let weights: [S::V; N] = std::array::from_fn(|n| simd.load(b[n].add(k)));
                for i in 0..R {
                    let left = if count == S::LANES {
                        simd.load(a[i].add(k))
                    } else {
                        simd.load_part(a[i].add(k), count)
                    };
                    for n in 0..N {
                        sums[i][n] = simd.mul_add(left, weights[n], sums[i][n]);
                    }
                }
            }
            k += S::LANES;
        }
    }
    for i in 0..R {
        let mut sum = [0.0; 16];
        for n in 0..N {
            sum[n] = simd.sum(sums[i][n]);
        }
        let at = rows.at[row + i] + column;
        // SAFETY: `N`, no more than a vector's lanes, numbers from here on lie in the result, and so in the
        // epilogue's operands; `sum` holds a whole vector.
        unsafe {
            let v = finish.apply(simd, simd.load(sum.as_ptr()), at, column, N);
            simd.store_part(out.start.add(at), v, N);
        }
    }
}
