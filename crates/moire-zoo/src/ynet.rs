//! The Y-shaped autoencoder (Nguyen et al., arXiv 1906.06876; nii-yamagishilab/ClassNSeg `model/ae.py`).

use moire_formats::Loader;
use moire_graph::{Act, Conv2d, ConvTranspose2d, Error, Graph, ValueId};

use crate::layers::Layers;
use crate::network::{Decision, Preprocess};

pub(crate) const PREPROCESS: Preprocess = Preprocess::imagenet(256);
pub(crate) const DECISION: Decision = Decision::Zones;

/// Channels and strides of the encoder's convolutions.
const ENCODER: [(usize, usize); 9] =
    [(8, 1), (8, 2), (16, 1), (16, 2), (32, 1), (32, 2), (64, 1), (64, 2), (128, 1)];
/// The same of the part that both branches of the decoder share, and of each branch.
const SHARED: [(usize, usize); 4] = [(64, 1), (64, 2), (32, 1), (32, 2)];
const BRANCH: [(usize, usize); 4] = [(16, 1), (16, 2), (8, 1), (8, 2)];
/// The channels of one zone of the latent.
const ZONE: usize = 64;

pub(crate) fn graph(weights: &mut Loader) -> Result<Graph, Error> {
    weights.ignore("num_batches_tracked");
    let mut net = Layers::new(weights);
    let x = PREPROCESS.input(&mut net.b)?;
    let latent = encode(&mut net, x)?;
    let y = energies(&mut net, latent)?;
    let chosen = select(&mut net, latent, y)?;
    let shared = decode(&mut net, chosen, "shared", 2 * ZONE, &SHARED)?;

    let last = ConvTranspose2d { padding: [1, 1], ..ConvTranspose2d::default() };
    let features = decode(&mut net, shared, "segmenter", 32, &BRANCH)?;
    let classes = net.conv_transpose(features, "segmenter.12", [8, 2], 3, last)?;
    let classes = net.b.softmax(classes, 1)?;
    let mask = net.b.slice(classes, 1, 1, 2)?;

    let features = decode(&mut net, shared, "decoder", 32, &BRANCH)?;
    let image = net.conv_transpose(features, "decoder.12", [8, 3], 3, last)?;
    let image = net.b.act(image, Act::Tanh)?;

    let [margin, score] = DECISION.outputs(&mut net.b, y)?;
    net.b.finish([("y", y), margin, score, ("mask", mask), ("reconstruction", image)])
}

/// The latent `[1, 128, h / 16, w / 16]`.
fn encode(net: &mut Layers<'_>, mut x: ValueId) -> Result<ValueId, Error> {
    let mut channels = 3;
    for (i, (width, stride)) in ENCODER.into_iter().enumerate() {
        let conv = Conv2d { stride: [stride; 2], padding: [1, 1], ..Conv2d::default() };
        x = net.conv(x, &format!("encoder.{}", 3 * i), [channels, width], 3, conv)?;
        x = net.batch_norm(x, &format!("encoder.{}", 3 * i + 1), width)?;
        net.b.scope(format!("encoder.{}", 3 * i + 2));
        x = net.relu(x)?;
        channels = width;
    }
    Ok(x)
}

/// The mean magnitude in each zone, `[1, 2]`: fake, real.
fn energies(net: &mut Layers<'_>, latent: ValueId) -> Result<ValueId, Error> {
    net.b.scope("zones");
    let magnitude = net.b.act(latent, Act::Abs)?;
    let mut zone = |i: usize| {
        let part = net.b.slice(magnitude, 1, i * ZONE, (i + 1) * ZONE)?;
        let energy = net.b.mean_all(part)?;
        net.b.reshape(energy, [1, 1])
    };
    let (fake, real) = (zone(0)?, zone(1)?);
    net.b.concat(&[fake, real], 1)
}

/// The latent with the zone that did not win set to zero. The choice itself has no gradient.
fn select(net: &mut Layers<'_>, latent: ValueId, y: ValueId) -> Result<ValueId, Error> {
    net.b.scope("select");
    let (fake, real) = (net.b.slice(y, 1, 0, 1)?, net.b.slice(y, 1, 1, 2)?);
    let lead = net.b.sub(real, fake)?;
    let real_wins = net.b.act(lead, Act::Step)?;
    let one = net.b.scalar(1.0);
    let fake_wins = net.b.sub(one, real_wins)?;
    let mut parts = Vec::new();
    for (i, wins) in [fake_wins, real_wins].into_iter().enumerate() {
        let part = net.b.slice(latent, 1, i * ZONE, (i + 1) * ZONE)?;
        let gate = net.b.reshape(wins, [1, 1, 1, 1])?;
        parts.push(net.b.mul(part, gate)?);
    }
    net.b.concat(&parts, 1)
}

/// Four transposed convolutions with batch norm and `ReLU`.
fn decode(
    net: &mut Layers<'_>,
    mut x: ValueId,
    name: &str,
    mut channels: usize,
    layers: &[(usize, usize)],
) -> Result<ValueId, Error> {
    for (i, &(width, stride)) in layers.iter().enumerate() {
        let conv = ConvTranspose2d {
            stride: [stride; 2],
            padding: [1, 1],
            output_padding: [stride - 1; 2],
            ..ConvTranspose2d::default()
        };
        x = net.conv_transpose(x, &format!("{name}.{}", 3 * i), [channels, width], 3, conv)?;
        x = net.batch_norm(x, &format!("{name}.{}", 3 * i + 1), width)?;
        net.b.scope(format!("{name}.{}", 3 * i + 2));
        x = net.relu(x)?;
        channels = width;
    }
    Ok(x)
}
