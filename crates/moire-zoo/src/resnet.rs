//! ResNet-50 and ResNet-101 (He et al., arXiv 1512.03385; torchvision `resnet.py`, stride on the 3x3), as classifiers
//! of two classes and as `CNNDetection`'s one logit (Wang et al., arXiv 1912.11035).

use moire_graph::{Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

const POINT: Conv = Conv::new(1, 1, 0);

pub(crate) fn resnet50(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    logits(net, x, [3, 4, 6, 3], 2)
}

pub(crate) fn resnet101(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    logits(net, x, [3, 4, 23, 3], 2)
}

pub(crate) fn cnndetection(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    logits(net, x, [3, 4, 6, 3], 1)
}

fn logits(net: &mut Layers<'_>, x: ValueId, blocks: [usize; 4], classes: usize) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    let mut width = net.extent("conv1.weight", 0, 64);
    let x = net.conv_norm(x, ["conv1", "bn1"], width, Conv::new(7, 2, 3))?;
    let x = net.relu(x)?;
    let mut x = net.max_pool(x, [3, 2, 1])?;
    for (layer, count) in (1..).zip(blocks) {
        for block in 0..count {
            let stride = if layer > 1 && block == 0 { 2 } else { 1 };
            x = bottleneck(net, x, &format!("layer{layer}.{block}"), width, stride)?;
        }
        width *= 2;
    }
    let features = net.spatial_mean(x)?;
    Ok(vec![("y", net.linear(features, "fc", classes, true)?)])
}

fn bottleneck(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    width: usize,
    stride: usize,
) -> Result<ValueId, Error> {
    let mut y = x;
    for (i, width, conv) in [(1, width, POINT), (2, width, Conv::new(3, stride, 1)), (3, 4 * width, POINT)] {
        y = net.conv_norm(y, [&format!("{name}.conv{i}"), &format!("{name}.bn{i}")], width, conv)?;
        if i < 3 {
            y = net.relu(y)?;
        }
    }
    // Each stage's first block changes the width, the stride, or both.
    let skip = if name.ends_with(".0") {
        let names = [format!("{name}.downsample.0"), format!("{name}.downsample.1")];
        net.conv_norm(x, [&names[0], &names[1]], 4 * width, Conv::new(1, stride, 0))?
    } else {
        x
    };
    net.b.scope(name);
    let sum = net.b.add(y, skip)?;
    net.relu(sum)
}
