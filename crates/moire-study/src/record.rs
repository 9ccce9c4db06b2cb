use std::fmt;

use moire_attack::Criterion;
use moire_metric::{Perturbation, psnr, ssim};
use moire_tensor::{Eps, Label};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};

/// The attack name of the baseline: the image saved as it is, and judged again.
pub const CLEAN: &str = "clean";

/// One image, one attack, one network: what was asked, what came out, what it cost.
///
/// Everything but [`Cost::seconds`] is the same on every run of the same plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The network as it was asked for (`ynet`).
    pub network: String,
    /// The network that the file was made to fool, where that is another one: a transfer. None on the network itself.
    pub crafted_on: Option<String>,
    /// The attack with every parameter, in one canonical spelling (`pgd(steps=10,alpha=1/255)`), or [`CLEAN`].
    pub attack: String,
    /// How large the change may be; none for an attack without a bound, and for [`CLEAN`].
    pub eps: Option<Budget>,
    /// When the image counted as done.
    #[serde(with = "criterion_text")]
    pub criterion: Criterion,
    /// The data set that a universal change was made of, where it was made of images.
    pub made_of: Option<String>,
    /// What happened to the saved file before it was judged (`jpeg(75)`); none where nothing did.
    pub transform: Option<String>,
    /// The data set that the image is of.
    pub data: String,
    /// The image, relative to the folder of data, with `/` between folders.
    pub image: String,
    /// SHA-256 of the image's file, in lower-case hexadecimal.
    pub image_sha256: String,
    /// What the image is.
    #[serde(with = "label_text")]
    pub label: Label,
    /// The seed of the study.
    pub seed: u64,
    /// What came out.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What came out: numbers, or the reason why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The attack ran and its result was saved, read back and judged again.
    Measured(Box<Measured>),
    /// This image failed, for the reason given; the study went on.
    Failed(String),
}

/// The numbers of an attack that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The network on the image as it was given; for a transfer, on the file that its origin has of that image, after a
    /// transform on that transformed too, so that before and after differ by the change alone.
    pub clean: Judgement,
    /// The network on the attack's result, before saving; none for a transfer and after a transform, where only the file
    /// travels.
    pub float: Option<Judgement>,
    /// The network on the saved 8-bit file, as it arrives.
    pub saved: Judgement,
    /// How far the saved file lies from the image.
    pub distance: Distance,
    /// What became of the mask of manipulated pixels, where the network draws one; none for a transfer.
    pub mask: Option<MaskShift>,
    /// What it cost. Nothing but the time of judging for a transfer.
    pub cost: Cost,
    /// The saved PNG, relative to the study's folder, when it was kept.
    pub file: Option<String>,
}

/// One network's answer for one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What it decides.
    #[serde(with = "label_text")]
    pub decided: Label,
    /// Its score for a forgery, in `[0, 1]`.
    pub p_fake: f64,
    /// How far it is from deciding otherwise, in its own units; positive when it is correct.
    pub margin: f64,
}

/// How far a saved file lies from its image. Pixels are in `[0, 1]` unless a field says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// Share of positions where any channel changed, in `[0, 1]`.
    pub p_l0: f64,
    /// Positions where any channel changed.
    pub l0_positions: u64,
    /// Values (position and channel) that changed.
    pub l0_values: u64,
    /// Sum of absolute changes.
    pub l1: f64,
    /// Euclidean norm of the change.
    pub l2: f64,
    /// Root of the mean squared change over all values.
    pub rms: f64,
    /// Largest absolute change.
    pub linf: f64,
    /// Root mean squared error on the scale of 0 to 255.
    pub rmse_255: f64,
    /// Peak signal-to-noise ratio in dB; none where nothing changed, for it is infinite there.
    pub psnr: Option<f64>,
    /// Structural similarity, in `[-1, 1]`, 1 where nothing changed; none where the image is too small for it.
    pub ssim: Option<f64>,
}

/// What became of a predicted mask: intersections over union, in `[0, 1]`, of what is at least half likely to be
/// manipulated. Two empty masks agree: 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MaskShift {
    /// The mask of the saved file with that of the unchanged image.
    pub kept: f64,
    /// The masks of the unchanged image and of the saved file with the true one, where the data has it.
    pub truth: Option<[f64; 2]>,
    /// The mask of the saved file with the one that the attack was to forge, where it was to.
    pub wanted: Option<f64>,
}

/// What an attack on one image cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Steps taken.
    pub steps: u64,
    /// Gradients taken.
    pub gradients: u64,
    /// Forward passes without a gradient.
    pub queries: u64,
    /// This image's share of wall-clock time. The one number that differs between two runs.
    pub seconds: f64,
}

/// A budget with its spelling: `4/255`, or the number where it is no whole step.
///
/// Reading the spelling gives the value back, to the bit, so the spelling can serve as a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "SpelledBudget", try_from = "SpelledBudget")]
pub struct Budget {
    eps: Eps,
    text: String,
}

/// What makes a record unique in its study.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The network as it was asked for.
    pub network: String,
    /// The network that the file was made to fool, for a transfer.
    pub crafted_on: Option<String>,
    /// The attack with its parameters.
    pub attack: String,
    /// The spelling of the budget, when there is one.
    pub eps: Option<String>,
    /// When the image counted as done, by name.
    pub criterion: String,
    /// The data set that a universal change was made of.
    pub made_of: Option<String>,
    /// What happened to the saved file.
    pub transform: Option<String>,
    /// The data set that the image is of.
    pub data: String,
    /// The image, relative to the folder of data.
    pub image: String,
}

impl Record {
    /// What makes this record unique.
    pub fn key(&self) -> Key {
        Key {
            network: self.network.clone(),
            crafted_on: self.crafted_on.clone(),
            attack: self.attack.clone(),
            eps: self.eps.as_ref().map(|e| e.text().to_owned()),
            criterion: self.criterion.to_string(),
            made_of: self.made_of.clone(),
            transform: self.transform.clone(),
            data: self.data.clone(),
            image: self.image.clone(),
        }
    }

    /// Whether it is about what an attack made for this network, as it was saved: no transfer, no transform.
    pub fn is_own(&self) -> bool {
        self.crafted_on.is_none() && self.transform.is_none()
    }

    /// The numbers, unless the image failed.
    pub fn measured(&self) -> Option<&Measured> {
        match &self.answer {
            Answer::Measured(m) => Some(m),
            Answer::Failed(_) => None,
        }
    }

    /// Why the image failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.answer {
            Answer::Measured(_) => None,
            Answer::Failed(reason) => Some(reason),
        }
    }

    /// The network called the image as it was given correctly.
    pub fn correct_before(&self) -> bool {
        self.measured().is_some_and(|m| m.clean.decided == self.label)
    }

    /// The network calls the saved file correctly.
    pub fn correct_after(&self) -> bool {
        self.measured().is_some_and(|m| m.saved.decided == self.label)
    }

    /// The attack succeeded before saving: a correct decision became a wrong one.
    pub fn flipped_float(&self) -> bool {
        let float = self.measured().and_then(|m| m.float);
        self.correct_before() && float.is_some_and(|j| j.decided != self.label)
    }

    /// The attack succeeded on the saved file: a correct decision became a wrong one.
    pub fn flipped(&self) -> bool {
        self.correct_before() && !self.correct_after()
    }

    /// The attack succeeded, and saving undid it.
    pub fn lost_by_saving(&self) -> bool {
        self.flipped_float() && self.correct_after()
    }

    /// Whether every field keeps what its documentation promises.
    ///
    /// # Errors
    /// The first field that does not, with what was expected and what was found.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |field, expected, found: &dyn fmt::Display| {
            Err(Repr::Record { image: self.image.clone(), field, expected, found: found.to_string() }.into())
        };
        if !named(&self.network) {
            return fail("network", "a name of 1 to 4096 bytes", &self.network);
        }
        if let Some(origin) = self.crafted_on.as_ref().filter(|o| !named(o) || **o == self.network) {
            return fail("crafted_on", "the name of another network", origin);
        }
        if !named(&self.attack) {
            return fail("attack", "a name of 1 to 4096 bytes", &self.attack);
        }
        for (field, name) in [("made_of", &self.made_of), ("transform", &self.transform)] {
            if let Some(name) = name.as_ref().filter(|name| !named(name)) {
                return fail(field, "a name of 1 to 4096 bytes", name);
            }
        }
        if !named(&self.data) {
            return fail("data", "a name of 1 to 4096 bytes", &self.data);
        }
        if !inside(&self.image) {
            return fail("image", "a path inside the folder of data", &self.image);
        }
        if self.image_sha256.len() != 64
            || !self.image_sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        {
            return fail("image_sha256", "64 hexadecimal digits", &self.image_sha256);
        }
        let m = match &self.answer {
            Answer::Measured(m) => m,
            Answer::Failed(reason) if reason.is_empty() => return fail("failure", "a reason", &"''"),
            Answer::Failed(_) => return Ok(()),
        };
        if m.float.is_some() != self.is_own() {
            return fail("float", "an answer, unless the file travelled", &m.float.is_some());
        }
        for j in [Some(&m.clean), m.float.as_ref(), Some(&m.saved)].into_iter().flatten() {
            if !(0.0..=1.0).contains(&j.p_fake) {
                return fail("p_fake", "a number in [0, 1]", &j.p_fake);
            }
            if !j.margin.is_finite() || (j.margin > 0.0 && j.decided != self.label) {
                return fail("margin", "a finite number, positive only when correct", &j.margin);
            }
        }
        let d = &m.distance;
        for (field, value, high) in [
            ("p_l0", d.p_l0, 1.0),
            ("l1", d.l1, f64::MAX),
            ("l2", d.l2, f64::MAX),
            ("rms", d.rms, 1.0),
            ("linf", d.linf, 1.0),
            ("rmse_255", d.rmse_255, 255.0),
            ("seconds", m.cost.seconds, f64::MAX),
        ] {
            if !(0.0..=high).contains(&value) {
                return fail(field, "a number from 0, at most its scale", &value);
            }
        }
        if let Some(v) = d.ssim.filter(|v| !(-1.0..=1.0).contains(v)) {
            return fail("ssim", "a number in [-1, 1]", &v);
        }
        if let Some(v) = d.psnr.filter(|v| !v.is_finite() || *v < 0.0) {
            return fail("psnr", "a finite number from 0", &v);
        }
        let shift = m.mask.iter().flat_map(|s| [Some(s.kept), s.wanted].into_iter().chain(both(s.truth)));
        if let Some(v) = shift.flatten().find(|v| !(0.0..=1.0).contains(v)) {
            return fail("mask", "overlaps in [0, 1]", &v);
        }
        if d.l0_positions > d.l0_values {
            return fail("l0_positions", "at most l0_values", &d.l0_positions);
        }
        match &m.file {
            Some(file)
                if !inside(file) || file.contains(['\\', ':']) || file.chars().any(char::is_control) =>
            {
                fail("file", "a plain path inside the study's folder", file)
            }
            _ => Ok(()),
        }
    }
}

impl Distance {
    /// The distance between two images `[3, h, w]` in `[0, 1]`, row-major.
    ///
    /// # Panics
    /// The lengths are not `3 * height * width`.
    pub fn between(clean: &[f32], saved: &[f32], height: usize, width: usize) -> Self {
        let p = Perturbation::between(clean, saved);
        Self {
            p_l0: p.p_l0,
            l0_positions: p.l0_positions,
            l0_values: p.l0_values,
            l1: p.l1,
            l2: p.l2,
            rms: p.rms,
            linf: p.linf,
            rmse_255: p.rmse,
            psnr: Some(psnr(clean, saved)).filter(|v| v.is_finite()),
            ssim: ssim(clean, saved, height, width),
        }
    }
}

/// A pair as two that are there or not together.
pub(crate) fn both(pair: Option<[f64; 2]>) -> [Option<f64>; 2] {
    pair.map_or([None; 2], |p| p.map(Some))
}

/// Labels as `real` and `fake`.
mod label_text {
    use moire_tensor::Label;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
    pub(super) fn serialize<S: Serializer>(label: &Label, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(label)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Label, D::Error> {
        super::label(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// Criteria by their names.
mod criterion_text {
    use moire_attack::Criterion;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's own signature")]
    pub(super) fn serialize<S: Serializer>(criterion: &Criterion, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(criterion)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Criterion, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The label of its text.
pub(crate) fn label(text: &str) -> Result<Label, String> {
    match text {
        "real" => Ok(Label::Real),
        "fake" => Ok(Label::Fake),
        other => Err(format!("'{other}' is neither real nor fake")),
    }
}

impl Budget {
    /// The bound.
    pub fn eps(&self) -> Eps {
        self.eps
    }

    /// Its spelling.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<Eps> for Budget {
    fn from(eps: Eps) -> Self {
        let short = eps.to_string();
        // 0.01568 reads as 4/255 to a person, but it is another number: it keeps its digits.
        let text = match short.parse::<Eps>() {
            Ok(back) if back == eps => short,
            _ => eps.value().to_string(),
        };
        Self { eps, text }
    }
}

#[derive(Serialize, Deserialize)]
struct SpelledBudget {
    text: String,
    value: f32,
}

impl From<Budget> for SpelledBudget {
    fn from(budget: Budget) -> Self {
        Self { value: budget.eps.value(), text: budget.text }
    }
}

impl TryFrom<SpelledBudget> for Budget {
    type Error = String;

    fn try_from(spelled: SpelledBudget) -> Result<Self, String> {
        let eps = spelled.text.parse::<Eps>().map_err(|e| e.to_string())?;
        let budget = Self::from(eps);
        if budget.text == spelled.text && eps.value() == spelled.value {
            Ok(budget)
        } else {
            Err(format!("budget '{}' is {}, not {}", spelled.text, eps.value(), spelled.value))
        }
    }
}

impl Budget {
    /// The budget of a spelling that [`Budget::text`] gave, and of the value beside it.
    pub(crate) fn spelled(text: String, value: f32) -> Result<Self, String> {
        SpelledBudget { text, value }.try_into()
    }
}

fn named(text: &str) -> bool {
    (1..=4096).contains(&text.len()) && !text.contains('\0')
}

/// A relative path that stays where it is put. A file's name may hold anything else: it is text here.
pub(crate) fn inside(path: &str) -> bool {
    named(path) && !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
