//! What a plan has to be beyond its form.

use std::fmt;

use moire_attack::Combination;

use super::{AttackPlan, DetectorPlan, Judges, Plan};
use crate::error::{Error, Repr};
use crate::model::Which;
use crate::plan::resolve::needs_images;

/// What is wrong with a plan, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Vec<Step>,
    pub(super) message: String,
}

/// A step from the whole of a plan to one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Key(&'static str),
    Item(usize),
}

impl From<&'static str> for Step {
    fn from(key: &'static str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step {
    fn from(at: usize) -> Self {
        Self::Item(at)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.at.iter().enumerate() {
            match step {
                Step::Key(key) => write!(f, "{}{key}", if i == 0 { "" } else { "." })?,
                Step::Item(at) => write!(f, "[{}]", at + 1)?,
            }
        }
        Ok(())
    }
}

macro_rules! at {
    ($($step:expr),*) => { vec![$(Step::from($step)),*] };
}

impl Plan {
    /// # Errors
    /// The plan cannot be: something is missing, asked for twice or unknown.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Some(fault) = self.fault() else { return Ok(()) };
        let place = fault.to_string();
        let place = if place.is_empty() { place } else { format!("{place}: ") };
        Err(Repr::Plan { place, message: fault.message, excerpt: String::new() }.into())
    }

    /// The first thing that is wrong.
    pub(super) fn fault(&self) -> Option<Fault> {
        let missing =
            |what: &str| Fault { at: Vec::new(), message: format!("expected at least one [[{what}]]") };
        let audit = [
            ("detector", self.detectors.is_empty()),
            ("data", self.data.is_empty()),
            ("attack", self.attacks.is_empty()),
        ];
        let protection = [
            ("editor", self.editors.is_empty()),
            ("photographs", self.photographs.is_empty()),
            ("protect", self.protect.is_empty()),
        ];
        // A study is of detectors, of photographs, or of both; what is begun has to be whole.
        let begun = |parts: &[(&str, bool)]| parts.iter().any(|(_, is_missing)| !is_missing);
        for parts in [audit, protection] {
            let first = parts.iter().find(|(_, is_missing)| *is_missing);
            let counts = begun(&parts) || !begun(&protection) && parts == audit;
            if let Some((what, _)) = first.filter(|_| counts) {
                return Some(missing(what));
            }
        }
        self.photographs().or_else(|| self.values()).or_else(|| self.sources()).or_else(|| {
            self.attacks
                .iter()
                .enumerate()
                .find_map(|(i, attack)| self.attack(i, attack))
                .or_else(|| self.repeated())
        })
    }

    /// What is wrong with what is to be protected, and how.
    fn photographs(&self) -> Option<Fault> {
        let named = |key: &'static str, names: Vec<Option<&String>>| {
            let bad = names.iter().position(|n| n.is_some_and(|n| !is_plain(n)));
            let given: Vec<String> = names.iter().map(|n| n.cloned().unwrap_or_default()).collect();
            let again = (1..given.len()).find(|&i| !given[i].is_empty() && given[..i].contains(&given[i]));
            bad.map(|i| fault(at![key, i, "name"], PLAIN)).or_else(|| {
                again.map(|i| fault(at![key, i, "name"], format!("{} stands there twice", given[i])))
            })
        };
        let editors = self.editors.iter().map(|e| e.name.as_ref()).collect();
        let sets = self.photographs.iter().map(|p| p.name.as_ref()).collect();
        if let Some(fault) = named("editor", editors).or_else(|| named("photographs", sets)) {
            return Some(fault);
        }
        for (i, set) in self.photographs.iter().enumerate() {
            if set.limit == Some(0) {
                return Some(fault(at!["photographs", i, "limit"], "expected 1 or more"));
            }
            if set.table.is_some() && set.attributes.is_some() {
                let message = "expected a table or attributes, not both";
                return Some(fault(at!["photographs", i, "attributes"], message));
            }
        }
        let mut seen: Vec<String> = Vec::new();
        for way in self.ways() {
            let place = |key: &'static str| at!["protect", way.plan, key];
            if !way.settings.attack.takes_budget() {
                let message = format!(
                    "{} keeps within no budget: expected one that does, such as i_fgsm(steps=10)",
                    way.settings.attack
                );
                return Some(fault(place("method"), message));
            }
            if let Err(error) = way.settings.check() {
                return Some(fault(place("budgets"), error.to_string()));
            }
            if let Combination::Single(n) = way.settings.strategy.models {
                if n >= self.editors.len() {
                    let message =
                        format!("there is no editor {n}: they count from 0 to {}", self.editors.len() - 1);
                    return Some(fault(place("strategy"), message));
                }
            }
            let s = &way.settings;
            let text = format!("{} {} {} {} {}", s.attack, s.eps, s.strategy, s.robust, s.saving);
            if seen.contains(&text) {
                let message = format!("{} at {} is asked for twice", s.attack, s.eps);
                return Some(fault(at!["protect", way.plan], message));
            }
            seen.push(text);
        }
        None
    }

    fn values(&self) -> Option<Fault> {
        let texts: Vec<String> = self.budgets.iter().map(ToString::to_string).collect();
        if let Some(i) = twice(&texts) {
            return Some(fault(at!["budgets", i], format!("{} stands there twice", texts[i])));
        }
        let texts: Vec<String> = self.transforms.iter().map(ToString::to_string).collect();
        if let Some(i) = twice(&texts) {
            return Some(fault(at!["transforms", i], format!("{} stands there twice", texts[i])));
        }
        if self.limits.steps == Some(0) {
            return Some(fault(at!["limits", "steps"], "expected 1 or more"));
        }
        if !(0.01..=1.0).contains(&self.metrics.breaks) {
            return Some(fault(at!["metrics", "breaks"], "expected a share from 0.01 to 1"));
        }
        if self.judges == Judges::All && self.detectors.len() < 2 {
            let message = "a transfer is from one detector to another: expected two detectors or more";
            return Some(fault(at!["judges"], message));
        }
        None
    }

    fn sources(&self) -> Option<Fault> {
        for (i, data) in self.data.iter().enumerate() {
            if data.limit == Some(0) {
                return Some(fault(at!["data", i, "limit"], "expected 1 or more"));
            }
            if data.name.as_ref().is_some_and(|name| !is_plain(name)) {
                return Some(fault(at!["data", i, "name"], PLAIN));
            }
        }
        let names: Vec<String> = self.data.iter().filter_map(|d| d.name.clone()).collect();
        if let Some(name) = twice(&names).map(|i| &names[i]) {
            let i = self.data.iter().rposition(|d| d.name.as_ref() == Some(name))?;
            return Some(fault(at!["data", i, "name"], format!("{name} stands there twice")));
        }
        for (i, detector) in self.detectors.iter().enumerate() {
            if detector.name.as_ref().is_some_and(|name| !is_plain(name)) {
                return Some(fault(at!["detector", i, "name"], PLAIN));
            }
            if let Some((key, message)) = reading(detector) {
                return Some(fault(at!["detector", i, key], message));
            }
        }
        let names: Vec<String> = self.detectors.iter().filter_map(|d| d.name.clone()).collect();
        if let Some(name) = twice(&names).map(|i| &names[i]) {
            let i = self.detectors.iter().rposition(|d| d.name.as_ref() == Some(name))?;
            return Some(fault(at!["detector", i, "name"], format!("{name} stands there twice")));
        }
        // One model may stand there under several names, read in several ways.
        let text = |d: &DetectorPlan| if d.name.is_none() { Some(d.model.to_string()) } else { None };
        let texts: Vec<String> = self.detectors.iter().filter_map(text).collect();
        let i = twice(&texts)?;
        let place = self.detectors.iter().rposition(|d| text(d).as_ref() == Some(&texts[i]))?;
        Some(fault(
            at!["detector", place, "model"],
            format!("{} stands there twice: give one a name", texts[i]),
        ))
    }

    fn attack(&self, i: usize, attack: &AttackPlan) -> Option<Fault> {
        if attack.methods.is_empty() {
            return Some(fault(at!["attack", i, "method"], "expected at least one attack"));
        }
        if attack.methods.iter().any(moire_attack::Attack::takes_budget) {
            let (own, place) = match &attack.budgets {
                Some(own) => (own, at!["attack", i, "budgets"]),
                None => (&self.budgets, at!["budgets"]),
            };
            if own.is_empty() {
                return Some(fault(place, "expected at least one budget, as in [\"4/255\"]"));
            }
        }
        let (detectors, data) = (self.detector_names(), self.data_names());
        let lists = [
            ("on", &attack.on, &detectors),
            ("data", &attack.data, &data),
            ("made_of", &attack.made_of, &data),
        ];
        for (key, asked, known) in lists {
            let Some(asked) = asked else { continue };
            if asked.is_empty() {
                return Some(fault(
                    at!["attack", i, key],
                    format!("expected at least one of {}", known.join(", ")),
                ));
            }
            if let Some(k) = asked.iter().position(|name| !known.contains(name)) {
                let what = if key == "on" { "detector" } else { "data" };
                let message = format!("there is no {what} '{}': there are {}", asked[k], known.join(", "));
                return Some(fault(at!["attack", i, key, k], message));
            }
        }
        if attack.made_of.is_some() && !attack.methods.iter().any(needs_images) {
            let names: Vec<&str> = attack.methods.iter().map(moire_attack::Attack::name).collect();
            let message = format!("of {}, none is made of images", names.join(", "));
            return Some(fault(at!["attack", i, "made_of"], message));
        }
        None
    }

    /// An attack that would be made twice on the same images.
    fn repeated(&self) -> Option<Fault> {
        for detector in self.detector_names() {
            for data in self.data_names() {
                let mut seen: Vec<String> = Vec::new();
                for (i, trial) in self.trials(&detector, &data) {
                    let text = format!("{trial:?}");
                    if seen.contains(&text) {
                        let message = format!("{} is asked for twice on {detector} and {data}", trial.attack);
                        return Some(fault(at!["attack", i, "method"], message));
                    }
                    seen.push(text);
                }
            }
        }
        None
    }
}

fn fault(at: Vec<Step>, message: impl Into<String>) -> Fault {
    Fault { at, message: message.into() }
}

/// The place of the first text that stood there before.
fn twice(texts: &[String]) -> Option<usize> {
    (1..texts.len()).find(|&i| texts[..i].contains(&texts[i]))
}

const PLAIN: &str = "expected a name of 1 to 64 letters, digits, dots, dashes and underscores";

/// Whether a name can be that of a folder, everywhere.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && super::plain(name) == name
}

/// What is wrong with what is said of a network beside its file.
fn reading(detector: &DetectorPlan) -> Option<(&'static str, &'static str)> {
    let DetectorPlan { labels, range, mean, std, size, .. } = detector;
    let said = [
        ("labels", labels.is_some()),
        ("range", range.is_some()),
        ("mean", mean.is_some()),
        ("std", std.is_some()),
        ("size", size.is_some()),
    ];
    if !matches!(detector.model.which, Which::Onnx(_)) {
        let told = "only onnx:PATH takes it: other models say it themselves";
        return said.iter().find(|(_, said)| *said).map(|(key, _)| (*key, told));
    }
    if mean.is_some_and(|m| m.iter().any(|v| !v.is_finite())) {
        return Some(("mean", "expected three numbers"));
    }
    if std.is_some_and(|s| s.iter().any(|v| !v.is_finite() || *v <= 0.0)) {
        return Some(("std", "expected three numbers above 0"));
    }
    size.filter(|s| s.contains(&0)).map(|_| ("size", "expected a height and a width of 1 or more"))
}
