use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use moire_graph::{Act, Binary};
use moire_tensor::Shape;
use rayon::prelude::*;

use super::{Kernel, each_chunk};
use crate::layout::{broadcast_strides, order, strides};
use crate::nest::Nest;
use crate::program::Operands;
use crate::scratch::Scratch;
use crate::simd::Vectors;

/// Applies `act` in place.
#[inline(always)]
pub(crate) fn apply(act: Act, values: &mut [f32]) {
    fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
        values.iter_mut().for_each(|v| *v = f(*v));
    }
    match act {
        Act::Relu => each(values, |x| x.max(0.0)),
        Act::LeakyRelu(slope) => each(values, |x| if x > 0.0 { x } else { slope * x }),
        Act::Tanh => each(values, f32::tanh),
        Act::Sigmoid => each(values, sigmoid),
        Act::Softplus => each(values, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        Act::Exp => each(values, f32::exp),
        Act::Sqrt => each(values, f32::sqrt),
        Act::Abs => each(values, f32::abs),
        Act::Square => each(values, |x| x * x),
        Act::Log => each(values, f32::ln),
        Act::Erf => each(values, libm::erff),
        Act::Gelu => each(values, |x| x * below(x)),
        Act::Elu(scale) => each(values, |x| if x > 0.0 { x } else { scale * x.exp_m1() }),
        Act::Clip(low, high) => each(values, |x| x.clamp(low, high)),
        Act::Step => each(values, |x| f32::from(u8::from(x >= 0.0))),
        Act::Round | Act::Quantise => each(values, f32::round_ties_even),
    }
}

/// The share of the standard normal distribution below x.
fn below(x: f32) -> f32 {
    0.5 * libm::erfcf(-x * FRAC_1_SQRT_2)
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Multiplies `dy` by the derivative of `act`, from the result or the operand as the op says.
#[inline(always)]
fn apply_grad(act: Act, saved: &[f32], dy: &[f32], dx: &mut [f32]) {
    fn each(saved: &[f32], dy: &[f32], dx: &mut [f32], f: impl Fn(f32, f32) -> f32) {
        for ((dx, &s), &dy) in dx.iter_mut().zip(saved).zip(dy) {
            *dx = f(s, dy);
        }
    }
    match act {
        Act::Relu => each(saved, dy, dx, |y, d| if y > 0.0 { d } else { 0.0 }),
        Act::LeakyRelu(slope) => each(saved, dy, dx, |y, d| if y > 0.0 { d } else { slope * d }),
        Act::Tanh => each(saved, dy, dx, |y, d| d * (1.0 - y * y)),
        Act::Sigmoid => each(saved, dy, dx, |y, d| d * y * (1.0 - y)),
        Act::Softplus => each(saved, dy, dx, |x, d| d * sigmoid(x)),
        Act::Exp => each(saved, dy, dx, |y, d| d * y),
        Act::Sqrt => each(saved, dy, dx, |y, d| if y > 0.0 { d * 0.5 / y } else { 0.0 }),
        Act::Abs => each(saved, dy, dx, |x, d| if x == 0.0 { 0.0 } else { d * x.signum() }),
        Act::Square => each(saved, dy, dx, |x, d| d * 2.0 * x),
        Act::Log => each(saved, dy, dx, |x, d| d / x),
        Act::Erf => each(saved, dy, dx, |x, d| d * FRAC_2_SQRT_PI * (-x * x).exp()),
        Act::Gelu => {
            let peak = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
            each(saved, dy, dx, |x, d| d * (below(x) + x * peak * (-0.5 * x * x).exp()));
        }
        Act::Elu(scale) => each(saved, dy, dx, |y, d| if y > 0.0 { d } else { d * (y + scale) }),
        Act::Clip(low, high) => each(saved, dy, dx, |x, d| if x >= low && x <= high { d } else { 0.0 }),
        Act::Step => dx.fill(0.0),
        Act::Round => dx.copy_from_slice(dy),
        Act::Quantise => each(saved, dy, dx, |x, d| if x.abs() <= 0.5 { d * 3.0 * x * x } else { d }),
    }
}

/// A function of each element.
pub(crate) struct Map {
    pub(crate) act: Act,
    pub(crate) size: usize,
    pub(crate) vectors: Vectors,
}

impl Kernel for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let x = operands.get(0);
        each_chunk(out, self.size, |s, start, chunk| {
            chunk.copy_from_slice(&x.sample(s)[start..][..chunk.len()]);
            self.vectors.run(
                #[inline(always)]
                || apply(self.act, chunk),
            );
        });
    }
}

/// The adjoint of a function of each element.
pub(crate) struct MapGrad {
    pub(crate) act: Act,
    pub(crate) size: usize,
    pub(crate) vectors: Vectors,
}

impl Kernel for MapGrad {
    fn name(&self) -> &'static str {
        "map_grad"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        let (saved, dy) = (operands.get(0), operands.get(1));
        each_chunk(out, self.size, |s, start, chunk| {
            let part = |v: &[f32]| start..start + chunk.len().min(v.len());
            let (saved, dy) = (saved.sample(s), dy.sample(s));
            let (saved, dy) = (&saved[part(saved)], &dy[part(dy)]);
            self.vectors.run(
                #[inline(always)]
                || apply_grad(self.act, saved, dy, chunk),
            );
        });
    }
}

/// How an operand is read along the result in memory order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It has the result's shape, or repeats every so many numbers: a scalar every 1, channels every c.
    Periodic(usize),
    /// Anything else that broadcasts.
    Strided,
}

impl Reading {
    fn of(from: &Shape, to: &Shape) -> Self {
        let (read, own) = (broadcast_strides(from, to), strides(to));
        let mut period = 1;
        let mut whole = true;
        for axis in order(to.len()).into_iter().rev().filter(|&a| to[a] != 1) {
            match read[axis] {
                step if whole && step == own[axis] => period *= to[axis],
                0 => whole = false,
                _ => return Self::Strided,
            }
        }
        Self::Periodic(period)
    }
}

/// A function of two elements, with broadcasting.
pub(crate) struct Zip {
    op: Binary,
    size: usize,
    readings: [Reading; 2],
    nest: Nest<3>,
    vectors: Vectors,
}

impl Zip {
    pub(crate) fn new(op: Binary, a: &Shape, b: &Shape, shape: &Shape, vectors: Vectors) -> Self {
        let nest =
            Nest::new(shape, [&strides(shape), &broadcast_strides(a, shape), &broadcast_strides(b, shape)]);
        Self {
            op,
            size: shape.numel(),
            readings: [Reading::of(a, shape), Reading::of(b, shape)],
            nest,
            vectors,
        }
    }

    fn run_with(&self, operands: &Operands<'_>, out: &mut [f32], f: impl Fn(f32, f32) -> f32 + Sync) {
        let (a, b) = (operands.get(0), operands.get(1));
        if let [Reading::Periodic(pa), Reading::Periodic(pb)] = self.readings {
            each_chunk(out, self.size, |s, start, chunk| {
                let (a, b) = (a.sample(s), b.sample(s));
                let mut done = 0;
                while done < chunk.len() {
                    let (ia, ib) = ((start + done) % pa, (start + done) % pb);
                    // A scalar lasts for ever; anything else until it starts again.
                    let left = |period: usize, i: usize| if period == 1 { usize::MAX } else { period - i };
                    let len = left(pa, ia).min(left(pb, ib)).min(chunk.len() - done);
                    let to = &mut chunk[done..done + len];
                    self.vectors.run(
                        #[inline(always)]
                        || match (pa, pb) {
                            (1, 1) => to.fill(f(a[0], b[0])),
                            (1, _) => to.iter_mut().zip(&b[ib..]).for_each(|(o, &b)| *o = f(a[0], b)),
                            (_, 1) => to.iter_mut().zip(&a[ia..]).for_each(|(o, &a)| *o = f(a, b[0])),
                            _ => {
                                let pairs = a[ia..].iter().zip(&b[ib..]);
                                to.iter_mut().zip(pairs).for_each(|(o, (&a, &b))| *o = f(a, b));
                            }
                        },
                    );
                    done += len;
                }
            });
            return;
        }
        let [so, sa, sb] = self.nest.steps();
        out.par_chunks_mut(self.size).enumerate().for_each(|(s, out)| {
            let (a, b) = (a.sample(s), b.sample(s));
            self.nest.each_run(|[o, ia, ib]| {
                for i in 0..self.nest.run() {
                    out[o + i * so] = f(a[ia + i * sa], b[ib + i * sb]);
                }
            });
        });
    }
}

impl Kernel for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn run(&self, operands: &Operands<'_>, out: &mut [f32], _: &Scratch) {
        match self.op {
            Binary::Add => self.run_with(operands, out, |a, b| a + b),
            Binary::Sub => self.run_with(operands, out, |a, b| a - b),
            Binary::Mul => self.run_with(operands, out, |a, b| a * b),
            Binary::Div => self.run_with(operands, out, |a, b| a / b),
        }
    }
}

#[cfg(test)]
mod tests {
    use moire_tensor::Shape;

    use super::Reading;

    #[test]
    fn what_repeats_is_seen() {
        let image = Shape::from([2, 3, 4, 5]);
        let case = |from: &[usize]| Reading::of(&Shape::from(from), &image);
        assert_eq!(case(&[2, 3, 4, 5]), Reading::Periodic(120));
        assert_eq!(case(&[1, 3, 4, 5]), Reading::Periodic(60));
        assert_eq!(case(&[1, 3, 1, 1]), Reading::Periodic(3));
        assert_eq!(case(&[]), Reading::Periodic(1));
        assert_eq!(case(&[2, 1, 1, 1]), Reading::Strided);
        assert_eq!(case(&[2, 1, 4, 5]), Reading::Strided);
    }
}
