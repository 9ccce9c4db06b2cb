use moire_graph::Act;
use rayon::prelude::*;

use super::Kernel;
use super::elementwise::apply;
use super::lattice::{Axis, Lattice};
use crate::layout::Planes;
use crate::product::{Matrix, product};
use crate::program::Operands;
use crate::scratch::Scratch;

/// Numbers that the patches and products of one tile may fill: they stay in a core's own cache.
const TILE_NUMBERS: usize = 1 << 16;
/// Up to so many output channels pixels, not channels, are the rows of a product's vectors.
const NARROW: usize = 16;
/// Output pixels that one task has at least.
const TASK: usize = 1024;

/// A convolution, plain or transposed, with bias and activation on the way out.
pub(crate) struct Conv {
    x: Planes,
    y: Planes,
    groups: usize,
    /// Each lattice with its weights: group, tap (vertical, horizontal), input channel, output channel.
    parts: Vec<(Lattice, Vec<f32>)>,
    bias: Option<Vec<f32>>,
    act: Option<Act>,
    /// Output pixels of one matrix product.
    tile: usize,
    /// Output rows of one task.
    block: usize,
}

impl Conv {
    /// `weight(o, i, ky, kx)` is the weight from input channel `i` of a group to output channel `o` of all.
    pub(crate) fn new(
        (x, y): (Planes, Planes),
        groups: usize,
        lattices: &[Lattice],
        weight: impl Fn(usize, usize, usize, usize) -> f32,
        bias: Option<Vec<f32>>,
        act: Option<Act>,
    ) -> Self {
        let (inputs, outputs) = (x.channels / groups, y.channels / groups);
        let pack = |lattice: &Lattice| {
            let mut packed = Vec::new();
            for g in 0..groups {
                for &(_, ky) in &lattice[0].taps {
                    for &(_, kx) in &lattice[1].taps {
                        for i in 0..inputs {
                            packed.extend((0..outputs).map(|o| weight(g * outputs + o, i, ky, kx)));
                        }
                    }
                }
            }
            packed
        };
        let step = lattices.iter().map(|l| l[0].step).max().unwrap_or(1);
        let most = lattices.iter().map(Self::taps).max().unwrap_or(0) * inputs;
        let tile = (TILE_NUMBERS / (most + y.channels)).clamp(64, 2048);
        let block = TASK.max(tile).div_ceil(y.width).next_multiple_of(step).min(y.height);
        let parts = lattices.iter().map(|l| (l.clone(), pack(l))).collect();
        Self { x, y, groups, parts, bias, act, tile, block }
    }

    fn taps(lattice: &Lattice) -> usize {
        lattice[0].taps.len() * lattice[1].taps.len()
    }

    /// Output rows `first..` of one image into `out`.
    fn rows(&self, x: &[f32], first: usize, out: &mut [f32], scratch: &mut [f32]) {
        let rows = out.len() / (self.y.width * self.y.channels);
        for (lattice, weights) in &self.parts {
            let range = lattice[0].within(first, first + rows);
            let pixels = range.len() * lattice[1].count;
            for start in (0..pixels).step_by(self.tile) {
                let tile = Tile { row: range.start, start, len: self.tile.min(pixels - start) };
                self.tile(lattice, weights, &tile, x, first, out, scratch);
            }
        }
        self.finish(out);
    }

    #[allow(clippy::too_many_arguments, reason = "one tile's inputs and outputs")]
    fn tile(
        &self,
        lattice: &Lattice,
        weights: &[f32],
        tile: &Tile,
        x: &[f32],
        first: usize,
        out: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (inputs, outputs) = (self.x.channels / self.groups, self.y.channels / self.groups);
        let inner = Self::taps(lattice) * inputs;
        let channels = self.y.channels;
        let (patches, products) = scratch.split_at_mut(self.tile * inner);
        // An undivided lattice is written in place; a phase goes through scratch to its own pixels, and so does
        // a product with few channels, which is faster by columns.
        let whole = lattice[0].step == 1 && lattice[1].step == 1;
        let narrow = outputs <= NARROW;
        let strides = if narrow { [1, self.tile] } else { [channels, 1] };
        let at = ((tile.row - if whole { first } else { 0 }) * self.y.width + tile.start) * channels;
        for g in 0..self.groups {
            let b =
                Matrix { data: &weights[g * inner * outputs..][..inner * outputs], strides: [outputs, 1] };
            let a = if lattice.iter().all(Axis::is_identity) {
                let from = (tile.row * self.x.width + tile.start) * self.x.channels + g * inputs;
                Matrix { data: &x[from..], strides: [self.x.channels, 1] }
            } else {
                self.gather(lattice, tile, x, g, patches);
                Matrix { data: patches, strides: [inner, 1] }
            };
            let to = match (whole, narrow) {
                (true, false) => &mut out[at + g * outputs..],
                (false, false) => &mut products[g * outputs..],
                (_, true) => &mut products[g * outputs * self.tile..],
            };
            product([tile.len, outputs, inner], a, b, to, strides);
        }
        if whole && !narrow {
            return;
        }
        for p in 0..tile.len {
            let to = if whole {
                at + p * channels
            } else {
                let (i, j) = tile.pixel(p, lattice[1].count);
                let oy = lattice[0].start + i * lattice[0].step - first;
                (oy * self.y.width + lattice[1].start + j * lattice[1].step) * channels
            };
            let pixel = &mut out[to..to + channels];
            if narrow {
                pixel.iter_mut().zip(products[p..].iter().step_by(self.tile)).for_each(|(y, v)| *y = *v);
            } else {
                pixel.copy_from_slice(&products[p * channels..][..channels]);
            }
        }
    }

    /// The patch of each pixel of a tile: taps by input channels of one group, zeros outside the image.
    fn gather(&self, lattice: &Lattice, tile: &Tile, x: &[f32], group: usize, patches: &mut [f32]) {
        let Planes { height, width, channels, .. } = self.x;
        let inputs = channels / self.groups;
        let [vertical, horizontal] = lattice;
        let line = horizontal.taps.len() * inputs;
        // Taps on neighbouring pixels of an ungrouped image are one run in memory.
        let dense = self.groups == 1 && horizontal.taps.windows(2).all(|t| t[1].0 == t[0].0 + 1);
        let left = horizontal.taps.first().map_or(0, |t| t.0);
        let mut lines = patches.chunks_exact_mut(line.max(1));
        for p in 0..tile.len {
            let (i, j) = tile.pixel(p, horizontal.count);
            let ix = (j * horizontal.in_step) as isize;
            for &(dy, _) in &vertical.taps {
                let Some(to) = lines.next() else { return };
                let iy = (i * vertical.in_step) as isize + dy;
                if iy < 0 || iy >= height as isize {
                    to.fill(0.0);
                    continue;
                }
                let row = &x[iy as usize * width * channels..][..width * channels];
                let from = ix + left;
                if dense && from >= 0 && from as usize + horizontal.taps.len() <= width {
                    copy(&row[from as usize * channels..], to);
                    continue;
                }
                for (to, &(dx, _)) in to.chunks_exact_mut(inputs).zip(&horizontal.taps) {
                    let at = ix + dx;
                    if at < 0 || at >= width as isize {
                        to.fill(0.0);
                    } else {
                        copy(&row[at as usize * channels + group * inputs..], to);
                    }
                }
            }
        }
    }

    /// Bias and activation.
    fn finish(&self, out: &mut [f32]) {
        if let Some(bias) = &self.bias {
            for pixel in out.chunks_exact_mut(bias.len()) {
                pixel.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
            }
        }
        if let Some(act) = self.act {
            apply(act, out);
        }
    }
}

/// The start of `from` into all of `to`. Lengths that small images have are moves rather than calls.
#[inline]
fn copy(from: &[f32], to: &mut [f32]) {
    macro_rules! moved {
        ($($len:literal)*) => {
            match to.len() {
                $($len => to[..$len].copy_from_slice(&from[..$len]),)*
                len => to.copy_from_slice(&from[..len]),
            }
        };
    }
    moved!(1 2 3 4 6 8 9 12 16 24);
}

/// Pixels `start..start + len` of a lattice, counted along its rows from row `row`.
struct Tile {
    row: usize,
    start: usize,
    len: usize,
}

impl Tile {
    /// The lattice position of pixel `p` of the tile, for rows of `count` pixels.
    fn pixel(&self, p: usize, count: usize) -> (usize, usize) {
        let at = self.start + p;
        (self.row + at / count, at % count)
    }
}

impl Kernel for Conv {
    fn run(&self, operands: &Operands<'_>, out: &mut [f32], scratch: &Scratch) {
        let x = operands.get(0);
        let line = self.y.width * self.y.channels;
        out.par_chunks_mut(self.y.image()).enumerate().for_each(|(unit, image)| {
            let x = x.unit(unit, self.x.rows);
            image.par_chunks_mut(self.block * line).enumerate().for_each(|(i, rows)| {
                scratch.with(|scratch| self.rows(x, i * self.block, rows, scratch));
            });
        });
    }

    fn scratch(&self) -> usize {
        let inner = self.parts.iter().map(|(l, _)| Self::taps(l)).max().unwrap_or(0);
        self.tile * (inner * self.x.channels / self.groups + self.y.channels)
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, w)| size_of_val(&w[..])).sum()
    }
}
