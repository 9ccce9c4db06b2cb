//! Convolutions of every kind as dense windows over lattices of output pixels.
//!
//! A convolution is one lattice: every output pixel sees the same taps. A transposed convolution of stride s
//! is s x s of them: the output pixels of one phase see the same few taps at neighbouring input pixels, so no
//! product with an inserted zero is ever made and nothing is scattered.

use moire_graph::{Conv2d, ConvTranspose2d};

/// Output pixels `start + step * i` along one axis, each seeing input pixels `in_step * i + offset`.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) start: usize,
    pub(crate) step: usize,
    pub(crate) count: usize,
    pub(crate) in_step: usize,
    /// Taps as pairs of input offset and position in the kernel, offsets ascending.
    pub(crate) taps: Vec<(isize, usize)>,
}

impl Axis {
    /// The one lattice of a convolution with `outputs` output pixels.
    fn conv(kernel: usize, outputs: usize, stride: usize, padding: usize, dilation: usize) -> Self {
        let taps = (0..kernel).map(|k| ((k * dilation) as isize - padding as isize, k)).collect();
        Self { start: 0, step: 1, count: outputs, in_step: stride, taps }
    }

    /// The lattices of a transposed convolution, one a phase. Output o takes input i where
    /// o = i stride - padding + k dilation.
    fn transposed(
        kernel: usize,
        outputs: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
    ) -> Vec<Self> {
        let phase = |start: usize| {
            let tap = |k: usize| {
                let at = (start + padding) as isize - (k * dilation) as isize;
                (at.rem_euclid(stride as isize) == 0).then_some((at.div_euclid(stride as isize), k))
            };
            let taps = (0..kernel).rev().filter_map(tap).collect();
            Self { start, step: stride, count: (outputs - start).div_ceil(stride), in_step: 1, taps }
        };
        (0..stride.min(outputs)).map(phase).collect()
    }

    /// The lattice positions `i` whose output pixels lie in `from..to`.
    pub(crate) fn within(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let first = |at: usize| at.saturating_sub(self.start).div_ceil(self.step).min(self.count);
        first(from)..first(to)
    }
}

/// One lattice in two dimensions, vertical and horizontal.
pub(crate) type Lattice = [Axis; 2];

/// The lattices of a convolution with kernel `[kh, kw]` and output `[h, w]`.
pub(crate) fn of_conv(op: &Conv2d, kernel: [usize; 2], outputs: [usize; 2]) -> Vec<Lattice> {
    let axis = |a: usize| Axis::conv(kernel[a], outputs[a], op.stride[a], op.padding[a], op.dilation[a]);
    vec![[axis(0), axis(1)]]
}

/// The lattices of a transposed convolution with kernel `[kh, kw]` and output `[h, w]`.
pub(crate) fn of_transposed(op: &ConvTranspose2d, kernel: [usize; 2], outputs: [usize; 2]) -> Vec<Lattice> {
    let axes =
        |a: usize| Axis::transposed(kernel[a], outputs[a], op.stride[a], op.padding[a], op.dilation[a]);
    let horizontal = axes(1);
    axes(0).into_iter().flat_map(|y| horizontal.iter().map(move |x| [y.clone(), x.clone()])).collect()
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn phases_of_a_stride_two_transposed_convolution_share_out_the_taps() {
        let phases = Axis::transposed(4, 8, 2, 1, 1);
        assert_eq!(phases[0].taps, [(-1, 3), (0, 1)]);
        assert_eq!(phases[1].taps, [(0, 2), (1, 0)]);
        assert_eq!((phases[1].within(0, 8), phases[1].within(2, 5)), (0..4, 1..2));
    }
}
