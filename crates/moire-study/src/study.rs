use std::collections::BTreeMap;

use moire_attack::{Attack, Traits};
use moire_face::{FaceFinder, Framing, Search};
use moire_graph::Device;
use moire_protect::{Protector, Settings, usual_framing};
use moire_zoo::{Decision, Network, Role};

use crate::data::{Dataset, Sample};
use crate::error::{Error, Repr};
use crate::files::sha256;
use crate::model::{Model, ModelSpec};
use crate::plan::{Judges, Plan, Way};
use crate::portraits::{Portrait, Portraits};
use crate::run::{Task, fitting};
use crate::store::Meta;
use crate::universal;

/// A plan made ready: its networks are loaded and its images listed.
#[derive(Debug)]
pub struct Study {
    plan: Plan,
    pub(crate) detectors: Vec<Subject>,
    pub(crate) data: Vec<Dataset>,
    pub(crate) editors: Vec<Editing>,
    finder: Option<Model>,
    pub(crate) photographs: Vec<Portraits>,
    /// How each photograph is protected, each way in turn.
    pub(crate) ways: Vec<Way>,
}

/// An editor of a study.
#[derive(Debug)]
pub(crate) struct Editing {
    pub(crate) name: String,
    spec: ModelSpec,
    framing: Framing,
    /// The files that were read, each with its SHA-256.
    files: Vec<(String, String)>,
}

/// A detector of a study.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) model: Model,
}

/// What one detector comes to on one set of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The detector.
    pub detector: String,
    /// The images.
    pub data: String,
    /// How many images there are.
    pub images: usize,
    /// How many records of files that are made for this detector.
    pub records: u64,
}

/// Where a study runs: told to the reader of its report, and no part of its numbers but for the program.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The program with its version.
    pub program: String,
    /// The command that makes the study again.
    pub command: String,
    /// The machine and its settings, by name.
    pub environment: Vec<(String, String)>,
}

impl Study {
    /// Reads the networks and the images of a plan.
    ///
    /// # Errors
    /// The plan cannot be; a checkpoint cannot be read or is not of its network, which has to be a detector; a folder of
    /// data is none; an attack looks at what no detector has.
    pub fn open(plan: &Plan) -> Result<Self, Error> {
        let plan = plan.resolved()?;
        let mut detectors = Vec::new();
        for (detector, name) in plan.detectors.iter().zip(plan.detector_names()) {
            let model = detector.spec().load()?;
            let named = || model.network.name.clone();
            match model.network.role {
                Role::Detector(_) => {}
                Role::Plain => return Err(Repr::Unlabelled { name: named() }.into()),
                Role::Editor(_) | Role::Faces => return Err(Repr::NoDetector { name: named() }.into()),
            }
            detectors.push(Subject { name, model });
        }
        let data = plan
            .data
            .iter()
            .zip(plan.data_names())
            .map(|(data, name)| Dataset::read(&name, data, plan.seed))
            .collect::<Result<_, _>>()?;
        let ways = plan.ways();
        let mut editors = Vec::new();
        for (editor, name) in plan.editors.iter().zip(plan.editor_names()) {
            let usual = Settings::default();
            let model = editor.model.load_editor(ways.first().map_or(&usual, |way| &way.settings))?;
            if !matches!(model.network.role, Role::Editor(_)) {
                return Err(Repr::NoEditor { name: model.network.name }.into());
            }
            let framing = editor.framing.map_or_else(|| usual_framing(&model.network), Ok)?;
            editors.push(Editing { name, spec: editor.model.clone(), framing, files: model.files });
        }
        let finder = plan.finder.as_ref().map(ModelSpec::load).transpose()?;
        let photographs = plan
            .photographs
            .iter()
            .zip(plan.photographs_names())
            .map(|(set, name)| Portraits::read(&name, set, plan.seed))
            .collect::<Result<_, _>>()?;
        let study = Self { plan, detectors, data, editors, finder, photographs, ways };
        let asked = |attack: &Attack, name: &str| {
            let on = |a: &&crate::plan::AttackPlan| {
                a.methods.contains(attack) && a.on.as_ref().is_none_or(|on| on.iter().any(|n| n == name))
            };
            study.plan.attacks.iter().any(|a| on(&a))
        };
        for attack in study.plan.attacks.iter().flat_map(|a| &a.methods) {
            let fits = |s: &Subject| asked(attack, &s.name) && is_fit(attack, &s.model.network);
            if !study.detectors.iter().any(fits) {
                return Err(Repr::Unfitting { attack: attack.name() }.into());
            }
        }
        Ok(study)
    }

    /// The plan, with every name and default filled in.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// For each detector by name the attacks that it has nothing for: it is not attacked with them, and still judges what
    /// they did to others.
    pub fn unfit(&self) -> BTreeMap<&str, Vec<&Attack>> {
        let mut unfit: BTreeMap<&str, Vec<&Attack>> = BTreeMap::new();
        for subject in &self.detectors {
            for data in &self.data {
                for (_, trial) in self.plan.trials(&subject.name, &data.name) {
                    let known = unfit.entry(&subject.name).or_default();
                    if !is_fit(trial.attack, &subject.model.network) && !known.contains(&trial.attack) {
                        known.push(trial.attack);
                    }
                }
            }
        }
        unfit.retain(|_, attacks| !attacks.is_empty());
        unfit
    }

    /// How many records the whole study comes to.
    pub fn records(&self) -> u64 {
        self.expected(&|_| true)
    }

    /// All editors, for ways that look at as many edits at once as these settings do.
    ///
    /// # Errors
    /// A file cannot be read any more, or the device cannot run a network.
    pub(crate) fn protector<'d>(
        &self,
        device: &'d dyn Device,
        settings: &Settings,
    ) -> Result<Protector<'d>, Error> {
        let mut networks = Vec::new();
        for editor in &self.editors {
            networks.push((editor.spec.load_editor(settings)?.network, editor.framing));
        }
        let finder =
            self.finder.as_ref().map(|model| FaceFinder::new(device, &model.network, Search::default()));
        let protector = Protector::new(device, networks, finder.transpose()?)?;
        let names: Vec<&str> = self.editors.iter().map(|e| e.name.as_str()).collect();
        fitting(&names.join(", "), 1, self.plan.limits.memory, |_| {
            Ok::<_, Error>(protector.memory().total())
        })?;
        Ok(protector)
    }

    /// How many photographs are to be protected, under all settings together, of those that `takes` takes.
    pub(crate) fn protections(&self, takes: &dyn Fn(usize) -> bool) -> u64 {
        let taken = |set: &Portraits| (0..set.all.len()).filter(|&i| takes(i)).count();
        (self.photographs.iter().map(taken).sum::<usize>() * self.ways.len()) as u64
    }

    /// How many photographs there are to protect.
    pub fn photographs(&self) -> usize {
        self.photographs.iter().map(|set| set.all.len()).sum()
    }

    /// In how many ways each of them is protected.
    pub fn settings(&self) -> usize {
        self.ways.len()
    }

    /// How many records each detector comes to on each set of images, transfers of its own files included.
    pub fn counts(&self) -> Vec<Count> {
        let per_detector = self.detectors.iter().map(|s| (s, self.tasks(s)));
        let count = |(subject, tasks): (&Subject, Vec<Task<'_>>)| {
            let on = |data: &Dataset| {
                let tasks = tasks.iter().filter(|t| t.data == data);
                let records = tasks.map(|t| t.data.samples.len() as u64 * self.judgements(t)).sum();
                let (detector, name) = (subject.name.clone(), data.name.clone());
                Count { detector, data: name, images: data.samples.len(), records }
            };
            self.data.iter().map(on).collect::<Vec<_>>()
        };
        per_detector.flat_map(count).collect()
    }

    /// How many records each image of a task comes to: it is judged by so many, in so many ways.
    fn judgements(&self, task: &Task<'_>) -> u64 {
        let guests = if self.plan.judges == Judges::All { self.detectors.len() - 1 } else { 0 };
        // Of the images as they are, other detectors have records of their own.
        let judges = 1 + if task.trial.is_some() { guests } else { 0 };
        (judges * (1 + self.plan.transforms.len())) as u64
    }

    /// What is done on one detector: the images as they are, then every attack that it has anything for.
    pub(crate) fn tasks<'s>(&'s self, subject: &'s Subject) -> Vec<Task<'s>> {
        let task = |data, trial| Task { network: &subject.name, data, trial };
        let clean = self.data.iter().map(|data| task(data, None));
        let attacks = self.data.iter().flat_map(|data| {
            let trials = self.plan.trials(&subject.name, &data.name).map(|(_, trial)| trial);
            let fitting = trials.filter(|t| is_fit(t.attack, &subject.model.network));
            fitting.map(move |trial| task(data, Some(trial)))
        });
        clean.chain(attacks).collect()
    }

    /// How many records it comes to, of the images that `takes` takes.
    pub(crate) fn expected(&self, takes: &dyn Fn(usize) -> bool) -> u64 {
        let images = |data: &Dataset| (0..data.samples.len()).filter(|&i| takes(i)).count() as u64;
        let tasks = self.detectors.iter().flat_map(|s| self.tasks(s));
        tasks.map(|task| images(task.data) * self.judgements(&task)).sum::<u64>() + self.protections(takes)
    }

    /// What the study is: the resolved plan, and the checksums of weights and images.
    ///
    /// # Errors
    /// The plan is no text, or a universal change is not in the file that it names.
    pub fn meta(&self, run: &Surroundings) -> Result<Meta, Error> {
        let weights = self.detectors.iter().flat_map(|s| {
            s.model.files.iter().map(move |(file, hash)| (format!("{}: {file}", s.name), hash.clone()))
        });
        let images = self.data.iter().map(|data| {
            let list: Vec<String> = data.samples.iter().map(Sample::line).collect();
            (format!("list of images: {}", data.name), sha256(list.join("\n").as_bytes()))
        });
        let editors = self.editors.iter().flat_map(|e| {
            e.files.iter().map(move |(file, hash)| (format!("editor {}: {file}", e.name), hash.clone()))
        });
        let finder = self.finder.iter().flat_map(|f| &f.files);
        let finder = finder.map(|(file, hash)| (format!("finder: {file}"), hash.clone()));
        let photographs = self.photographs.iter().map(|set| {
            let list: Vec<String> = set.all.iter().map(Portrait::line).collect();
            (format!("list of photographs: {}", set.name), sha256(list.join("\n").as_bytes()))
        });
        let changes = universal::checksums(self.plan.attacks.iter().flat_map(|a| &a.methods))?;
        Ok(Meta {
            plan: self.plan.decisive()?,
            program: run.program.clone(),
            command: run.command.clone(),
            title: self.plan.title.clone().unwrap_or_default(),
            seed: self.plan.seed,
            expected: self.records(),
            checksums: weights
                .chain(images)
                .chain(changes)
                .chain(editors)
                .chain(finder)
                .chain(photographs)
                .collect(),
            environment: run.environment.iter().cloned().collect(),
        })
    }
}

/// Whether a network has what the attack looks at.
fn is_fit(attack: &Attack, network: &Network) -> bool {
    attack.fits(&network.graph, &traits(network))
}

/// What attacks may know of a detector.
pub fn traits(network: &Network) -> Traits {
    let (mean, std) = (network.preprocess.mean, network.preprocess.std);
    Traits { mean, std, zones: network.role == Role::Detector(Decision::Zones) }
}
