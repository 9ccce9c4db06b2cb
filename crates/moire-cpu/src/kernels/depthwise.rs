use moire_graph::Act;
use rayon::prelude::*;

use super::Kernel;
use super::elementwise::apply;
use super::lattice::Lattice;
use crate::layout::Planes;
use crate::program::Operands;
use crate::scratch::Scratch;

/// A convolution of each channel with a kernel of its own, plain or transposed.
pub(crate) struct Depthwise {
    x: Planes,
    y: Planes,
    /// Each lattice with its weights: tap (vertical, horizontal), channel.
    parts: Vec<(Lattice, Vec<f32>)>,
    bias: Option<Vec<f32>>,
    act: Option<Act>,
}

impl Depthwise {
    /// `weight(c, ky, kx)` is the weight of channel `c`.
    pub(crate) fn new(
        (x, y): (Planes, Planes),
        lattices: &[Lattice],
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: Option<Vec<f32>>,
        act: Option<Act>,
    ) -> Self {
        let pack = |lattice: &Lattice| {
            let mut packed = Vec::new();
            for &(_, ky) in &lattice[0].taps {
                for &(_, kx) in &lattice[1].taps {
                    packed.extend((0..y.channels).map(|c| weight(c, ky, kx)));
                }
            }
            packed
        };
        let parts = lattices.iter().map(|l| (l.clone(), pack(l))).collect();
        Self { x, y, parts, bias, act }
    }

    /// Output row `oy` of one image.
    fn row(&self, x: &[f32], oy: usize, out: &mut [f32]) {
        let channels = self.y.channels;
        match &self.bias {
            Some(bias) => out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(bias)),
            None => out.fill(0.0),
        }
        for (lattice, weights) in &self.parts {
            let [vertical, horizontal] = lattice;
            for i in vertical.within(oy, oy + 1) {
                for (ty, &(dy, _)) in vertical.taps.iter().enumerate() {
                    let iy = (i * vertical.in_step) as isize + dy;
                    if iy < 0 || iy >= self.x.height as isize {
                        continue;
                    }
                    let line = &x[iy as usize * self.x.width * channels..][..self.x.width * channels];
                    for (tx, &(dx, _)) in horizontal.taps.iter().enumerate() {
                        let weights = &weights[(ty * horizontal.taps.len() + tx) * channels..][..channels];
                        for j in 0..horizontal.count {
                            let ix = (j * horizontal.in_step) as isize + dx;
                            if ix < 0 || ix >= self.x.width as isize {
                                continue;
                            }
                            let from = &line[ix as usize * channels..][..channels];
                            let to = (horizontal.start + j * horizontal.step) * channels;
                            let to = &mut out[to..to + channels];
                            to.iter_mut().zip(from.iter().zip(weights)).for_each(|(y, (x, w))| *y += x * w);
                        }
                    }
                }
            }
        }
        if let Some(act) = self.act {
            apply(act, out);
        }
    }
}

impl Kernel for Depthwise {
    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let x = operands.get(0);
        out.par_chunks_mut(self.y.image()).enumerate().for_each(|(unit, image)| {
            let x = x.unit(unit, self.x.rows);
            let line = self.y.width * self.y.channels;
            image.par_chunks_mut(line).enumerate().for_each(|(oy, out)| self.row(x, oy, out));
        });
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|(_, w)| size_of_val(&w[..])).sum()
    }
}
