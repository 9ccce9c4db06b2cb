//! A study as a TOML file.

#![allow(
    clippy::doc_markdown,
    reason = "these comments are the schema's descriptions, where backticks would show"
)]

mod check;
mod limits;
mod protect;
mod read;
mod resolve;
mod text;

use std::path::PathBuf;

use moire_attack::{Attack, Criterion};
use moire_image::Transform;
use moire_tensor::Eps;
use moire_zoo::{Meaning, PixelRange, Reading};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

pub use limits::{Limits, Memory, Time};
pub(crate) use protect::Way;
pub use protect::{EditorPlan, PhotographsPlan, ProtectPlan};
pub(crate) use resolve::{Trial, plain};

use crate::model::{ModelSpec, Which};
use crate::store::Meta;

/// A study: detectors, images and attacks, editors and photographs, and how they meet. Everything that changes a number is
/// here.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "A study of moire")]
pub struct Plan {
    /// The title of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Fixes every random number.
    #[serde(default)]
    #[schemars(range(max = 9_223_372_036_854_775_807_u64))]
    pub seed: u64,
    /// L-infinity budgets on pixels in [0, 1], as 4/255 or 0.016, for the attacks that take one.
    #[serde(default = "budgets", with = "text::list")]
    #[schemars(with = "Vec<String>")]
    pub budgets: Vec<Eps>,
    /// When an image counts as done: saved (once its 8-bit file is misjudged), float (once it is as computed), grid (as
    /// saved, and attacks only ever see 8-bit images) or spent (never: every step is taken).
    #[serde(default, with = "text::one")]
    #[schemars(with = "String", extend("enum" = ["saved", "float", "grid", "spent"]))]
    pub criterion: Criterion,
    /// Who judges saved files.
    #[serde(default)]
    pub judges: Judges,
    /// What happens to a saved file before it is judged once more: jpeg(75), resize(0.5), crop(0.9), blur(1).
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub transforms: Vec<Transform>,
    /// What the study may use.
    #[serde(default)]
    pub limits: Limits,
    /// What counts as what.
    #[serde(default)]
    pub metrics: Metrics,
    /// Images with labels.
    #[serde(default)]
    pub data: Vec<DataPlan>,
    /// The detectors that are attacked and that judge.
    #[serde(default, rename = "detector")]
    pub detectors: Vec<DetectorPlan>,
    /// The attacks.
    #[serde(default, rename = "attack")]
    pub attacks: Vec<AttackPlan>,
    /// The editors that photographs are protected from, all of them at once.
    #[serde(default, rename = "editor", skip_serializing_if = "Vec::is_empty")]
    pub editors: Vec<EditorPlan>,
    /// The network that finds faces on photographs, as retinaface:PATH; they are taken whole where it is not said.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub finder: Option<ModelSpec>,
    /// Photographs to protect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photographs: Vec<PhotographsPlan>,
    /// How they are protected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<ProtectPlan>,
}

/// What counts as what when records are added up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// A detector breaks where attacks flip this share of what it called correctly.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub breaks: f64,
    /// With fewer images than this no finding is called sure.
    pub enough: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { breaks: 0.5, enough: 30 }
    }
}

/// A set of labelled images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// What it is called; the name of its folder where that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A folder with the folders real and fake (or 0_real and 1_fake, or original_sequences and manipulated_sequences) at
    /// any depth, or a CSV file of `path,label[,mask]`. Relative to the plan.
    pub path: PathBuf,
    /// At most so many images of each label; all of them where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<usize>,
    /// Which of them, where there is a limit.
    #[serde(default)]
    pub choose: Choose,
}

/// Which images a limit leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Choose {
    /// The first, by name.
    #[default]
    First,
    /// A random choice that the seed fixes.
    Random,
}

/// A detector.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectorPlan {
    /// What it is called; its network's name where that is not said, with its file's where two share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// NAME:PATH as in ynet:checkpoints/ or meso4:Meso4_DF.h5, onnx:PATH, or a safetensors file that says itself which network it
    /// is. The path is relative to the plan.
    #[serde(with = "text::one")]
    #[schemars(with = "String")]
    pub model: ModelSpec,
    /// Of onnx:PATH: what its answers mean, by index: real,fake or fake,real for two logits; fake or real for one.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub labels: Option<Meaning>,
    /// Of onnx:PATH: what its pixels are before mean and deviation.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = ["0..1", "-1..1", "0..255"]))]
    pub range: Option<PixelRange>,
    /// Of onnx:PATH: subtracted from R, G and B in that range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<[f32; 3]>,
    /// Of onnx:PATH: what the difference is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<[f32; 3]>,
    /// Of onnx:PATH: height and width, where the file leaves them open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
}

/// Attacks that are made alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttackPlan {
    /// One attack or a list of them, with parameters as in pgd(steps=40,alpha=1/255) or kra:deepfool. Several values of a
    /// parameter with | between them, as in iap(steps=1|3|5), stand for an attack with each.
    #[serde(rename = "method", deserialize_with = "methods", serialize_with = "text::list::serialize")]
    #[schemars(with = "OneOrMany")]
    pub methods: Vec<Attack>,
    /// Budgets for these; the plan's where they are not said.
    #[serde(default, with = "text::lists", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub budgets: Option<Vec<Eps>>,
    /// When an image counts as done; the plan's where it is not said.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = ["saved", "float", "grid", "spent"]))]
    pub criterion: Option<Criterion>,
    /// Names of the detectors to attack; all that have what the attack looks at where they are not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<String>>,
    /// Names of the data to attack; all where they are not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<String>>,
    /// For a universal attack that is made of images: names of the data to make it of, one change each; the data that it
    /// is put on where they are not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<Vec<String>>,
}

/// Who judges a saved file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judges {
    /// The detector that it was made to fool.
    #[default]
    Own,
    /// Every detector of the study: for the others it is a transfer.
    All,
}

/// How the schema shows a text or a list of them.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is there for its schema")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn methods<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Attack>, D::Error> {
    text::one_or_many(from, "an attack such as pgd(steps=40)", Attack::parse_list)
}

fn budgets() -> Vec<Eps> {
    [1, 2, 4, 8].map(|levels| Eps::from_u8(levels).expect("a byte is a budget")).to_vec()
}

impl Default for Plan {
    /// Nothing yet, under the budgets of the standard audit.
    fn default() -> Self {
        Self {
            title: None,
            seed: 0,
            budgets: budgets(),
            criterion: Criterion::default(),
            judges: Judges::default(),
            transforms: Vec::new(),
            limits: Limits::default(),
            metrics: Metrics::default(),
            data: Vec::new(),
            detectors: Vec::new(),
            attacks: Vec::new(),
            editors: Vec::new(),
            finder: None,
            photographs: Vec::new(),
            protect: Vec::new(),
        }
    }
}

impl Plan {
    /// The attacks of the standard audit. A detector's decision is one margin m: cross-entropy is log(1 + e^-m), and APGD
    /// only looks at the sign of its gradient and at which of two losses is larger, so that on the margin it takes
    /// cross-entropy's steps, and goes on where that saturates. Square needs no gradient, and so finds out who hides
    /// theirs; 250 queries cost about what the 100 steps of APGD do.
    pub const STANDARD: &'static str =
        "apgd,deepfool(norm=linf),deepfool(norm=l2),kra,square(queries=250),uap,urn";

    /// The attacks of [`Plan::STANDARD`].
    pub fn standard_attacks() -> AttackPlan {
        Attack::parse_list(Self::STANDARD).expect("a list of known attacks").into()
    }

    /// The metrics of the plan that a study was made under; the usual ones where its text is no plan.
    pub(crate) fn metrics_of(meta: &Meta) -> Metrics {
        Self::draft(&meta.plan).map_or_else(|_| Metrics::default(), |plan| plan.metrics)
    }

    /// The same with every path from the root, so that it can be run from anywhere on this machine.
    pub(crate) fn absolute(&self) -> Self {
        let mut plan = self.clone();
        for path in plan.paths() {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        plan
    }

    /// Every path in it, but those in the texts of attacks; networks that come with the program have none.
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let data = self.data.iter_mut().map(|d| &mut d.path);
        let detectors = self.detectors.iter_mut().map(|d| &mut d.model.path);
        let editors = self.editors.iter_mut().map(|e| &mut e.model.path);
        let finder = self.finder.iter_mut().map(|f| &mut f.path);
        let photographs = self.photographs.iter_mut().flat_map(|p| [Some(&mut p.path), p.table.as_mut()]);
        let all = data.chain(detectors).chain(editors).chain(finder).chain(photographs.flatten());
        all.filter(|path| !path.as_os_str().is_empty())
    }
}

impl DataPlan {
    /// All images below `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { name: None, path: path.into(), limit: None, choose: Choose::default() }
    }
}

impl From<ModelSpec> for DetectorPlan {
    fn from(model: ModelSpec) -> Self {
        let reading =
            if let Which::Onnx(reading) = &model.which { reading.clone() } else { Reading::default() };
        let Reading { size, range, mean, std, meaning } = reading;
        Self { name: None, model, labels: meaning, range, mean, std, size }
    }
}

impl DetectorPlan {
    /// The model with what is known of it beside its file.
    pub fn spec(&self) -> ModelSpec {
        let Self { labels, range, mean, std, size, .. } = self;
        let reading = Reading { size: *size, range: *range, mean: *mean, std: *std, meaning: labels.clone() };
        self.model.clone().read_as(&reading)
    }
}

impl From<Vec<Attack>> for AttackPlan {
    /// These attacks, as the rest of the plan says.
    fn from(methods: Vec<Attack>) -> Self {
        Self { methods, budgets: None, criterion: None, on: None, data: None, made_of: None }
    }
}
