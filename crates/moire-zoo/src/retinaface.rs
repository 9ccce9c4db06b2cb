//! `RetinaFace` on `MobileNet` 0.25 (Deng et al., arXiv 1905.00641; `biubug6/Pytorch_Retinaface`
//! `models/retinaface.py`, `models/net.py`, `layers/functions/prior_box.py`, `utils/box_utils.py`).
//!
//! The network answers with offsets from priors, squares of fixed sizes at the middles of a grid of cells. Decoding them
//! is part of the graph, so that whoever asks gets pixels of `x`: a prior of centre c and side s, with offsets l for the
//! box and m for one landmark, is the box of centre c + 0.1 · s · l\[0..2\] and size s · exp(0.2 · l\[2..4\]), and the
//! landmark c + 0.1 · s · m. The official code divides all of it by the image's size and multiplies again.

use moire_graph::{Act, AxisMap, Error, ValueId};
use moire_tensor::Tensor;

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

/// Pixels from one cell of a grid to the next, and the sides of the priors in each.
const GRIDS: [(usize, [f32; 2]); 3] = [(8, [16.0, 32.0]), (16, [64.0, 128.0]), (32, [256.0, 512.0])];
/// What offsets of places and of sizes are multiplied by: SSD's variances.
const PLACE: f32 = 0.1;
const SIZE: f32 = 0.2;

/// Channels and strides of the separable convolutions, stage by stage. The first stage begins with a convolution.
const FIRST: usize = 8;
const STAGES: [&[(usize, usize)]; 3] = [
    &[(16, 1), (32, 2), (32, 1), (64, 2), (64, 1)],
    &[(128, 2), (128, 1), (128, 1), (128, 1), (128, 1), (128, 1)],
    &[(256, 2), (256, 1)],
];
/// Channels of the feature pyramid.
const WIDTH: usize = 64;
/// The slope of every leaky `ReLU`.
const LEAKY: Act = Act::LeakyRelu(0.1);

const SAME: Conv = Conv::new(3, 1, 1);
const POINT: Conv = Conv::new(1, 1, 0);

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    net.b.scope("bgr");
    let x = net.b.resample(x, 1, AxisMap::new(3, [2, 1, 0].map(|c| vec![(c, 1.0)])))?;
    let stages = backbone(net, x)?;
    let levels = pyramid(net, stages)?;
    let (mut classes, mut boxes, mut landmarks, mut priors) = (vec![], vec![], vec![], vec![]);
    for (i, level) in levels.into_iter().enumerate() {
        let features = context(net, level, &format!("ssh{}", i + 1))?;
        classes.push(head(net, features, &format!("ClassHead.{i}"), 2)?);
        boxes.push(head(net, features, &format!("BboxHead.{i}"), 4)?);
        landmarks.push(head(net, features, &format!("LandmarkHead.{i}"), 10)?);
        let [rows, columns] = [net.b.shape(features)[2], net.b.shape(features)[3]];
        priors.extend(grid(GRIDS[i], rows, columns));
    }
    net.b.scope("decode");
    let [classes, boxes, landmarks] =
        [net.b.concat(&classes, 0)?, net.b.concat(&boxes, 0)?, net.b.concat(&landmarks, 0)?];
    let n = priors.len();
    let centres = net.b.literal(Tensor::from_fn([n, 2], |at| priors[at / 2].centre[at % 2]));
    let sides = net.b.literal(Tensor::from_fn([n, 1], |at| priors[at].side));

    let classes = net.b.softmax(classes, 1)?;
    let scores = net.b.slice(classes, 1, 1, 2)?;
    let scores = net.b.reshape(scores, [n])?;

    let place = net.b.slice(boxes, 1, 0, 2)?;
    let middle = offset(net, place, sides, centres)?;
    let size = net.b.slice(boxes, 1, 2, 4)?;
    let size = net.b.scale(size, SIZE)?;
    let size = net.b.act(size, Act::Exp)?;
    let size = net.b.mul(size, sides)?;
    let half = net.b.scale(size, 0.5)?;
    let corners = [net.b.sub(middle, half)?, net.b.add(middle, half)?];
    let boxes = net.b.concat(&corners, 1)?;

    let landmarks = net.b.reshape(landmarks, [n, 5, 2])?;
    let [sides, centres] = [net.b.reshape(sides, [n, 1, 1])?, net.b.reshape(centres, [n, 1, 2])?];
    let landmarks = offset(net, landmarks, sides, centres)?;
    Ok(vec![("boxes", boxes), ("scores", scores), ("landmarks", landmarks)])
}

/// A square that boxes are told from, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Prior {
    centre: [f32; 2],
    side: f32,
}

/// The priors of one grid: row by row, cell by cell, side by side.
fn grid((step, sides): (usize, [f32; 2]), rows: usize, columns: usize) -> impl Iterator<Item = Prior> {
    let middle = move |i: usize| (i as f32 + 0.5) * step as f32;
    (0..rows * columns).flat_map(move |cell| {
        let centre = [middle(cell % columns), middle(cell / columns)];
        sides.map(|side| Prior { centre, side })
    })
}

/// 0.1 · `side` · `by` + `from`.
fn offset(net: &mut Layers<'_>, by: ValueId, side: ValueId, from: ValueId) -> Result<ValueId, Error> {
    let by = net.b.scale(by, PLACE)?;
    let by = net.b.mul(by, side)?;
    net.b.add(by, from)
}

/// The features at an eighth, a sixteenth and a thirty-second of the size.
fn backbone(net: &mut Layers<'_>, x: ValueId) -> Result<[ValueId; 3], Error> {
    let mut x = normed(net, x, "body.stage1.0", [0, 1], FIRST, Conv::new(3, 2, 1))?;
    x = net.b.act(x, LEAKY)?;
    let mut ends = [x; 3];
    for (s, stage) in STAGES.into_iter().enumerate() {
        for (i, &(width, stride)) in stage.iter().enumerate() {
            let name = format!("body.stage{}.{}", s + 1, if s == 0 { i + 1 } else { i });
            x = separable(net, x, &name, width, stride)?;
        }
        ends[s] = x;
    }
    Ok(ends)
}

/// A convolution of each channel on its own, then one of all channels at each pixel.
fn separable(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    width: usize,
    stride: usize,
) -> Result<ValueId, Error> {
    let channels = net.b.shape(x)[1];
    let x = normed(net, x, name, [0, 1], channels, Conv::new(3, stride, 1).grouped(channels))?;
    let x = net.b.act(x, LEAKY)?;
    let x = normed(net, x, name, [3, 4], width, POINT)?;
    net.b.act(x, LEAKY)
}

/// A convolution and batch norm, parts `at` of a module.
fn normed(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    at: [usize; 2],
    width: usize,
    conv: Conv,
) -> Result<ValueId, Error> {
    let [conv_name, norm] = at.map(|i| format!("{name}.{i}"));
    net.conv_norm(x, [&conv_name, &norm], width, conv)
}

/// [`normed`], then the leaky `ReLU`.
fn bent(net: &mut Layers<'_>, x: ValueId, name: &str, width: usize, conv: Conv) -> Result<ValueId, Error> {
    let x = normed(net, x, name, [0, 1], width, conv)?;
    net.b.act(x, LEAKY)
}

/// The feature pyramid: each level sees what the coarser ones know.
fn pyramid(net: &mut Layers<'_>, stages: [ValueId; 3]) -> Result<[ValueId; 3], Error> {
    let mut levels = stages;
    for (i, level) in levels.iter_mut().enumerate() {
        *level = bent(net, *level, &format!("fpn.output{}", i + 1), WIDTH, POINT)?;
    }
    for (to, name) in [(1, "fpn.merge2"), (0, "fpn.merge1")] {
        net.b.scope(name);
        let mut coarse = levels[to + 1];
        for axis in [2, 3] {
            let (from, onto) = (net.b.shape(coarse)[axis], net.b.shape(levels[to])[axis]);
            coarse = net.b.resample(coarse, axis, AxisMap::nearest(from, onto))?;
        }
        let sum = net.b.add(levels[to], coarse)?;
        levels[to] = bent(net, sum, name, WIDTH, SAME)?;
    }
    Ok(levels)
}

/// The context module of SSH (arXiv 1708.03979): 3 x 3, 5 x 5 and 7 x 7 windows beside each other, the larger ones as
/// chains of 3 x 3.
fn context(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let part = |end: &str| format!("{name}.{end}");
    let (half, quarter) = (WIDTH / 2, WIDTH / 4);
    let three = normed(net, x, &part("conv3X3"), [0, 1], half, SAME)?;
    let shared = bent(net, x, &part("conv5X5_1"), quarter, SAME)?;
    let five = normed(net, shared, &part("conv5X5_2"), [0, 1], quarter, SAME)?;
    let seven = bent(net, shared, &part("conv7X7_2"), quarter, SAME)?;
    let seven = normed(net, seven, &part("conv7x7_3"), [0, 1], quarter, SAME)?;
    net.b.scope(name);
    let all = net.b.concat(&[three, five, seven], 1)?;
    net.relu(all)
}

/// `width` numbers for each prior, `[rows · columns · 2, width]`.
fn head(net: &mut Layers<'_>, x: ValueId, name: &str, width: usize) -> Result<ValueId, Error> {
    let y = net.conv(x, &format!("{name}.conv1x1"), 2 * width, POINT.biased())?;
    let cells = net.b.shape(y)[2] * net.b.shape(y)[3];
    let y = net.b.permute(y, &[0, 2, 3, 1])?;
    net.b.reshape(y, [2 * cells, width])
}

#[cfg(test)]
mod tests {
    use super::{GRIDS, Prior, grid};

    #[test]
    fn priors_stand_in_the_middles_of_their_cells() {
        let found: Vec<Prior> = grid(GRIDS[1], 2, 3).collect();
        assert_eq!(found.len(), 2 * 3 * 2);
        assert_eq!(found[0], Prior { centre: [8.0, 8.0], side: 64.0 });
        assert_eq!(found[1], Prior { centre: [8.0, 8.0], side: 128.0 });
        assert_eq!(found[4], Prior { centre: [40.0, 8.0], side: 64.0 });
        assert_eq!(found[6], Prior { centre: [8.0, 24.0], side: 64.0 });
    }
}
