use moire_graph::{Builder, Device, Footprint, Program, simplify};
use moire_tensor::{Images, Label};
use moire_zoo::Network;

use crate::error::Error;
use crate::record::Judgement;

/// A detector that is only asked what it thinks.
pub(crate) struct Judge {
    program: Box<dyn Program>,
    draws_masks: bool,
}

/// What a detector says of one image.
pub(crate) struct Verdict {
    pub(crate) judgement: Judgement,
    /// For each position `[h * w]` the probability that it was manipulated, from a detector that says so.
    pub(crate) mask: Option<Vec<f32>>,
}

impl Judge {
    pub(crate) fn new(device: &dyn Device, network: &Network, batch: usize) -> Result<Self, Error> {
        let mut outputs =
            vec![("margin", network.graph.output("margin")?), ("p_fake", network.graph.output("p_fake")?)];
        let mask = network.graph.output("mask").ok();
        outputs.extend(mask.map(|mask| ("mask", mask)));
        let graph = Builder::from(network.graph.clone()).finish(outputs)?;
        Ok(Self { program: device.compile(&simplify(&graph)?, batch)?, draws_masks: mask.is_some() })
    }

    /// The bytes that its program needs.
    pub(crate) fn memory(&self) -> Footprint {
        self.program.memory()
    }

    /// What the detector says of each image, whose labels are given.
    pub(crate) fn judge(&mut self, images: &Images, labels: &[Label]) -> Result<Vec<Verdict>, Error> {
        let size = images.image(0).len();
        let mut verdicts = Vec::with_capacity(images.len());
        for part in images.tensor().data().chunks(self.program.batch() * size) {
            let count = part.len() / size;
            self.program.run(count, &[("x", part)])?;
            let margins = self.program.output("margin")?;
            let scores = self.program.output("p_fake")?;
            let masks = if self.draws_masks { self.program.output("mask")? } else { &[] };
            let mut masks = masks.chunks_exact((masks.len() / count).max(1));
            for (&margin, &p_fake) in margins.iter().zip(scores) {
                let label = labels[verdicts.len()];
                let (margin, sign) = (f64::from(margin), f64::from(label.sign()));
                let decided = Label::of_margin(margin);
                let judgement = Judgement { decided, p_fake: f64::from(p_fake), margin: margin * sign };
                verdicts.push(Verdict { judgement, mask: masks.next().map(<[f32]>::to_vec) });
            }
        }
        Ok(verdicts)
    }
}
