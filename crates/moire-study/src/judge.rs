use moire_graph::{Builder, Device, Program, simplify};
use moire_tensor::{Images, Label};
use moire_zoo::Network;

use crate::error::Error;
use crate::record::Judgement;

/// A detector that is only asked what it thinks.
pub(crate) struct Judge {
    program: Box<dyn Program>,
}

impl Judge {
    pub(crate) fn new(device: &dyn Device, network: &Network, batch: usize) -> Result<Self, Error> {
        let outputs =
            [("margin", network.graph.output("margin")?), ("p_fake", network.graph.output("p_fake")?)];
        let graph = Builder::from(network.graph.clone()).finish(outputs)?;
        Ok(Self { program: device.compile(&simplify(&graph)?, batch)? })
    }

    /// What the detector says of each image, whose labels are given.
    pub(crate) fn judge(&mut self, images: &Images, labels: &[Label]) -> Result<Vec<Judgement>, Error> {
        let size = images.image(0).len();
        let mut judgements = Vec::with_capacity(images.len());
        for part in images.tensor().data().chunks(self.program.batch() * size) {
            self.program.run(part.len() / size, &[("x", part)])?;
            let margins = self.program.output("margin")?;
            let scores = self.program.output("p_fake")?;
            for (&margin, &p_fake) in margins.iter().zip(scores) {
                let label = labels[judgements.len()];
                let (margin, sign) = (f64::from(margin), f64::from(label.sign()));
                let decided = Label::of_margin(margin);
                judgements.push(Judgement { decided, p_fake: f64::from(p_fake), margin: margin * sign });
            }
        }
        Ok(judgements)
    }
}
