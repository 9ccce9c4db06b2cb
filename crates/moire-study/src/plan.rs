use std::collections::BTreeMap;

use moire_attack::{Attack, Criterion, Traits};
use moire_tensor::Eps;
use moire_zoo::{Decision, Network, Role};
use serde::Serialize;

use crate::data::Sample;
use crate::error::{Error, Repr};
use crate::files::sha256;
use crate::model::{Model, ModelSpec, names};
use crate::store::Meta;

/// What an audit is: which detectors, which images, which attacks under which budgets. Everything here
/// changes numbers; nothing else does.
#[derive(Debug, Clone)]
pub struct AuditPlan {
    /// The detectors.
    pub detectors: Vec<ModelSpec>,
    /// The attacks.
    pub attacks: Vec<Attack>,
    /// L-infinity budgets, for the attacks that take one.
    pub budgets: Vec<Eps>,
    /// When an image counts as done.
    pub criterion: Criterion,
    /// Who judges a saved file.
    pub judges: Judges,
    /// Fixes every random number.
    pub seed: u64,
}

/// Who judges a saved file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Judges {
    /// The detector that it was made to fool.
    #[default]
    Own,
    /// Every detector of the audit: for the others it is a transfer.
    All,
}

/// The plan as text, with every default filled in.
#[derive(Serialize)]
struct Text<'a> {
    detectors: &'a [String],
    attacks: Vec<String>,
    budgets: Vec<String>,
    criterion: &'static str,
    judges: Judges,
    seed: u64,
    images: usize,
    /// Attacks that a detector has nothing for, so that it was not attacked with them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unfit: BTreeMap<&'a str, Vec<String>>,
}

impl AuditPlan {
    /// Each attack with each budget, or alone where it takes none.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Attack, Option<Eps>)> {
        self.attacks.iter().flat_map(|attack| {
            let budgets: Vec<_> = if attack.takes_budget() {
                self.budgets.iter().copied().map(Some).collect()
            } else {
                vec![None]
            };
            budgets.into_iter().map(move |eps| (attack, eps))
        })
    }

    /// The attacks that this network has nothing for; it is not attacked with them, and still judges what they did to
    /// others.
    pub fn unfit(&self, network: &Network) -> Vec<&Attack> {
        self.attacks.iter().filter(|a| !a.fits(&network.graph, &traits(network))).collect()
    }

    /// # Errors
    /// There is no detector, no attack or no budget for one that takes it, or one of them twice.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let texts = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>();
        for (what, items) in [
            ("detector", texts(&mut self.detectors.iter().map(ToString::to_string))),
            ("attack", texts(&mut self.attacks.iter().map(ToString::to_string))),
            ("budget", texts(&mut self.budgets.iter().map(ToString::to_string))),
        ] {
            let needless = what == "budget" && !self.attacks.iter().any(Attack::takes_budget);
            if items.is_empty() && !needless {
                return Err(Repr::Empty { what }.into());
            }
            if let Some(text) =
                (1..items.len()).find(|&i| items[..i].contains(&items[i])).map(|i| items[i].clone())
            {
                return Err(Repr::Twice { what, text }.into());
            }
        }
        if self.judges == Judges::All && self.detectors.len() < 2 {
            return Err(Repr::Alone.into());
        }
        Ok(())
    }

    /// What the study was, from the resolved plan, the weights and the images.
    pub(crate) fn meta(
        &self,
        models: &[Model],
        samples: &[Sample],
        run: &Surroundings,
    ) -> Result<Meta, Error> {
        let names = names(&self.detectors);
        let text = Text {
            detectors: &names,
            attacks: self.attacks.iter().map(ToString::to_string).collect(),
            budgets: self.budgets.iter().map(ToString::to_string).collect(),
            criterion: match self.criterion {
                Criterion::Saved => "saved",
                Criterion::Float => "float",
                Criterion::Grid => "grid",
                Criterion::Spent => "spent",
            },
            judges: self.judges,
            seed: self.seed,
            images: samples.len(),
            unfit: names
                .iter()
                .zip(models)
                .map(|(name, model)| (name.as_str(), self.unfit(&model.network)))
                .filter(|(_, attacks)| !attacks.is_empty())
                .map(|(name, attacks)| (name, attacks.iter().map(ToString::to_string).collect()))
                .collect(),
        };
        let weights = names.iter().zip(models).flat_map(|(name, model)| {
            model.files.iter().map(move |(file, hash)| (format!("{name}: {file}"), hash.clone()))
        });
        let list: Vec<String> = samples.iter().map(Sample::line).collect();
        Ok(Meta {
            plan: toml::to_string(&text)?,
            program: run.program.clone(),
            command: run.command.clone(),
            seed: self.seed,
            checksums: weights
                .chain([("list of images".to_owned(), sha256(list.join("\n").as_bytes()))])
                .collect(),
            environment: run.environment.iter().cloned().collect(),
        })
    }
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

/// What attacks may know of a detector.
pub(crate) fn traits(network: &Network) -> Traits {
    let (mean, std) = (network.preprocess.mean, network.preprocess.std);
    Traits { mean, std, zones: network.role == Role::Detector(Decision::Zones) }
}
