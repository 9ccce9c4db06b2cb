//! The one door to the `gemm` crate.

/// A matrix in a slice: rows and columns `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(crate) data: &'a [f32],
    /// Distances between rows and between columns.
    pub(crate) strides: [usize; 2],
}

/// `out[m, n] = a[m, k] b[k, n]`, with `out_strides` between the rows and the columns of `out`.
///
/// On the calling thread alone, with blocks that depend on the three extents only.
///
/// # Panics
/// A matrix reaches beyond its slice.
pub(crate) fn product(
    [m, n, k]: [usize; 3],
    a: Matrix<'_>,
    b: Matrix<'_>,
    out: &mut [f32],
    out_strides: [usize; 2],
) {
    if m == 0 || n == 0 {
        return;
    }
    let holds = |len: usize, rows: usize, columns: usize, [row, column]: [usize; 2]| {
        rows == 0 || columns == 0 || (rows - 1) * row + (columns - 1) * column < len
    };
    assert!(holds(a.data.len(), m, k, a.strides), "the left matrix lies in its slice");
    assert!(holds(b.data.len(), k, n, b.strides), "the right matrix lies in its slice");
    assert!(holds(out.len(), m, n, out_strides), "the product lies in its slice");
    // SAFETY: by the asserts above every element that `gemm` reads or writes lies in its slice; `out` is
    // borrowed exclusively, so it overlaps neither operand; with alpha 0 (`read_dst` false) `out` is not read.
    #[allow(unsafe_code, reason = "gemm takes pointers")]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_strides[1] as isize,
            out_strides[0] as isize,
            false,
            a.data.as_ptr(),
            a.strides[1] as isize,
            a.strides[0] as isize,
            b.data.as_ptr(),
            b.strides[1] as isize,
            b.strides[0] as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, product};

    #[test]
    fn strides_transpose() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        let mut out = [f32::NAN; 4];
        let (plain, flipped) = ([2, 1], [1, 2]);
        product(
            [2, 2, 2],
            Matrix { data: &a, strides: plain },
            Matrix { data: &b, strides: plain },
            &mut out,
            [2, 1],
        );
        assert_eq!(out, [19.0, 22.0, 43.0, 50.0]);
        product(
            [2, 2, 2],
            Matrix { data: &a, strides: flipped },
            Matrix { data: &b, strides: plain },
            &mut out,
            [2, 1],
        );
        assert_eq!(out, [26.0, 30.0, 38.0, 44.0]);
    }

    #[test]
    #[should_panic(expected = "left matrix")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let mut out = [0.0; 4];
        let short = Matrix { data: &[1.0; 3], strides: [2, 1] };
        product([2, 2, 2], short, Matrix { data: &[1.0; 4], strides: [2, 1] }, &mut out, [2, 1]);
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let mut out = [f32::NAN; 2];
        let empty = Matrix { data: &[], strides: [1, 1] };
        product([1, 2, 0], empty, empty, &mut out, [2, 1]);
        assert_eq!(out, [0.0, 0.0]);
    }
}
