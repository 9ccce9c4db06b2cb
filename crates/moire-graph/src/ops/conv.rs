use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, rank4};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// Convolution (cross-correlation, as networks mean it). All pairs are `[vertical, horizontal]`.
///
/// Operands: x `[r, c, h, w]`, weights `[o, c / groups, kh, kw]`, optionally bias `[o]`.
/// Result: `[r, o, h', w']` with h' = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Pixels between windows.
    pub stride: [usize; 2],
    /// Zeros on either side.
    pub padding: [usize; 2],
    /// Pixels between taps.
    pub dilation: [usize; 2],
    /// Channels are split into so many independent convolutions.
    pub groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

/// Transposed convolution.
///
/// Operands: x `[r, c, h, w]`, weights `[c, o / groups, kh, kw]`, optionally bias `[o]`.
/// Result: `[r, o, h', w']` with h' = (h - 1) stride - 2 padding + dilation (kh - 1) + output padding + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Pixels between the places where one input pixel after another is put.
    pub stride: [usize; 2],
    /// Pixels cut off on either side of the result.
    pub padding: [usize; 2],
    /// Extra pixels at the end of the result, below the stride.
    pub output_padding: [usize; 2],
    /// Pixels between taps.
    pub dilation: [usize; 2],
    /// Channels are split into so many independent convolutions.
    pub groups: usize,
}

impl Default for ConvTranspose2d {
    fn default() -> Self {
        Self { stride: [1, 1], padding: [0, 0], output_padding: [0, 0], dilation: [1, 1], groups: 1 }
    }
}

impl ConvTranspose2d {
    /// The convolution whose adjoint this is.
    fn conv(&self) -> Conv2d {
        Conv2d { stride: self.stride, padding: self.padding, dilation: self.dilation, groups: self.groups }
    }
}

impl Rule for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let expected = || {
            let Self { stride, padding, dilation, groups } = self;
            format!(
                "x [r, c, h, w], weights [o, c / {groups}, kh, kw] and perhaps a bias [o] that fit stride \
                 {stride:?}, padding {padding:?}, dilation {dilation:?}"
            )
        };
        let ([x, w], bias) = split(shapes).ok_or_else(expected)?;
        let ([r, c, h, wd], [o, i, kh, kw]) = rank4(x).zip(rank4(w)).ok_or_else(expected)?;
        let spatial = || {
            Some([
                window(h, kh, self.stride[0], self.padding[0], self.dilation[0])?,
                window(wd, kw, self.stride[1], self.padding[1], self.dilation[1])?,
            ])
        };
        let fits = self.groups > 0 && i * self.groups == c && o % self.groups == 0 && bias_fits(bias, o);
        match spatial().filter(|_| fits) {
            Some([oh, ow]) => Ok([r, o, oh, ow].into()),
            None => Err(expected()),
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut y = biased(xs.get(2).copied(), shape);
        self.each_tap(xs[0].shape(), xs[1].shape(), shape, |x, w, o| {
            y.data_mut()[o] += xs[0].data()[x] * xs[1].data()[w];
        });
        y
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        if input != 0 {
            return Err(at.refuse(input));
        }
        let (x, w) = (at.input_shape(0), at.input_shape(1));
        let rest = |axis: usize| {
            let span = self.dilation[axis] * (w[2 + axis] - 1) + 1;
            (x[2 + axis] + 2 * self.padding[axis] - span) % self.stride[axis]
        };
        let Self { stride, padding, dilation, groups } = *self;
        let adjoint =
            ConvTranspose2d { stride, padding, output_padding: [rest(0), rest(1)], dilation, groups };
        at.b.adjoint(Op::ConvTranspose2d(adjoint), &[at.dy, at.inputs[1]])
    }
}

impl Conv2d {
    /// Calls `f(x, w, y)` with the positions of every product x w that belongs to the sum y.
    fn each_tap(&self, x: &Shape, w: &Shape, y: &Shape, mut f: impl FnMut(usize, usize, usize)) {
        let (per_group, in_group) = (y[1] / self.groups, w[1]);
        for r in 0..y[0] {
            for o in 0..y[1] {
                for oy in 0..y[2] {
                    for ox in 0..y[3] {
                        for i in 0..in_group {
                            for ky in 0..w[2] {
                                for kx in 0..w[3] {
                                    let iy = (oy * self.stride[0] + ky * self.dilation[0])
                                        .wrapping_sub(self.padding[0]);
                                    let ix = (ox * self.stride[1] + kx * self.dilation[1])
                                        .wrapping_sub(self.padding[1]);
                                    if iy < x[2] && ix < x[3] {
                                        let c = o / per_group * in_group + i;
                                        f(
                                            ((r * x[1] + c) * x[2] + iy) * x[3] + ix,
                                            ((o * in_group + i) * w[2] + ky) * w[3] + kx,
                                            ((r * y[1] + o) * y[2] + oy) * y[3] + ox,
                                        );
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Rule for ConvTranspose2d {
    fn name(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let expected = || {
            let Self { stride, padding, output_padding, dilation, groups } = self;
            format!(
                "x [r, c, h, w], weights [c, o / {groups}, kh, kw] and perhaps a bias [o] that fit stride \
                 {stride:?}, padding {padding:?}, output padding {output_padding:?}, dilation {dilation:?}"
            )
        };
        let ([x, w], bias) = split(shapes).ok_or_else(expected)?;
        let ([r, c, h, wd], [i, per_group, kh, kw]) = rank4(x).zip(rank4(w)).ok_or_else(expected)?;
        let extent = |size: usize, k: usize, axis: usize| {
            let full = size.checked_sub(1)? * self.stride[axis]
                + self.dilation[axis] * k.checked_sub(1)?
                + self.output_padding[axis]
                + 1;
            full.checked_sub(2 * self.padding[axis]).filter(|&n| n > 0 && self.dilation[axis] > 0)
        };
        let o = per_group * self.groups;
        let fits = i == c
            && self.groups > 0
            && c % self.groups == 0
            && bias_fits(bias, o)
            && (0..2).all(|a| self.output_padding[a] < self.stride[a]);
        match extent(h, kh, 0).zip(extent(wd, kw, 1)).filter(|_| fits) {
            Some((oh, ow)) => Ok([r, o, oh, ow].into()),
            None => Err(expected()),
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut y = biased(xs.get(2).copied(), shape);
        self.conv().each_tap(shape, xs[1].shape(), xs[0].shape(), |y_at, w, x_at| {
            y.data_mut()[y_at] += xs[0].data()[x_at] * xs[1].data()[w];
        });
        y
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        if input != 0 {
            return Err(at.refuse(input));
        }
        at.b.adjoint(Op::Conv2d(self.conv()), &[at.dy, at.inputs[1]])
    }
}

fn split<'a>(shapes: &[&'a Shape]) -> Option<([&'a Shape; 2], Option<&'a Shape>)> {
    match *shapes {
        [x, w] => Some(([x, w], None)),
        [x, w, bias] => Some(([x, w], Some(bias))),
        _ => None,
    }
}

fn bias_fits(bias: Option<&Shape>, channels: usize) -> bool {
    bias.is_none_or(|b| b[..] == [channels])
}

/// The number of places for a window of `kernel` taps, at least 1.
pub(super) fn window(
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
) -> Option<usize> {
    let span = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
    let room = size.checked_add(padding.checked_mul(2)?)?.checked_sub(span)?;
    (dilation > 0).then_some(())?;
    Some(room.checked_div(stride)? + 1)
}

fn biased(bias: Option<&Tensor<f64>>, shape: &Shape) -> Tensor<f64> {
    let inner = shape[2] * shape[3];
    Tensor::from_fn(shape.clone(), |i| bias.map_or(0.0, |b| b.data()[i / inner % shape[1]]))
}
