use moire_graph::MatMul;
use moire_tensor::Shape;
use rayon::prelude::*;

use super::{Kernel, Operand};
use crate::layout::{broadcast_strides, strides};
use crate::nest::Nest;
use crate::product::{Finish, Finishing, MOST_ROWS, Packed, Panels, Rows, Shared, pack, packed_size, tiles};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Simd, Task, Vectors};

/// Multiplications that one task has about, where weights are packed beforehand.
const TASK: usize = 1 << 21;
/// Numbers of packed weights that stay in a core's own cache while rows go by.
const RESIDENT: usize = 1 << 17;

/// Matrix products over the last two axes.
pub(crate) struct Products {
    vectors: Vectors,
    m: usize,
    n: usize,
    k: usize,
    /// Distances between rows and columns of the result, of the first and of the second operand.
    out: [usize; 2],
    a: [usize; 2],
    b: [usize; 2],
    /// Where the matrices of each leading index start: result, first, second operand.
    leads: Vec<[usize; 3]>,
    /// The second operand, where it is one constant matrix.
    packed: Option<Packed>,
    finishing: Finishing,
}

impl Products {
    pub(crate) fn new(
        vectors: Vectors,
        op: MatMul,
        [a, b, shape]: [&Shape; 3],
        constant: Option<&[f32]>,
        finishing: Finishing,
    ) -> Self {
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
        let lead = Nest::new(&lead_shape, [&out, &left, &right]);
        let mut leads = Vec::new();
        let steps = lead.steps();
        lead.each_run(|at: [usize; 3]| {
            leads.extend((0..lead.run()).map(|i| std::array::from_fn(|v| at[v] + i * steps[v])));
        });
        let k = if op.transpose_a { a[a.len() - 2] } else { a[a.len() - 1] };
        let (m, n) = (shape[rank - 2], shape[rank - 1]);
        let b_strides = matrix(b, op.transpose_b);
        let one = constant.filter(|_| leads.iter().all(|lead| lead[2] == 0));
        let packed = one.map(|b| Packed::new(vectors, [k, n], |k, n| b[k * b_strides[0] + n * b_strides[1]]));
        Self {
            vectors,
            m,
            n,
            k,
            out: [out[rank - 2], out[rank - 1]],
            a: matrix(a, op.transpose_a),
            b: b_strides,
            leads,
            packed,
            finishing,
        }
    }

    /// Rows and panels of one task.
    fn task(&self) -> [usize; 2] {
        let lanes = self.vectors.lanes();
        if self.packed.is_none() {
            return [self.m, usize::MAX];
        }
        let panels = (RESIDENT / (self.k * 2 * lanes).max(1)).clamp(1, self.n.div_ceil(2 * lanes));
        let work = self.k * self.n.min(panels * 2 * lanes);
        [(TASK / work.max(1)).max(1).next_multiple_of(self.vectors.rows()), panels]
    }
}

/// Some rows, counted over all samples and leading indices, by some panels.
struct Chunk<'a> {
    products: &'a Products,
    a: Operand<'a>,
    panels: Panels<'a>,
    which: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    out: &'a Shared<'a>,
    size: usize,
    finish: &'a Finish<'a>,
    scratch: &'a mut [f32],
}

impl Task for Chunk<'_> {
    #[allow(unsafe_code, reason = "tasks write disjoint elements of one slice")]
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { products, a, out, scratch, .. } = self;
        let Products { m, n, k, leads, .. } = products;
        let (gathered, product) = scratch.split_at_mut(if products.a[1] == 1 { 0 } else { S::ROWS * k });
        for first in self.rows.clone().step_by(S::ROWS) {
            let count = S::ROWS.min(self.rows.end - first);
            let mut lines: [&[f32]; MOST_ROWS] = [&[]; MOST_ROWS];
            let mut at = [0; MOST_ROWS];
            let mut rest = &mut *gathered;
            for i in 0..count {
                let (matrix, row) = ((first + i) / m, (first + i) % m);
                let (sample, [to, from, _]) = (matrix / leads.len(), leads[matrix % leads.len()]);
                at[i] = sample * self.size + to + row * products.out[0];
                let line = &a.sample(sample)[from + row * products.a[0]..];
                lines[i] = if products.a[1] == 1 {
                    &line[..*k]
                } else {
                    let (own, after) = rest.split_at_mut(*k);
                    own.iter_mut().zip(line.iter().step_by(products.a[1])).for_each(|(v, x)| *v = *x);
                    rest = after;
                    own
                };
            }
            let last = lines[count - 1];
            lines[count..S::ROWS].fill(last);
            let (lines, pitch, run) = (&lines[..S::ROWS], S::ROWS, *k);
            let which = self.which.clone();
            // SAFETY: tasks share no row and panel together; scratch is this thread's own.
            unsafe {
                if products.out[1] == 1 {
                    let rows = Rows { lines, pitch, run, at: &at[..count] };
                    let columns = self.panels.columns_of(which.clone());
                    tiles(simd, &rows, self.panels, which, out, self.finish);
                    for at in &at[..count] {
                        self.finish.smooth(simd, out, at + columns.start, columns.len());
                    }
                    continue;
                }
                let own: [usize; MOST_ROWS] = std::array::from_fn(|i| i * n);
                let rows = Rows { lines, pitch, run, at: &own[..count] };
                tiles(
                    simd,
                    &rows,
                    self.panels,
                    which,
                    &Shared::new(&mut product[..count * n]),
                    &Finish::NONE,
                );
                // Other panels are other tasks' business.
                let [first, end] = [self.which.start, self.which.end].map(|panel| panel * 2 * S::LANES);
                for (line, &at) in product.chunks_exact(*n).zip(&at[..count]) {
                    for j in first..end.min(*n) {
                        out.part(at + j * products.out[1], 1)[0] = line[j];
                    }
                }
            }
        }
    }
}

impl Kernel for Products {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>) {
        let a = operands.get(0);
        let size = self.leads.len() * self.m * self.n;
        let matrices = results.value.len() / size * self.leads.len();
        let (out, finish) = self.finishing.bind(operands, results);
        let (out, finish) = (&out, &finish);
        let [chunk, group] = self.task();
        let all = matrices * self.m;
        let lanes = self.vectors.lanes();
        match &self.packed {
            Some(packed) => {
                let panels = packed.panels();
                let chunks = all.div_ceil(chunk);
                (0..chunks * panels.count().div_ceil(group)).into_par_iter().for_each(|task| {
                    let (first, panel) = (task % chunks * chunk, task / chunks * group);
                    let rows = first..(first + chunk).min(all);
                    let which = panel..(panel + group).min(panels.count());
                    scratch.with(|scratch| {
                        self.vectors.run(Chunk {
                            products: self,
                            a,
                            panels,
                            which,
                            rows,
                            out,
                            size,
                            finish,
                            scratch,
                        });
                    });
                });
            }
            None => (0..matrices).into_par_iter().for_each(|matrix| {
                let (sample, [_, _, from]) =
                    (matrix / self.leads.len(), self.leads[matrix % self.leads.len()]);
                let b = &operands.get(1).sample(sample)[from..];
                scratch.with(|scratch| {
                    let (data, scratch) = scratch.split_at_mut(packed_size(lanes, self.k, self.n));
                    pack(data, lanes, [self.k, self.n], |k, first, part| {
                        let row = &b[k * self.b[0] + first * self.b[1]..];
                        if self.b[1] == 1 {
                            part.copy_from_slice(&row[..part.len()]);
                        } else {
                            part.iter_mut().zip(row.iter().step_by(self.b[1])).for_each(|(v, b)| *v = *b);
                        }
                    });
                    let panels = Panels { data, inner: self.k, columns: self.n, lanes };
                    let (which, rows) = (0..panels.count(), matrix * self.m..(matrix + 1) * self.m);
                    self.vectors.run(Chunk {
                        products: self,
                        a,
                        panels,
                        which,
                        rows,
                        out,
                        size,
                        finish,
                        scratch,
                    });
                });
            }),
        }
    }

    fn holds(&self, operand: usize) -> bool {
        operand == 1 && self.packed.is_some()
    }

    fn scratch(&self) -> usize {
        let packed =
            if self.packed.is_some() { 0 } else { packed_size(self.vectors.lanes(), self.k, self.n) };
        let gathered = if self.a[1] == 1 { 0 } else { self.k };
        let product = if self.out[1] == 1 { 0 } else { self.n };
        packed + self.vectors.rows() * (gathered + product)
    }

    fn bytes(&self) -> usize {
        self.packed.as_ref().map_or(0, Packed::bytes)
    }
}
