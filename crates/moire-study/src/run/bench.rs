use std::collections::BTreeMap;

use moire_attack::Detector;
use moire_graph::Device;
use moire_tensor::{Images, Label};
use moire_zoo::Network;

use super::judge::Judge;
use crate::data::Sample;
use crate::error::{Error, Repr};
use crate::plan::Memory;
use crate::record::Judgement;
use crate::study::traits;

/// One detector, compiled to be attacked and to judge.
pub(super) struct Bench<'d> {
    pub(super) detector: Detector<'d>,
    pub(super) judge: Judge,
    pub(super) size: [usize; 2],
    /// What the detector says of images as they are, by their content.
    before: BTreeMap<String, Judgement>,
}

impl<'d> Bench<'d> {
    pub(super) fn new(device: &'d dyn Device, network: &Network, batch: usize) -> Result<Self, Error> {
        Ok(Self {
            detector: Detector::new(device, &network.graph, traits(network), batch)?,
            judge: Judge::new(device, network, batch)?,
            size: network.preprocess.size,
            before: BTreeMap::new(),
        })
    }

    /// How many images, at most `batch`, can be at work at once where programs may take `limit` bytes.
    ///
    /// # Errors
    /// Not even one can, or the network cannot run.
    pub(super) fn fitting(
        device: &dyn Device,
        network: &Network,
        batch: usize,
        limit: Option<Memory>,
    ) -> Result<usize, Error> {
        let Some(Memory(limit)) = limit else { return Ok(batch) };
        let bytes = |batch: usize| -> Result<u64, Error> {
            let mut bench = Bench::new(device, network, batch)?;
            Ok((bench.detector.memory()? + bench.judge.memory()) as u64)
        };
        // What does not grow with the batch is the weights; the rest grows with it evenly.
        let (one, two) = (bytes(1)?, bytes(2)?);
        if one > limit {
            let name = network.name.clone();
            return Err(Repr::Memory { name, needed: Memory(one), limit: Memory(limit) }.into());
        }
        let most = 1 + (limit - one) / (two - one).max(1);
        Ok(batch.min(usize::try_from(most).unwrap_or(usize::MAX)))
    }

    /// What the detector says of images as they are; each is asked about once.
    pub(super) fn before(&mut self, samples: &[&Sample], clean: &Images) -> Result<Vec<Judgement>, Error> {
        let key = |s: &&Sample| format!("{} {}", s.label, s.sha256);
        let known: Option<Vec<_>> = samples.iter().map(|s| self.before.get(&key(s)).copied()).collect();
        if let Some(judgements) = known {
            return Ok(judgements);
        }
        let labels: Vec<Label> = samples.iter().map(|s| s.label).collect();
        let judgements: Vec<_> = self.judge.judge(clean, &labels)?.into_iter().map(|v| v.judgement).collect();
        self.before.extend(samples.iter().map(key).zip(judgements.iter().copied()));
        Ok(judgements)
    }
}
