use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use super::lattice::{Axis, Lattice};
use super::points::{Points, ThreeTaps, TwoTaps};
use super::{Kernel, Operand};
use crate::layout::Planes;
use crate::product::{Finish, Finishing, MOST_ROWS, Packed, Rows, Shared, tiles};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Simd, Task, Vectors};

/// Numbers of transformed input that lie between the two steps: 16 MiB.
const BETWEEN: usize = 1 << 22;
/// Tiles and panels of one product.
const TILES: usize = 56;
const PANELS: usize = 2;

/// A convolution by minimal filtering: tiles of M x M outputs, each from P x P inputs, with one matrix product for each
/// of the P x P points instead of one for each tap.
pub(crate) struct Winograd<T, const P: usize, const M: usize> {
    vectors: Vectors,
    x: Planes,
    y: Planes,
    /// The most images of one run.
    images: usize,
    parts: Vec<Part>,
    finishing: Finishing,
    points: PhantomData<T>,
}

/// One lattice of output pixels with its weights at the points.
struct Part {
    lattice: Lattice,
    /// What each axis reads: with stride s, s interleaved signals, each filtered by its own taps.
    signals: [Vec<isize>; 2],
    /// By point: signal (vertical, horizontal) and input channel, by output channel.
    weights: Vec<Packed>,
    tiles: [usize; 2],
}

/// The taps of an axis by signal: where the first reads, and the positions in the kernel. `None` unless every signal
/// has `taps` neighbouring taps.
fn signals(axis: &Axis, taps: usize) -> Option<Vec<(isize, Vec<usize>)>> {
    let step = axis.in_step;
    let even = axis.taps.len() == taps * step && axis.taps.windows(2).all(|t| t[1].0 == t[0].0 + 1);
    let signal = |q: usize| {
        let own = axis.taps.iter().skip(q).step_by(step);
        (axis.taps[q].0, own.map(|t| t.1).collect())
    };
    even.then(|| (0..step).map(signal).collect())
}

/// The taps of each signal and the outputs of a tile along an axis, where minimal filtering applies to all lattices and
/// pays.
fn choose(x: &Planes, y: &Planes, lattices: &[Lattice]) -> Option<(usize, usize)> {
    // Milliseconds, direct and by points, of one core of an AVX-512 machine (`cargo bench -p moire-cpu`), for the
    // output's side, channels and kernel:
    //
    // | 56  64 ->  64 3x3 | 1.72  0.96 |    | 64   64 -> 128 4x4 stride 2            |  7.9   5.7 |
    // | 28 128 -> 128 3x3 | 1.40  0.65 |    | 128 128 ->  64 4x4 stride 2 transposed |  9.2   7.3 |
    // | 14 256 -> 256 3x3 | 1.29  0.81 |    | 64  512 -> 256 4x4 stride 2 transposed | 26.3  22.1 |
    // | 64 256 -> 256 3x3 | 28.6  13.9 |
    //
    // With fewer channels the transforms cost what the products save; of a smaller image too much of the tiles lies
    // outside it, 40 in 100 numbers at a side of 7 with rounding up.
    const CHANNELS: usize = 32;
    const PIXELS: usize = 12;
    // Four outputs take the fewest products, two the fewest weights: of two taps 25 and 9 numbers for each 4, of three
    // 36 and 16 for each 9. Beyond so many numbers the weights count: 32 MiB.
    const HEAVY: usize = 1 << 23;
    if x.channels < CHANNELS || y.channels < CHANNELS {
        return None;
    }
    let fits = |axis: &Axis, taps| signals(axis, taps).is_some() && axis.count >= PIXELS;
    let taps = [3, 2].into_iter().find(|&taps| lattices.iter().flatten().all(|axis| fits(axis, taps)))?;
    let points = |lattice: &Lattice| lattice.iter().map(|axis| axis.in_step * (taps + 3)).product::<usize>();
    let heavy = lattices.iter().map(points).sum::<usize>() * x.channels * y.channels > HEAVY;
    Some((taps, if heavy { 2 } else { 4 }))
}

/// The kernel for a convolution without groups, where it is worth it.
pub(crate) fn winograd(
    vectors: Vectors,
    planes: (Planes, Planes),
    images: usize,
    lattices: &[Lattice],
    weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
    finishing: Finishing,
) -> Result<Box<dyn Kernel>, Finishing> {
    macro_rules! filtered {
        ($taps:ty, $p:literal, $m:literal) => {
            Ok(Box::new(Winograd::<$taps, $p, $m>::new(vectors, planes, images, lattices, weight, finishing)))
        };
    }
    match choose(&planes.0, &planes.1, lattices) {
        Some((3, 4)) => filtered!(ThreeTaps, 6, 4),
        Some((3, _)) => filtered!(ThreeTaps, 4, 2),
        Some((_, 4)) => filtered!(TwoTaps, 5, 4),
        Some(_) => filtered!(TwoTaps, 3, 2),
        None => Err(finishing),
    }
}

impl<T: Points<P, M>, const P: usize, const M: usize> Winograd<T, P, M> {
    fn new(
        vectors: Vectors,
        (x, y): (Planes, Planes),
        images: usize,
        lattices: &[Lattice],
        weight: impl Fn(usize, usize, usize, usize) -> f32 + Sync,
        finishing: Finishing,
    ) -> Self {
        let part = |lattice: &Lattice| {
            let [vertical, horizontal] =
                [0, 1].map(|a| signals(&lattice[a], P - M + 1).expect("what was chosen has such taps"));
            let inner = vertical.len() * horizontal.len() * x.channels;
            // By row of the packed matrices: every point of every output channel.
            let rows: Vec<Vec<f32>> = (0..inner)
                .into_par_iter()
                .map(|row| {
                    let (signal, i) = (row / x.channels, row % x.channels);
                    let kys = &vertical[signal / horizontal.len()].1;
                    let kxs = &horizontal[signal % horizontal.len()].1;
                    let mut points = vec![0.0; P * P * y.channels];
                    for o in 0..y.channels {
                        let mut lines = [[0.0; P]; 3];
                        for (line, &ky) in lines.iter_mut().zip(kys) {
                            let mut taps = [0.0; 3];
                            taps.iter_mut()
                                .zip(kxs)
                                .for_each(|(tap, &kx)| *tap = weight(o, i, ky, kx).into());
                            *line = T::filter(&taps);
                        }
                        for b in 0..P {
                            let column: [f64; 3] = std::array::from_fn(|t| lines[t][b]);
                            for (a, &v) in T::filter(&column).iter().enumerate() {
                                points[(a * P + b) * y.channels + o] = v as f32;
                            }
                        }
                    }
                    points
                })
                .collect();
            let pack =
                |e: usize| Packed::new(vectors, [inner, y.channels], |k, n| rows[k][e * y.channels + n]);
            let weights = (0..P * P).into_par_iter().map(pack).collect();
            let firsts = |axis: &[(isize, Vec<usize>)]| axis.iter().map(|s| s.0).collect();
            let tiles = [0, 1].map(|a| lattice[a].count.div_ceil(M));
            Part {
                lattice: lattice.clone(),
                signals: [firsts(&vertical), firsts(&horizontal)],
                weights,
                tiles,
            }
        };
        let parts: Vec<Part> = lattices.iter().map(part).collect();
        Self { vectors, x, y, images, parts, finishing, points: PhantomData }
    }
}

impl Part {
    fn inner(&self) -> usize {
        self.weights[0].panels().inner
    }

    /// Tiles of one image.
    fn count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// Tiles, of `all`, that are transformed before they are multiplied.
    fn block<const P: usize>(&self, all: usize) -> usize {
        let most = (BETWEEN / (P * P * self.inner())).max(TILES);
        all.div_ceil(all.div_ceil(most)).next_multiple_of(TILES).min(all)
    }

    /// The image of a tile, counted over all samples, and where in the lattice the tile starts.
    fn place<const M: usize>(&self, tile: usize) -> (usize, [usize; 2]) {
        let (image, at) = (tile / self.count(), tile % self.count());
        (image, [at / self.tiles[1] * M, at % self.tiles[1] * M])
    }
}

/// One tile's inputs at the points.
struct Input<'a, T, const P: usize, const M: usize> {
    conv: &'a Winograd<T, P, M>,
    part: &'a Part,
    x: Operand<'a>,
    tile: usize,
    /// Where the tile's channels go, `pitch` apart from point to point.
    to: &'a Shared<'a>,
    at: usize,
    pitch: usize,
}

impl<T: Points<P, M>, const P: usize, const M: usize> Task for Input<'_, T, P, M> {
    #[allow(unsafe_code, reason = "an innermost loop")]
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { conv, part, x, tile, to, at, pitch } = self;
        let Planes { height, width, channels, rows } = conv.x;
        let (image, [i, j]) = part.place::<M>(tile);
        let x = x.unit(image, rows);
        assert!(x.len() == height * width * channels, "one image");
        let [vertical, horizontal] = &part.lattice;
        let inside = |at: usize, first: isize, step: usize, extent: usize| {
            usize::try_from((at * step) as isize + first).ok().filter(|&at| at < extent)
        };
        let signals = part.signals[0].iter().flat_map(|&v| part.signals[1].iter().map(move |&h| (v, h)));
        for (q, (top, left)) in signals.enumerate() {
            let ys: [_; P] = std::array::from_fn(|a| inside(i + a, top, vertical.in_step, height));
            let xs: [_; P] = std::array::from_fn(|b| inside(j + b, left, horizontal.in_step, width));
            for c in (0..channels).step_by(S::LANES) {
                let lanes = S::LANES.min(channels - c);
                let mut lines = [[simd.splat(0.0); P]; P];
                for a in 0..P {
                    let mut d = [simd.splat(0.0); P];
                    for b in 0..P {
                        if let Some((iy, ix)) = ys[a].zip(xs[b]) {
                            // SAFETY: `lanes` channels of a pixel inside the image.
                            d[b] = unsafe {
                                let from = x.as_ptr().add((iy * width + ix) * channels + c);
                                if lanes == S::LANES { simd.load(from) } else { simd.load_part(from, lanes) }
                            };
                        }
                    }
                    lines[a] = T::input(simd, d);
                }
                for b in 0..P {
                    let points = T::input(simd, std::array::from_fn(|a| lines[a][b]));
                    for (a, &v) in points.iter().enumerate() {
                        // SAFETY: each tile has its own places, one for each point.
                        unsafe {
                            let to = to.part((a * P + b) * pitch + at + q * channels + c, lanes).as_mut_ptr();
                            if lanes == S::LANES { simd.store(to, v) } else { simd.store_part(to, v, lanes) }
                        }
                    }
                }
            }
        }
    }
}

/// Products of some tiles with some panels at every point, and the outputs from them.
struct Output<'a, T, const P: usize, const M: usize> {
    conv: &'a Winograd<T, P, M>,
    part: &'a Part,
    between: &'a [f32],
    /// Tiles, counted from `first`, the first one in `between`.
    tiles: Range<usize>,
    first: usize,
    pitch: usize,
    panels: Range<usize>,
    out: &'a Shared<'a>,
    finish: &'a Finish<'a>,
    scratch: &'a mut [f32],
}

impl<T: Points<P, M>, const P: usize, const M: usize> Task for Output<'_, T, P, M> {
    #[allow(unsafe_code, reason = "an innermost loop")]
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { conv, part, between, tiles: range, first, pitch, panels, out, finish, scratch } = self;
        let inner = part.inner();
        let wide = 2 * S::LANES;
        let width = panels.len() * wide;
        for (e, weights) in part.weights.iter().enumerate() {
            let all = weights.panels();
            // The panels of this task as a matrix of their own, so that its columns start at 0.
            let own = all.part(panels.clone());
            let products = Shared::new(&mut scratch[e * TILES * width..][..range.len() * width]);
            for start in (0..range.len()).step_by(S::ROWS) {
                let count = S::ROWS.min(range.len() - start);
                let line = |i: usize| {
                    let tile = range.start + start + i.min(count - 1);
                    &between[e * pitch + tile * inner..][..inner]
                };
                let lines: [&[f32]; MOST_ROWS] = std::array::from_fn(line);
                let at: [usize; MOST_ROWS] = std::array::from_fn(|i| (start + i) * width);
                let rows = Rows { lines: &lines[..S::ROWS], pitch: S::ROWS, run: inner, at: &at[..count] };
                // SAFETY: scratch is this thread's own.
                unsafe { tiles(simd, &rows, own, 0..own.count(), &products, &Finish::NONE) };
            }
        }
        let Planes { height, width: across, channels, .. } = conv.y;
        let columns = (panels.start * wide)..(panels.end * wide).min(channels);
        let [vertical, horizontal] = &part.lattice;
        assert!(
            finish.covers(out.len(), channels.next_multiple_of(S::LANES)),
            "the epilogue covers the result"
        );
        assert!(scratch.len() >= P * P * TILES * width, "room for the products at every point");
        for (t, tile) in range.enumerate() {
            let (image, [i, j]) = part.place::<M>(first + tile);
            for c in columns.clone().step_by(S::LANES) {
                let lanes = S::LANES.min(channels - c);
                let from = t * width + c - columns.start;
                let mut lines = [[simd.splat(0.0); M]; P];
                for a in 0..P {
                    let m = std::array::from_fn(|b| {
                        // SAFETY: whole vectors of every product were reserved.
                        unsafe { simd.load(scratch.as_ptr().add((a * P + b) * TILES * width + from)) }
                    });
                    lines[a] = T::output(simd, m);
                }
                for b in 0..M.min(horizontal.count - j) {
                    let outputs = T::output(simd, std::array::from_fn(|a| lines[a][b]));
                    let ox = horizontal.start + (j + b) * horizontal.step;
                    for (a, &v) in outputs.iter().enumerate().take(vertical.count - i) {
                        let oy = vertical.start + (i + a) * vertical.step;
                        let at = ((image * height + oy) * across + ox) * channels + c;
                        // SAFETY: `lanes` channels of a pixel of the result, which is this tile's and this task's alone.
                        unsafe {
                            let to = out.part(at, lanes).as_mut_ptr();
                            let v = finish.apply(simd, v, at, c, lanes);
                            if lanes == S::LANES { simd.store(to, v) } else { simd.store_part(to, v, lanes) }
                        }
                    }
                }
            }
            for a in 0..M.min(vertical.count - i) {
                let oy = vertical.start + (i + a) * vertical.step;
                for b in 0..M.min(horizontal.count - j) {
                    let ox = horizontal.start + (j + b) * horizontal.step;
                    let at = ((image * height + oy) * across + ox) * channels + columns.start;
                    // SAFETY: these channels of this pixel are this task's alone.
                    unsafe { finish.smooth(simd, out, at, columns.len()) };
                }
            }
        }
    }
}

impl<T: Points<P, M>, const P: usize, const M: usize> Kernel for Winograd<T, P, M> {
    fn name(&self) -> &'static str {
        match (P, M) {
            (6, _) => "winograd 3x3",
            (5, _) => "winograd 2x2",
            (4, _) => "winograd 3x3, small tiles",
            _ => "winograd 2x2, small tiles",
        }
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>) {
        let x = operands.get(0);
        let images = results.value.len() / self.y.image();
        let (out, finish) = self.finishing.bind(operands, results);
        let (out, finish) = (&out, &finish);
        let mut between = scratch.shared();
        for part in &self.parts {
            let (all, inner) = (images * part.count(), part.inner());
            let block = part.block::<P>(all);
            let pitch = block * inner;
            for first in (0..all).step_by(block) {
                let count = block.min(all - first);
                let to = &Shared::new(&mut between);
                (0..count).into_par_iter().with_min_len(4).for_each(|t| {
                    let (tile, at) = (first + t, t * inner);
                    self.vectors.run(Input { conv: self, part, x, tile, to, at, pitch });
                });
                let panels = part.weights[0].panels().count();
                let groups = panels.div_ceil(PANELS);
                let between = &between[..];
                (0..count.div_ceil(TILES) * groups).into_par_iter().for_each(|task| {
                    let (start, panel) = (task / groups * TILES, task % groups * PANELS);
                    let tiles = start..(start + TILES).min(count);
                    let panels = panel..(panel + PANELS).min(panels);
                    scratch.with(|scratch| {
                        self.vectors.run(Output {
                            conv: self,
                            part,
                            between,
                            tiles,
                            first,
                            pitch,
                            panels,
                            out,
                            finish,
                            scratch,
                        });
                    });
                });
            }
        }
    }

    fn scratch(&self) -> usize {
        P * P * TILES * PANELS * 2 * self.vectors.lanes()
    }

    fn shared(&self) -> usize {
        let numbers = |p: &Part| p.block::<P>(self.images * p.count()) * P * P * p.inner();
        self.parts.iter().map(numbers).max().unwrap_or(0)
    }

    fn bytes(&self) -> usize {
        self.parts.iter().flat_map(|p| &p.weights).map(Packed::bytes).sum()
    }
}
