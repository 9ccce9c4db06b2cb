//! Files that were made to fool one detector, shown to the others.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use moire_tensor::{Images, Label};

use crate::data::{Sample, fitted, read_saved};
use crate::error::Error;
use crate::judge::Judge;
use crate::model::names;
use crate::record::{Answer, Cost, Judgement, Key, Measured, Record};
use crate::runner::{Audit, Progress, Task};
use crate::store::Store;

/// A detector that judges what was made for others.
struct Guest<'a> {
    name: &'a str,
    judge: Judge,
    size: [usize; 2],
    /// What it says of the files of unchanged images, by origin and image.
    before: BTreeMap<(String, String), Judgement>,
}

impl Audit<'_> {
    /// Shows every saved file to every detector that it was not made for, as far as that is not done.
    ///
    /// Both the changed and the unchanged file are those of the origin, and both are resized alike where the sizes
    /// differ: what they differ by is the change alone.
    pub(crate) fn transfers(
        &self,
        store: &mut Store,
        progress: &mut Progress,
        watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let done = store.done_keys()?;
        let names = names(&self.plan.detectors);
        let mut own: BTreeMap<Key, Record> = BTreeMap::new();
        for (target, model) in names.iter().zip(self.models) {
            let origins = names.iter().zip(self.models).filter(|(origin, _)| *origin != target);
            let tasks: Vec<Task<'_>> = origins
                .flat_map(|(name, model)| self.tasks(name, model))
                .filter(|t| t.attack.is_some())
                .collect();
            let left = |task: &Task<'_>| -> Vec<&Sample> {
                self.samples.iter().filter(|s| !done.contains(&key(target, task, s))).collect()
            };
            if tasks.iter().all(|task| left(task).is_empty()) {
                continue;
            }
            if own.is_empty() {
                let records = store.records()?.into_iter().filter(|r| r.crafted_on.is_none());
                own = records.map(|r| (r.key(), r)).collect();
            }
            let mut guest = Guest {
                name: target,
                judge: Judge::new(self.device, &model.network, self.batch)?,
                size: model.network.preprocess.size,
                before: BTreeMap::new(),
            };
            for task in &tasks {
                for unit in left(task).chunks(self.batch) {
                    progress.doing = format!("{}, judged by {target}", task.title());
                    let records = self.shown(task, unit, &own, &mut guest)?;
                    store.insert(&records)?;
                    progress.done += records.len();
                    if watch(progress).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What the guest says of one batch of files of another detector.
    fn shown(
        &self,
        task: &Task<'_>,
        unit: &[&Sample],
        own: &BTreeMap<Key, Record>,
        guest: &mut Guest<'_>,
    ) -> Result<Vec<Record>, Error> {
        let start = (self.clock)();
        let origin = |sample: &Sample| own.get(&task.key(sample)).map(|record| &record.answer);
        let is_made = |s: &&Sample| matches!(origin(s), Some(Answer::Measured(_)));
        let made: Vec<&Sample> = unit.iter().copied().filter(is_made).collect();
        let clean = Task { attack: None, ..*task };
        let before = guest.before(self.folder, &clean, &made)?;
        let after = guest.judge(self.folder, task, &made)?;
        let seconds = ((self.clock)() - start) / unit.len() as f64;
        let mut judged = before.into_iter().zip(after);

        let (attack, eps) = task.text();
        let record = |sample: &&Sample| {
            let answer = match origin(sample) {
                Some(Answer::Measured(made)) => {
                    let (clean, saved) = judged.next().expect("one pair for each file that was made");
                    let cost = Cost { steps: 0, gradients: 0, queries: 0, seconds };
                    Answer::Measured(Box::new(Measured {
                        clean,
                        float: None,
                        saved,
                        mask: None,
                        cost,
                        ..(**made).clone()
                    }))
                }
                Some(Answer::Failed(reason)) => Answer::Failed(format!("on {}: {reason}", task.network)),
                None => Answer::Failed(format!("{} has no record of it", task.network)),
            };
            Record {
                network: guest.name.to_owned(),
                crafted_on: Some(task.network.to_owned()),
                attack: attack.clone(),
                eps: eps.clone(),
                image: sample.name.clone(),
                image_sha256: sample.sha256.clone(),
                label: sample.label,
                seed: self.plan.seed,
                answer,
            }
        };
        Ok(unit.iter().map(record).collect())
    }
}

impl Guest<'_> {
    /// What it says of the files of unchanged images; it is asked about each of an origin's once.
    fn before(&mut self, folder: &Path, clean: &Task<'_>, unit: &[&Sample]) -> Result<Vec<Judgement>, Error> {
        let key = |s: &&Sample| (clean.network.to_owned(), s.name.clone());
        let known: Option<Vec<Judgement>> = unit.iter().map(|s| self.before.get(&key(s)).copied()).collect();
        if let Some(known) = known {
            return Ok(known);
        }
        let judgements = self.judge(folder, clean, unit)?;
        self.before.extend(unit.iter().map(key).zip(judgements.iter().copied()));
        Ok(judgements)
    }

    /// What it says of saved files.
    fn judge(&mut self, folder: &Path, task: &Task<'_>, unit: &[&Sample]) -> Result<Vec<Judgement>, Error> {
        if unit.is_empty() {
            return Ok(Vec::new());
        }
        let labels: Vec<Label> = unit.iter().map(|s| s.label).collect();
        let load = |s: &&Sample| fitted(&read_saved(&folder.join(task.file(s)))?, self.size);
        let images = unit.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let verdicts = self.judge.judge(&Images::concat(&images.iter().collect::<Vec<_>>())?, &labels)?;
        Ok(verdicts.into_iter().map(|v| v.judgement).collect())
    }
}

/// What makes the record of a transfer unique.
fn key(target: &str, task: &Task<'_>, sample: &Sample) -> Key {
    let own = task.key(sample);
    Key { network: target.to_owned(), crafted_on: Some(own.network), ..own }
}
