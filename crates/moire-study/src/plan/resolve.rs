//! From what a plan says to what is done.

use std::path::{Path, PathBuf};

use moire_attack::{Attack, Criterion, Needs};
use moire_tensor::Eps;

use super::{AttackPlan, Plan};
use crate::error::Error;
use crate::model::{ModelSpec, names};

/// One attack on one set of images: what it is asked to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trial<'a> {
    pub(crate) attack: &'a Attack,
    pub(crate) eps: Option<Eps>,
    pub(crate) criterion: Criterion,
    /// The data that a universal change is made of.
    pub(crate) made_of: Option<&'a str>,
}

impl Plan {
    /// The plan with every name and default filled in.
    ///
    /// # Errors
    /// The plan cannot be.
    pub fn resolved(&self) -> Result<Self, Error> {
        self.check()?;
        let mut plan = self.clone();
        let (detectors, data) = (self.detector_names(), self.data_names());
        for (detector, name) in plan.detectors.iter_mut().zip(&detectors) {
            detector.name = Some(name.clone());
        }
        for (set, name) in plan.data.iter_mut().zip(&data) {
            set.name = Some(name.clone());
        }
        for attack in &mut plan.attacks {
            let bounded = attack.methods.iter().any(Attack::takes_budget);
            attack.budgets = bounded.then(|| attack.budgets.clone().unwrap_or_else(|| self.budgets.clone()));
            attack.criterion = Some(attack.criterion.unwrap_or(self.criterion));
            attack.on.get_or_insert_with(|| detectors.clone());
            attack.data.get_or_insert_with(|| data.clone());
        }
        for (editor, name) in plan.editors.iter_mut().zip(self.editor_names()) {
            editor.name = Some(name);
        }
        for (set, name) in plan.photographs.iter_mut().zip(self.photographs_names()) {
            set.name = Some(name);
        }
        plan.protect = self.protect.iter().map(super::ProtectPlan::resolved).collect();
        Ok(plan)
    }

    /// What decides the numbers, as text: the resolved plan without its title, without where files lie (their checksums
    /// stand beside it) and without what only says when to stop.
    pub(crate) fn decisive(&self) -> Result<String, Error> {
        let mut plan = self.resolved()?;
        plan.title = None;
        (plan.limits.time, plan.limits.memory) = (None, None);
        for path in plan.paths() {
            *path = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
        }
        plan.text()
    }

    /// What the detectors are called.
    pub(crate) fn detector_names(&self) -> Vec<String> {
        let specs: Vec<ModelSpec> = self.detectors.iter().map(|d| d.model.clone()).collect();
        let own = self.detectors.iter().map(|d| d.name.clone());
        distinct(own.zip(names(&specs).iter().map(|name| plain(name))))
    }

    /// What the sets of data are called.
    pub(crate) fn data_names(&self) -> Vec<String> {
        distinct(self.data.iter().map(|d| (d.name.clone(), stem(&d.path))))
    }

    /// What is tried against `detector` on `data`, each with the place of its attack in the plan.
    pub(crate) fn trials<'p>(
        &'p self,
        detector: &'p str,
        data: &'p str,
    ) -> impl Iterator<Item = (usize, Trial<'p>)> {
        let names = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|l| l.iter().any(|n| n == name))
        };
        let asked = move |(_, a): &(usize, &'p AttackPlan)| names(&a.on, detector) && names(&a.data, data);
        self.attacks.iter().enumerate().filter(asked).flat_map(move |(i, plan)| {
            let criterion = plan.criterion.unwrap_or(self.criterion);
            let budgets = plan.budgets.as_ref().unwrap_or(&self.budgets);
            plan.methods.iter().flat_map(move |attack| {
                let budgets: Vec<Option<Eps>> = if attack.takes_budget() {
                    budgets.iter().copied().map(Some).collect()
                } else {
                    vec![None]
                };
                let sources: Vec<Option<&str>> = match &plan.made_of {
                    _ if !needs_images(attack) => vec![None],
                    Some(sources) => sources.iter().map(|s| Some(s.as_str())).collect(),
                    None => vec![Some(data)],
                };
                let trial = move |eps, made_of| (i, Trial { attack, eps, criterion, made_of });
                budgets
                    .into_iter()
                    .flat_map(move |eps| sources.clone().into_iter().map(move |made_of| trial(eps, made_of)))
            })
        })
    }
}

/// Whether an attack is made of images before it is put on any.
pub(super) fn needs_images(attack: &Attack) -> bool {
    matches!(attack.needs(), Needs::Images(_))
}

/// What a folder or a table of images is called.
pub(super) fn stem(path: &Path) -> String {
    // `.` and `..` have no name of their own.
    let named = |path: &Path| path.file_name().map(|_| path.to_owned());
    let whole = named(path).or_else(|| named(&path.canonicalize().ok()?)).unwrap_or_default();
    let is_table = whole.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let stem = if is_table { whole.file_stem() } else { whole.file_name() };
    plain(&stem.map_or_else(|| "data".to_owned(), |s| s.to_string_lossy().into_owned()))
}

/// Given names as they are, others with a number where they would clash.
pub(super) fn distinct(names: impl Iterator<Item = (Option<String>, String)>) -> Vec<String> {
    let names: Vec<_> = names.collect();
    let mut taken: Vec<String> = names.iter().filter_map(|(given, _)| given.clone()).collect();
    let mut named = Vec::with_capacity(names.len());
    for (given, own) in names {
        named.push(given.unwrap_or_else(|| {
            let numbered = (1..).map(|n| if n == 1 { own.clone() } else { format!("{own}-{n}") });
            let name = numbered.into_iter().find(|name| !taken.contains(name)).expect("numbers do not end");
            taken.push(name.clone());
            name
        }));
    }
    named
}

/// A text as the name of a folder.
pub(crate) fn plain(text: &str) -> String {
    let keep =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '=') { c } else { '-' };
    text.chars().map(keep).collect::<String>().trim_matches(['-', '.']).to_owned()
}
