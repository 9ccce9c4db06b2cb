use std::fmt;
use std::str::FromStr;

use moire_attack::{Attack, Combination, Strategy};
use moire_image::{Picture, Transform};
use moire_tensor::{Eps, Rng, SampleId};

use crate::error::{Error, Repr};

/// How photographs are protected: all that decides what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The attack; one within a budget.
    pub attack: Attack,
    /// The most that any value of a pixel may change. What of it is no whole level of 8 bits goes unused, so that the
    /// saved file keeps it too.
    pub eps: Eps,
    /// How editors and their edits are combined.
    pub strategy: Strategy,
    /// Steps meet, in turn, what may happen to a photograph online: JPEG files of quality 60 to 95, resizing, blur, a
    /// crop.
    pub robust: bool,
    /// The file that the photograph is saved as: the attack goes through it.
    pub saving: Saving,
    /// What each protected photograph goes through before it is judged again, beside as it is saved.
    pub after: Vec<Transform>,
    /// The losses are also measured at every step.
    pub curve: bool,
    /// Fixes every random number.
    pub seed: u64,
}

/// The kind of file that a photograph is saved as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Saving {
    /// Lossless.
    #[default]
    Png,
    /// At this quality, 1 to 100.
    Jpeg(u8),
}

impl Default for Settings {
    /// The paper's: I-FGSM in 10 steps of 0.01 within 0.05, both on the editors' scale of `[-1, 1]`, here halved. Judged
    /// again after JPEG of quality 75 and after a resize to half and back.
    fn default() -> Self {
        Self {
            attack: "i_fgsm(steps=10,alpha=eps/5)".parse().expect("the attack is spelt as it is read"),
            eps: Eps::new(0.025).expect("the budget lies between 0 and 1"),
            strategy: Strategy::default(),
            robust: false,
            saving: Saving::default(),
            after: vec![Transform::Jpeg(75), Transform::Resize(0.5)],
            curve: false,
            seed: 0,
        }
    }
}

impl Settings {
    /// # Errors
    /// The attack keeps within no budget, the budget is less than a level of 8 bits, or a number is out of range.
    pub fn check(&self) -> Result<(), Error> {
        if !self.attack.takes_budget() {
            return Err(Repr::Unbounded { attack: self.attack.name() }.into());
        }
        if self.levels() == 0 {
            return Err(Repr::NoLevel { eps: self.eps }.into());
        }
        for transform in self.saving.transform().into_iter().chain(self.after.iter().copied()) {
            transform.check()?;
        }
        Ok(())
    }

    /// The attack where a change has to survive what photographs meet online: many short steps, each under another
    /// circumstance, whose directions momentum adds up.
    pub fn robust_attack() -> Attack {
        "mi_fgsm(steps=40,alpha=eps/10)".parse().expect("the attack is spelt as it is read")
    }

    /// How many of an editor's edits are to be built to run together: all of them, but one where the strategy asks for
    /// single ones, which then cost no more than themselves.
    pub fn rows(&self, edits: usize) -> usize {
        if self.strategy.domains == Combination::Uniform { edits } else { 1 }
    }

    /// The whole levels of 8 bits that a value may change by.
    pub(crate) fn levels(&self) -> u8 {
        (self.eps.levels() + 1e-3).floor() as u8
    }

    /// How far beside the photograph a search starts, where not a hair beside it: what files round away has no gradient.
    pub(crate) fn nudge(&self) -> Option<f32> {
        let rounds = self.robust || self.saving != Saving::Png;
        rounds.then(|| f32::from(self.levels()) / 255.0)
    }

    /// What the photograph goes through before the steps of an attack see it: a list of transforms, one after another, for
    /// each of the steps that come in turn, first as it is. Drawn anew for each photograph.
    pub(crate) fn passages(&self, id: SampleId) -> Vec<Vec<Transform>> {
        let saved: Vec<Transform> = self.saving.transform().into_iter().collect();
        let mut ways = vec![vec![]];
        if self.robust {
            let mut rng = Rng::new(self.seed, id, "what happens online");
            let mut between = |low: f32, high: f32| rng.uniform(low, high);
            // Each third of the qualities has its file, so that no photograph meets the mild ones alone.
            let quality = |q: f32| Transform::Jpeg(q.round() as u8);
            ways.extend([
                vec![quality(between(60.0, 72.0))],
                vec![Transform::Resize(between(0.5, 0.9))],
                vec![quality(between(72.0, 84.0))],
                vec![Transform::Blur(between(0.4, 1.0))],
                vec![quality(between(84.0, 95.0))],
                vec![Transform::Crop(between(0.9, 0.98))],
                vec![Transform::Resize(0.5)],
            ]);
        }
        ways.into_iter().map(|way| saved.iter().copied().chain(way).collect()).collect()
    }
}

impl Saving {
    /// What saving does to the pixels.
    pub(crate) fn transform(self) -> Option<Transform> {
        match self {
            Self::Png => None,
            Self::Jpeg(quality) => Some(Transform::Jpeg(quality)),
        }
    }

    /// What a file of this picture holds.
    ///
    /// # Errors
    /// The quality is out of range.
    pub fn apply(self, picture: &Picture) -> Result<Picture, Error> {
        Ok(match self.transform() {
            Some(transform) => transform.apply(picture)?,
            None => picture.clone(),
        })
    }
}

impl FromStr for Saving {
    type Err = Error;

    /// Reads `png` or `jpeg(90)`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let number = text.strip_prefix("jpeg(").and_then(|t| t.strip_suffix(')'));
        match (text, number.and_then(|n| n.parse().ok())) {
            ("png", _) => Ok(Self::Png),
            (_, Some(quality @ 1..=100)) => Ok(Self::Jpeg(quality)),
            _ => Err(Repr::Saving { text: text.to_owned() }.into()),
        }
    }
}

impl fmt::Display for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Png => f.write_str("png"),
            Self::Jpeg(quality) => write!(f, "jpeg({quality})"),
        }
    }
}
