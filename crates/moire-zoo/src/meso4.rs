//! Meso-4 (Afchar et al., `MesoNet`, arXiv 1809.00888; `DariusAf/MesoNet` `classifiers.py`).

use moire_formats::Loader;
use moire_graph::{Error, Graph};

use crate::layers::Layers;
use crate::mesoinception4::{DECISION, PREPROCESS, block, head};

pub(crate) fn graph(weights: &mut Loader) -> Result<Graph, Error> {
    let mut net = Layers::new(weights);
    let mut x = PREPROCESS.input(&mut net.b)?;
    for (layer, channels, kernel, pool) in
        [(5, [3, 8], 3, 2), (6, [8, 8], 5, 2), (7, [8, 16], 5, 2), (8, [16, 16], 5, 4)]
    {
        let names = [format!("conv2d_{layer}"), format!("batch_normalization_{layer}")];
        x = block(&mut net, x, [&names[0], &names[1]], channels, kernel, pool)?;
    }
    let y = head(&mut net, x, ["dense_3", "dense_4"])?;
    let [margin, score] = DECISION.outputs(&mut net.b, y)?;
    net.b.finish([("y", y), margin, score])
}
