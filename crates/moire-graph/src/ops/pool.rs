use moire_tensor::{Shape, Tensor};

use super::conv::window;
use super::{Op, Rule, operands, rank4};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// The largest value under each window of `[r, c, h, w]`; padding never wins, the first of equals does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Window `[height, width]`.
    pub kernel: [usize; 2],
    /// Pixels between windows.
    pub stride: [usize; 2],
    /// Pixels of padding on either side, less than the window.
    pub padding: [usize; 2],
}

/// The mean under each window of `[r, c, h, w]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2d {
    /// Window `[height, width]`.
    pub kernel: [usize; 2],
    /// Pixels between windows.
    pub stride: [usize; 2],
    /// Zeros on either side, fewer than the window.
    pub padding: [usize; 2],
    /// The mean divides by the whole window, padding included, rather than by what lies inside the image.
    pub count_padding: bool,
}

/// Adjoint of a [`MaxPool2d`]: the cotangent goes to the pixel that won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPoolGrad(pub MaxPool2d);

/// Adjoint of an [`AvgPool2d`] over images of `size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPoolGrad {
    /// The pooling.
    pub pool: AvgPool2d,
    /// Height and width of what was pooled.
    pub size: [usize; 2],
}

/// Calls `f(window, pixel)` with every pixel of every window, as positions in `y` and `x`.
fn each_pixel(
    (kernel, stride, padding): ([usize; 2], [usize; 2], [usize; 2]),
    x: &Shape,
    y: &Shape,
    mut f: impl FnMut(usize, usize),
) {
    for plane in 0..y[0] * y[1] {
        for oy in 0..y[2] {
            for ox in 0..y[3] {
                for ky in 0..kernel[0] {
                    for kx in 0..kernel[1] {
                        let iy = (oy * stride[0] + ky).wrapping_sub(padding[0]);
                        let ix = (ox * stride[1] + kx).wrapping_sub(padding[1]);
                        if iy < x[2] && ix < x[3] {
                            f((plane * y[2] + oy) * y[3] + ox, (plane * x[2] + iy) * x[3] + ix);
                        }
                    }
                }
            }
        }
    }
}

fn infer(
    shapes: &[&Shape],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Shape, String> {
    let [x] = operands(shapes)?;
    let pooled = rank4(x).and_then(|[r, c, h, w]| {
        (padding[0] < kernel[0] && padding[1] < kernel[1]).then_some(())?;
        let oh = window(h, kernel[0], stride[0], padding[0], 1)?;
        let ow = window(w, kernel[1], stride[1], padding[1], 1)?;
        Some([r, c, oh, ow].into())
    });
    pooled.ok_or_else(|| {
        format!("x [r, c, h, w] that holds windows {kernel:?}, stride {stride:?}, padding {padding:?}")
    })
}

impl MaxPool2d {
    /// For each window the position of the pixel that wins.
    fn winners(&self, x: &Tensor<f64>, y: &Shape) -> Vec<usize> {
        let mut winners = vec![usize::MAX; y.numel()];
        each_pixel((self.kernel, self.stride, self.padding), x.shape(), y, |o, i| {
            let best = winners[o];
            if best == usize::MAX || x.data()[i] > x.data()[best] {
                winners[o] = i;
            }
        });
        winners
    }
}

impl Rule for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        infer(shapes, self.kernel, self.stride, self.padding)
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let winners = self.winners(xs[0], shape);
        Tensor::from_fn(shape.clone(), |o| xs[0].data()[winners[o]])
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        at.b.adjoint(Op::MaxPoolGrad(MaxPoolGrad(*self)), &[at.inputs[0], at.dy])
    }
}

impl Rule for MaxPoolGrad {
    fn name(&self) -> &'static str {
        "max_pool_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x, dy] = operands(shapes)?;
        if self.0.infer(&[x])? == *dy {
            Ok(x.clone())
        } else {
            Err("a cotangent of the pooled shape".to_owned())
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut dx = Tensor::full(shape.clone(), 0.0);
        let winners = self.0.winners(xs[0], xs[1].shape());
        winners.iter().zip(xs[1].data()).for_each(|(&i, dy)| dx.data_mut()[i] += dy);
        dx
    }
}

impl AvgPool2d {
    /// What each window divides by.
    fn divisors(&self, x: &Shape, y: &Shape) -> Vec<f64> {
        if self.count_padding {
            return vec![(self.kernel[0] * self.kernel[1]) as f64; y.numel()];
        }
        let mut counts = vec![0.0; y.numel()];
        each_pixel((self.kernel, self.stride, self.padding), x, y, |o, _| counts[o] += 1.0);
        counts
    }
}

impl Rule for AvgPool2d {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        infer(shapes, self.kernel, self.stride, self.padding)
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut y = Tensor::full(shape.clone(), 0.0);
        let divisors = self.divisors(xs[0].shape(), shape);
        each_pixel((self.kernel, self.stride, self.padding), xs[0].shape(), shape, |o, i| {
            y.data_mut()[o] += xs[0].data()[i] / divisors[o];
        });
        y
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let x = at.input_shape(input);
        at.b.adjoint(Op::AvgPoolGrad(AvgPoolGrad { pool: *self, size: [x[2], x[3]] }), &[at.dy])
    }
}

impl Rule for AvgPoolGrad {
    fn name(&self) -> &'static str {
        "avg_pool_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [dy] = operands(shapes)?;
        let [h, w] = self.size;
        let expected = || format!("a cotangent of what pooling {h} x {w} gives");
        let [r, c, ..] = rank4(dy).ok_or_else(expected)?;
        let x = Shape::from([r, c, h, w]);
        if self.pool.infer(&[&x])? == *dy { Ok(x) } else { Err(expected()) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let mut dx = Tensor::full(shape.clone(), 0.0);
        let y = xs[0].shape();
        let divisors = self.pool.divisors(shape, y);
        each_pixel((self.pool.kernel, self.pool.stride, self.pool.padding), shape, y, |o, i| {
            dx.data_mut()[i] += xs[0].data()[o] / divisors[o];
        });
        dx
    }
}
