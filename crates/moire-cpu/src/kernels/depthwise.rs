use rayon::prelude::*;

use super::Kernel;
use super::lattice::Lattice;
use crate::aligned::Aligned;
use crate::layout::Planes;
use crate::product::{Finish, Finishing, Shared};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Simd, Task, Vectors};

/// A convolution of each channel with a kernel of its own, plain or transposed.
pub(crate) struct Depthwise {
    vectors: Vectors,
    x: Planes,
    y: Planes,
    /// Each lattice with its weights: tap (vertical, horizontal), channel, padded to whole vectors.
    parts: Vec<(Lattice, Aligned)>,
    /// Channels padded to whole vectors.
    padded: usize,
    finishing: Finishing,
}

impl Depthwise {
    /// `weight(c, ky, kx)` is the weight of channel `c`.
    pub(crate) fn new(
        vectors: Vectors,
        (x, y): (Planes, Planes),
        lattices: &[Lattice],
        weight: impl Fn(usize, usize, usize) -> f32,
        finishing: Finishing,
    ) -> Self {
        let padded = y.channels.next_multiple_of(vectors.lanes());
        let pack = |lattice: &Lattice| {
            let taps = lattice[0]
                .taps
                .iter()
                .flat_map(|&(_, ky)| lattice[1].taps.iter().map(move |&(_, kx)| (ky, kx)));
            let mut packed = Aligned::zeros(lattice[0].taps.len() * lattice[1].taps.len() * padded);
            for (row, (ky, kx)) in packed.chunks_exact_mut(padded).zip(taps) {
                row[..y.channels].iter_mut().enumerate().for_each(|(c, w)| *w = weight(c, ky, kx));
            }
            packed
        };
        let parts = lattices.iter().map(|l| (l.clone(), pack(l))).collect();
        Self { vectors, x, y, parts, padded, finishing }
    }
}

/// Pixels whose sums are in registers together: each weight is read once for all of them.
const PIXELS: usize = 4;

/// Output row `oy` of one image.
struct Row<'a> {
    conv: &'a Depthwise,
    x: &'a [f32],
    oy: usize,
    /// Where the row starts in the result.
    at: usize,
    out: &'a Shared<'a>,
    finish: Finish<'a>,
}

impl Task for Row<'_> {
    #[allow(unsafe_code, reason = "tasks write disjoint rows of one slice")]
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (lattice, weights) in &self.conv.parts {
            for i in lattice[0].within(self.oy, self.oy + 1) {
                let count = lattice[1].count;
                let mut j = 0;
                while j + PIXELS <= count {
                    self.pixels::<S, PIXELS>(simd, lattice, weights, i, j);
                    j += PIXELS;
                }
                while j < count {
                    self.pixels::<S, 1>(simd, lattice, weights, i, j);
                    j += 1;
                }
            }
        }
        let line = self.conv.y.width * self.conv.y.channels;
        // SAFETY: this task alone writes its row of the result.
        unsafe { self.finish.smooth(simd, self.out, self.at, line) };
    }
}

impl Row<'_> {
    /// `P` neighbouring pixels of a lattice from column `j` of its row `i` on.
    #[allow(unsafe_code, reason = "an innermost loop")]
    #[inline(always)]
    fn pixels<S: Simd, const P: usize>(
        &self,
        simd: S,
        lattice: &Lattice,
        weights: &[f32],
        i: usize,
        j: usize,
    ) {
        let Self { conv, x, out, finish, .. } = self;
        let [vertical, horizontal] = lattice;
        let Planes { height, width, channels, .. } = conv.x;
        let top = (i * vertical.in_step) as isize;
        let at: [usize; P] =
            std::array::from_fn(|p| self.at + (horizontal.start + (j + p) * horizontal.step) * channels);
        assert!(x.len() == height * width * channels, "one image");
        assert!(at.iter().all(|at| at + channels <= out.len()), "the pixels lie in the result");
        assert!(
            finish.covers(out.len(), channels.next_multiple_of(S::LANES)),
            "the epilogue covers the result"
        );
        assert!(
            weights.len() == vertical.taps.len() * horizontal.taps.len() * conv.padded,
            "a weight for every tap"
        );
        for c in (0..channels).step_by(S::LANES) {
            let lanes = S::LANES.min(channels - c);
            // SAFETY: `lanes` channels from `c` on exist in every pixel and in the padded weights; the pixels are
            // those of the image, and this task alone writes its row of the result.
            unsafe {
                let read = |from: *const f32| {
                    if lanes == S::LANES { simd.load(from) } else { simd.load_part(from, lanes) }
                };
                let mut sums = [simd.splat(0.0); P];
                for (ty, &(dy, _)) in vertical.taps.iter().enumerate() {
                    let iy = top + dy;
                    if iy < 0 || iy >= height as isize {
                        continue;
                    }
                    let line = x.as_ptr().add(iy as usize * width * channels + c);
                    for (tx, &(dx, _)) in horizontal.taps.iter().enumerate() {
                        let tap = (ty * horizontal.taps.len() + tx) * conv.padded + c;
                        let weight = simd.load(weights.as_ptr().add(tap));
                        for p in 0..P {
                            let ix = ((j + p) * horizontal.in_step) as isize + dx;
                            if ix >= 0 && ix < width as isize {
                                sums[p] =
                                    simd.mul_add(read(line.add(ix as usize * channels)), weight, sums[p]);
                            }
                        }
                    }
                }
                for p in 0..P {
                    let v = finish.apply(simd, sums[p], at[p] + c, c, lanes);
                    let to = out.part(at[p] + c, lanes).as_mut_ptr();
                    if lanes == S::LANES { simd.store(to, v) } else { simd.store_part(to, v, lanes) }
                }
            }
        }
    }
}

impl Kernel for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, _: &Scratch<'_>) {
        let x = operands.get(0);
        let (height, line) = (self.y.height, self.y.width * self.y.channels);
        let rows = results.value.len() / line;
        let (out, finish) = self.finishing.bind(operands, results);
        let out = &out;
        (0..rows).into_par_iter().with_min_len(2).for_each(|row| {
            let x = x.unit(row / height, self.x.rows);
            self.vectors.run(Row { conv: self, x, oy: row % height, at: row * line, out, finish });
        });
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, w)| w.bytes()).sum()
    }
}
