//! MesoInception-4 (Afchar et al., `MesoNet`, arXiv 1809.00888; `DariusAf/MesoNet` `classifiers.py`).
//!
//! `ReLU` stands before batch norm, inside the inception modules too, and every convolution has a bias. The
//! ports to PyTorch that leave these out are other networks.

use moire_graph::{Act, Error, ValueId};

use crate::entry::Outputs;
use crate::layers::Layers;

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    let x = inception(net, x, 1, 3, [1, 4, 4, 2])?;
    let x = net.keras_batch_norm(x, "batch_normalization_1", 11)?;
    let x = net.max_pool(x, [2, 2, 0])?;
    let x = inception(net, x, 8, 11, [2, 4, 4, 2])?;
    let x = net.keras_batch_norm(x, "batch_normalization_2", 12)?;
    let x = net.max_pool(x, [2, 2, 0])?;
    let x = block(net, x, ["conv2d_15", "batch_normalization_3"], [12, 16], 5, 2)?;
    let x = block(net, x, ["conv2d_16", "batch_normalization_4"], [16, 16], 5, 4)?;
    let y = head(net, x, ["dense_1", "dense_2"])?;
    Ok(vec![("y", y)])
}

/// Four branches side by side: 1x1 | 1x1, 3x3 | 1x1, 3x3 dilated by 2 | 1x1, 3x3 dilated by 3. Their layers
/// are numbered from `first`.
fn inception(
    net: &mut Layers<'_>,
    x: ValueId,
    first: usize,
    inputs: usize,
    widths: [usize; 4],
) -> Result<ValueId, Error> {
    let mut layer = first;
    let mut conv = |net: &mut Layers<'_>, x, channels, kernel, dilation| {
        let y = net.keras_conv(x, &format!("conv2d_{layer}"), channels, kernel, dilation)?;
        layer += 1;
        net.relu(y)
    };
    let mut branches = vec![conv(net, x, [inputs, widths[0]], 1, 1)?];
    for (dilation, width) in (1..).zip(&widths[1..]) {
        let narrow = conv(net, x, [inputs, *width], 1, 1)?;
        branches.push(conv(net, narrow, [*width, *width], 3, dilation)?);
    }
    net.b.concat(&branches, 1)
}

/// Convolution, `ReLU`, batch norm, max pool: shared with Meso-4.
pub(crate) fn block(
    net: &mut Layers<'_>,
    x: ValueId,
    [conv, norm]: [&str; 2],
    channels: [usize; 2],
    kernel: usize,
    pool: usize,
) -> Result<ValueId, Error> {
    let x = net.keras_conv(x, conv, channels, kernel, 1)?;
    let x = net.relu(x)?;
    let x = net.keras_batch_norm(x, norm, channels[1])?;
    net.max_pool(x, [pool, pool, 0])
}

/// Flattened as Keras does, rows then columns then channels; two dense layers: shared with Meso-4.
pub(crate) fn head(net: &mut Layers<'_>, x: ValueId, [first, second]: [&str; 2]) -> Result<ValueId, Error> {
    let features = net.b.shape(x).numel();
    let x = net.b.permute(x, &[0, 2, 3, 1])?;
    let x = net.b.reshape(x, [1, features])?;
    let x = net.keras_dense(x, first, [features, 16])?;
    let x = net.b.act(x, Act::LeakyRelu(0.1))?;
    net.keras_dense(x, second, [16, 1])
}
