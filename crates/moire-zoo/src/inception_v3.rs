//! Inception-v3 (Szegedy et al., arXiv 1512.00567; torchvision `inception.py`), two classes, without the auxiliary head,
//! which only trains.

use moire_graph::{AvgPool2d, Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

/// A branch's convolutions, one after another: the end of the name, the width, the convolution.
type Branch<'a> = &'a [(&'a str, usize, Conv)];

const POINT: Conv = Conv::new(1, 1, 0);
const K3: Conv = Conv::new(3, 1, 1);
const K3_HALF: Conv = Conv::new(3, 2, 0);
const K5: Conv = Conv::new(5, 1, 2);
const ROW3: Conv = Conv::same([1, 3]);
const COLUMN3: Conv = Conv::same([3, 1]);
const ROW7: Conv = Conv::same([1, 7]);
const COLUMN7: Conv = Conv::same([7, 1]);

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    net.weights.ignore_below("AuxLogits");
    net.batch_norm_eps = 1e-3;
    let x = branch(
        net,
        x,
        "Conv2d",
        &[("_1a_3x3", 32, K3_HALF), ("_2a_3x3", 32, Conv::new(3, 1, 0)), ("_2b_3x3", 64, K3)],
    )?;
    let x = net.max_pool(x, [3, 2, 0])?;
    let x = branch(net, x, "Conv2d", &[("_3b_1x1", 80, POINT), ("_4a_3x3", 192, Conv::new(3, 1, 0))])?;
    let mut x = net.max_pool(x, [3, 2, 0])?;
    for (name, pooled) in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)] {
        x = mixed_5(net, x, name, pooled)?;
    }
    x = reduction(
        net,
        x,
        "Mixed_6a",
        [
            &[(".branch3x3", 384, K3_HALF)],
            &[(".branch3x3dbl_1", 64, POINT), (".branch3x3dbl_2", 96, K3), (".branch3x3dbl_3", 96, K3_HALF)],
        ],
    )?;
    for (name, width) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        x = mixed_6(net, x, name, width)?;
    }
    x = reduction(
        net,
        x,
        "Mixed_7a",
        [
            &[(".branch3x3_1", 192, POINT), (".branch3x3_2", 320, K3_HALF)],
            &[
                (".branch7x7x3_1", 192, POINT),
                (".branch7x7x3_2", 192, ROW7),
                (".branch7x7x3_3", 192, COLUMN7),
                (".branch7x7x3_4", 192, K3_HALF),
            ],
        ],
    )?;
    for name in ["Mixed_7b", "Mixed_7c"] {
        x = mixed_7(net, x, name)?;
    }
    let features = net.spatial_mean(x)?;
    Ok(vec![("y", net.linear(features, "fc", 2, true)?)])
}

fn branch(net: &mut Layers<'_>, mut x: ValueId, name: &str, layers: Branch<'_>) -> Result<ValueId, Error> {
    for &(end, published, conv) in layers {
        let names = [format!("{name}{end}.conv"), format!("{name}{end}.bn")];
        let width = net.extent(&format!("{}.weight", names[0]), 0, published);
        x = net.conv_norm(x, [&names[0], &names[1]], width, conv)?;
        x = net.relu(x)?;
    }
    Ok(x)
}

/// The branch that every module of constant size ends with.
fn pooled(net: &mut Layers<'_>, x: ValueId, name: &str, width: usize) -> Result<ValueId, Error> {
    let pool = AvgPool2d { kernel: [3; 2], stride: [1; 2], padding: [1; 2], count_padding: true };
    let x = net.b.avg_pool2d(x, pool)?;
    branch(net, x, name, &[(".branch_pool", width, POINT)])
}

fn mixed_5(net: &mut Layers<'_>, x: ValueId, name: &str, pool: usize) -> Result<ValueId, Error> {
    let parts = [
        branch(net, x, name, &[(".branch1x1", 64, POINT)])?,
        branch(net, x, name, &[(".branch5x5_1", 48, POINT), (".branch5x5_2", 64, K5)])?,
        branch(
            net,
            x,
            name,
            &[(".branch3x3dbl_1", 64, POINT), (".branch3x3dbl_2", 96, K3), (".branch3x3dbl_3", 96, K3)],
        )?,
        pooled(net, x, name, pool)?,
    ];
    net.b.concat(&parts, 1)
}

fn mixed_6(net: &mut Layers<'_>, x: ValueId, name: &str, width: usize) -> Result<ValueId, Error> {
    let parts = [
        branch(net, x, name, &[(".branch1x1", 192, POINT)])?,
        branch(
            net,
            x,
            name,
            &[(".branch7x7_1", width, POINT), (".branch7x7_2", width, ROW7), (".branch7x7_3", 192, COLUMN7)],
        )?,
        branch(
            net,
            x,
            name,
            &[
                (".branch7x7dbl_1", width, POINT),
                (".branch7x7dbl_2", width, COLUMN7),
                (".branch7x7dbl_3", width, ROW7),
                (".branch7x7dbl_4", width, COLUMN7),
                (".branch7x7dbl_5", 192, ROW7),
            ],
        )?,
        pooled(net, x, name, 192)?,
    ];
    net.b.concat(&parts, 1)
}

fn mixed_7(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let one = branch(net, x, name, &[(".branch1x1", 320, POINT)])?;
    let three = branch(net, x, name, &[(".branch3x3_1", 384, POINT)])?;
    let double = branch(net, x, name, &[(".branch3x3dbl_1", 448, POINT), (".branch3x3dbl_2", 384, K3)])?;
    let parts = [
        one,
        branch(net, three, name, &[(".branch3x3_2a", 384, ROW3)])?,
        branch(net, three, name, &[(".branch3x3_2b", 384, COLUMN3)])?,
        branch(net, double, name, &[(".branch3x3dbl_3a", 384, ROW3)])?,
        branch(net, double, name, &[(".branch3x3dbl_3b", 384, COLUMN3)])?,
        pooled(net, x, name, 192)?,
    ];
    net.b.concat(&parts, 1)
}

/// A module that halves height and width: two branches and a maximum.
fn reduction(
    net: &mut Layers<'_>,
    x: ValueId,
    name: &str,
    branches: [Branch<'_>; 2],
) -> Result<ValueId, Error> {
    let [first, second] = branches;
    let parts = [branch(net, x, name, first)?, branch(net, x, name, second)?, net.max_pool(x, [3, 2, 0])?];
    net.b.concat(&parts, 1)
}
