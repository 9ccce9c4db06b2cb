//! What becomes of a photograph that was protected: the record of one photograph under one setting.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};
use crate::record::{Budget, Distance, inside};

/// One photograph under one setting: what was asked, what came out, what it cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// The set that the photograph is of.
    pub data: String,
    /// The photograph, relative to the folder of its set.
    pub photograph: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// How it was protected.
    pub setting: Setting,
    /// Fixes every random number.
    pub seed: u64,
    /// What came out, or why nothing did.
    pub outcome: Result<Protected, String>,
}

/// How photographs are protected, as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its place among all of the study.
    pub place: usize,
    /// What the plan calls it, where it does.
    pub name: Option<String>,
    /// The attack with its parameters.
    pub attack: String,
    /// The bound on the change of any value.
    pub eps: Budget,
    /// How editors and their edits are combined.
    pub strategy: String,
    /// The loss above which an edit counts as broken.
    pub tau: f32,
    /// Whether the change was made to survive what photographs meet online.
    pub robust: bool,
    /// The file that the photograph is saved as.
    pub saving: String,
}

/// A photograph that was protected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protected {
    /// The file, relative to the study's folder.
    pub file: String,
    /// The photograph as it was given, where it was kept beside.
    pub given: Option<String>,
    /// Faces that were found; 0 where the photograph was taken whole.
    pub faces: usize,
    /// How far the saved file lies from the photograph, in the least rectangle around all that editors look at.
    pub distance: Distance,
    /// Every edit of every face by every editor, judged on the saved file.
    pub edits: Vec<Edit>,
    /// Steps that the attack took.
    pub steps: u32,
    /// Wall-clock time. The one number that differs between two runs.
    pub seconds: f64,
}

/// One edit by one editor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Which face, surest first.
    pub face: usize,
    /// The editor.
    pub editor: String,
    /// What the edit changes; none for an editor that does but one thing.
    pub domain: Option<String>,
    /// The mean squared difference from the same edit of the photograph as it was, both in `[-1, 1]`.
    pub loss: f32,
    /// The same over the pixels that the edit of the photograph as it was changes at all.
    pub masked: Option<f32>,
    /// The loss after each of the plan's transforms, by name.
    pub after: BTreeMap<String, f32>,
    /// The loss before each step and after the last, where the plan asks for it.
    pub curve: Vec<f32>,
    /// The files of this edit of the photograph as it was and of the protected one, where they were kept.
    pub files: Option<[String; 2]>,
}

/// What makes a protection unique in its study: set, photograph, setting.
pub(crate) type ProtectionKey = (String, String, String);

impl Setting {
    /// All that decides what comes out.
    pub(crate) fn text(&self) -> String {
        let Self { attack, eps, strategy, robust, saving, .. } = self;
        let robust = if *robust { " robust" } else { "" };
        format!("{attack} {} {strategy}{robust} {saving}", eps.text())
    }
}

impl Protection {
    pub(crate) fn key(&self) -> ProtectionKey {
        (self.data.clone(), self.photograph.clone(), self.setting.text())
    }

    /// What came out, unless the photograph failed.
    pub fn protected(&self) -> Option<&Protected> {
        self.outcome.as_ref().ok()
    }

    /// Whether an edit counts as broken at this loss.
    pub fn breaks(&self, loss: f32) -> bool {
        loss > self.setting.tau
    }

    /// Whether every edit of the saved file breaks.
    pub fn holds(&self) -> bool {
        self.protected().is_some_and(|p| !p.edits.is_empty() && p.edits.iter().all(|e| self.breaks(e.loss)))
    }

    /// Whether every edit breaks after a transform.
    pub fn holds_after(&self, transform: &str) -> bool {
        let breaks = |e: &Edit| e.after.get(transform).is_some_and(|loss| self.breaks(*loss));
        self.protected().is_some_and(|p| !p.edits.is_empty() && p.edits.iter().all(breaks))
    }

    /// Whether every field keeps what its documentation promises.
    ///
    /// # Errors
    /// The first field that does not, with what was expected and what was found.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fail = |field, expected, found: &str| {
            let (image, found) = (self.photograph.clone(), found.to_owned());
            Err(Repr::Record { image, field, expected, found }.into())
        };
        if !inside(&self.photograph) {
            return fail("photograph", "a path inside the folder of its set", &self.photograph);
        }
        let Some(p) = self.protected() else { return Ok(()) };
        let pairs = p.edits.iter().flat_map(|e| e.files.iter().flatten());
        let mut files = [Some(&p.file), p.given.as_ref()].into_iter().flatten().chain(pairs);
        let plain = |f: &str| inside(f) && !f.contains(['\\', ':']) && !f.chars().any(char::is_control);
        if let Some(file) = files.find(|f| !plain(f)) {
            return fail("file", "a plain path inside the study's folder", file);
        }
        let mut losses = p
            .edits
            .iter()
            .flat_map(|e| e.curve.iter().chain(e.after.values()).chain(&e.masked).copied().chain([e.loss]));
        match losses.find(|v| !(0.0..=f32::MAX).contains(v)) {
            Some(loss) => fail("loss", "a number from 0", &loss.to_string()),
            None => Ok(()),
        }
    }
}
