//! Tiles of a product, kept in registers from the first term to the epilogue.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::{Finish, MOST_ROWS, Panels, Rows, Shared};
use crate::simd::Simd;

/// How far ahead of its use the packed side is asked for, in numbers.
const AHEAD: usize = 512;
/// Terms of a sum that are added in one turn of the innermost loop.
const TOGETHER: usize = 4;
/// The most numbers in a row of a tile on any machine.
const WIDEST: usize = 32;

/// The product of `rows` with panels `which`, finished and written to `out`.
///
/// # Safety
/// While it runs nobody else reads or writes those columns of those rows of `out`.
///
/// # Panics
/// A line, a panel, a place or an operand of the epilogue is too short.
#[allow(unsafe_code, reason = "registers are filled and written by pointer")]
#[inline(always)]
pub(crate) unsafe fn tiles<S: Simd>(
    simd: S,
    rows: &Rows<'_>,
    panels: Panels<'_>,
    which: Range<usize>,
    out: &Shared<'_>,
    finish: &Finish<'_>,
) {
    assert!(S::LANES == panels.lanes && which.end <= panels.count(), "the panels are of this machine");
    assert!(rows.pitch <= S::ROWS && rows.at.len() <= rows.pitch, "no more rows than registers");
    assert!(rows.lines.len() * rows.run == panels.inner * rows.pitch, "as many terms on either side");
    assert!(rows.lines.iter().all(|line| line.len() >= rows.run), "the lines are long enough");
    let fits = |&at: &usize| at <= out.len && panels.columns <= out.len - at;
    assert!(rows.at.iter().all(fits), "the rows lie in the result");
    assert!(
        finish.covers(out.len, panels.columns.next_multiple_of(S::LANES)),
        "the epilogue covers the result"
    );
    for index in which {
        let (panel, vectors) = panels.get(index);
        let column = index * 2 * S::LANES;
        let width = (panels.columns - column).min(vectors * S::LANES);
        // SAFETY: all extents have been checked above; the caller promises that the columns are its own.
        unsafe {
            if vectors == 2 {
                by_rows::<S, 2>(simd, rows, panel, out, column, width, finish);
            } else {
                by_rows::<S, 1>(simd, rows, panel, out, column, width, finish);
            }
        }
    }
}

/// The smallest tile that holds the rows.
///
/// # Safety
/// As for [`tile`].
#[allow(unsafe_code, reason = "as for `tile`")]
#[inline(always)]
unsafe fn by_rows<S: Simd, const N: usize>(
    simd: S,
    rows: &Rows<'_>,
    panel: &[f32],
    out: &Shared<'_>,
    column: usize,
    width: usize,
    finish: &Finish<'_>,
) {
    // SAFETY: as the caller promises; a tile has at most `pitch` rows since the machine's tile has no more.
    unsafe {
        match rows.at.len() {
            9.. if S::ROWS == MOST_ROWS => {
                tile::<S, MOST_ROWS, N>(simd, rows, panel, out, column, width, finish);
            }
            7.. if S::ROWS == MOST_ROWS => tile::<S, 8, N>(simd, rows, panel, out, column, width, finish),
            5.. => tile::<S, 6, N>(simd, rows, panel, out, column, width, finish),
            3.. => tile::<S, 4, N>(simd, rows, panel, out, column, width, finish),
            2 => tile::<S, 2, N>(simd, rows, panel, out, column, width, finish),
            1 => tile::<S, 1, N>(simd, rows, panel, out, column, width, finish),
            0 => {}
        }
    }
}

/// `R` rows by `N` vectors: at most [`MOST_ROWS`] by two.
///
/// # Safety
/// `rows.pitch` is at least `R`, every line has `rows.run` numbers, `panel` as many rows of `N` vectors as the lines
/// have numbers together, and `out`, like the epilogue's operands, `width` numbers from `at + column` on for each row.
#[allow(unsafe_code, reason = "the innermost loop of everything")]
#[inline(always)]
unsafe fn tile<S: Simd, const R: usize, const N: usize>(
    simd: S,
    rows: &Rows<'_>,
    panel: &[f32],
    out: &Shared<'_>,
    column: usize,
    width: usize,
    finish: &Finish<'_>,
) {
    let mut sums = [[simd.splat(0.0); N]; R];
    let mut b = panel.as_ptr();
    for line in rows.lines.chunks_exact(rows.pitch) {
        let a: [*const f32; R] = std::array::from_fn(|i| line[i].as_ptr());
        let whole = rows.run - rows.run % TOGETHER;
        for k in (0..whole).step_by(TOGETHER) {
            for n in 0..N * TOGETHER {
                simd.prefetch(b.wrapping_add(AHEAD + n * S::LANES));
            }
            // SAFETY: `TOGETHER` terms from `k` on lie in the lines, and the panel has a row for each.
            b = unsafe { terms::<S, R, N, TOGETHER>(simd, &a, k, b, &mut sums) };
        }
        for k in whole..rows.run {
            // SAFETY: as above, of one term.
            b = unsafe { terms::<S, R, N, 1>(simd, &a, k, b, &mut sums) };
        }
    }
    // By constant indices, so that the sums are registers until here.
    let mut raw = [MaybeUninit::<f32>::uninit(); MOST_ROWS * WIDEST];
    let start = raw.as_mut_ptr().cast::<f32>();
    for i in 0..R {
        for n in 0..N {
            // SAFETY: `R` rows of `N` vectors are no more than the widest tile has.
            unsafe { simd.store(start.add((i * N + n) * S::LANES), sums[i][n]) };
        }
    }
    for (i, &at) in rows.at.iter().enumerate() {
        for first in (0..width).step_by(S::LANES) {
            let count = (width - first).min(S::LANES);
            // SAFETY: the sum has been written above; `count` numbers from here on lie in the result, and so in the
            // epilogue's operands.
            unsafe {
                let sum = simd.load(start.add(i * N * S::LANES + first));
                let v = finish.apply(simd, sum, at + column + first, column + first, count);
                let to = out.start.add(at + column + first);
                if count == S::LANES { simd.store(to, v) } else { simd.store_part(to, v, count) }
            }
        }
    }
}

/// Adds `T` terms from `k` on to the sums; where the panel goes on. Each line's place is read once for all of them.
///
/// # Safety
/// Every line has `k + T` numbers, and `b` points to `T` rows of `N` vectors.
#[allow(unsafe_code, reason = "as for `tile`")]
#[inline(always)]
unsafe fn terms<S: Simd, const R: usize, const N: usize, const T: usize>(
    simd: S,
    a: &[*const f32; R],
    k: usize,
    b: *const f32,
    sums: &mut [[S::V; N]; R],
) -> *const f32 {
    for t in 0..T {
        // SAFETY: as the caller promises.
        let right: [S::V; N] = std::array::from_fn(|n| unsafe { simd.load(b.add((t * N + n) * S::LANES)) });
        for i in 0..R {
            // SAFETY: as the caller promises.
            let left = simd.splat(unsafe { *a[i].add(k + t) });
            for n in 0..N {
                sums[i][n] = simd.mul_add(left, right[n], sums[i][n]);
            }
        }
    }
    // SAFETY: as the caller promises: to the end of the rows at most.
    unsafe { b.add(T * N * S::LANES) }
}
