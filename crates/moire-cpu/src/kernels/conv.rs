use rayon::prelude::*;

use super::lattice::{Axis, Lattice};
use super::{Kernel, Operand};
use crate::layout::Planes;
use crate::product::{Dots, Finish, Finishing, MOST_ROWS, Packed, Rows, Shared, dots, tiles};
use crate::program::{Operands, Results};
use crate::scratch::Scratch;
use crate::simd::{Simd, Task, Vectors};

/// Up to so many output channels the vectors of a product hold input channels rather than output channels.
const NARROW: usize = 8;
/// The most lines of a pixel's neighbourhood that are read where they lie.
const MOST_LINES: usize = 16;
/// Numbers of packed weights that stay in a core's own cache while pixels go by: 512 KiB.
const RESIDENT: usize = 1 << 17;
/// Multiplications that one task has about: some twenty microseconds' worth.
const TASK: usize = 1 << 21;

/// A convolution, plain or transposed, as products of lines of the image with packed weights.
pub(crate) struct Conv {
    vectors: Vectors,
    x: Planes,
    y: Planes,
    groups: usize,
    parts: Vec<Part>,
    finishing: Finishing,
    /// What lines outside the image read.
    zeros: Vec<f32>,
}

/// One lattice of output pixels with its weights.
struct Part {
    lattice: Lattice,
    /// By group.
    weights: Vec<Weights>,
    /// Neighbouring taps of a pixel are one line of the image; else its patch is gathered into one.
    in_place: bool,
    lines: usize,
    /// Numbers of a line.
    run: usize,
    /// Pixels of one task.
    chunk: usize,
    /// Panels of one task.
    panels: usize,
}

enum Weights {
    Wide(Packed),
    Narrow(Dots),
}

impl Conv {
    /// `weight(o, i, ky, kx)` is the weight from input channel `i` of a group to output channel `o` of all.
    pub(crate) fn new(
        vectors: Vectors,
        (x, y): (Planes, Planes),
        groups: usize,
        lattices: &[Lattice],
        weight: impl Fn(usize, usize, usize, usize) -> f32,
        finishing: Finishing,
    ) -> Self {
        let (inputs, outputs) = (x.channels / groups, y.channels / groups);
        let part = |lattice: &Lattice| {
            let [vertical, horizontal] = lattice;
            let taps = [vertical.taps.len(), horizontal.taps.len()];
            let neighbours = horizontal.taps.windows(2).all(|t| t[1].0 == t[0].0 + 1);
            let in_place = taps[0] <= MOST_LINES && neighbours && (groups == 1 || taps[1] <= 1);
            let inner = taps[0] * taps[1] * inputs;
            let (lines, run) = if in_place { (taps[0], taps[1] * inputs) } else { (1, inner) };
            let narrow = outputs <= NARROW && 2 * run >= vectors.lanes();
            let pack = |g: usize| {
                let at = |k: usize, n: usize| {
                    let (tap, i) = (k / inputs, k % inputs);
                    let (_, ky) = vertical.taps[tap / taps[1]];
                    let (_, kx) = horizontal.taps[tap % taps[1]];
                    weight(g * outputs + n, i, ky, kx)
                };
                if narrow {
                    Weights::Narrow(Dots::new(vectors, [lines, run, outputs], at))
                } else {
                    Weights::Wide(Packed::new(vectors, [inner, outputs], at))
                }
            };
            let width = 2 * vectors.lanes();
            let panels = (RESIDENT / (inner * width).max(1)).clamp(1, outputs.div_ceil(width));
            let work = inner * outputs.min(panels * width);
            let chunk = (TASK / work.max(1)).max(1).next_multiple_of(vectors.rows());
            let weights = (0..groups).map(pack).collect();
            Part { lattice: lattice.clone(), weights, in_place, lines, run, chunk, panels }
        };
        let parts: Vec<Part> = lattices.iter().map(part).collect();
        let zeros = vec![0.0; parts.iter().map(|p| p.run).max().unwrap_or(0)];
        Self { vectors, x, y, groups, parts, finishing, zeros }
    }
}

impl Part {
    fn pixels(&self) -> usize {
        self.lattice[0].count * self.lattice[1].count
    }

    /// Tasks for so many images: chunks of pixels, panels, groups.
    fn tasks(&self, images: usize) -> [usize; 3] {
        let panels = match &self.weights[0] {
            Weights::Wide(packed) => packed.panels().count().div_ceil(self.panels),
            Weights::Narrow(_) => 1,
        };
        [(images * self.pixels()).div_ceil(self.chunk), panels, self.weights.len()]
    }

    /// Working memory of one row: a line at the image's border, or a patch, is put together here.
    fn scratch(&self) -> usize {
        self.lines * self.run
    }
}

/// Part of a convolution: so many pixels, panels and one group.
struct Chunk<'a> {
    conv: &'a Conv,
    part: &'a Part,
    x: Operand<'a>,
    out: &'a Shared<'a>,
    finish: Finish<'a>,
    pixels: std::ops::Range<usize>,
    panels: usize,
    group: usize,
    scratch: &'a mut [f32],
}

impl Task for Chunk<'_> {
    #[allow(unsafe_code, reason = "tasks write disjoint elements of one slice")]
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { conv, part, x, out, finish, group, scratch, .. } = self;
        let outputs = conv.y.channels / conv.groups;
        let finish = finish.from(group * outputs);
        let mut at = [0; MOST_ROWS];
        for first in self.pixels.clone().step_by(S::ROWS) {
            let count = S::ROWS.min(self.pixels.end - first);
            let mut lines: [&[f32]; MOST_LINES * MOST_ROWS] = [&[]; MOST_LINES * MOST_ROWS];
            let lines = &mut lines[..part.lines * S::ROWS];
            let mut rest = &mut scratch[..];
            for i in 0..count {
                let pixel = Pixel::new(part, first + i);
                at[i] = conv.place(part, &pixel) + group * outputs;
                let lines = lines.get_mut(i..).unwrap_or(&mut []);
                rest = conv.lines(part, &x, &pixel, group, lines, S::ROWS, rest);
            }
            for line in lines.chunks_exact_mut(S::ROWS) {
                let (given, beyond) = line.split_at_mut(count);
                beyond.fill(given[count - 1]);
            }
            let rows = Rows { lines, pitch: S::ROWS, run: part.run, at: &at[..count] };
            // SAFETY: the chunks of a part share no pixel and no panel, parts share no pixel, groups no channel.
            unsafe {
                let columns = match &part.weights[group] {
                    Weights::Wide(packed) => {
                        let panels = packed.panels();
                        let which = self.panels..(self.panels + part.panels).min(panels.count());
                        tiles(simd, &rows, panels, which.clone(), out, &finish);
                        panels.columns_of(which)
                    }
                    Weights::Narrow(right) => {
                        dots(simd, &rows, right, out, &finish);
                        0..outputs
                    }
                };
                for at in &at[..count] {
                    finish.smooth(simd, out, at + columns.start, columns.len());
                }
            }
        }
    }
}

/// A pixel of a lattice: its image, counted over all samples, and its place in the lattice.
struct Pixel {
    image: usize,
    i: usize,
    j: usize,
}

impl Pixel {
    fn new(part: &Part, index: usize) -> Self {
        let (image, at) = (index / part.pixels(), index % part.pixels());
        let width = part.lattice[1].count;
        Self { image, i: at / width, j: at % width }
    }
}

impl Conv {
    /// Where the result of a pixel starts.
    fn place(&self, part: &Part, pixel: &Pixel) -> usize {
        let along = |axis: &Axis, at: usize| axis.start + at * axis.step;
        let (oy, ox) = (along(&part.lattice[0], pixel.i), along(&part.lattice[1], pixel.j));
        ((pixel.image * self.y.height + oy) * self.y.width + ox) * self.y.channels
    }

    /// The lines of a pixel's neighbourhood, `pitch` apart; those that the image does not hold as they are needed are
    /// put together in `scratch`, the rest of which is returned.
    #[allow(clippy::too_many_arguments, reason = "one row of a table")]
    fn lines<'a>(
        &'a self,
        part: &Part,
        x: &Operand<'a>,
        pixel: &Pixel,
        group: usize,
        lines: &mut [&'a [f32]],
        pitch: usize,
        scratch: &'a mut [f32],
    ) -> &'a mut [f32] {
        let Planes { height, width, channels, rows } = self.x;
        let [vertical, horizontal] = &part.lattice;
        let image = x.unit(pixel.image, rows);
        let inputs = channels / self.groups;
        let ix = (pixel.j * horizontal.in_step) as isize;
        let top = (pixel.i * vertical.in_step) as isize;
        let row = |dy: isize| {
            let iy = usize::try_from(top + dy).ok().filter(|&iy| iy < height)?;
            Some(&image[iy * width * channels..][..width * channels])
        };
        let column = |dx: isize| usize::try_from(ix + dx).ok().filter(|&ix| ix < width);
        // Each tap's channels of this group, zeros outside.
        let gather = |row: Option<&[f32]>, to: &mut [f32]| {
            for (to, &(dx, _)) in to.chunks_exact_mut(inputs.max(1)).zip(&horizontal.taps) {
                match row.zip(column(dx)) {
                    Some((row, ix)) => to.copy_from_slice(&row[ix * channels + group * inputs..][..inputs]),
                    None => to.fill(0.0),
                }
            }
        };
        if !part.in_place {
            let (patch, rest) = scratch.split_at_mut(part.run);
            let line = horizontal.taps.len() * inputs;
            for (to, &(dy, _)) in patch.chunks_exact_mut(line.max(1)).zip(&vertical.taps) {
                gather(row(dy), to);
            }
            lines[0] = patch;
            return rest;
        }
        let mut rest = scratch;
        let (left, right) = match &horizontal.taps[..] {
            [first, .., last] => (first.0, last.0),
            [only] => (only.0, only.0),
            [] => (0, 0),
        };
        let whole = column(left).filter(|_| column(right).is_some());
        for (line, &(dy, _)) in lines.iter_mut().step_by(pitch).zip(&vertical.taps) {
            *line = match (row(dy), whole) {
                (None, _) => &self.zeros[..part.run],
                (Some(row), Some(ix)) => &row[ix * channels + group * inputs..][..part.run],
                (row, None) => {
                    let (patch, after) = rest.split_at_mut(part.run);
                    rest = after;
                    gather(row, patch);
                    patch
                }
            };
        }
        rest
    }
}

impl Kernel for Conv {
    fn name(&self) -> &'static str {
        "products"
    }

    fn run(&self, operands: &Operands<'_>, results: Results<'_>, scratch: &Scratch<'_>) {
        let x = operands.get(0);
        let images = results.value.len() / self.y.image();
        let (out, finish) = self.finishing.bind(operands, results);
        let out = &out;
        let count = |p: &Part| p.tasks(images).iter().product::<usize>();
        (0..self.parts.iter().map(count).sum()).into_par_iter().for_each(|task: usize| {
            let mut task = task;
            let mut parts = self.parts.iter();
            let part = loop {
                let part = parts.next().expect("tasks are those of the parts");
                match task.checked_sub(count(part)) {
                    Some(left) => task = left,
                    None => break part,
                }
            };
            let [chunks, panels, _] = part.tasks(images);
            let start = task % chunks * part.chunk;
            let pixels = start..(start + part.chunk).min(images * part.pixels());
            let (panels, group) = (task / chunks % panels * part.panels, task / chunks / panels);
            scratch.with(|scratch| {
                self.vectors.run(Chunk { conv: self, part, x, out, finish, pixels, panels, group, scratch });
            });
        });
    }

    fn scratch(&self) -> usize {
        self.parts.iter().map(Part::scratch).max().unwrap_or(0) * self.vectors.rows()
    }

    fn bytes(&self) -> usize {
        let bytes = |w: &Weights| match w {
            Weights::Wide(packed) => packed.bytes(),
            Weights::Narrow(dots) => dots.bytes(),
        };
        self.parts.iter().flat_map(|p| &p.weights).map(bytes).sum()
    }
}
