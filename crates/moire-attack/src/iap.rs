//! The individual attacks on facial forensics models (Huang et al., arXiv 1911.00660, section 3.1:
//! `v <- clip(v - alpha grad L(x + v))` from `v = 0`): the raw gradient, without a sign, all steps whatever happens.
//!
//! alpha is in the units of the network's own normalised input; the paper's values are not stated. With 1 the
//! published Y-shaped autoencoder calls 97 % of 70 `Face2Face` crops correctly, and 77, 4, 0, 0 and 0 % of the saved
//! files after 1, 3, 5, 10 and 20 steps, whose changes have a root mean square of 0.3, 0.7, 0.8, 1.0 and 1.0 of 255
//! (`moire audit`).
//!
//! The mask, on crops that are called fake, random triangles, 100 steps, saved files; all are called fake still:
//!
//! | cross-entropy | held by | alpha | crops | overlap with the wanted mask | RMS of 255 |
//! |---|---|---|---|---|---|
//! | of the mask's logits | margin | 1.5 | 15 | 0.88 | 1.6 |
//! | of the mask's logits | activation | 1.5 | 8 | 0.84 | 2.0 |
//! | of the mask's logits | activation | 1 | 8 | 0.82 | 1.5 |
//! | of the mask's logits | activation | 0.2 | 4 | 0.68 | 0.4 |
//! | as trained, of probabilities taken for logits | activation | 1 | 4 | 0.65 | 1.1 |
//! | as trained, of probabilities taken for logits | activation | 0.2 | 8 | 0.43 | 0.3 |
//!
//! The loss that the network was trained with saturates where it is sure, and there an attack has to move it: hence the
//! logits. The published term that holds the answer pulls at it all the time, a hinge only where it is about to turn.

use std::fmt;

use crate::ball::Ball;
use crate::error::Error;
use crate::loss::Hold;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of [`Attack::Iap`](crate::Attack::Iap).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iap {
    /// Steps, at least 1.
    pub steps: u32,
    /// The factor of the gradient.
    pub alpha: Factor,
    /// Bound of the change of any pixel, in `[0, 1]`; 1 is none.
    pub eps: f32,
}

impl Default for Iap {
    fn default() -> Self {
        Self { steps: 20, alpha: Factor::Auto, eps: 1.0 }
    }
}

impl Iap {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            alpha: p.take("alpha", "auto or a number above 0", default.alpha, Factor::parse)?,
            eps: p.number("eps", default.eps, 0.0..=1.0)?,
        })
    }
}

impl fmt::Display for Iap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},alpha={},eps={}", self.steps, self.alpha, self.eps)
    }
}

/// Parameters of [`Attack::IapSeg`](crate::Attack::IapSeg).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IapSeg {
    /// Steps, at least 1.
    pub steps: u32,
    /// The factor of the gradient, above 0.
    pub alpha: f32,
    /// Bound of the change of any pixel, in `[0, 1]`; 1 is none.
    pub eps: f32,
    /// What holds the answer on the side of fake.
    pub hold: Hold,
}

impl Default for IapSeg {
    fn default() -> Self {
        Self { steps: 100, alpha: 1.5, eps: 1.0, hold: Hold::default() }
    }
}

impl IapSeg {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            alpha: p.number("alpha", default.alpha, 1e-6..=1e6)?,
            eps: p.number("eps", default.eps, 0.0..=1.0)?,
            hold: p.take("hold", "margin or activation", default.hold, Hold::parse)?,
        })
    }
}

impl fmt::Display for IapSeg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},alpha={},eps={},hold={}", self.steps, self.alpha, self.eps, self.hold)
    }
}

/// The factor of a raw gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Factor {
    /// For each image what takes its first step four times as far as the linearised boundary; the same from then on.
    /// A change that only just crosses is lost in the 8-bit file, and no step asks whether it was. With a quarter of the
    /// way the Y-shaped autoencoder keeps an accuracy of 9 % after 20 steps (70 `Face2Face` crops, saved files), with the
    /// whole way 8 % (12 crops) and with four times 0 % after 5 (8 crops). `MesoInception-4`, which meets the files with
    /// 92 % (12 crops), keeps all of it after 20 steps with the whole way; with four times 63 % of 88 % after 5 (8 crops).
    Auto,
    /// One for all, above 0.
    Fixed(f32),
}

impl Factor {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "auto" {
            return Some(Self::Auto);
        }
        text.parse().ok().filter(|v| (1e-6..=1e6).contains(v)).map(Self::Fixed)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(factor) => write!(f, "{factor}"),
        }
    }
}

/// How far the first step of [`Factor::Auto`] goes, in distances to the linearised boundary.
const AUTO_REACH: f32 = 4.0;

/// How much the segmentation term weighs beside the other: the paper's 1.8.
pub(crate) const MASK_WEIGHT: f32 = 1.8;

struct IapSearch {
    most: u32,
    ball: Ball,
    x: Vec<f32>,
    /// The factor, once it is known.
    factor: Option<f32>,
    steps: u32,
    ended: Option<bool>,
}

pub(crate) fn search(start: &Start, steps: u32, alpha: Factor, eps: f32) -> Box<dyn Search> {
    let ball = Ball { clean: start.clean.clone(), eps };
    let factor = if let Factor::Fixed(factor) = alpha { Some(factor) } else { None };
    Box::new(IapSearch { most: steps, ball, x: start.from.clone(), factor, steps: 0, ended: None })
}

impl Search for IapSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.most { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        if answer.direction.is_empty() {
            self.ended = Some(answer.met);
            return;
        }
        let first =
            || if answer.slope > 0.0 { AUTO_REACH * answer.margin.max(0.0) / answer.slope } else { 0.0 };
        let factor = *self.factor.get_or_insert_with(first);
        for (i, (x, d)) in self.x.iter_mut().zip(answer.direction).enumerate() {
            *x = self.ball.project(i, *x - self.ball.clean[i] + factor * d);
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
