use moire_tensor::{Shape, Tensor};

use super::{Op, Rule, operands};
use crate::builder::Builder;
use crate::error::Error;
use crate::graph::ValueId;
use crate::vjp::Adjoint;

/// Batch norm with frozen statistics: gamma (x - mean) / sqrt(var + eps) + beta, by channel (axis 1).
///
/// Operands: x `[r, c, ..]`, then gamma, beta, mean, var, each `[c]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
}

impl BatchNorm {
    /// The factor and the summand of each channel, where the statistics are constants.
    pub(crate) fn scale_shift(self, b: &Builder, operands: &[ValueId]) -> Option<(Vec<f64>, Vec<f64>)> {
        let constant = |i: usize| match &b.node(operands[i]).op {
            Op::Constant(tensor) => Some(tensor.data()),
            _ => None,
        };
        let (gamma, beta, mean, var) = (constant(1)?, constant(2)?, constant(3)?, constant(4)?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(var)
            .map(|(&g, &v)| f64::from(g) / (f64::from(v) + f64::from(self.eps)).sqrt())
            .collect();
        let shift = scale
            .iter()
            .zip(beta.iter().zip(mean))
            .map(|(s, (&b, &m))| f64::from(b) - f64::from(m) * s)
            .collect();
        Some((scale, shift))
    }
}

impl Rule for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn infer(&self, shapes: &[&Shape]) -> Result<Shape, String> {
        let [x, stats @ ..] = operands::<5>(shapes)?;
        let fits = x.len() >= 2 && stats.iter().all(|s| s[..] == x[1..2]);
        if fits { Ok(x.clone()) } else { Err("x [r, c, ..] and four vectors [c]".to_owned()) }
    }

    fn eval(&self, xs: &[&Tensor<f64>], shape: &Shape) -> Tensor<f64> {
        let inner: usize = shape[2..].iter().product();
        let at = |i: usize, c: usize| xs[i].data()[c];
        Tensor::from_fn(shape.clone(), |i| {
            let c = i / inner % shape[1];
            let x_hat = (xs[0].data()[i] - at(3, c)) / (at(4, c) + f64::from(self.eps)).sqrt();
            at(1, c) * x_hat + at(2, c)
        })
    }

    fn vjp(&self, at: &mut Adjoint<'_>, input: usize) -> Result<Option<ValueId>, Error> {
        let scale = (input == 0).then(|| self.scale_shift(at.b, at.inputs)).flatten();
        let Some((scale, _)) = scale else { return Err(at.refuse(input)) };
        let rank = at.input_shape(0).len();
        let factor = at.b.literal(by_channel(&scale, rank));
        at.b.mul(at.dy, factor).map(Some)
    }
}

/// One number a channel as a tensor that broadcasts over `[r, c, ..]`.
pub(crate) fn by_channel(values: &[f64], rank: usize) -> Tensor {
    let shape: Shape = (0..rank).map(|axis| if axis == 1 { values.len() } else { 1 }).collect();
    Tensor::from_fn(shape, |i| values[i] as f32)
}
