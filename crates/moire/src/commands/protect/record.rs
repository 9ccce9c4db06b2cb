use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use moire_image::{Rect, crop};
use moire_protect::Protected;
use moire_study::{Distance, Photograph, files};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::faces::counted;
use crate::commands::protect::{Opened, Run};

/// What became of one photograph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) photograph: PathBuf,
    sha256: String,
    attributes: Vec<String>,
    pub(super) file: PathBuf,
    width: usize,
    height: usize,
    /// Every edit is broken.
    holds: bool,
    faces: Vec<Found>,
    pub(super) edits: Vec<Edit>,
    parts: Vec<Part>,
    steps: u32,
    seconds: f64,
    plan: Value,
}

/// A face that was found.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Found {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
    score: f32,
}

/// What one edit comes to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Edit {
    pub(super) face: usize,
    pub(super) editor: String,
    /// None where an editor does but one thing.
    pub(super) domain: Option<String>,
    pub(super) loss: f32,
    pub(super) broken: bool,
    masked: Option<f32>,
    /// The loss after each transform.
    pub(super) after: BTreeMap<String, f32>,
    /// Whether it is broken after each of them.
    pub(super) broken_after: BTreeMap<String, bool>,
}

/// A part that was worked on, and what a viewer sees there.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    distance: Distance,
}

impl Record {
    pub(super) fn new(
        run: &Run<'_>,
        photograph: &Photograph,
        file: &Path,
        opened: &Opened,
        protected: &Protected,
        attributes: Vec<String>,
        seconds: f64,
    ) -> anyhow::Result<Self> {
        let tau = run.settings.strategy.tau;
        let transforms: Vec<String> = run.settings.after.iter().map(ToString::to_string).collect();
        let edit = |e: &moire_protect::Edit| {
            let after = || transforms.iter().cloned().zip(e.after.iter().copied());
            Edit {
                face: e.face,
                editor: run.editors[e.editor].clone(),
                domain: e.domain.map(|d| d.to_string()),
                loss: e.loss,
                broken: e.loss > tau,
                masked: e.masked,
                after: after().collect(),
                broken_after: after().map(|(name, loss)| (name, loss > tau)).collect(),
            }
        };
        let edits: Vec<Edit> = protected.edits.iter().map(edit).collect();
        let face = |f: &moire_face::Face| {
            let b = f.bounds;
            Found { left: b.left, top: b.top, right: b.right, bottom: b.bottom, score: f.score }
        };
        let part = |&rect: &Rect| -> anyhow::Result<Part> {
            let [before, after] = [&opened.picture, &protected.kept].map(|p| crop(&p.to_images(), rect));
            let (before, after) = (before?, after?);
            let Rect { x, y, width, height } = rect;
            let distance = Distance::between(before.image(0), after.image(0), height, width);
            Ok(Part { x, y, width, height, distance })
        };
        Ok(Self {
            photograph: photograph.path.clone(),
            sha256: opened.sha256.clone(),
            attributes,
            file: file.to_owned(),
            width: opened.picture.width(),
            height: opened.picture.height(),
            holds: !edits.is_empty() && edits.iter().all(|e| e.broken),
            faces: protected.faces.iter().map(face).collect(),
            edits,
            parts: protected.parts.iter().map(part).collect::<anyhow::Result<_>>()?,
            steps: protected.steps,
            seconds,
            plan: run.plan.clone(),
        })
    }

    /// The record that an earlier run left, if it is one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&files::read(path, 1 << 26).ok()?).ok()
    }

    /// Whether it is about this photograph under this plan.
    pub(super) fn is_of(&self, plan: &Value, sha256: &str, attributes: &[String]) -> bool {
        self.plan == *plan && self.sha256 == sha256 && self.attributes == attributes
    }

    pub(super) fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

/// A record as a line for people.
pub(super) struct Told<'r>(pub(super) &'r Record);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { photograph, file, faces, edits, parts, .. } = self.0;
        let seen = if faces.is_empty() { "taken whole".to_owned() } else { counted(faces.len(), "face") };
        write!(f, "{} -> {}: {seen}", photograph.display(), file.display())?;
        if edits.is_empty() {
            write!(f, ", no editor to judge it by")?;
        } else {
            let broken = edits.iter().filter(|e| e.broken).count();
            write!(f, ", {broken} of {} break", counted(edits.len(), "edit"))?;
            for name in edits[0].broken_after.keys() {
                let broken = edits.iter().filter(|e| e.broken_after[name]).count();
                write!(f, ", {broken} after {name}")?;
            }
        }
        // The worst of several parts.
        let least = |value: fn(&Distance) -> Option<f64>| {
            parts.iter().filter_map(|p| value(&p.distance)).reduce(f64::min)
        };
        if let Some(psnr) = least(|d| d.psnr) {
            write!(f, "; PSNR {psnr:.1} dB")?;
        }
        if let Some(ssim) = least(|d| d.ssim) {
            write!(f, ", SSIM {ssim:.3}")?;
        }
        Ok(())
    }
}
