//! The run of a study: it can be stopped at any moment, by whatever means, and goes on where it was.

mod bench;
mod craft;
mod fitting;
mod judge;
mod keep;
mod merge;
mod protect;
mod show;
mod task;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use moire_attack::Attack;
use moire_graph::{Device, Footprint};

pub use fitting::fitting;
pub(crate) use keep::PANELS;
pub use merge::{Merged, merge};
pub(crate) use task::{Place, Task};

use crate::data::Sample;
use crate::error::Error;
use crate::files;
use crate::plan::Judges;
use crate::protection::ProtectionKey;
use crate::record::{Key, Record};
use crate::store::Store;
use crate::study::{Study, Surroundings};
use bench::Bench;
use task::Way;

/// A study with what carries it out.
pub struct Run<'a> {
    /// What is to be done.
    pub study: &'a Study,
    /// The study's folder, made where it is missing. A study that was begun there goes on.
    pub folder: &'a Path,
    /// What computes.
    pub device: &'a dyn Device,
    /// How many images are at work at once; no number depends on it.
    pub batch: usize,
    /// The share of the study to do, of so many; all of it where there is none.
    pub share: Option<Portion>,
    /// Seconds since any fixed moment.
    pub clock: &'a dyn Fn() -> f64,
    /// Where this happens.
    pub surroundings: &'a Surroundings,
}

/// One of several portions of a study, each of other images: every portion can run in a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Which of them, from 1.
    pub which: usize,
    /// How many there are, at least 1.
    pub of: usize,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Records that are on the disk, those of earlier runs included.
    pub done: usize,
    /// Records that there will be.
    pub total: usize,
    /// What is running, for people.
    pub doing: String,
}

/// How a run ended. What was finished is on the disk in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There is nothing left to do.
    Done,
    /// Whoever watched it stopped it.
    Stopped,
    /// The time that the plan allows was up.
    OutOfTime,
}

impl Portion {
    /// Whether it has the image at this place of its data set.
    fn takes(self, place: usize) -> bool {
        place % self.of == self.which - 1
    }
}

impl std::str::FromStr for Portion {
    type Err = String;

    /// Reads `2/8`: the second of eight.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        let portion = parts.map(|(which, of)| Self { which, of });
        let fits = |p: &Self| (1..=p.of).contains(&p.which);
        portion
            .filter(fits)
            .ok_or_else(|| format!("'{text}' is no share: expected K/N, as in 2/8, K from 1 to N"))
    }
}

impl std::fmt::Display for Portion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.which, self.of)
    }
}

impl Run<'_> {
    /// Does what is not yet done. Whenever images are finished and on the disk, and at every step on the way, `watch`
    /// hears how far it is and may stop the run: no image enters then, and those at work are given a while.
    ///
    /// Each result is saved as PNG, read back, and judged from what was read. What goes wrong with one image is its
    /// record.
    ///
    /// # Errors
    /// The folder holds another study or is in use, the disk is full, or a network cannot run. What was finished before
    /// stays.
    pub fn run(&self, watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Result<Ended, Error> {
        let meta = self.study.meta(self.surroundings)?;
        std::fs::create_dir_all(self.folder).map_err(|e| Error::io(self.folder, e))?;
        let store = Store::open_or_create(&database(self.folder), &meta)?;
        let plan = self.study.plan().absolute().text()?;
        files::write(&plan_file(self.folder), plan.as_bytes())?;
        let (done, protected) = (store.done_keys()?, store.protected_keys()?);
        let total = self.study.expected(&|i| self.takes(i)) as usize;
        let until = self.study.plan().limits.time.map(|time| (self.clock)() + time.0 as f64);
        let done_here = self.done_here(&done) + self.protected_here(&protected);
        let progress = Progress { done: done_here, total, doing: String::new() };
        let batch = self.batch;
        let mut work = Work { run: self, store, done, protected, progress, batch, watch, until, ended: None };
        if work.goes_on() {
            work.everything()?;
        }
        if work.ended.is_none() {
            work.protections()?;
        }
        Ok(work.ended.unwrap_or(Ended::Done))
    }

    fn takes(&self, place: usize) -> bool {
        self.share.is_none_or(|share| share.takes(place))
    }

    /// How many of these records are of the images that this run takes.
    fn done_here(&self, done: &BTreeSet<Key>) -> usize {
        let mut here: BTreeSet<(&str, &str)> = BTreeSet::new();
        for data in &self.study.data {
            let taken = data.samples.iter().enumerate().filter(|(i, _)| self.takes(*i));
            here.extend(taken.map(|(_, s)| (data.name.as_str(), s.name.as_str())));
        }
        done.iter().filter(|key| here.contains(&(&*key.data, &*key.image))).count()
    }

    /// How many of these are of the photographs that this run takes.
    fn protected_here(&self, done: &BTreeSet<ProtectionKey>) -> usize {
        let mut here: BTreeSet<(&str, &str)> = BTreeSet::new();
        for set in &self.study.photographs {
            let taken = set.all.iter().enumerate().filter(|(i, _)| self.takes(*i));
            here.extend(taken.map(|(_, p)| (set.name.as_str(), p.name.as_str())));
        }
        done.iter()
            .filter(|(data, photograph, _)| here.contains(&(data.as_str(), photograph.as_str())))
            .count()
    }
}

/// A run on its way.
struct Work<'r, 'w> {
    run: &'r Run<'r>,
    store: Store,
    done: BTreeSet<Key>,
    protected: BTreeSet<ProtectionKey>,
    progress: Progress,
    /// How many images are at work at once.
    batch: usize,
    watch: &'w mut dyn FnMut(&Progress) -> ControlFlow<()>,
    /// When time is up.
    until: Option<f64>,
    /// Why it stops before its end, once it does.
    ended: Option<Ended>,
}

impl Work<'_, '_> {
    fn everything(&mut self) -> Result<(), Error> {
        let study = self.run.study;
        for subject in &study.detectors {
            let tasks = study.tasks(subject);
            let own = Way::default();
            let transforms = &study.plan().transforms;
            let way = |transform: &moire_image::Transform| Way {
                guest: None,
                transform: Some(transform.to_string()),
            };
            let ways: Vec<Way> = transforms.iter().map(way).collect();
            let is_left = |work: &Self, way: &Way| tasks.iter().any(|task| !work.left(task, way).is_empty());
            if is_left(self, &own) {
                let (device, network) = (self.run.device, &subject.model.network);
                let attacks: Vec<&Attack> =
                    tasks.iter().filter_map(|task| Some(task.trial?.attack)).collect();
                let bytes =
                    |batch| Bench::new(device, network, batch)?.memory(&attacks).map(Footprint::total);
                self.batch = self.fitting(&subject.name, bytes)?;
                let mut bench = Bench::new(device, network, self.batch)?;
                for task in &tasks {
                    self.craft(subject, task, &mut bench)?;
                    if self.ended.is_some() {
                        return Ok(());
                    }
                }
            }
            if ways.iter().any(|way| is_left(self, way)) {
                self.show(subject, &tasks, &ways)?;
            }
            if self.ended.is_some() {
                return Ok(());
            }
        }
        if study.plan().judges == Judges::All {
            for target in &study.detectors {
                let guest = Some(target.name.clone());
                let transforms = study.plan().transforms.iter().map(|t| Some(t.to_string()));
                let way = |transform| Way { guest: guest.clone(), transform };
                let ways: Vec<Way> = std::iter::once(None).chain(transforms).map(way).collect();
                let origins = study.detectors.iter().filter(|s| s.name != target.name);
                let tasks: Vec<Task<'_>> =
                    origins.flat_map(|s| study.tasks(s)).filter(|t| t.trial.is_some()).collect();
                self.show(target, &tasks, &ways)?;
                if self.ended.is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The images of a task that this run takes and that have no record yet.
    fn left<'t>(&self, task: &Task<'t>, way: &Way) -> Vec<&'t Sample> {
        let samples = task.data.samples.iter().enumerate().filter(|(i, _)| self.run.takes(*i));
        samples.map(|(_, s)| s).filter(|s| !self.done.contains(&task.key(way, s))).collect()
    }

    /// Puts records on the disk, and only then counts them.
    fn commit(&mut self, records: &[Record]) -> Result<(), Error> {
        self.store.insert(records)?;
        self.done.extend(records.iter().map(Record::key));
        self.progress.done += records.len();
        Ok(())
    }

    /// Tells how far it is; false once the run is to stop.
    fn goes_on(&mut self) -> bool {
        if (self.watch)(&self.progress).is_break() {
            self.ended.get_or_insert(Ended::Stopped);
        }
        if self.until.is_some_and(|until| (self.run.clock)() >= until) {
            self.ended.get_or_insert(Ended::OutOfTime);
        }
        self.ended.is_none()
    }

    /// How many images can be at work at once within the plan's limit.
    fn fitting(&self, name: &str, bytes: impl Fn(usize) -> Result<usize, Error>) -> Result<usize, Error> {
        fitting(name, self.run.batch, self.run.study.plan().limits.memory, bytes)
    }

    fn seed(&self) -> u64 {
        self.run.study.plan().seed
    }

    fn place(&self, file: &str) -> PathBuf {
        self.run.folder.join(file)
    }
}

/// The database of the study in `folder`.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("study.sqlite")
}

/// The plan of the study in `folder`, ready to be run again.
pub(crate) fn plan_file(folder: &Path) -> PathBuf {
    folder.join("plan.toml")
}
