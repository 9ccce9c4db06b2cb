//! Meso-4 (Afchar et al., `MesoNet`, arXiv 1809.00888; `DariusAf/MesoNet` `classifiers.py`).

use moire_graph::{Error, ValueId};

use crate::entry::Outputs;
use crate::layers::Layers;
use crate::mesoinception4::{block, head};

pub(crate) fn build(net: &mut Layers<'_>, mut x: ValueId) -> Result<Outputs, Error> {
    for (layer, channels, kernel, pool) in
        [(5, [3, 8], 3, 2), (6, [8, 8], 5, 2), (7, [8, 16], 5, 2), (8, [16, 16], 5, 4)]
    {
        let names = [format!("conv2d_{layer}"), format!("batch_normalization_{layer}")];
        x = block(net, x, [&names[0], &names[1]], channels, kernel, pool)?;
    }
    let y = head(net, x, ["dense_3", "dense_4"])?;
    Ok(vec![("y", y)])
}
