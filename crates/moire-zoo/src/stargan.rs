//! `StarGAN`'s generator (Choi et al., arXiv 1711.09020; yunjey/stargan `model.py`).
//!
//! Instance norm takes each image's own statistics, though the checkpoint holds running ones: the authors never call
//! `eval`.

use moire_graph::{Act, Error, ValueId};

use crate::attribute::Attribute;
use crate::condition::{Condition, Encoding};
use crate::entry::Edited;
use crate::layers::{Conv, Layers};

/// What the five numbers of the published `CelebA` generators are about.
pub(crate) const ATTRIBUTES: [Attribute; 5] =
    [Attribute::BlackHair, Attribute::BlondHair, Attribute::BrownHair, Attribute::Male, Attribute::Young];

const WIDE: Conv = Conv::new(7, 1, 3);
const HALVE: Conv = Conv::new(4, 2, 1);
const DOUBLE: Conv = HALVE;
const SAME: Conv = Conv::new(3, 1, 1);

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId, domains: usize) -> Result<Edited, Error> {
    for unused in ["running_mean", "running_var", "num_batches_tracked"] {
        net.weights.ignore(unused);
    }
    let dim = net.extent("main.0.weight", 0, 64);
    let channels = net.extent("main.0.weight", 1, 3 + ATTRIBUTES.len());
    let attributes = net.attributes(channels.saturating_sub(3), &[&ATTRIBUTES]);
    let blocks = net.depth(6, |i| format!("main.{}.main.0.weight", 9 + i));
    let c = net.condition(domains, attributes.len())?;

    let x = net.with_condition(x, c)?;
    let x = net.conv(x, "main.0", dim, WIDE)?;
    let x = normed(net, x, "main.1")?;
    let x = net.conv(x, "main.3", 2 * dim, HALVE)?;
    let x = normed(net, x, "main.4")?;
    let x = net.conv(x, "main.6", 4 * dim, HALVE)?;
    let mut x = normed(net, x, "main.7")?;
    for i in 0..blocks {
        x = residual(net, x, &format!("main.{}.main", 9 + i))?;
    }
    let up = 9 + blocks;
    let x = net.conv_transpose(x, &format!("main.{up}"), 2 * dim, DOUBLE)?;
    let x = normed(net, x, &format!("main.{}", up + 1))?;
    let x = net.conv_transpose(x, &format!("main.{}", up + 3), dim, DOUBLE)?;
    let x = normed(net, x, &format!("main.{}", up + 4))?;
    let y = net.conv(x, &format!("main.{}", up + 6), 3, WIDE)?;
    let y = net.b.act(y, Act::Tanh)?;
    Ok(Edited { y, condition: Condition { encoding: Encoding::Target, attributes } })
}

fn normed(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let x = net.instance_norm(x, name)?;
    net.relu(x)
}

fn residual(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let width = net.b.shape(x)[1];
    let y = net.conv(x, &format!("{name}.0"), width, SAME)?;
    let y = normed(net, y, &format!("{name}.1"))?;
    let y = net.conv(y, &format!("{name}.3"), width, SAME)?;
    let y = net.instance_norm(y, &format!("{name}.4"))?;
    net.b.add(x, y)
}
