//! Tables 1 to 4 and figures 4 to 7 of CDMAA (Future Internet 14(2):46, 2022): one face, every editor, every edit.
//!
//! The ablations are values of one plan: each [`Setting`] is text, and differs from the paper's own in one thing. A face
//! under a setting is a unit of work with a record of its own, a file, so that a run can be stopped and go on.

mod faces;
mod figures;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Instant;

use moire_attack::{Combination, Regularisation, Strategy};
use moire_face::Framing;
use moire_graph::Device;
use moire_image::{Rect, Transform, crop};
use moire_protect::{Protected, Protector, Settings};
use moire_tensor::Eps;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};
use crate::files;
use crate::model::{ModelSpec, names};
use crate::record::Distance;
use crate::reproduce::{PaperTable, Scale};

pub use faces::{AlignedFace, aligned_faces};

/// The paper's experiments on editors and faces of one's own.
#[derive(Debug)]
pub struct Cdmaa {
    /// The editors, which all see the faces as they are.
    pub editors: Vec<ModelSpec>,
    /// Aligned faces.
    pub faces: Vec<AlignedFace>,
    /// How much of it.
    pub scale: Scale,
    /// Fixes every random number.
    pub seed: u64,
}

/// One row of the paper's tables, or one point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    /// What it is called in tables.
    pub(crate) name: String,
    pub(crate) settings: Settings,
}

/// What became of one face under one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit {
    /// All that decides the numbers.
    key: Key,
    pub(crate) edits: Vec<Edit>,
    pub(crate) seconds: f64,
    pub(crate) distance: Distance,
}

/// What a unit is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Key {
    program: String,
    /// Editors with the checksums of their files.
    editors: Vec<(String, Vec<String>)>,
    setting: String,
    face: String,
    seed: u64,
}

/// One edit by one editor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Edit {
    pub(crate) editor: String,
    pub(crate) domain: Option<String>,
    pub(crate) loss: f32,
    pub(crate) masked: Option<f32>,
    /// After each transform of [`AFTER`].
    pub(crate) after: Vec<f32>,
    /// Before each step and after the last.
    pub(crate) curve: Vec<f32>,
}

/// What a protected face goes through before it is judged again.
pub(crate) const AFTER: [Transform; 2] = [Transform::Jpeg(75), Transform::Resize(0.5)];

/// The paper's budget: 0.05 on `[-1, 1]`.
const EPS: f32 = 0.05;

/// The names of settings that several tables show.
pub(crate) const BASE: &str = "I-FGSM, T 10";
pub(crate) const LONG: &str = "APGD, T 100";
/// The same two as `moire protect` combines editors.
pub(crate) const BASE_OWN: &str = "I-FGSM, T 10, own strategy";
pub(crate) const LONG_OWN: &str = "APGD, T 100, own strategy";
const ITERATIONS: &str = "I-FGSM, T 50";
const PLAIN: &str = "MI-FGSM, T 40";
const ROBUST: &str = "MI-FGSM, T 40, robust";
const ROBUST_OWN: &str = "MI-FGSM, T 40, robust, own strategy";

impl Setting {
    /// The paper's own: I-FGSM in 10 steps of 0.01, MGDA with penalty over models, the mean over all edits.
    fn new(name: impl Into<String>) -> Self {
        let strategy = Strategy::cdmaa();
        let attack = "i_fgsm(steps=10,alpha=eps/5)".parse().expect("the attack is spelt as it is read");
        let settings = Settings { attack, strategy, after: Vec::new(), eps: eps(EPS), ..Settings::default() };
        Self { name: name.into(), settings }
    }

    /// As `moire protect` does it where nothing else is said.
    fn own(self) -> Self {
        self.strategy(|s| *s = Strategy::default())
    }

    fn attack(mut self, text: &str) -> Self {
        self.settings.attack = text.parse().expect("the attack is spelt as it is read");
        self
    }

    fn eps(mut self, signed: f32) -> Self {
        self.settings.eps = eps(signed);
        self
    }

    fn strategy(mut self, change: impl FnOnce(&mut Strategy)) -> Self {
        change(&mut self.settings.strategy);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// All that it decides, as text.
    fn text(&self) -> String {
        let Settings { attack, eps, strategy, robust, curve, after, .. } = &self.settings;
        let after: Vec<String> = after.iter().map(ToString::to_string).collect();
        format!("{attack} eps={eps} {strategy} robust={robust} curve={curve} after={}", after.join("+"))
    }
}

/// A budget on the editors' scale of `[-1, 1]`, on pixels in `[0, 1]`.
fn eps(signed: f32) -> Eps {
    Eps::new(signed / 2.0).expect("half of a number from 0 to 1 is one")
}

impl Cdmaa {
    /// The paper's title and where it is.
    pub const TITLE: &str =
        "Adversarial attack against deepfake across domains and models (doi 10.3390/fi14020046)";

    /// Every setting once, in the order of the tables. `editors` is how many there are.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let (long, single, budgets): (&str, usize, &[f32]) = match self.scale {
            Scale::Smoke => ("apgd(steps=12)", 1, &[0.03]),
            Scale::Full => ("apgd(steps=100)", self.editors.len(), &[0.03, 0.08, 0.1, 0.16]),
        };
        let iterations = if self.scale == Scale::Smoke { 12 } else { 50 };
        let walk = |steps: usize| format!("i_fgsm(steps={steps},alpha=eps/5)");
        let mut all = vec![
            Setting::new(BASE),
            Setting::new("I-FGSM, T 10, eps 0.1").eps(0.1),
            Setting::new(ITERATIONS).attack(&walk(iterations)).with(|s| s.curve = true),
            Setting::new("MI-FGSM, T 10").attack("mi_fgsm(steps=10,alpha=eps/5)"),
            Setting::new("APGD, T 10").attack("apgd(steps=10)"),
            Setting::new(LONG).attack(long).with(|s| s.curve = true),
            Setting::new(BASE_OWN).own(),
            Setting::new(LONG_OWN).attack(long).with(|s| s.curve = true).own(),
        ];
        for (name, domains) in [
            ("single edit", Combination::Single(0)),
            ("edits in turn", Combination::Iterative),
            ("MGDA over edits", Combination::Mgda),
        ] {
            all.push(Setting::new(name).strategy(|s| s.domains = domains));
        }
        let names = names(&self.editors);
        for (j, editor) in names.iter().enumerate().take(single) {
            let name = format!("{editor} alone");
            all.push(Setting::new(name).strategy(|s| s.models = Combination::Single(j)));
        }
        for (name, models) in
            [("models in turn", Combination::Iterative), ("mean over models", Combination::Uniform)]
        {
            all.push(Setting::new(name).strategy(|s| s.models = models));
        }
        for (name, regularisation) in [
            ("no regularisation", Regularisation::None),
            ("L2 regularisation", Regularisation::L2),
            ("logarithmic regularisation", Regularisation::Logarithmic),
        ] {
            all.push(Setting::new(name).strategy(|s| s.regularisation = regularisation));
        }
        for &budget in budgets {
            all.push(Setting::new(format!("{LONG}, eps {budget}")).attack(long).eps(budget));
        }
        let momentum = |s: &mut Settings| {
            s.attack = Settings::robust_attack();
            s.after = AFTER.to_vec();
        };
        all.push(Setting::new(PLAIN).with(momentum));
        all.push(Setting::new(ROBUST).with(momentum).with(|s| s.robust = true));
        all.push(Setting::new(ROBUST_OWN).with(momentum).with(|s| s.robust = true).own());
        all.into_iter().map(|setting| setting.with(|s| s.seed = self.seed)).collect()
    }

    /// Runs what is left of the experiments, and writes a record for each face under each setting below `out`. `told` hears
    /// how many of all are done, and of which setting.
    ///
    /// # Errors
    /// An editor cannot be read, takes another size than the others or needs an attribute that no table states, or the disk
    /// is full.
    pub fn run(
        &self,
        device: &dyn Device,
        program: &str,
        out: &Path,
        mut told: impl FnMut(usize, usize, &str),
    ) -> Result<(), Error> {
        let settings = self.settings();
        let total = settings.len() * self.faces.len();
        let mut done = 0;
        // Editors are built for all edits at once, and for those that look at single ones anew.
        for rows in [true, false] {
            let is_uniform = |s: &Setting| s.settings.strategy.domains == Combination::Uniform;
            let wanted: Vec<&Setting> = settings.iter().filter(|s| is_uniform(s) == rows).collect();
            let Some(first) = wanted.first() else { continue };
            let (mut protector, editors) = self.protector(device, &first.settings)?;
            let size = protector.sizes()[0];
            for setting in wanted {
                for face in &self.faces {
                    let key = Key {
                        program: program.to_owned(),
                        editors: editors.clone(),
                        setting: setting.text(),
                        face: face.sha256.clone(),
                        seed: self.seed,
                    };
                    let path = place(out, setting, face);
                    if unit(&path).is_none_or(|known| known.key != key) {
                        let unit = self.unit(&mut protector, setting, face, size, key)?;
                        files::write(&path, &serde_json::to_vec(&unit)?)?;
                    }
                    done += 1;
                    told(done, total, &setting.name);
                }
            }
        }
        Ok(())
    }

    /// All editors, and what they are called with their files' checksums.
    #[allow(clippy::type_complexity, reason = "a pair of what is made and what it was made of")]
    fn protector<'d>(
        &self,
        device: &'d dyn Device,
        settings: &Settings,
    ) -> Result<(Protector<'d>, Vec<(String, Vec<String>)>), Error> {
        let (mut networks, mut about) = (Vec::new(), Vec::new());
        for (spec, name) in self.editors.iter().zip(names(&self.editors)) {
            let model = spec.load_editor(settings)?;
            about.push((name, model.files.into_iter().map(|(_, sha256)| sha256).collect()));
            networks.push((model.network, Framing::StarGan));
        }
        let protector = Protector::new(device, networks, None)?;
        let sizes = protector.sizes();
        if let Some(other) = sizes.iter().position(|size| *size != sizes[0]) {
            let expected = format!("an editor of {} x {} pixels, as the first", sizes[0][0], sizes[0][1]);
            let found = format!("{} x {}", sizes[other][0], sizes[other][1]);
            return Err(Repr::Unfit { path: self.editors[other].path.clone(), expected, found }.into());
        }
        Ok((protector, about))
    }

    fn unit(
        &self,
        protector: &mut Protector<'_>,
        setting: &Setting,
        face: &AlignedFace,
        size: [usize; 2],
        key: Key,
    ) -> Result<Unit, Error> {
        let picture = face.fitted(size)?;
        let began = Instant::now();
        let protected = protector.protect(&picture, &face.attributes, face.id(), &setting.settings)?;
        let seconds = began.elapsed().as_secs_f64();
        let names = names(&self.editors);
        let edit = |e: &moire_protect::Edit| Edit {
            editor: names[e.editor].clone(),
            domain: e.domain.map(|d| d.to_string()),
            loss: e.loss,
            masked: e.masked,
            after: e.after.clone(),
            curve: e.curve.clone(),
        };
        let whole = Rect { x: 0, y: 0, width: picture.width(), height: picture.height() };
        let images = |p: &moire_image::Picture| crop(&p.to_images(), whole);
        let (before, after) = (images(&picture)?, images(&protected.kept)?);
        let distance = Distance::between(before.image(0), after.image(0), before.height(), before.width());
        let Protected { edits, .. } = protected;
        Ok(Unit { key, edits: edits.iter().map(edit).collect(), seconds, distance })
    }

    /// The tables, from the records below `out`.
    ///
    /// # Errors
    /// A record is missing or damaged: the run has not ended.
    pub fn tables(&self, out: &Path) -> Result<Vec<PaperTable>, Error> {
        let mut results = Vec::new();
        for setting in self.settings() {
            let units = self.faces.iter().map(|face| {
                let path = place(out, &setting, face);
                unit(&path).ok_or_else(|| {
                    let (expected, found) = ("the record of a face".to_owned(), "none".to_owned());
                    Error::from(Repr::Unfit { path, expected, found })
                })
            });
            let units = units.collect::<Result<Vec<Unit>, Error>>()?;
            results.push(tables::Result::new(setting, units));
        }
        Ok(tables::all(&results, &names(&self.editors)))
    }

    /// Draws figures 4 to 7 for the first faces into `out`, and answers with their paths and captions.
    ///
    /// # Errors
    /// An editor cannot be read or run, or the disk is full.
    pub fn figures(&self, device: &dyn Device, out: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
        figures::draw(self, device, out)
    }
}

/// Where the record of a face under a setting stands.
fn place(out: &Path, setting: &Setting, face: &AlignedFace) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let folder: String = setting.name.chars().map(plain).collect();
    out.join("records").join(folder).join(format!("{}.json", &face.sha256[..16]))
}

/// The record that stands there, if it is one.
fn unit(path: &Path) -> Option<Unit> {
    serde_json::from_slice(&files::read(path, 1 << 26).ok()?).ok()
}
