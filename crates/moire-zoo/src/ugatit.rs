//! U-GAT-IT's generator (Kim et al., arXiv 1907.10830; znxlwm/UGATIT-pytorch `networks.py`), light and full: the full
//! one makes its normalisation's scale and shift from every value of the features, the light one from their means.
//!
//! Layer-instance normalisation takes the unbiased variance; there is no `ReLU` after a residual sum.

use moire_graph::{Act, Error, Normalise, ValueId};

use crate::layers::{Conv, Layers};

const K3: Conv = Conv::new(3, 1, 0);
const HALVE: Conv = Conv::new(3, 2, 0);
const K7: Conv = Conv::new(7, 1, 0);

pub(crate) fn light(net: &mut Layers<'_>, x: ValueId) -> Result<ValueId, Error> {
    build(net, x, true)
}

pub(crate) fn full(net: &mut Layers<'_>, x: ValueId) -> Result<ValueId, Error> {
    build(net, x, false)
}

fn build(net: &mut Layers<'_>, x: ValueId, light: bool) -> Result<ValueId, Error> {
    let width = net.extent("DownBlock.1.weight", 0, 64);
    let blocks = net.depth(4, |i| format!("UpBlock1_{}.conv1.weight", i + 1));
    let mut x = x;
    for (place, width, conv) in [(1, width, K7), (5, 2 * width, HALVE), (9, 4 * width, HALVE)] {
        x = down(net, x, &format!("DownBlock.{place}"), width, conv)?;
        x = net.relu(x)?;
    }
    let width = 4 * width;
    for i in 0..blocks {
        let name = format!("DownBlock.{}.conv_block", 12 + i);
        let y = down(net, x, &format!("{name}.1"), width, K3)?;
        let y = net.relu(y)?;
        let y = down(net, y, &format!("{name}.5"), width, K3)?;
        x = net.b.add(x, y)?;
    }
    let x = attention(net, x, width)?;
    let [gamma, beta] = modulation(net, x, width, light)?;
    let mut x = x;
    for i in 1..=blocks {
        let name = format!("UpBlock1_{i}");
        let mut y = x;
        for part in 1..=2 {
            y = reflected(net, y, &format!("{name}.conv{part}"), width, K3)?;
            y = layer_instance_norm(net, y, &format!("{name}.norm{part}"), gamma, beta)?;
            if part == 1 {
                y = net.relu(y)?;
            }
        }
        x = net.b.add(y, x)?;
    }
    for (place, width) in [(2, width / 2), (7, width / 4)] {
        x = net.double(x)?;
        x = reflected(net, x, &format!("UpBlock2.{place}"), width, K3)?;
        let norm = format!("UpBlock2.{}", place + 1);
        let [gamma, beta] = [
            net.weight(&format!("{norm}.gamma"), [1, width, 1, 1])?,
            net.weight(&format!("{norm}.beta"), [1, width, 1, 1])?,
        ];
        x = layer_instance_norm(net, x, &norm, gamma, beta)?;
        x = net.relu(x)?;
    }
    x = reflected(net, x, "UpBlock2.11", 3, K7)?;
    net.b.act(x, Act::Tanh)
}

/// A convolution over mirrored edges.
fn reflected(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    width: usize,
    conv: Conv,
) -> Result<ValueId, Error> {
    net.b.scope(name);
    let x = net.reflect(x, conv.margin())?;
    net.conv(x, name, width, conv)
}

fn down(net: &mut Layers<'_>, x: ValueId, name: &str, width: usize, conv: Conv) -> Result<ValueId, Error> {
    let x = reflected(net, x, name, width, conv)?;
    net.instance_norm_plain(x)
}

/// The features weighed as the two auxiliary classifiers weigh them, mixed by a 1x1 convolution.
fn attention(net: &mut Layers<'_>, x: ValueId, width: usize) -> Result<ValueId, Error> {
    let mut parts = Vec::new();
    for name in ["gap_fc", "gmp_fc"] {
        let weight = net.weight(&format!("{name}.weight"), [1, width])?;
        let weight = net.b.reshape(weight, [1, width, 1, 1])?;
        parts.push(net.b.mul(x, weight)?);
    }
    let x = net.b.concat(&parts, 1)?;
    let x = net.conv(x, "conv1x1", width, Conv::new(1, 1, 0).biased())?;
    net.relu(x)
}

/// Scale and shift of the adaptive norms, `[1, width, 1, 1]` each.
fn modulation(net: &mut Layers<'_>, x: ValueId, width: usize, light: bool) -> Result<[ValueId; 2], Error> {
    let mut s = if light {
        net.spatial_mean(x)?
    } else {
        let all = net.b.shape(x).numel();
        net.b.reshape(x, [1, all])?
    };
    for name in ["FC.0", "FC.2"] {
        s = net.linear(s, name, width, false)?;
        s = net.relu(s)?;
    }
    let mut part = |name: &str| {
        let v = net.linear(s, name, width, false)?;
        net.b.reshape(v, [1, width, 1, 1])
    };
    Ok([part("gamma")?, part("beta")?])
}

/// (rho IN + (1 - rho) LN) gamma + beta.
fn layer_instance_norm(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    gamma: ValueId,
    beta: ValueId,
) -> Result<ValueId, Error> {
    net.b.scope(name);
    let width = net.b.shape(x)[1];
    let rho = net.weight(&format!("{name}.rho"), [1, width, 1, 1])?;
    let norm = |net: &mut Layers<'_>, axes: &[usize]| {
        net.b.normalise(x, Normalise { axes: axes.to_vec(), eps: 1e-5, unbiased: true })
    };
    let (instance, layer) = (norm(net, &[2, 3])?, norm(net, &[1, 2, 3])?);
    // rho IN + (1 - rho) LN = LN + rho (IN - LN).
    let between = net.b.sub(instance, layer)?;
    let between = net.b.mul(rho, between)?;
    let mixed = net.b.add(layer, between)?;
    let scaled = net.b.mul(mixed, gamma)?;
    net.b.add(scaled, beta)
}
