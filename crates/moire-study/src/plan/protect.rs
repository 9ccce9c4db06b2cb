//! What a plan says of editors, photographs, and how these are protected from those.

use std::path::PathBuf;

use moire_attack::{Attack, Strategy};
use moire_face::Framing;
use moire_protect::{Saving, Settings};
use moire_tensor::Eps;
use moire_zoo::Attribute;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Choose, OneOrMany, Plan, methods, text};
use crate::model::ModelSpec;

/// An editor that photographs are to be protected from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditorPlan {
    /// What it is called; its network's name where that is not said, with its file's where two share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// NAME:PATH as in stargan:200000-G.ckpt, or a safetensors file that says itself which network it is. The path is relative
    /// to the plan.
    #[serde(with = "text::one")]
    #[schemars(with = "String")]
    pub model: ModelSpec,
    /// How its users cut faces out of photographs, where a finder finds them; as its training data was cut where it is not
    /// said.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("enum" = ["ffpp", "classnseg", "celeba", "attgan", "stgan"]))]
    pub framing: Option<Framing>,
}

/// A set of photographs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotographsPlan {
    /// What it is called; the name of its folder where that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A folder of PNG, JPEG or WebP files, at any depth, or one such file. Relative to the plan.
    pub path: PathBuf,
    /// CelebA's table of what faces have, by the names of their files, as it is published or as CSV; the file list_attr*.csv
    /// or .txt in the folder or beside it where neither this nor attributes are said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<PathBuf>,
    /// What the face on every photograph has, of CelebA's attributes, as Male or Young.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub attributes: Option<Vec<Attribute>>,
    /// At most so many photographs; all of them where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<usize>,
    /// Which of them, where there is a limit.
    #[serde(default)]
    pub choose: Choose,
}

/// Ways of protecting photographs that are alike: each photograph is protected in each of them, from all editors together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectPlan {
    /// What the report calls it; what it does where that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One attack within a budget or a list of them, as in i_fgsm(steps=10,alpha=eps/5); that where it is not said, or
    /// mi_fgsm(steps=40,alpha=eps/10) where it has to be robust.
    #[serde(
        rename = "method",
        default,
        deserialize_with = "methods",
        serialize_with = "text::list::serialize"
    )]
    #[schemars(with = "OneOrMany")]
    pub methods: Vec<Attack>,
    /// Budgets on pixels in [0, 1]; 0.025 where they are not said, as in the paper.
    #[serde(default, with = "text::lists", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub budgets: Option<Vec<Eps>>,
    /// How editors and their edits are combined, one or a list, as in models=even,domains=uniform,regularisation=penalty,
    /// tau=0.05,enough=0.055; what is left out is as here.
    #[serde(
        rename = "strategy",
        default,
        deserialize_with = "strategies",
        serialize_with = "text::list::serialize"
    )]
    #[schemars(with = "OneOrMany")]
    pub strategies: Vec<Strategy>,
    /// Whether the change has to survive compression, resizing, blur and cropping.
    #[serde(default)]
    pub robust: bool,
    /// The file that photographs are saved as: png, or jpeg(90).
    #[serde(default, with = "text::one")]
    #[schemars(with = "String")]
    pub save: Saving,
    /// Whether to look at every edit after every step, too.
    #[serde(default)]
    pub curve: bool,
}

fn strategies<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Strategy>, D::Error> {
    text::one_or_many(from, "a strategy such as models=uniform", |text| text.parse().map(|s| vec![s]))
}

/// One way of protecting photographs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    /// Which `[[protect]]` it comes from.
    pub(crate) plan: usize,
    /// What the plan calls it.
    pub(crate) name: Option<String>,
    pub(crate) settings: Settings,
}

impl From<ModelSpec> for EditorPlan {
    fn from(model: ModelSpec) -> Self {
        Self { name: None, model, framing: None }
    }
}

impl ProtectPlan {
    /// The same with every default filled in.
    pub(super) fn resolved(&self) -> Self {
        let mut plan = self.clone();
        if plan.methods.is_empty() {
            plan.methods.push(if self.robust {
                Settings::robust_attack()
            } else {
                Settings::default().attack
            });
        }
        if plan.strategies.is_empty() {
            plan.strategies.push(Strategy::default());
        }
        plan.budgets.get_or_insert_with(|| vec![Settings::default().eps]);
        plan
    }
}

impl Plan {
    /// Every way of protecting photographs, in the plan's order.
    pub(crate) fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for (place, plan) in self.protect.iter().map(ProtectPlan::resolved).enumerate() {
            for attack in &plan.methods {
                for &eps in plan.budgets.iter().flatten() {
                    for &strategy in &plan.strategies {
                        let settings = Settings {
                            attack: attack.clone(),
                            eps,
                            strategy,
                            robust: plan.robust,
                            saving: plan.save,
                            after: self.transforms.clone(),
                            curve: plan.curve,
                            seed: self.seed,
                        };
                        ways.push(Way { plan: place, name: plan.name.clone(), settings });
                    }
                }
            }
        }
        ways
    }

    /// What the editors are called.
    pub(crate) fn editor_names(&self) -> Vec<String> {
        let specs: Vec<ModelSpec> = self.editors.iter().map(|e| e.model.clone()).collect();
        let own = self.editors.iter().map(|e| e.name.clone());
        super::resolve::distinct(own.zip(crate::model::names(&specs).iter().map(|name| super::plain(name))))
    }

    /// What the sets of photographs are called.
    pub(crate) fn photographs_names(&self) -> Vec<String> {
        super::resolve::distinct(
            self.photographs.iter().map(|p| (p.name.clone(), super::resolve::stem(&p.path))),
        )
    }
}
