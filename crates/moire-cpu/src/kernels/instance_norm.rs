use rayon::prelude::*;

use super::{Kernel, Operand};
use crate::layout::Planes;
use crate::product::Leak;
use crate::program::Operands;
use crate::scratch::Scratch;
use crate::simd::Vectors;

/// Pixels whose sums are taken together: a chunk of 64 channels stays in a core's own cache.
const CHUNK: usize = 512;

/// Normalisation of each channel of each image by its own statistics, or its adjoint, in two passes: one over chunks
/// that sums, one that writes.
pub(crate) struct InstanceNorm {
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
    Forward { shift: Option<Vec<f32>>, add: bool, act: Option<Leak> },
    /// Operands are the input, the cotangent and, where there is a gate, the value whose sign opens it.
    Backward { gate: Option<Leak> },
}

/// Sums kept for each channel: mean, squares around it, cotangents, cotangents by centred inputs.
const KEPT: usize = 4;

impl InstanceNorm {
    fn chunks(&self) -> usize {
        (self.planes.height * self.planes.width).div_ceil(CHUNK)
    }

    /// Chunk `i` of an image.
    fn part<'a>(&self, operand: Operand<'a>, image: usize, i: usize) -> &'a [f32] {
        let Planes { height, width, channels, rows } = self.planes;
        let end = ((i + 1) * CHUNK).min(height * width);
        &operand.unit(image, rows)[i * CHUNK * channels..end * channels]
    }

    /// The sums of a chunk `x` with the cotangents `dy` that came through the gate.
    #[inline(always)]
    fn sum(&self, x: &[f32], dy: Option<(&[f32], Option<&[f32]>)>, sums: &mut [f32]) {
        let c = self.planes.channels;
        let (mean, rest) = sums.split_at_mut(c);
        let (squares, rest) = rest.split_at_mut(c);
        let (total, dot) = rest.split_at_mut(c);
        mean.fill(0.0);
        x.chunks_exact(c).for_each(|x| mean.iter_mut().zip(x).for_each(|(m, x)| *m += x));
        let n = (x.len() / c) as f32;
        mean.iter_mut().for_each(|m| *m /= n);
        squares.fill(0.0);
        for x in x.chunks_exact(c) {
            squares.iter_mut().zip(x.iter().zip(&*mean)).for_each(|(s, (x, m))| *s += (x - m) * (x - m));
        }
        let Some((dy, saved)) = dy else { return };
        total.fill(0.0);
        dot.fill(0.0);
        let leak = self.gate();
        for (p, (x, dy)) in x.chunks_exact(c).zip(dy.chunks_exact(c)).enumerate() {
            let sums = total.iter_mut().zip(dot.iter_mut());
            let values = x.iter().zip(&*mean).zip(dy);
            match saved {
                None => sums.zip(values).for_each(|((t, d), ((x, m), dy))| {
                    *t += dy;
                    *d += dy * (x - m);
                }),
                Some(saved) => {
                    sums.zip(values.zip(&saved[p * c..])).for_each(|((t, d), (((x, m), dy), &s))| {
                        let dy = if s > 0.0 { *dy } else { leak * dy };
                        *t += dy;
                        *d += dy * (x - m);
                    });
                }
            }
        }
    }

    fn gate(&self) -> f32 {
        match self.way {
            Way::Backward { gate: Some(Leak(slope)) } => slope,
            _ => 0.0,
        }
    }

    /// Merges the sums of an image's chunks (Chan, Golub and `LeVeque` 1979) into what the second pass needs by channel:
    /// mean, 1 / sqrt(var + eps), and for the way back the two sums that are subtracted.
    fn merge(&self, chunks: &[f32], merged: &mut [f32]) {
        let Planes { height, width, channels: c, .. } = self.planes;
        let pixels = (height * width) as f64;
        let backward = matches!(self.way, Way::Backward { .. });
        for ch in 0..c {
            let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
            for (i, sums) in chunks.chunks_exact(KEPT * c).enumerate() {
                let more = (height * width - i * CHUNK).min(CHUNK) as f64;
                let apart = f64::from(sums[ch]) - mean;
                squares += f64::from(sums[c + ch]) + apart * apart * n * more / (n + more);
                n += more;
                mean += apart * more / n;
            }
            let d = if self.unbiased { pixels - 1.0 } else { pixels };
            let inv = 1.0 / (squares / d + f64::from(self.eps)).sqrt();
            merged[ch] = mean as f32;
            merged[c + ch] = inv as f32;
            if backward {
                let (mut total, mut dot) = (0.0, 0.0);
                for sums in chunks.chunks_exact(KEPT * c) {
                    let own = f64::from(sums[2 * c + ch]);
                    total += own;
                    dot += f64::from(sums[3 * c + ch]) + own * (f64::from(sums[ch]) - mean);
                }
                merged[2 * c + ch] = (total / pixels) as f32;
                merged[3 * c + ch] = (dot * inv * inv / d) as f32;
            }
        }
    }

    #[inline(always)]
    fn forward(&self, x: &[f32], add: Option<&[f32]>, merged: &[f32], out: &mut [f32]) {
        let c = self.planes.channels;
        let Way::Forward { shift, act, .. } = &self.way else { return };
        let (mean, inv) = (&merged[..c], &merged[c..2 * c]);
        let scale = &merged[2 * c..3 * c];
        let leak = act.map(|Leak(slope)| slope);
        for (p, (x, out)) in x.chunks_exact(c).zip(out.chunks_exact_mut(c)).enumerate() {
            let normed = out.iter_mut().zip(x.iter().zip(mean.iter().zip(inv)));
            normed.for_each(|(y, (x, (m, i)))| *y = (x - m) * i);
            if self.scale.is_some() {
                out.iter_mut().zip(scale).for_each(|(y, s)| *y *= s);
            }
            if let Some(shift) = shift {
                out.iter_mut().zip(shift).for_each(|(y, s)| *y += s);
            }
            if let Some(add) = add {
                out.iter_mut().zip(&add[p * c..]).for_each(|(y, a)| *y += a);
            }
            if let Some(slope) = leak {
                out.iter_mut().for_each(|y| *y = if *y > 0.0 { *y } else { slope * *y });
            }
        }
    }

    #[inline(always)]
    fn backward(&self, x: &[f32], dy: &[f32], saved: Option<&[f32]>, merged: &[f32], out: &mut [f32]) {
        let c = self.planes.channels;
        let [mean, factor, total, dot] = [0, 1, 2, 3].map(|i| &merged[i * c..(i + 1) * c]);
        let leak = self.gate();
        for (p, (out, (x, dy))) in
            out.chunks_exact_mut(c).zip(x.chunks_exact(c).zip(dy.chunks_exact(c))).enumerate()
        {
            match saved {
                None => out.copy_from_slice(dy),
                Some(saved) => {
                    let gated = out.iter_mut().zip(dy.iter().zip(&saved[p * c..]));
                    gated.for_each(|(o, (dy, &s))| *o = if s > 0.0 { *dy } else { leak * dy });
                }
            }
            let sums = factor.iter().zip(total.iter().zip(dot));
            out.iter_mut().zip(x.iter().zip(mean).zip(sums)).for_each(|(o, ((x, m), (f, (t, d))))| {
                *o = f * (*o - t - (x - m) * d);
            });
        }
    }
}

impl Kernel for InstanceNorm {
    fn name(&self) -> &'static str {
        "instance_norm"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], scratch: &Scratch) {
        let channels = self.planes.channels;
        let chunks = self.chunks();
        let images = out.len() / self.planes.image();
        let x = operands.get(0);
        let (forward, second) = match &self.way {
            Way::Forward { add, .. } => (true, add.then(|| operands.get(1))),
            Way::Backward { .. } => (false, Some(operands.get(1))),
        };
        let saved = match &self.way {
            Way::Backward { gate: Some(_) } => Some(operands.get(2)),
            _ => None,
        };
        let mut sums = scratch.shared();
        let kept = KEPT * channels;
        let (chunk_sums, rest) = sums.split_at_mut(images * chunks * kept);
        let merged = &mut rest[..images * kept];
        chunk_sums.par_chunks_mut(kept).enumerate().for_each(|(unit, sums)| {
            let (image, i) = (unit / chunks, unit % chunks);
            let (x, saved) = (self.part(x, image, i), saved.map(|v| self.part(v, image, i)));
            let dy = second.filter(|_| !forward).map(|dy| (self.part(dy, image, i), saved));
            self.vectors.run(
                #[inline(always)]
                || self.sum(x, dy, sums),
            );
        });
        merged.par_chunks_mut(kept).zip(chunk_sums.par_chunks(chunks * kept)).for_each(|(merged, chunks)| {
            self.merge(chunks, merged);
            let scales = self.scale.iter().flatten().enumerate();
            if forward {
                scales.for_each(|(ch, s)| merged[2 * channels + ch] = *s);
            } else {
                scales.for_each(|(ch, s)| merged[channels + ch] *= s);
            }
        });
        let merged = &*merged;
        out.par_chunks_mut(self.planes.image()).enumerate().for_each(|(image, out)| {
            let merged = &merged[image * kept..][..kept];
            out.par_chunks_mut(CHUNK * channels).enumerate().for_each(|(i, out)| {
                let x = self.part(x, image, i);
                let (second, saved) =
                    (second.map(|v| self.part(v, image, i)), saved.map(|v| self.part(v, image, i)));
                self.vectors.run(
                    #[inline(always)]
                    || match (forward, second) {
                        (false, Some(dy)) => self.backward(x, dy, saved, merged, out),
                        _ => self.forward(x, second, merged, out),
                    },
                );
            });
        });
    }

    /// Sums of every chunk, then of every image.
    fn shared(&self) -> usize {
        self.images * (self.chunks() + 1) * KEPT * self.planes.channels
    }
}
