//! `ForensicTransfer` (Cozzolino et al., arXiv 1812.02510), of which no official code exists; layers and variants as
//! Nguyen et al. (arXiv 1906.06876) compare them. Which variant it is shows in the checkpoint's tensors: a `residual`
//! before the encoder ("FT Res"), or the Y-shaped autoencoder's depth without its segmenter ("Deeper FT").

use moire_graph::{Act, Error, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};
use crate::ynet;

/// Channels and strides of the encoder's convolutions.
const ENCODER: [(usize, usize); 5] = [(8, 1), (16, 2), (32, 2), (64, 2), (128, 2)];
const DECODER: [usize; 4] = [64, 32, 16, 8];
const CONV: Conv = Conv::new(3, 1, 1).biased();

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    net.weights.ignore("num_batches_tracked");
    if net.weights.shape("shared.0.weight").is_some() {
        let (chosen, y) = ynet::select_zone(net, x, &ynet::ENCODER)?;
        let shared = ynet::decode(net, chosen, "shared", &ynet::SHARED)?;
        return Ok(vec![("y", y), ("reconstruction", ynet::reconstruct(net, shared)?)]);
    }
    let x = residual(net, x)?;
    let (mut x, y) = ynet::select_zone(net, x, &ENCODER)?;
    for (i, width) in DECODER.into_iter().enumerate() {
        x = net.double(x)?;
        let [conv, norm] = [4 * i + 1, 4 * i + 2].map(|place| format!("decoder.{place}"));
        x = net.conv_norm(x, [&conv, &norm], width, CONV)?;
        x = net.relu(x)?;
    }
    let image = net.conv(x, "decoder.16", 3, CONV)?;
    Ok(vec![("y", y), ("reconstruction", net.b.act(image, Act::Tanh)?)])
}

/// The fixed high-pass filters of the variant that has them, each over one colour: third-order derivatives.
fn residual(net: &mut Layers<'_>, x: ValueId) -> Result<ValueId, Error> {
    let Some(shape) = net.weights.shape("residual.weight") else { return Ok(x) };
    let (filters, kernel) = match shape[..] {
        [filters, 1, kernel, _] if filters % 3 == 0 && kernel % 2 == 1 && kernel <= 9 => {
            (filters.min(24), kernel)
        }
        _ => (6, 5),
    };
    net.conv(x, "residual", filters, Conv::same([kernel; 2]).grouped(3))
}
