use moire_graph::MatMul;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::Kernel;
use crate::layout::{broadcast_strides, strides};
use crate::nest::Nest;
use crate::product::{Matrix, product};
use crate::program::Operands;
use crate::scratch::Scratch;

/// Rows of one task.
const ROWS: usize = 64;

/// Matrix products over the last two axes.
pub(crate) struct Products {
    size: usize,
    extents: [usize; 3],
    /// Rows and columns of the result, of the first and of the second operand.
    out: [usize; 2],
    a: [usize; 2],
    b: [usize; 2],
    /// Over the leading axes: result, first, second operand.
    lead: Nest<3>,
}

impl Products {
    pub(crate) fn new(op: MatMul, a: &Shape, b: &Shape, shape: &Shape) -> Self {
        let rank = shape.len();
        // An operand's leading axes read as the result's; its last two axes keep their own extents.
        let read = |from: &Shape| {
            let mut full = shape.to_vec();
            full[rank - 2..].copy_from_slice(&from[from.len() - 2..]);
            broadcast_strides(from, &full.into())
        };
        let matrix = |from: &Shape, transposed: bool| {
            let own = strides(from);
            let [row, column] = [own[own.len() - 2], own[own.len() - 1]];
            if transposed { [column, row] } else { [row, column] }
        };
        let lead_shape: Shape = shape[..rank - 2].iter().copied().chain([1, 1]).collect();
        let (out, left, right) = (strides(shape), read(a), read(b));
        let k = if op.transpose_a { a[a.len() - 2] } else { a[a.len() - 1] };
        Self {
            size: shape.numel(),
            extents: [shape[rank - 2], shape[rank - 1], k],
            out: [out[rank - 2], out[rank - 1]],
            a: matrix(a, op.transpose_a),
            b: matrix(b, op.transpose_b),
            lead: Nest::new(&lead_shape, [&out, &left, &right]),
        }
    }
}

impl Kernel for Products {
    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let (a, b) = (operands.get(0), operands.get(1));
        let [m, n, k] = self.extents;
        out.par_chunks_mut(self.size).enumerate().for_each(|(s, out)| {
            let (a, b) = (a.sample(s), b.sample(s));
            let steps = self.lead.steps();
            self.lead.each_run(|[o, ia, ib]| {
                for i in 0..self.lead.run() {
                    let (o, ia, ib) = (o + i * steps[0], ia + i * steps[1], ib + i * steps[2]);
                    let right = Matrix { data: &b[ib..], strides: self.b };
                    if self.out == [n, 1] {
                        out[o..o + m * n].par_chunks_mut(ROWS * n).enumerate().for_each(|(block, rows)| {
                            let left = Matrix { data: &a[ia + block * ROWS * self.a[0]..], strides: self.a };
                            product([rows.len() / n, n, k], left, right, rows, self.out);
                        });
                    } else {
                        let left = Matrix { data: &a[ia..], strides: self.a };
                        product([m, n, k], left, right, &mut out[o..], self.out);
                    }
                }
            });
        });
    }
}
