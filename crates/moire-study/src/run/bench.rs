use std::collections::BTreeMap;

use moire_attack::{Attack, Detector};
use moire_graph::{Device, Footprint};
use moire_tensor::{Images, Label};
use moire_zoo::Network;

use super::judge::Judge;
use crate::data::Sample;
use crate::error::Error;
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

    /// The most bytes that its programs need under these attacks.
    ///
    /// # Errors
    /// The network cannot run.
    pub(super) fn memory(&mut self, attacks: &[&Attack]) -> Result<Footprint, Error> {
        Ok(self.detector.memory(attacks)? + self.judge.memory())
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
