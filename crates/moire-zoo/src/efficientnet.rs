//! EfficientNet-B4 (Tan and Le, arXiv 1905.11946; timm `efficientnet.py`) as a classifier of two classes. Widths and
//! depths are read off the checkpoint, so other members of the family load as well, at the size of images that is asked
//! for.

use moire_graph::{Act, Error, ReduceKind, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

const POINT: Conv = Conv::new(1, 1, 0);

/// Blocks, kernel, stride and width of each stage.
const STAGES: [[usize; 4]; 7] = [
    [2, 3, 1, 24],
    [4, 3, 2, 32],
    [4, 5, 2, 56],
    [6, 3, 2, 112],
    [6, 5, 1, 160],
    [8, 5, 2, 272],
    [2, 3, 1, 448],
];
const STEM: usize = 48;
const HEAD: usize = 1792;
/// How much wider than its input a block is inside, but for those of the first stage.
const EXPANSION: usize = 6;
/// The part of a block's input that its squeeze keeps.
const SQUEEZED: usize = 4;

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    let stem = net.extent("conv_stem.weight", 0, STEM);
    let x = net.conv_norm(x, ["conv_stem", "bn1"], stem, Conv::new(3, 2, 1))?;
    let mut x = net.b.act(x, Act::Silu)?;
    for (stage, [blocks, kernel, stride, width]) in STAGES.into_iter().enumerate() {
        let blocks = net.depth(blocks, |i| format!("blocks.{stage}.{i}.bn1.weight"));
        for i in 0..blocks {
            let name = format!("blocks.{stage}.{i}");
            x = block(net, x, &name, kernel, if i == 0 { stride } else { 1 }, width)?;
        }
    }
    let head = net.extent("conv_head.weight", 0, HEAD);
    let x = net.conv_norm(x, ["conv_head", "bn2"], head, POINT)?;
    let x = net.b.act(x, Act::Silu)?;
    let features = net.spatial_mean(x)?;
    Ok(vec![("y", net.linear(features, "classifier", 2, true)?)])
}

/// Wider, depthwise, weighed by channel, narrower: those of the first stage start with the second step.
fn block(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    kernel: usize,
    stride: usize,
    width: usize,
) -> Result<ValueId, Error> {
    let part = |end: &str| format!("{name}.{end}");
    let input = net.b.shape(x)[1];
    let widens = !name.starts_with("blocks.0.");
    let mut y = x;
    if widens {
        let inside = net.extent(&part("conv_pw.weight"), 0, EXPANSION * input);
        y = net.conv_norm(y, [&part("conv_pw"), &part("bn1")], inside, POINT)?;
        y = net.b.act(y, Act::Silu)?;
    }
    let inside = net.b.shape(y)[1];
    let [deep, out] = if widens { ["bn2", "bn3"] } else { ["bn1", "bn2"] }.map(part);
    let spatial = Conv::new(kernel, stride, kernel / 2).grouped(inside);
    y = net.conv_norm(y, [&part("conv_dw"), &deep], inside, spatial)?;
    y = net.b.act(y, Act::Silu)?;
    y = weigh(net, y, &part("se"), (input / SQUEEZED).max(1))?;
    let last = part(if widens { "conv_pwl" } else { "conv_pw" });
    let width = net.extent(&format!("{last}.weight"), 0, width);
    y = net.conv_norm(y, [&last, &out], width, POINT)?;
    net.b.scope(name);
    if stride == 1 && width == input { net.b.add(y, x) } else { Ok(y) }
}

/// Each channel times a number between 0 and 1 that the means of all channels say (Hu et al., arXiv 1709.01507).
fn weigh(net: &mut Layers<'_>, x: ValueId, name: &str, published: usize) -> Result<ValueId, Error> {
    let channels = net.b.shape(x)[1];
    let [reduce, expand] = ["conv_reduce", "conv_expand"].map(|end| format!("{name}.{end}"));
    let squeezed = net.extent(&format!("{reduce}.weight"), 0, published);
    net.b.scope(name);
    let mean = net.b.reduce(x, ReduceKind::Mean, &[2, 3])?;
    let s = net.conv(mean, &reduce, squeezed, POINT.biased())?;
    let s = net.b.act(s, Act::Silu)?;
    let s = net.conv(s, &expand, channels, POINT.biased())?;
    let s = net.b.act(s, Act::Sigmoid)?;
    net.b.mul(x, s)
}
