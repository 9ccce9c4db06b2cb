//! Functions of each element, of one value or several.

use moire_graph::{Act, ValueId};
use moire_tensor::Tensor;

use super::Read;
use crate::onnx::array::Ints;
use crate::onnx::fault::{Fault, unsupported};
use crate::onnx::node::{Node, Outcome, Value, one};

pub(super) const OPS: &[(&str, Read)] = &[
    ("Abs", |n| act(n, Act::Abs)),
    ("Elu", elu),
    ("Erf", |n| act(n, Act::Erf)),
    ("Exp", |n| act(n, Act::Exp)),
    ("Log", |n| act(n, Act::Log)),
    ("Relu", |n| act(n, Act::Relu)),
    ("Sigmoid", |n| act(n, Act::Sigmoid)),
    ("Softplus", |n| act(n, Act::Softplus)),
    ("Sqrt", |n| act(n, Act::Sqrt)),
    ("Tanh", |n| act(n, Act::Tanh)),
    ("LeakyRelu", leaky_relu),
    ("PRelu", p_relu),
    ("Selu", selu),
    ("Softsign", softsign),
    ("Gelu", gelu),
    ("HardSigmoid", hard_sigmoid),
    ("HardSwish", hard_swish),
    ("Mish", mish),
    ("Clip", clip),
    ("Neg", neg),
    ("Reciprocal", reciprocal),
    ("Ceil", |n| rounded(n, f64::ceil)),
    ("Floor", |n| rounded(n, f64::floor)),
    ("Round", |n| rounded(n, f64::round_ties_even)),
    ("Add", add),
    ("Sub", sub),
    ("Mul", mul),
    ("Div", div),
    ("Pow", pow),
    ("Mod", modulo),
    ("Sum", |n| fold(n, |n, a, b| Ok(n.b().add(a, b)?), i64::wrapping_add)),
    ("Mean", mean),
    ("Max", |n| fold(n, larger, i64::max)),
    ("Min", |n| fold(n, smaller, i64::min)),
];

fn act(node: &mut Node<'_, '_, '_>, act: Act) -> Outcome {
    let x = node.x(0)?;
    one(node.b().act(x, act)?)
}

/// scale x + shift.
fn affine(node: &mut Node<'_, '_, '_>, x: ValueId, scale: f32, shift: f32) -> Result<ValueId, Fault> {
    let b = node.b();
    let scaled = if scale == 1.0 { x } else { b.scale(x, scale)? };
    let shift = b.scalar(shift);
    Ok(b.add(scaled, shift)?)
}

fn elu(node: &mut Node<'_, '_, '_>) -> Outcome {
    let alpha = node.float("alpha", 1.0);
    act(node, Act::Elu(alpha))
}

fn leaky_relu(node: &mut Node<'_, '_, '_>) -> Outcome {
    match node.float("alpha", 0.01) {
        slope if slope > 0.0 => act(node, Act::LeakyRelu(slope)),
        slope => {
            let (x, slope) = (node.x(0)?, node.b().scalar(slope));
            one(leak(node, x, slope)?)
        }
    }
}

fn p_relu(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, slope) = (node.x(0)?, node.x(1)?);
    one(leak(node, x, slope)?)
}

/// x where x > 0, else slope x, for slopes of any sign: max(x, 0) - slope max(-x, 0).
fn leak(node: &mut Node<'_, '_, '_>, x: ValueId, slope: ValueId) -> Result<ValueId, Fault> {
    let b = node.b();
    let above = b.act(x, Act::Relu)?;
    let flipped = b.scale(x, -1.0)?;
    let below = b.act(flipped, Act::Relu)?;
    let leaked = b.mul(below, slope)?;
    Ok(b.sub(above, leaked)?)
}

fn selu(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (alpha, gamma) = (node.float("alpha", 1.673_263), node.float("gamma", 1.050_701));
    let x = node.x(0)?;
    let y = node.b().act(x, Act::Elu(alpha))?;
    one(node.b().scale(y, gamma)?)
}

fn softsign(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let size = node.b().act(x, Act::Abs)?;
    let size = affine(node, size, 1.0, 1.0)?;
    one(node.b().div(x, size)?)
}

fn gelu(node: &mut Node<'_, '_, '_>) -> Outcome {
    if node.only_text("approximate", &["none", "tanh"])? == "none" {
        return act(node, Act::Gelu);
    }
    // x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)).
    let x = node.x(0)?;
    let square = node.b().act(x, Act::Square)?;
    let inner = affine(node, square, 0.044_715, 1.0)?;
    let inner = node.b().mul(x, inner)?;
    let inner = node.b().scale(inner, 1.595_769)?;
    let gate = node.b().act(inner, Act::Sigmoid)?;
    one(node.b().mul(x, gate)?)
}

/// A line between 0 and 1.
fn gate(node: &mut Node<'_, '_, '_>, x: ValueId, alpha: f32, beta: f32) -> Result<ValueId, Fault> {
    let line = affine(node, x, alpha, beta)?;
    Ok(node.b().act(line, Act::Clip(0.0, 1.0))?)
}

fn hard_sigmoid(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, alpha, beta) = (node.x(0)?, node.float("alpha", 0.2), node.float("beta", 0.5));
    one(gate(node, x, alpha, beta)?)
}

fn hard_swish(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let gate = gate(node, x, 1.0 / 6.0, 0.5)?;
    one(node.b().mul(x, gate)?)
}

fn mish(node: &mut Node<'_, '_, '_>) -> Outcome {
    let x = node.x(0)?;
    let soft = node.b().act(x, Act::Softplus)?;
    let gate = node.b().act(soft, Act::Tanh)?;
    one(node.b().mul(x, gate)?)
}

fn clip(node: &mut Node<'_, '_, '_>) -> Outcome {
    let low = if node.get(1).is_some() { node.scalar(1)? } else { f64::NEG_INFINITY };
    let high = if node.get(2).is_some() { node.scalar(2)? } else { f64::INFINITY };
    match node.value(0)? {
        Value::Ints(ints) => one(ints.map(|v| v.max(low as i64).min(high as i64))),
        // Bounds in the wrong order give the upper one, says the standard; nobody writes that.
        Value::Float(_) => match (low as f32, high as f32) {
            (0.0, f32::INFINITY) => act(node, Act::Relu),
            (low, high) => act(node, Act::Clip(low, high)),
        },
    }
}

fn neg(node: &mut Node<'_, '_, '_>) -> Outcome {
    match node.value(0)? {
        Value::Ints(ints) => one(ints.map(i64::wrapping_neg)),
        Value::Float(_) => {
            let x = node.x(0)?;
            one(node.b().scale(x, -1.0)?)
        }
    }
}

fn reciprocal(node: &mut Node<'_, '_, '_>) -> Outcome {
    let (x, one_) = (node.x(0)?, node.b().scalar(1.0));
    one(node.b().div(one_, x)?)
}

/// Steps have no gradient: numbers that are known alone.
fn rounded(node: &mut Node<'_, '_, '_>, f: fn(f64) -> f64) -> Outcome {
    let known = node.known(0)?.map(|v| f(v) as f32);
    one(node.literal(known)?)
}

fn binary(
    node: &mut Node<'_, '_, '_>,
    floats: impl Fn(&mut Node<'_, '_, '_>, ValueId, ValueId) -> Result<ValueId, Fault>,
    ints: impl Fn(i64, i64) -> i64,
) -> Outcome {
    if let (Value::Ints(a), Value::Ints(b)) = (node.value(0)?, node.value(1)?) {
        return one(node.zip(&a, &b, ints)?);
    }
    let (a, b) = (node.x(0)?, node.x(1)?);
    one(floats(node, a, b)?)
}

fn add(node: &mut Node<'_, '_, '_>) -> Outcome {
    binary(node, |n, a, b| Ok(n.b().add(a, b)?), i64::wrapping_add)
}

fn sub(node: &mut Node<'_, '_, '_>) -> Outcome {
    binary(node, |n, a, b| Ok(n.b().sub(a, b)?), i64::wrapping_sub)
}

fn mul(node: &mut Node<'_, '_, '_>) -> Outcome {
    binary(node, |n, a, b| Ok(n.b().mul(a, b)?), i64::wrapping_mul)
}

fn divisor(node: &mut Node<'_, '_, '_>) -> Result<(), Fault> {
    match node.value(1)? {
        Value::Ints(b) if b.data.contains(&0) => Err(node.fault("divisors other than 0", "0")),
        _ => Ok(()),
    }
}

fn div(node: &mut Node<'_, '_, '_>) -> Outcome {
    divisor(node)?;
    binary(node, |n, a, b| Ok(n.b().div(a, b)?), i64::wrapping_div)
}

fn modulo(node: &mut Node<'_, '_, '_>) -> Outcome {
    divisor(node)?;
    let (a, b) = (node.ints(0)?, node.ints(1)?);
    let as_c = node.int("fmod", 0) != 0;
    one(node.zip(&a, &b, |a, b| {
        let rest = a.wrapping_rem(b);
        if !as_c && rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
    })?)
}

fn pow(node: &mut Node<'_, '_, '_>) -> Outcome {
    let power = node.known(1)?;
    let [power] = power.data() else { return unsupported("exponents that differ") };
    if let Value::Ints(base) = node.value(0)? {
        let power = u32::try_from(*power as i64)
            .map_err(|_| node.fault("an exponent of 0 or more", power.to_string()))?;
        return one(base.map(|v| v.wrapping_pow(power)));
    }
    let (power, x) = (*power, node.x(0)?);
    let b = node.b();
    let whole = power.abs();
    let mut y = match whole {
        0.5 => b.act(x, Act::Sqrt)?,
        1.0 => x,
        2.0 => b.act(x, Act::Square)?,
        3.0 => {
            let square = b.act(x, Act::Square)?;
            b.mul(square, x)?
        }
        4.0 => {
            let square = b.act(x, Act::Square)?;
            b.act(square, Act::Square)?
        }
        // x^p = e^(p log x), for x > 0.
        _ if whole.fract() != 0.0 => {
            let log = b.act(x, Act::Log)?;
            let scaled = b.scale(log, whole as f32)?;
            b.act(scaled, Act::Exp)?
        }
        _ => return unsupported(format!("the exponent {power}")),
    };
    if power < 0.0 {
        let numerator = node.b().scalar(1.0);
        y = node.b().div(numerator, y)?;
    }
    one(y)
}

/// max(a, b) = b + max(a - b, 0).
fn larger(node: &mut Node<'_, '_, '_>, a: ValueId, b: ValueId) -> Result<ValueId, Fault> {
    let excess = node.b().sub(a, b)?;
    let excess = node.b().act(excess, Act::Relu)?;
    Ok(node.b().add(b, excess)?)
}

/// min(a, b) = b - max(b - a, 0).
fn smaller(node: &mut Node<'_, '_, '_>, a: ValueId, b: ValueId) -> Result<ValueId, Fault> {
    let excess = node.b().sub(b, a)?;
    let excess = node.b().act(excess, Act::Relu)?;
    Ok(node.b().sub(b, excess)?)
}

fn fold(
    node: &mut Node<'_, '_, '_>,
    floats: impl Fn(&mut Node<'_, '_, '_>, ValueId, ValueId) -> Result<ValueId, Fault>,
    ints: impl Fn(i64, i64) -> i64,
) -> Outcome {
    if let Value::Ints(first) = node.value(0)? {
        let mut whole: Ints = (*first).clone();
        for i in 1..node.operands.len() {
            let next = node.ints(i)?;
            whole = node.zip(&whole, &next, &ints)?;
        }
        return one(whole);
    }
    let mut whole = node.x(0)?;
    for i in 1..node.operands.len() {
        let next = node.x(i)?;
        let (a, b) = (node.shape(whole), node.shape(next));
        node.broadcast(&a, &b)?;
        whole = floats(node, whole, next)?;
    }
    one(whole)
}

fn mean(node: &mut Node<'_, '_, '_>) -> Outcome {
    let count = node.operands.len();
    let sum = fold(node, |n, a, b| Ok(n.b().add(a, b)?), i64::wrapping_add)?;
    match sum[..] {
        [Value::Float(sum)] => one(node.b().scale(sum, 1.0 / count as f32)?),
        _ => unsupported("integers"),
    }
}

/// Numbers that are known, as `f32`.
pub(super) fn narrowed(known: &Tensor<f64>) -> Tensor {
    known.map(|v| v as f32)
}
