//! STGAN's generator (Liu et al., arXiv 1904.09709), in its two published forms: bluestyle97/STGAN-pytorch
//! `models/stgan.py`, with batch norm in the selective transfer units and the condition at the bottom alone; and the
//! authors' csmliu/STGAN `models.py` (TensorFlow), without that norm, so with biases, and with the condition beside
//! every layer of the decoder. Which it is shows in the checkpoint's tensors; TensorFlow's weights are expected
//! under the names of the port.

use moire_graph::{Act, Error, ValueId};

use crate::attgan;
use crate::attribute::Attribute;
use crate::condition::{Condition, Encoding};
use crate::entry::Edited;
use crate::layers::{Conv, Layers};

/// What the ten numbers of the port's generator are about.
pub(crate) const ATTRIBUTES: [Attribute; 10] = [
    Attribute::Bangs,
    Attribute::BlondHair,
    Attribute::BrownHair,
    Attribute::BushyEyebrows,
    Attribute::Eyeglasses,
    Attribute::Male,
    Attribute::Mustache,
    Attribute::PaleSkin,
    Attribute::Smiling,
    Attribute::Young,
];

const DOUBLE: Conv = Conv::new(4, 2, 1);
const SAME: Conv = Conv::new(3, 1, 1);

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId, domains: usize) -> Result<Edited, Error> {
    net.weights.ignore("num_batches_tracked");
    let has = |net: &Layers<'_>, name: &str| net.weights.shape(name).is_some();
    let normed = !has(net, "stu.0.reset_gate.0.bias");
    if !normed {
        net.batch_norm_eps = 1e-3;
    }
    let features = attgan::encoder(net, x, |i| [0, 1].map(|part| format!("encoder.{i}.{part}")), 0.2)?;
    let depth = features.len();
    let [bottom, narrowest] = [net.b.shape(features[depth - 1])[1], net.b.shape(features[0])[1]];
    let units = net.depth(3, |i| format!("stu.{i}.upsample.weight")).min(depth - 1);

    let inputs = net.extent("decoder.0.0.weight", 0, bottom + ATTRIBUTES.len());
    let attributes = net.attributes(inputs.saturating_sub(bottom), &[&ATTRIBUTES, &attgan::ATTRIBUTES]);
    let c = net.condition(domains, attributes.len())?;
    let mut state = features[depth - 1];
    let mut z = net.with_condition(state, c)?;
    for i in 0..depth - 1 {
        z = doubled(net, z, &format!("decoder.{i}"), narrowest << (depth - 1 - i))?;
        if i < units {
            let out;
            (out, state) = unit(net, &format!("stu.{i}"), features[depth - 2 - i], state, c, normed)?;
            z = net.beside(z, out)?;
        }
        if !normed {
            z = net.with_condition(z, c)?;
        }
    }
    let last = format!("decoder.{}", depth - 1);
    // The port has one more convolution at full size, the authors' defaults none.
    let more = normed && (has(net, &format!("{last}.3.weight")) || !has(net, &format!("{last}.0.weight")));
    if more {
        z = doubled(net, z, &last, (narrowest / 4).max(1))?;
    }
    let (name, conv) = if more { (format!("{last}.3"), SAME) } else { (format!("{last}.0"), DOUBLE) };
    let conv = if has(net, &format!("{name}.bias")) { conv.biased() } else { conv };
    z = net.conv_transpose(z, &name, 3, conv)?;
    let y = net.b.act(z, Act::Tanh)?;
    Ok(Edited { y, condition: Condition { encoding: Encoding::Difference, attributes } })
}

/// Twice the size, batch norm, `ReLU`.
fn doubled(net: &mut Layers<'_>, z: ValueId, name: &str, width: usize) -> Result<ValueId, Error> {
    let z = net.conv_transpose(z, &format!("{name}.0"), width, DOUBLE)?;
    let z = net.batch_norm(z, &format!("{name}.1"))?;
    net.relu(z)
}

/// A selective transfer unit: what of the encoder's features passes, and the state for the next unit.
///
/// hat = up(state, c); r, u = sigmoid(gates(skip, hat)); state' = r hat; out = (1 - u) hat + u tanh(hidden(skip, state')).
fn unit(
    net: &mut Layers<'_>,
    name: &str,
    skip: ValueId,
    state: ValueId,
    c: ValueId,
    normed: bool,
) -> Result<(ValueId, ValueId), Error> {
    let width = net.b.shape(skip)[1];
    let (up, same) = if normed { (DOUBLE, SAME) } else { (DOUBLE.biased(), SAME.biased()) };
    let gate = |net: &mut Layers<'_>, x: ValueId, part: &str, act: Act| {
        let mut y = net.conv(x, &format!("{name}.{part}.0"), width, same)?;
        if normed {
            y = net.batch_norm(y, &format!("{name}.{part}.1"))?;
        }
        net.b.act(y, act)
    };
    let conditioned = net.with_condition(state, c)?;
    let hat = net.conv_transpose(conditioned, &format!("{name}.upsample"), width, up)?;
    let both = net.beside(skip, hat)?;
    let reset = gate(net, both, "reset_gate", Act::Sigmoid)?;
    let update = gate(net, both, "update_gate", Act::Sigmoid)?;
    let state = net.b.mul(reset, hat)?;
    let both = net.beside(skip, state)?;
    let hidden = gate(net, both, "hidden", Act::Tanh)?;
    // (1 - u) hat + u hidden = hat + u (hidden - hat).
    let change = net.b.sub(hidden, hat)?;
    let change = net.b.mul(update, change)?;
    Ok((net.b.add(hat, change)?, state))
}
