use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use moire_attack::{Attack, Detector, Found, Objective, Ready, Samples};
use moire_graph::Device;
use moire_image::{Picture, encode_png};
use moire_tensor::{Eps, Images, Label};
use moire_zoo::Role;

use crate::data::{Sample, read_saved};
use crate::error::{Error, Repr};
use crate::judge::Judge;
use crate::model::{Model, names};
use crate::output::PANELS;
use crate::plan::{AuditPlan, Judges, Surroundings, traits};
use crate::record::{Answer, Budget, CLEAN, Cost, Distance, Judgement, Key, MaskShift, Measured, Record};
use crate::store::Store;
use crate::{files, mask, universal};

/// An audit made ready: what it asks, of whom, where and with what.
pub struct Audit<'a> {
    /// What is asked.
    pub plan: &'a AuditPlan,
    /// The plan's detectors, loaded, in its order.
    pub models: &'a [Model],
    /// The images.
    pub samples: &'a [Sample],
    /// The study's folder, made where it is missing. An audit that was begun there goes on.
    pub folder: &'a Path,
    /// What computes.
    pub device: &'a dyn Device,
    /// How many images run at once; no number depends on it.
    pub batch: usize,
    /// Seconds since any fixed moment.
    pub clock: &'a dyn Fn() -> f64,
    /// Where this happens.
    pub surroundings: &'a Surroundings,
}

/// How far an audit has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Records that are on the disk, those of earlier runs included.
    pub done: usize,
    /// Records that there will be.
    pub total: usize,
    /// What is running, for people.
    pub doing: String,
}

/// One attack under one budget, or none: the images as they are.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    pub(crate) network: &'a str,
    pub(crate) attack: Option<(&'a Attack, Option<Eps>)>,
}

impl Task<'_> {
    pub(crate) fn key(&self, sample: &Sample) -> Key {
        let (attack, eps) = self.text();
        Key {
            network: self.network.to_owned(),
            crafted_on: None,
            attack,
            eps: eps.map(|e| e.text().to_owned()),
            image: sample.name.clone(),
        }
    }

    pub(crate) fn text(&self) -> (String, Option<Budget>) {
        match self.attack {
            None => (CLEAN.to_owned(), None),
            Some((attack, eps)) => (attack.to_string(), eps.map(Budget::from)),
        }
    }

    /// What is running, for people.
    pub(crate) fn title(&self) -> String {
        let (attack, eps) = self.text();
        let eps = eps.map_or(String::new(), |e| format!(" at {}", e.text()));
        format!("{}: {attack}{eps}", self.network)
    }

    /// The folder of what is kept of it, within `images` and beside.
    fn folder(&self) -> String {
        let (attack, eps) = self.text();
        folder(self.network, &attack, eps.as_ref())
    }

    /// Where the result of an image is saved, relative to the study's folder.
    pub(crate) fn file(&self, sample: &Sample) -> String {
        format!("images/{}/{}", self.folder(), sample.saved_name())
    }
}

/// The folder of what is kept of one attack on one network at one budget.
pub(crate) fn folder(network: &str, attack: &str, eps: Option<&Budget>) -> String {
    let eps = eps.map_or(String::new(), |e| format!("/{}", plain(e.text())));
    format!("{}/{}{eps}", plain(network), plain(attack))
}

/// A text as the name of a folder.
fn plain(text: &str) -> String {
    let keep =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '=') { c } else { '-' };
    text.chars().map(keep).collect::<String>().trim_matches(['-', '.']).to_owned()
}

impl Audit<'_> {
    /// Runs what is not yet done. After each unit of work (a batch of images under one attack), which is then
    /// on the disk, `watch` hears how far it is and may stop the audit.
    ///
    /// Each result is saved as PNG, read back, and judged from what was read.
    ///
    /// # Errors
    /// The folder holds another study or is in use, the disk is full, a file has vanished, or a network
    /// cannot run. What was finished before stays.
    pub fn run(&self, watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Result<(), Error> {
        self.plan.check()?;
        for network in self.models.iter().map(|m| &m.network) {
            let name = || network.name.clone();
            match network.role {
                Role::Detector(_) => {}
                Role::Plain => return Err(Repr::Unlabelled { name: name() }.into()),
                Role::Editor(_) | Role::Faces => return Err(Repr::NoDetector { name: name() }.into()),
            }
        }
        let fits = |a: &&Attack| !self.models.iter().all(|m| self.plan.unfit(&m.network).contains(a));
        if let Some(attack) = self.plan.attacks.iter().find(|a| !fits(a)) {
            return Err(Repr::Unfitting { attack: attack.name() }.into());
        }
        let meta = self.plan.meta(self.models, self.samples, self.surroundings)?;
        std::fs::create_dir_all(self.folder).map_err(|e| Error::io(self.folder, e))?;
        let mut store = Store::open_or_create(&database(self.folder), &meta)?;
        let done = store.done_keys()?;
        let names = names(&self.plan.detectors);
        let tasks: usize = names.iter().zip(self.models).map(|(n, m)| self.tasks(n, m).count()).sum();
        let transfers = match self.plan.judges {
            Judges::Own => 0,
            // All but the images as they are.
            Judges::All => (names.len() - 1) * (tasks - names.len()),
        };
        let mut progress = Progress {
            done: done.len(),
            total: (tasks + transfers) * self.samples.len(),
            doing: String::new(),
        };
        if watch(&progress).is_break() {
            return Ok(());
        }
        for (name, model) in names.iter().zip(self.models) {
            if self.detector(name, model, &done, &mut store, &mut progress, watch)?.is_break() {
                return Ok(());
            }
        }
        if self.plan.judges == Judges::All {
            self.transfers(&mut store, &mut progress, watch)?;
        }
        Ok(())
    }

    /// The images as they are, then every attack that the detector has anything for.
    pub(crate) fn tasks<'t>(&'t self, name: &'t str, model: &Model) -> impl Iterator<Item = Task<'t>> {
        let unfit = self.plan.unfit(&model.network);
        let pairs = self.plan.pairs().filter(move |(attack, _)| !unfit.contains(attack));
        [None].into_iter().chain(pairs.map(Some)).map(move |attack| Task { network: name, attack })
    }

    /// All attacks on one detector.
    fn detector(
        &self,
        name: &str,
        model: &Model,
        done: &BTreeSet<Key>,
        store: &mut Store,
        progress: &mut Progress,
        watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        let network = &model.network;
        let tasks: Vec<Task<'_>> = self.tasks(name, model).collect();
        let left = |task: &Task<'_>| -> Vec<&Sample> {
            self.samples.iter().filter(|s| !done.contains(&task.key(s))).collect()
        };
        if tasks.iter().all(|task| left(task).is_empty()) {
            return Ok(ControlFlow::Continue(()));
        }
        let mut bench = Bench {
            detector: Detector::new(self.device, &network.graph, traits(network), self.batch)?,
            judge: Judge::new(self.device, network, self.batch)?,
            size: network.preprocess.size,
            before: BTreeMap::new(),
        };
        for task in tasks.iter().filter(|task| !left(task).is_empty()) {
            let ready =
                task.attack.map(|(attack, eps)| attack.prepare(&mut bench.detector, eps, self.plan.seed));
            let ready = ready.transpose()?;
            if let (Some((attack, eps)), Some(universal)) =
                (task.attack, ready.as_ref().and_then(Ready::universal))
            {
                let budget = eps.map(Budget::from);
                let bytes =
                    universal::to_bytes(universal, name, model, attack, budget.as_ref(), self.plan.seed)?;
                files::write(&self.folder.join(universal::place(&task.folder())), &bytes)?;
            }
            for unit in left(task).chunks(self.batch) {
                progress.doing = task.title();
                let records = self.unit(task, ready.as_ref(), unit, &mut bench)?;
                store.insert(&records)?;
                progress.done += records.len();
                if watch(progress).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One batch of images under one attack.
    fn unit(
        &self,
        task: &Task<'_>,
        ready: Option<&Ready<'_>>,
        unit: &[&Sample],
        bench: &mut Bench<'_>,
    ) -> Result<Vec<Record>, Error> {
        let start = (self.clock)();
        let labels: Vec<Label> = unit.iter().map(|s| s.label).collect();
        let parts = unit.iter().map(|s| s.load(bench.size)).collect::<Result<Vec<_>, _>>()?;
        let clean = Images::concat(&parts.iter().collect::<Vec<_>>())?;
        let before = bench.before(unit, &clean, &labels)?;
        let concerned = |label| task.attack.is_some_and(|(attack, _)| attack.concerns(label));
        let attacked: Vec<usize> =
            (0..unit.len()).filter(|&i| before[i].decided == labels[i] && concerned(labels[i])).collect();
        let Attacked { images: changed, found, wanted } =
            self.attack(ready, unit, &clean, &attacked, bench)?;
        let float = bench.judge.judge(&changed, &labels)?;

        let mut saved = Vec::new();
        for (i, sample) in unit.iter().enumerate() {
            let path = self.folder.join(task.file(sample));
            files::write(&path, &encode_png(&Picture::from_images(&changed, i)))?;
            saved.push(read_saved(&path)?.to_images());
        }
        let saved = Images::concat(&saved.iter().collect::<Vec<_>>())?;
        let after = bench.judge.judge(&saved, &labels)?;
        let masks = unit
            .iter()
            .enumerate()
            .map(|(i, sample)| {
                self.mask(task, sample, after[i].mask.as_deref(), wanted[i].as_deref(), bench.size)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let seconds = ((self.clock)() - start) / unit.len() as f64;

        self.regions(task, unit, &clean, &attacked, bench)?;

        let (attack, eps) = task.text();
        let record = |(i, sample): (usize, &&Sample)| Record {
            network: task.network.to_owned(),
            crafted_on: None,
            attack: attack.clone(),
            eps: eps.clone(),
            image: sample.name.clone(),
            image_sha256: sample.sha256.clone(),
            label: sample.label,
            seed: self.plan.seed,
            answer: Answer::Measured(Box::new(Measured {
                clean: before[i],
                float: Some(float[i].judgement),
                saved: after[i].judgement,
                distance: Distance::between(clean.image(i), saved.image(i), clean.height(), clean.width()),
                mask: masks[i],
                cost: Cost {
                    steps: found[i].steps.into(),
                    gradients: found[i].gradients.into(),
                    queries: found[i].queries.into(),
                    seconds,
                },
                file: Some(task.file(sample)),
            })),
        };
        Ok(unit.iter().enumerate().map(record).collect())
    }

    /// Keeps the maps that key regions are made of, and the least of them, for the first images of each label: what the
    /// report shows.
    fn regions(
        &self,
        task: &Task<'_>,
        unit: &[&Sample],
        clean: &Images,
        attacked: &[usize],
        bench: &mut Bench<'_>,
    ) -> Result<(), Error> {
        let Some((Attack::Kra(kra), _)) = task.attack else { return Ok(()) };
        let first = |label| self.samples.iter().filter(move |s| s.label == label).take(PANELS);
        let shown: Vec<usize> =
            attacked.iter().copied().filter(|&i| first(unit[i].label).any(|s| s == unit[i])).collect();
        if shown.is_empty() {
            return Ok(());
        }
        let maps = bench.detector.heat_maps(&clean.select(&shown), &kra.layers)?;
        for (&i, maps) in shown.iter().zip(&maps) {
            let Some(at_all) = least(maps) else { continue };
            for (layer, map) in maps.iter().chain([&at_all]).enumerate() {
                let path = self.folder.join(mask::region(&task.file(unit[i]), layer));
                files::write(&path, &encode_png(&mask::picture(map, bench.size)?))?;
            }
        }
        Ok(())
    }

    /// Keeps the mask that the detector draws on a saved image, and says what became of it.
    fn mask(
        &self,
        task: &Task<'_>,
        sample: &Sample,
        drawn: Option<&[f32]>,
        wanted: Option<&[f32]>,
        size: [usize; 2],
    ) -> Result<Option<MaskShift>, Error> {
        let Some(drawn) = drawn else { return Ok(None) };
        let file = task.file(sample);
        let keep = |place: String, mask: &[f32]| {
            let picture = mask::picture(mask, size)?;
            files::write(&self.folder.join(place), &encode_png(&picture))?;
            Ok::<_, Error>(mask::marked(&picture))
        };
        let after = keep(mask::drawn(&file), drawn)?;
        let wanted = wanted.map(|wanted| keep(mask::wanted(&file), wanted)).transpose()?;
        let clean = Task { attack: None, ..*task };
        // The images as they are come first, so their masks are on the disk.
        let before = mask::marked(&read_saved(&self.folder.join(mask::drawn(&clean.file(sample))))?);
        Ok(Some(mask::shift(&before, &after, sample.mask(size)?.as_deref(), wanted.as_deref())))
    }

    /// The images after the attack. What is decided wrongly already is its own answer and stays as it is, and so does
    /// what the attack does not concern.
    fn attack(
        &self,
        ready: Option<&Ready<'_>>,
        unit: &[&Sample],
        clean: &Images,
        attacked: &[usize],
        bench: &mut Bench<'_>,
    ) -> Result<Attacked, Error> {
        let (mut found, mut wanted) = (vec![Found::default(); unit.len()], vec![None; unit.len()]);
        let (Some(ready), false) = (ready, attacked.is_empty()) else {
            return Ok(Attacked { images: clean.clone(), found, wanted });
        };
        let labels: Vec<Label> = attacked.iter().map(|&i| unit[i].label).collect();
        let ids: Vec<_> = attacked.iter().map(|&i| unit[i].id()).collect();
        bench.detector.set_labels(&labels);
        let images = clean.select(attacked);
        let samples = Samples { images: &images, ids: &ids, seed: self.plan.seed };
        let outcome = ready.run(&mut bench.detector, &samples, self.plan.criterion)?;
        let mut changed = clean.clone().into_tensor();
        let size = clean.image(0).len();
        for (k, &i) in attacked.iter().enumerate() {
            changed.data_mut()[i * size..(i + 1) * size].copy_from_slice(outcome.images.image(k));
            found[i] = outcome.found[k];
            wanted[i] = outcome.wanted_masks.get(k).cloned();
        }
        Ok(Attacked { images: Images::new(changed)?, found, wanted })
    }
}

/// The pointwise minimum of maps.
fn least(maps: &[Vec<f32>]) -> Option<Vec<f32>> {
    let pointwise = |mut a: Vec<f32>, b: Vec<f32>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a = a.min(b));
        a
    };
    maps.iter().cloned().reduce(pointwise)
}

/// What an attack made of the images of a unit.
struct Attacked {
    images: Images,
    found: Vec<Found>,
    /// The masks that it was to forge.
    wanted: Vec<Option<Vec<f32>>>,
}

/// One detector, compiled to attack and to judge.
struct Bench<'d> {
    detector: Detector<'d>,
    judge: Judge,
    size: [usize; 2],
    /// What the detector says of images as they are, by name.
    before: BTreeMap<String, Judgement>,
}

impl Bench<'_> {
    /// What the detector says of the images of a unit as they are; each is asked about once.
    fn before(
        &mut self,
        unit: &[&Sample],
        clean: &Images,
        labels: &[Label],
    ) -> Result<Vec<Judgement>, Error> {
        let known = |before: &BTreeMap<String, Judgement>| {
            unit.iter().map(|s| before.get(&s.name).copied()).collect()
        };
        if let Some(judgements) = known(&self.before) {
            return Ok(judgements);
        }
        let judgements: Vec<_> = self.judge.judge(clean, labels)?.into_iter().map(|v| v.judgement).collect();
        self.before.extend(unit.iter().map(|s| s.name.clone()).zip(judgements.iter().copied()));
        Ok(judgements)
    }
}

/// The database of the study in `folder`.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("study.sqlite")
}
