//! Xception (Chollet, arXiv 1610.02357) as FaceForensics++ trains it (Rössler et al., arXiv 1901.08971;
//! ondyari/FaceForensics `classification/network/xception.py`).

use moire_graph::{Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

const POINT: Conv = Conv::new(1, 1, 0);
const K3: Conv = Conv::new(3, 1, 1);

/// What its checkpoints call the last layer: with dropout before it, without, and as `ImageNet`'s files have it.
const LAST: [&str; 3] = ["last_linear.1", "last_linear", "fc"];

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    let width =
        |net: &Layers<'_>, layer: &str, published| net.extent(&format!("{layer}.weight"), 0, published);
    let stem = [width(net, "conv1", 32), width(net, "conv2", 64)];
    let grown = [("block1", 128), ("block2", 256), ("block3", 728), ("block12", 1024)]
        .map(|(block, published)| width(net, &format!("{block}.skip"), published));
    let tail = [width(net, "conv3.pointwise", 1536), width(net, "conv4.pointwise", 2048)];

    let x = net.conv_norm(x, ["conv1", "bn1"], stem[0], Conv::new(3, 2, 0))?;
    let x = net.relu(x)?;
    let x = net.conv_norm(x, ["conv2", "bn2"], stem[1], Conv::new(3, 1, 0))?;
    let x = net.relu(x)?;
    // The indices of a block's separable convolutions count its activations too, of which block 1 lacks the first.
    let x = block(net, x, "block1", &[(0, grown[0]), (3, grown[0])])?;
    let x = block(net, x, "block2", &[(1, grown[1]), (4, grown[1])])?;
    let mut x = block(net, x, "block3", &[(1, grown[2]), (4, grown[2])])?;
    for i in 4..=11 {
        x = block(net, x, &format!("block{i}"), &[(1, grown[2]), (4, grown[2]), (7, grown[2])])?;
    }
    let mut x = block(net, x, "block12", &[(1, grown[2]), (4, grown[3])])?;
    for (i, width) in [(3, tail[0]), (4, tail[1])] {
        x = separable(net, x, &format!("conv{i}"), &format!("bn{i}"), width)?;
        x = net.relu(x)?;
    }
    let features = net.spatial_mean(x)?;
    let has = |name: &&str| net.weights.shape(&format!("{name}.weight")).is_some();
    let last = LAST.into_iter().find(has).unwrap_or("last_linear");
    Ok(vec![("y", net.linear(features, last, 2, true)?)])
}

/// Separable convolutions at `places` of the block's sequence, with batch norm after each, and a way past them.
fn block(net: &mut Layers<'_>, x: ValueId, name: &str, places: &[(usize, usize)]) -> Result<ValueId, Error> {
    let mut y = x;
    let mut out = 0;
    for &(place, width) in places {
        if place > 0 {
            y = net.relu(y)?;
        }
        let [conv, norm] = [place, place + 1].map(|i| format!("{name}.rep.{i}"));
        y = separable(net, y, &conv, &norm, width)?;
        out = width;
    }
    // The eight blocks in the middle keep width and size: three convolutions and nothing on the way past.
    let skip = if places.len() == 3 {
        x
    } else {
        y = net.max_pool(y, [3, 2, 1])?;
        net.conv_norm(x, [&format!("{name}.skip"), &format!("{name}.skipbn")], out, Conv::new(1, 2, 0))?
    };
    net.b.scope(name);
    net.b.add(y, skip)
}

/// A depthwise convolution, a pointwise one, batch norm.
fn separable(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    norm: &str,
    width: usize,
) -> Result<ValueId, Error> {
    let channels = net.b.shape(x)[1];
    let x = net.conv(x, &format!("{name}.conv1"), channels, K3.grouped(channels))?;
    let x = net.conv(x, &format!("{name}.pointwise"), width, POINT)?;
    net.batch_norm(x, norm)
}
