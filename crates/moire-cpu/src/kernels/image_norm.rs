use std::ops::Range;

use rayon::prelude::*;

use super::{Kernel, Operand};
use crate::layout::Planes;
use crate::product::{Beside, Gate, Gated, Leak, Shared};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{SignsMut, Simd, Task, Vectors};

/// Pixels of one task.
const CHUNK: usize = 512;
/// Pixels whose sums are taken together: of [`GROUP`] vectors of channels they stay in a core's first cache.
const BLOCK: usize = 32;
/// Vectors of channels that are in registers together.
const GROUP: usize = 4;
/// Channels whose sums are merged together.
const MERGED: usize = 64;

/// Normalisation of each channel of each image by its own statistics, or the adjoint of that, in two passes: one that
/// sums, over chunks of pixels, and one that writes.
///
/// Both ways the result is a linear function of what is read, with coefficients by image and channel.
pub(crate) struct ImageNorm {
    pub(crate) vectors: Vectors,
    pub(crate) planes: Planes,
    pub(crate) eps: f32,
    pub(crate) unbiased: bool,
    /// By channel: after the normalisation, or on the cotangent before its adjoint.
    pub(crate) scale: Option<Vec<f32>>,
    pub(crate) way: Way,
    /// The most images of one run.
    pub(crate) images: usize,
}

/// Forwards or backwards.
pub(crate) enum Way {
    /// Then come a summand by channel, an operand of the result's shape, and an activation.
    Forward { shift: Option<Vec<f32>>, add: bool, act: Option<Leak>, beside: Option<Beside> },
    /// Operands are the input, the cotangent and, where there is a gate, what it reads.
    Backward { gate: Option<Gate> },
}

/// Numbers kept for each channel. After the first pass: mean, squares around it, sum of cotangents, sum of cotangents
/// times centred inputs. After merging: mean, then the coefficients.
const KEPT: usize = 4;

/// What a task reads of one run, and where its results go.
#[derive(Clone, Copy)]
struct Run<'a> {
    norm: &'a ImageNorm,
    x: Operand<'a>,
    /// The summand or the cotangent.
    second: Option<Operand<'a>>,
    gate: Option<Gated<'a>>,
}

/// One chunk of an image.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    run: Run<'a>,
    image: usize,
    pixels: (usize, usize),
}

impl Chunk<'_> {
    /// Where its first number stands among those of all images.
    fn start(&self) -> usize {
        self.image * self.run.norm.planes.image() + self.pixels.0 * self.run.norm.planes.channels
    }

    /// Its part of an operand.
    fn of<'a>(&self, operand: Operand<'a>) -> &'a [f32] {
        let Planes { channels, rows, .. } = self.run.norm.planes;
        &operand.unit(self.image, rows)[self.pixels.0 * channels..self.pixels.1 * channels]
    }
}

/// Some vectors of channels of a chunk: the first `lanes` of each are real.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    lanes: usize,
    /// [`GROUP`] vectors rather than one.
    group: bool,
}

/// Calls `f` with all channels, group by group, then vector by vector.
#[inline(always)]
fn each_group<S: Simd>(channels: usize, mut f: impl FnMut(Columns)) {
    let mut first = 0;
    while first < channels {
        let group = first + GROUP * S::LANES <= channels;
        f(Columns { first, lanes: S::LANES.min(channels - first), group });
        first += if group { GROUP * S::LANES } else { S::LANES };
    }
}

/// The first pass over a chunk.
struct Sum<'a> {
    chunk: Chunk<'a>,
    sums: &'a mut [f32],
}

impl Task for Sum<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        each_group::<S>(
            self.chunk.run.norm.planes.channels,
            #[inline(always)]
            |columns| {
                if columns.group {
                    self.columns::<S, GROUP>(s, columns);
                } else {
                    self.columns::<S, 1>(s, columns);
                }
            },
        );
    }
}

/// The first `lanes` lanes from `from[at]` on.
///
/// # Safety
/// They lie in the slice.
#[allow(unsafe_code, reason = "loads take pointers")]
#[inline(always)]
unsafe fn load<S: Simd>(s: S, from: &[f32], at: usize, lanes: usize) -> S::V {
    // SAFETY: as the caller promises.
    unsafe {
        let from = from.as_ptr().add(at);
        if lanes == S::LANES { s.load(from) } else { s.load_part(from, lanes) }
    }
}

impl Sum<'_> {
    #[allow(unsafe_code, reason = "an innermost loop")]
    #[inline(always)]
    fn columns<S: Simd, const N: usize>(&mut self, s: S, Columns { first, lanes, .. }: Columns) {
        let Chunk { run, .. } = self.chunk;
        let c = run.norm.planes.channels;
        let backward = matches!(run.norm.way, Way::Backward { .. });
        let x = self.chunk.of(run.x);
        let dy = run.second.filter(|_| backward).map_or(x, |dy| self.chunk.of(dy));
        let start = self.chunk.start();
        let count = x.len() / c;
        assert!(x.len() == dy.len() && first + (N - 1) * S::LANES + lanes <= c, "columns of a chunk");
        let zero = s.splat(0.0);
        let [mut mean, mut squares, mut total, mut dot] = [[zero; N]; 4];
        for from in (0..count).step_by(BLOCK) {
            let pixels = from..(from + BLOCK).min(count);
            let n = pixels.len() as f32;
            let at = |p: usize, i: usize| p * c + first + i * S::LANES;
            // SAFETY: pixels and columns of the chunk, here and below.
            let read = |from: &[f32], p: usize, i: usize| unsafe { load(s, from, at(p, i), lanes) };
            let mut own = [zero; N];
            for p in pixels.clone() {
                for i in 0..N {
                    own[i] = s.add(own[i], read(x, p, i));
                }
            }
            let share = s.splat(1.0 / n);
            for i in 0..N {
                own[i] = s.mul(own[i], share);
            }
            let [mut own_squares, mut own_total, mut own_dot] = [[zero; N]; 3];
            for p in pixels {
                for i in 0..N {
                    let apart = s.sub(read(x, p, i), own[i]);
                    own_squares[i] = s.mul_add(apart, apart, own_squares[i]);
                    if backward {
                        let mut d = read(dy, p, i);
                        if let Some(gate) = &run.gate {
                            // SAFETY: the gate covers the images; signs come with whole groups of eight channels.
                            d = unsafe { gate.apply(s, d, start + at(p, i), lanes) };
                        }
                        own_total[i] = s.add(own_total[i], d);
                        own_dot[i] = s.mul_add(d, apart, own_dot[i]);
                    }
                }
            }
            // Merged as Chan, Golub and LeVeque (1979) do: both move to the common mean.
            let before = from as f32;
            let (share, weight) = (s.splat(n / (before + n)), s.splat(before * n / (before + n)));
            for i in 0..N {
                let apart = s.sub(own[i], mean[i]);
                let moved = s.mul(apart, share);
                mean[i] = s.add(mean[i], moved);
                squares[i] = s.add(squares[i], s.mul_add(s.mul(apart, apart), weight, own_squares[i]));
                let rest = s.sub(apart, moved);
                // Sums around the old means, from the new one: what was there lies `moved` below, what comes `rest` above.
                let shifted = s.sub(s.mul(own_total[i], rest), s.mul(total[i], moved));
                dot[i] = s.add(dot[i], s.add(own_dot[i], shifted));
                total[i] = s.add(total[i], own_total[i]);
            }
        }
        for (kept, sums) in [mean, squares, total, dot].into_iter().zip(self.sums.chunks_exact_mut(c)) {
            for i in 0..N {
                let to = &mut sums[first + i * S::LANES..][..lanes];
                // SAFETY: `lanes` numbers.
                unsafe { s.store_part(to.as_mut_ptr(), kept[i], lanes) };
            }
        }
    }
}

/// The second pass over a chunk.
struct Write<'a> {
    chunk: Chunk<'a>,
    merged: &'a [f32],
    out: Shared<'a>,
    signs: Option<SignsMut<'a>>,
}

impl Task for Write<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        each_group::<S>(
            self.chunk.run.norm.planes.channels,
            #[inline(always)]
            |columns| {
                if columns.group {
                    self.columns::<S, GROUP>(s, columns);
                } else {
                    self.columns::<S, 1>(s, columns);
                }
            },
        );
    }
}

impl Write<'_> {
    #[allow(unsafe_code, reason = "an innermost loop")]
    #[inline(always)]
    fn columns<S: Simd, const N: usize>(&self, s: S, Columns { first, lanes, .. }: Columns) {
        let Chunk { run, .. } = self.chunk;
        let c = run.norm.planes.channels;
        let x = self.chunk.of(run.x);
        let second = run.second.map(|v| self.chunk.of(v));
        let (start, count) = (self.chunk.start(), x.len() / c);
        // SAFETY: a chunk is one task's alone.
        let out = unsafe { self.out.part(start, x.len()) };
        assert!(second.is_none_or(|v| v.len() == x.len()), "operands of one shape");
        assert!(first + (N - 1) * S::LANES + lanes <= c, "columns of a chunk");
        assert!(self.signs.is_none_or(|signs| signs.len() >= start + x.len()), "a bit for each number");
        let [mut mean, mut factor, mut offset, mut constant] = [[s.splat(0.0); N]; KEPT];
        for (k, kept) in [&mut mean, &mut factor, &mut offset, &mut constant].into_iter().enumerate() {
            for i in 0..N {
                // SAFETY: columns of a row of channels.
                kept[i] = unsafe { load(s, self.merged, k * c + first + i * S::LANES, lanes) };
            }
        }
        let (leak, backward) = match &run.norm.way {
            Way::Forward { act, .. } => (*act, false),
            Way::Backward { .. } => (None, true),
        };
        for p in 0..count {
            for i in 0..N {
                let at = p * c + first + i * S::LANES;
                // SAFETY: pixels and columns of the chunk; signs come with whole groups of eight channels.
                unsafe {
                    let centred = s.sub(load(s, x, at, lanes), mean[i]);
                    let mut v = match second {
                        Some(dy) if backward => {
                            let mut d = load(s, dy, at, lanes);
                            if let Some(gate) = &run.gate {
                                d = gate.apply(s, d, start + at, lanes);
                            }
                            s.mul_add(d, factor[i], s.mul_add(centred, offset[i], constant[i]))
                        }
                        Some(add) => s.add(s.mul_add(centred, factor[i], offset[i]), load(s, add, at, lanes)),
                        None => s.mul_add(centred, factor[i], offset[i]),
                    };
                    if let Some(leak) = leak {
                        v = leak.apply(s, v, v);
                    }
                    if let Some(signs) = &self.signs {
                        signs.put(s, v, start + at, lanes);
                    }
                    let to = out.as_mut_ptr().add(at);
                    if lanes == S::LANES { s.store(to, v) } else { s.store_part(to, v, lanes) }
                }
            }
        }
    }
}

impl ImageNorm {
    fn pixels(&self) -> usize {
        self.planes.height * self.planes.width
    }

    fn chunks(&self) -> usize {
        self.pixels().div_ceil(CHUNK)
    }

    /// Merges the sums of an image's chunks, `channels` of them.
    #[inline(always)]
    fn merge(&self, chunks: &[f32], channels: Range<usize>, merged: &mut [f32]) {
        let c = self.planes.channels;
        let mut kept = [[0.0f64; MERGED]; KEPT];
        for (i, sums) in chunks.chunks_exact(KEPT * c).enumerate() {
            let before = (i * CHUNK) as f64;
            let n = (self.pixels() - i * CHUNK).min(CHUNK) as f64;
            let (share, weight) = (n / (before + n), before * n / (before + n));
            let [mean, squares, total, dot] = &mut kept;
            let part = |k: usize| &sums[k * c..][channels.clone()];
            for j in 0..channels.len() {
                let [own, own_squares, own_total, own_dot] = [0, 1, 2, 3].map(|k| f64::from(part(k)[j]));
                let apart = own - mean[j];
                let moved = apart * share;
                mean[j] += moved;
                squares[j] += own_squares + apart * apart * weight;
                dot[j] += own_dot + own_total * (apart - moved) - total[j] * moved;
                total[j] += own_total;
            }
        }
        for (k, kept) in kept.iter().enumerate() {
            let to = &mut merged[k * c..][channels.clone()];
            to.iter_mut().zip(kept).for_each(|(to, v)| *to = *v as f32);
        }
    }

    /// From the sums of an image, by channel, to the coefficients of the second pass.
    ///
    /// Forwards, with m the mean of a channel, i its inverse deviation and s the scale: (x - m) s i + shift. Backwards,
    /// s i (g - sum(g) / n - (x - m) i^2 sum(g (x - m)) / d).
    fn coefficients(&self, merged: &mut [f32]) {
        let c = self.planes.channels;
        let pixels = self.pixels() as f64;
        let divisor = if self.unbiased { pixels - 1.0 } else { pixels };
        for j in 0..c {
            let [mean, squares, total, dot] = [0, 1, 2, 3].map(|k| f64::from(merged[k * c + j]));
            let inverse = 1.0 / (squares / divisor + f64::from(self.eps)).sqrt();
            let scale = self.scale.as_ref().map_or(1.0, |scale| f64::from(scale[j]));
            let factor = scale * inverse;
            let (second, third) = match &self.way {
                Way::Forward { shift, .. } => (shift.as_ref().map_or(0.0, |shift| f64::from(shift[j])), 0.0),
                Way::Backward { .. } => {
                    (-factor * inverse * inverse * dot / divisor, -factor * total / pixels)
                }
            };
            for (k, v) in [mean, factor, second, third].into_iter().enumerate() {
                merged[k * c + j] = v as f32;
            }
        }
    }
}

impl Kernel for ImageNorm {
    fn name(&self) -> &'static str {
        "image_norm"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>) {
        let Results { value, beside } = results;
        let channels = self.planes.channels;
        let (chunks, kept) = (self.chunks(), KEPT * channels);
        let images = value.len() / self.planes.image();
        let (second, gate, signs) = match &self.way {
            Way::Forward { add, beside: signs, .. } => {
                (add.then(|| operands.get(1)), None, signs.map(|_| SignsMut::of(beside)))
            }
            Way::Backward { gate } => {
                let gate = gate.map(|gate| gate.bind(operands.get(2).data, value.len()));
                assert!(gate.is_none_or(|gate| gate.len() >= value.len()), "the gate covers the result");
                (Some(operands.get(1)), gate, None)
            }
        };
        let run = Run { norm: self, x: operands.get(0), second, gate };
        let chunk = |unit: usize| {
            let (image, first) = (unit / chunks, unit % chunks * CHUNK);
            Chunk { run, image, pixels: (first, (first + CHUNK).min(self.pixels())) }
        };
        let mut sums = scratch.shared();
        let (chunk_sums, rest) = sums.split_at_mut(images * chunks * kept);
        let merged = &mut rest[..images * kept];
        chunk_sums.par_chunks_mut(kept).enumerate().for_each(|(unit, sums)| {
            self.vectors.run(Sum { chunk: chunk(unit), sums });
        });
        merged.par_chunks_mut(kept).zip(chunk_sums.par_chunks(chunks * kept)).for_each(|(merged, chunks)| {
            self.vectors.run(
                #[inline(always)]
                || {
                    for first in (0..channels).step_by(MERGED) {
                        self.merge(chunks, first..(first + MERGED).min(channels), merged);
                    }
                },
            );
            self.coefficients(merged);
        });
        let (merged, out) = (&*merged, Shared::new(value));
        (0..images * chunks).into_par_iter().for_each(|unit| {
            let chunk = chunk(unit);
            let merged = &merged[chunk.image * kept..][..kept];
            self.vectors.run(Write { chunk, merged, out, signs });
        });
    }

    /// Sums of every chunk, then of every image.
    fn shared(&self) -> usize {
        self.images * (self.chunks() + 1) * KEPT * self.planes.channels
    }
}
