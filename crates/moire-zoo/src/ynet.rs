//! The Y-shaped autoencoder (Nguyen et al., arXiv 1906.06876; nii-yamagishilab/ClassNSeg `model/ae.py`).

use moire_graph::{Act, Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

/// Channels and strides of the encoder's convolutions.
pub(crate) const ENCODER: [(usize, usize); 9] =
    [(8, 1), (8, 2), (16, 1), (16, 2), (32, 1), (32, 2), (64, 1), (64, 2), (128, 1)];
/// The same of the part that both branches of the decoder share, and of each branch.
pub(crate) const SHARED: [(usize, usize); 4] = [(64, 1), (64, 2), (32, 1), (32, 2)];
const BRANCH: [(usize, usize); 4] = [(16, 1), (16, 2), (8, 1), (8, 2)];
const CONV: Conv = Conv::new(3, 1, 1).biased();

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    let (chosen, y) = select_zone(net, x, &ENCODER)?;
    let shared = decode(net, chosen, "shared", &SHARED)?;
    let features = decode(net, shared, "segmenter", &BRANCH)?;
    let classes = net.conv_transpose(features, "segmenter.12", 2, CONV)?;
    let classes = net.b.softmax(classes, 1)?;
    let mask = net.b.slice(classes, 1, 1, 2)?;
    Ok(vec![("y", y), ("mask", mask), ("reconstruction", reconstruct(net, shared)?)])
}

/// The latent with the zone that did not win set to zero, and the energies of both zones; shared with
/// `ForensicTransfer`.
pub(crate) fn select_zone(
    net: &mut Layers<'_>,
    x: ValueId,
    layers: &[(usize, usize)],
) -> Result<(ValueId, ValueId), Error> {
    let latent = encode(net, x, layers)?;
    let y = energies(net, latent)?;
    Ok((select(net, latent, y)?, y))
}

/// The image as the decoder's own branch has it.
pub(crate) fn reconstruct(net: &mut Layers<'_>, shared: ValueId) -> Result<ValueId, Error> {
    let features = decode(net, shared, "decoder", &BRANCH)?;
    let image = net.conv_transpose(features, "decoder.12", 3, CONV)?;
    net.b.act(image, Act::Tanh)
}

/// Convolutions with batch norm and `ReLU`: the latent `[1, 128, h / 16, w / 16]`.
fn encode(net: &mut Layers<'_>, mut x: ValueId, layers: &[(usize, usize)]) -> Result<ValueId, Error> {
    for (i, &(width, stride)) in layers.iter().enumerate() {
        let [conv, norm] = [3 * i, 3 * i + 1].map(|place| format!("encoder.{place}"));
        x = net.conv_norm(x, [&conv, &norm], width, Conv::new(3, stride, 1).biased())?;
        net.b.scope(format!("encoder.{}", 3 * i + 2));
        x = net.relu(x)?;
    }
    Ok(x)
}

/// The mean magnitude in each zone, `[1, 2]`: fake, real.
fn energies(net: &mut Layers<'_>, latent: ValueId) -> Result<ValueId, Error> {
    net.b.scope("zones");
    let magnitude = net.b.act(latent, Act::Abs)?;
    let half = net.b.shape(latent)[1] / 2;
    let mut zone = |i: usize| {
        let part = net.b.slice(magnitude, 1, i * half, (i + 1) * half)?;
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
    let half = net.b.shape(latent)[1] / 2;
    let mut parts = Vec::new();
    for (i, wins) in [fake_wins, real_wins].into_iter().enumerate() {
        let part = net.b.slice(latent, 1, i * half, (i + 1) * half)?;
        let gate = net.b.reshape(wins, [1, 1, 1, 1])?;
        parts.push(net.b.mul(part, gate)?);
    }
    net.b.concat(&parts, 1)
}

/// Four transposed convolutions with batch norm and `ReLU`.
pub(crate) fn decode(
    net: &mut Layers<'_>,
    mut x: ValueId,
    name: &str,
    layers: &[(usize, usize)],
) -> Result<ValueId, Error> {
    for (i, &(width, stride)) in layers.iter().enumerate() {
        let conv = Conv::new(3, stride, 1).output_padding(stride - 1).biased();
        x = net.conv_transpose(x, &format!("{name}.{}", 3 * i), width, conv)?;
        x = net.batch_norm(x, &format!("{name}.{}", 3 * i + 1))?;
        net.b.scope(format!("{name}.{}", 3 * i + 2));
        x = net.relu(x)?;
    }
    Ok(x)
}
