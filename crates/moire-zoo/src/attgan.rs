//! AttGAN's generator (He et al., arXiv 1711.10678; elvisyjlin/AttGAN-PyTorch `attgan.py`).
//!
//! The shortcuts from the encoder and the injections of the condition into the decoder are read off the widths of
//! the decoder's kernels. The slope of the encoder's activation is not in a checkpoint: 0.01 in this port, 0.2 in the
//! authors' TensorFlow.

use moire_graph::{Act, Error, ValueId};

use crate::attribute::Attribute;
use crate::condition::{Condition, Encoding};
use crate::entry::Edited;
use crate::layers::{Conv, Layers};

/// What the thirteen numbers of the published generators are about.
pub(crate) const ATTRIBUTES: [Attribute; 13] = [
    Attribute::Bald,
    Attribute::Bangs,
    Attribute::BlackHair,
    Attribute::BlondHair,
    Attribute::BrownHair,
    Attribute::BushyEyebrows,
    Attribute::Eyeglasses,
    Attribute::Male,
    Attribute::MouthSlightlyOpen,
    Attribute::Mustache,
    Attribute::NoBeard,
    Attribute::PaleSkin,
    Attribute::Young,
];

const HALVE: Conv = Conv::new(4, 2, 1);
const DOUBLE: Conv = HALVE;
/// Channels never grow beyond so many times the first layer's.
const WIDEST: usize = 16;

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId, domains: usize) -> Result<Edited, Error> {
    net.weights.ignore("num_batches_tracked");
    let slope = net.config.slope.unwrap_or(0.01);
    let features = encoder(net, x, |i| [0, 1].map(|part| format!("enc_layers.{i}.layers.{part}")), slope)?;
    let depth = features.len();
    let mut z = features[depth - 1];
    let narrowest = net.b.shape(features[0])[1];

    let inputs = net.extent("dec_layers.0.layers.0.weight", 0, net.b.shape(z)[1] + ATTRIBUTES.len());
    let attributes = net.attributes(inputs.saturating_sub(net.b.shape(z)[1]), &[&ATTRIBUTES]);
    let c = net.condition(domains, attributes.len())?;
    z = net.with_condition(z, c)?;
    for i in 0..depth {
        let names = [0, 1].map(|part| format!("dec_layers.{i}.layers.{part}"));
        if i + 1 == depth {
            z = net.conv_transpose(z, &names[0], 3, DOUBLE.biased())?;
            break;
        }
        let width = narrowest * (1 << (depth - 1 - i)).min(WIDEST);
        z = net.conv_transpose(z, &names[0], width, DOUBLE)?;
        z = net.batch_norm(z, &names[1])?;
        z = net.relu(z)?;
        // Published: the encoder's features beside the first layer's alone.
        let skip = features[depth - 2 - i];
        let [skipped, injected] = [net.b.shape(skip)[1], attributes.len()];
        let published = if i == 0 { width + skipped } else { width };
        let found = net.extent(&format!("dec_layers.{}.layers.0.weight", i + 1), 0, published);
        if found >= width + skipped {
            z = net.beside(z, skip)?;
        }
        if found == width + injected || found == width + skipped + injected {
            z = net.with_condition(z, c)?;
        }
    }
    let y = net.b.act(z, Act::Tanh)?;
    Ok(Edited { y, condition: Condition { encoding: Encoding::Signed, attributes } })
}

/// Halvings with batch norm and leaky `ReLU`, the features after each; shared with STGAN.
pub(crate) fn encoder(
    net: &mut Layers<'_>,
    mut x: ValueId,
    names: impl Fn(usize) -> [String; 2],
    slope: f32,
) -> Result<Vec<ValueId>, Error> {
    let weight = |i| format!("{}.weight", names(i)[0]);
    let width = net.extent(&weight(0), 0, 64);
    let mut features = Vec::new();
    for i in 0..net.depth(5, weight) {
        let [conv, norm] = names(i);
        x = net.conv_norm(x, [&conv, &norm], width * (1 << i).min(WIDEST), HALVE)?;
        x = net.b.act(x, Act::LeakyRelu(slope))?;
        features.push(x);
    }
    Ok(features)
}
