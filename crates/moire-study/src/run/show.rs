//! Saved files, shown to detectors: after what happens to files, and to those that they were not made for.

use std::collections::BTreeMap;

use moire_image::Transform;
use moire_tensor::{Images, Label};

use super::Work;
use super::judge::Judge;
use super::task::{Task, Way};
use crate::data::{Sample, fitted, read_saved};
use crate::error::Error;
use crate::record::{Answer, Cost, Judgement, Key, Measured, Record};
use crate::study::Subject;

/// A detector that judges files.
struct Guest {
    judge: Judge,
    size: [usize; 2],
    /// What it says of the files of unchanged images, by file and transform.
    before: BTreeMap<(String, Option<String>), Judgement>,
}

impl Work<'_, '_> {
    /// Shows `subject` the files of `tasks` in these ways, as far as that is not done.
    ///
    /// Both the changed and the unchanged file are those of the origin, and both go the same way, transformed and resized
    /// alike: what they differ by is the change alone.
    pub(super) fn show(&mut self, subject: &Subject, tasks: &[Task<'_>], ways: &[Way]) -> Result<(), Error> {
        if tasks.iter().all(|task| ways.iter().all(|way| self.left(task, way).is_empty())) {
            return Ok(());
        }
        let records = self.store.records()?.into_iter().filter(Record::is_own);
        let own: BTreeMap<Key, Record> = records.map(|r| (r.key(), r)).collect();
        let network = &subject.model.network;
        let device = self.run.device;
        let batch =
            self.fitting(&subject.name, |batch| Ok(Judge::new(device, network, batch)?.memory().total()))?;
        let mut guest = Guest {
            judge: Judge::new(device, network, batch)?,
            size: network.preprocess.size,
            before: BTreeMap::new(),
        };
        for task in tasks {
            for way in ways {
                let left = self.left(task, way);
                for unit in left.chunks(batch) {
                    let transform = way.transform.as_ref().map_or(String::new(), |t| format!(" after {t}"));
                    self.progress.doing = format!("{}, judged by {}{transform}", task.title(), subject.name);
                    let records = self.shown(task, way, unit, &own, &mut guest)?;
                    self.commit(&records)?;
                    if !self.goes_on() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What the guest says of one batch of files.
    fn shown(
        &self,
        task: &Task<'_>,
        way: &Way,
        unit: &[&Sample],
        own: &BTreeMap<Key, Record>,
        guest: &mut Guest,
    ) -> Result<Vec<Record>, Error> {
        let start = (self.run.clock)();
        let origin =
            |sample: &Sample| own.get(&task.key(&Way::default(), sample)).map(|record| &record.answer);
        let is_made = |s: &&Sample| matches!(origin(s), Some(Answer::Measured(_)));
        let made: Vec<&Sample> = unit.iter().copied().filter(is_made).collect();
        let clean = Task { trial: None, ..*task };
        let before = self.before(guest, &clean, way, &made)?;
        let after = self.judged(guest, task, way, &made)?;
        let seconds = ((self.run.clock)() - start) / unit.len() as f64;
        let mut judged = before.into_iter().zip(after);
        let answer = |sample: &Sample| match origin(sample) {
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
            Some(Answer::Failed(reason)) if way.guest.is_some() => {
                Answer::Failed(format!("on {}: {reason}", task.network))
            }
            Some(failed @ Answer::Failed(_)) => failed.clone(),
            None => Answer::Failed(format!("{} has no record of it", task.network)),
        };
        let answers: Vec<Answer> = unit.iter().copied().map(answer).collect();
        let seed = self.seed();
        Ok(unit.iter().zip(answers).map(|(sample, answer)| task.record(way, sample, seed, answer)).collect())
    }

    /// What the guest says of the files of unchanged images; it is asked about each of an origin's once.
    fn before(
        &self,
        guest: &mut Guest,
        clean: &Task<'_>,
        way: &Way,
        unit: &[&Sample],
    ) -> Result<Vec<Judgement>, Error> {
        let key = |s: &&Sample| (clean.file(s), way.transform.clone());
        let known: Option<Vec<Judgement>> = unit.iter().map(|s| guest.before.get(&key(s)).copied()).collect();
        if let Some(known) = known {
            return Ok(known);
        }
        let judgements = self.judged(guest, clean, way, unit)?;
        guest.before.extend(unit.iter().map(key).zip(judgements.iter().copied()));
        Ok(judgements)
    }

    /// What it says of saved files that went this way.
    fn judged(
        &self,
        guest: &mut Guest,
        task: &Task<'_>,
        way: &Way,
        unit: &[&Sample],
    ) -> Result<Vec<Judgement>, Error> {
        if unit.is_empty() {
            return Ok(Vec::new());
        }
        let transform: Option<Transform> = way.transform.as_deref().map(str::parse).transpose()?;
        let load = |s: &&Sample| {
            let file = read_saved(&self.place(&task.file(s)))?;
            let arrived = transform.map_or(Ok(file.clone()), |t| t.apply(&file))?;
            fitted(&arrived, guest.size)
        };
        let images = unit.iter().map(load).collect::<Result<Vec<_>, Error>>()?;
        let labels: Vec<Label> = unit.iter().map(|s| s.label).collect();
        let verdicts = guest.judge.judge(&Images::concat(&images.iter().collect::<Vec<_>>())?, &labels)?;
        Ok(verdicts.into_iter().map(|v| v.judgement).collect())
    }
}
