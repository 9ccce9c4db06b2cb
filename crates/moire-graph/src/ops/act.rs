use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, operands};
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    /// max(x, 0); derivative 0 at 0.
    Relu,
    /// x where x > 0, else slope x; slope > 0.
    LeakyRelu(f32),
    /// tanh x.
    Tanh,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// log(1 + e^x), without overflow.
    Softplus,
    /// e^x.
    Exp,
    /// The square root; derivative 0 at 0.
    Sqrt,
    /// The magnitude; derivative 0 at 0.
    Abs,
    /// x^2.
    Square,
    /// The natural logarithm.
    Log,
    /// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
    Erf,
    /// x times the normal distribution's share below x (Hendrycks and Gimpel, arXiv 1606.08415), by [`Act::Erf`].
    Gelu,
    /// x times its [`Act::Sigmoid`] (arXiv 1606.08415, 1702.03118).
    Silu,
    /// x where x > 0, else scale (e^x - 1); scale > 0 (Clevert et al., arXiv 1511.07289).
    Elu(f32),
    /// x held between two bounds; derivative 1 on the bounds, 0 beyond.
    Clip(f32, f32),
    /// 1 where x >= 0, else 0; derivative 0 everywhere.
    Step,
    /// The nearest whole number, halves to the even one. Its derivative is 1, that of what it stands for: the true one, 0
    /// almost everywhere, says nothing of where larger steps lead (Bengio et al., arXiv 1308.3432, section 4).
    Round,
    /// The same, but what rounds to 0 has the derivative of x^3 (after Shin and Song, 2017, "JPEG-resistant adversarial
    /// images"): next to none where it is far from counting, more the nearer it is to.
    Quantise,
}

impl Act {
    /// Whether the derivative is computed from the result (true) or from the operand.
    pub fn saves_result(self) -> bool {
        matches!(
            self,
            Self::Relu
                | Self::LeakyRelu(_)
                | Self::Tanh
                | Self::Sigmoid
                | Self::Exp
                | Self::Sqrt
                | Self::Elu(_)
        )
    }

    fn value(self, x: f64) -> f64 {
        match self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu(slope) => x * if x > 0.0 { 1.0 } else { f64::from(slope) },
            Self::Tanh => x.tanh(),
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::Exp => x.exp(),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Square => x * x,
            Self::Log => x.ln(),
            Self::Erf => libm::erf(x),
            Self::Gelu => x * below(x),
            Self::Silu => x * Self::Sigmoid.value(x),
            Self::Elu(scale) => {
                if x > 0.0 {
                    x
                } else {
                    f64::from(scale) * x.exp_m1()
                }
            }
            Self::Clip(low, high) => x.clamp(low.into(), high.into()),
            Self::Step => f64::from(u8::from(x >= 0.0)),
            Self::Round | Self::Quantise => x.round_ties_even(),
        }
    }

    /// The derivative, from the result or the operand as [`Act::saves_result`] says.
    fn derivative(self, saved: f64) -> f64 {
        match self {
            Self::Relu => f64::from(u8::from(saved > 0.0)),
            Self::LeakyRelu(slope) => {
                if saved > 0.0 {
                    1.0
                } else {
                    f64::from(slope)
                }
            }
            Self::Tanh => 1.0 - saved * saved,
            Self::Sigmoid => saved * (1.0 - saved),
            Self::Softplus => Self::Sigmoid.value(saved),
            Self::Exp => saved,
            Self::Sqrt => {
                if saved > 0.0 {
                    0.5 / saved
                } else {
                    0.0
                }
            }
            Self::Abs => {
                if saved == 0.0 {
                    0.0
                } else {
                    saved.signum()
                }
            }
            Self::Square => 2.0 * saved,
            Self::Log => 1.0 / saved,
            Self::Erf => FRAC_2_SQRT_PI * (-saved * saved).exp(),
            Self::Gelu => {
                let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * saved * saved).exp();
                below(saved) + saved * density
            }
            Self::Silu => {
                let share = Self::Sigmoid.value(saved);
                share * (1.0 + saved * (1.0 - share))
            }
            Self::Elu(scale) => {
                if saved > 0.0 {
                    1.0
                } else {
                    saved + f64::from(scale)
                }
            }
            Self::Clip(low, high) => f64::from(u8::from((f64::from(low)..=f64::from(high)).contains(&saved))),
            Self::Step => 0.0,
            Self::Quantise if saved.abs() <= 0.5 => 3.0 * saved * saved,
            Self::Round | Self::Quantise => 1.0,
        }
    }
}

/// The share of the standard normal distribution below x.
fn below(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

impl Rule for Act {
    fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Exp => "exp",
            Self::Sqrt => "sqrt",
            Self::Abs => "abs",
            Self::Square => "square",
            Self::Log => "log",
            Self::Erf => "erf",
            Self::Gelu => "gelu",
            Self::Silu => "silu",
            Self::Elu(_) => "elu",
            Self::Clip(..) => "clip",
            Self::Step => "step",
            Self::Round => "round",
            Self::Quantise => "quantise",
        }
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x] = operands(shapes)?;
        match self {
            Self::LeakyRelu(slope) if slope.is_nan() || *slope <= 0.0 => {
                Err(format!("a slope above 0, not {slope}"))
            }
            Self::Elu(scale) if scale.is_nan() || *scale <= 0.0 => {
                Err(format!("a scale above 0, not {scale}"))
            }
            Self::Clip(low, high) if low.is_nan() || high.is_nan() || low > high => {
                Err(format!("bounds in order, not {low} and {high}"))
            }
            _ => Ok(x.clone()),
        }
    }

    fn eval(&self, xs: &[&Tensor<f64>], _: &Shape) -> Tensor<f64> {
        xs[0].map(|x| self.value(x))
    }

    fn vjp(&self, at: &mut Adjoint<'_>, _: usize) -> Result<Option<ValueId>, Error> {
        match self {
            Self::Step => return Ok(None),
            Self::Round => return Ok(Some(at.dy)),
            _ => {}
        }
        let saved = if self.saves_result() { at.output } else { at.inputs[0] };
        at.b.adjoint(Op::ActGrad(ActGrad(*self)), &[saved, at.dy])
    }
}

/// Adjoint of an [`Act`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActGrad(pub Act);

impl Rule for ActGrad {
    fn name(&self) -> &'static str {
        "act_grad"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [saved, dy] = operands(shapes)?;
        if saved == dy { Ok(dy.clone()) } else { Err("two operands of one shape".to_owned()) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let (saved, dy) = (xs[0].data(), xs[1].data());
        Tensor::from_fn(shape.clone(), |i| self.0.derivative(saved[i]) * dy[i])
    }
}
