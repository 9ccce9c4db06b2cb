//! ConvNeXt-T (Liu et al., arXiv 2201.03545; timm `convnext.py`) as a classifier of two classes. Widths and depths are
//! read off the checkpoint, so other members of the family load as well.

use moire_graph::{Act, Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

/// Blocks and width of each stage.
const STAGES: [[usize; 2]; 4] = [[3, 96], [3, 192], [9, 384], [3, 768]];
const POINT: Conv = Conv::new(1, 1, 0).biased();

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    let width = net.extent("stem.0.weight", 0, STAGES[0][1]);
    let x = net.conv(x, "stem.0", width, Conv::new(4, 4, 0).biased())?;
    let mut x = net.layer_norm(x, "stem.1", 1)?;
    for (stage, [blocks, width]) in STAGES.into_iter().enumerate() {
        let name = format!("stages.{stage}");
        if stage > 0 {
            let [norm, conv] = [0, 1].map(|i| format!("{name}.downsample.{i}"));
            let width = net.extent(&format!("{conv}.weight"), 0, width);
            x = net.layer_norm(x, &norm, 1)?;
            x = net.conv(x, &conv, width, Conv::new(2, 2, 0).biased())?;
        }
        for i in 0..net.depth(blocks, |i| format!("{name}.blocks.{i}.conv_dw.weight")) {
            x = block(net, x, &format!("{name}.blocks.{i}"))?;
        }
    }
    let features = net.spatial_mean(x)?;
    let features = net.layer_norm(features, "head.norm", 1)?;
    Ok(vec![("y", net.linear(features, "head.fc", 2, true)?)])
}

/// Depthwise over 7 x 7 pixels, then within each pixel: norm, four times as wide, back, each channel scaled.
fn block(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let part = |end: &str| format!("{name}.{end}");
    let width = net.b.shape(x)[1];
    let y = net.conv(x, &part("conv_dw"), width, Conv::new(7, 1, 3).grouped(width).biased())?;
    let y = net.layer_norm(y, &part("norm"), 1)?;
    let wide = net.extent(&part("mlp.fc1.weight"), 0, 4 * width);
    let y = net.conv(y, &part("mlp.fc1"), wide, POINT)?;
    let y = net.b.act(y, Act::Gelu)?;
    let y = net.conv(y, &part("mlp.fc2"), width, POINT)?;
    net.b.scope(name);
    let gamma = net.by_axis(&part("gamma"), y, 1)?;
    let y = net.b.mul(y, gamma)?;
    net.b.add(y, x)
}
