//! The fast minimum-norm attack (Pintor et al., arXiv 2102.12827, algorithm 1): unit steps along the gradient inside a
//! ball that grows to the linearised boundary while nothing is found, and breathes around the best point afterwards.
//!
//! Step k of K, with `c = (1 + cos(pi k / K)) / 2`: the ball's radius becomes, on the right side of the boundary,
//! `||d|| + |f| / ||g||_dual` as long as no adversarial point is known and `(1 + gamma) r` from then on (here `(1 +
//! gamma)` times either, or a boundary that is a plane would be met and never crossed); on the wrong side the smaller
//! of `(1 - gamma) r` and the best size so far. Then `d <- P(d + alpha g / ||g||_2)`. alpha falls from its first
//! value to a hundredth along c, gamma to 0.001: the authors' code.

use std::f32::consts::PI;
use std::fmt;

use crate::error::Error;
use crate::measure::Measure;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of the fast minimum-norm attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fmn {
    /// The size to be small.
    pub norm: Measure,
    /// Steps, at least 1.
    pub steps: u32,
    /// The first step's Euclidean length, above 0.
    pub alpha: f32,
    /// By what share the radius changes at first, in `[0, 1)`.
    pub gamma: f32,
}

impl Default for Fmn {
    fn default() -> Self {
        Self { norm: Measure::L2, steps: 100, alpha: 1.0, gamma: 0.05 }
    }
}

impl Fmn {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            norm: p.take("norm", "l2 or linf", default.norm, Measure::parse)?,
            steps: p.count("steps", default.steps)?,
            alpha: p.number("alpha", default.alpha, 1e-6..=1e3)?,
            gamma: p.number("gamma", default.gamma, 0.0..=0.99)?,
        })
    }
}

impl fmt::Display for Fmn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "norm={},steps={},alpha={},gamma={}", self.norm, self.steps, self.alpha, self.gamma)
    }
}

/// What the share by which the radius changes falls to.
const LAST_GAMMA: f32 = 1e-3;

struct FmnSearch {
    params: Fmn,
    start: Start,
    change: Vec<f32>,
    x: Vec<f32>,
    radius: f64,
    steps: u32,
    best: Option<(f64, Vec<f32>)>,
}

pub(crate) fn search(start: &Start, params: Fmn) -> Box<dyn Search> {
    let change = start.from.iter().zip(&start.clean).map(|(x, c)| x - c).collect();
    let (x, start) = (start.from.clone(), start.clone());
    Box::new(FmnSearch { params, start, change, x, radius: f64::INFINITY, steps: 0, best: None })
}

impl FmnSearch {
    /// The radius for the next point, from what is known of this one.
    fn breathe(&mut self, answer: &Answer<'_>, size: f64, gamma: f64) {
        self.radius = match &self.best {
            Some((best, _)) if answer.met => best.min(self.radius * (1.0 - gamma)),
            Some(_) => self.radius * (1.0 + gamma),
            None => {
                let slope = self.params.norm.dual(answer.direction.iter().copied()).max(1e-12);
                (size + f64::from(answer.margin.abs()) / slope) * (1.0 + gamma)
            }
        };
    }

    /// Onto the ball, and into the box of valid images.
    fn project(&mut self) {
        let (norm, radius) = (self.params.norm, self.radius);
        let size = norm.of(self.change.iter().copied());
        let shrink = if size > radius { (radius / size) as f32 } else { 1.0 };
        for (i, d) in self.change.iter_mut().enumerate() {
            let inside = match norm {
                Measure::L2 => *d * shrink,
                Measure::Linf => d.clamp(-radius as f32, radius as f32),
            };
            let clean = self.start.clean[i];
            self.x[i] = (clean + inside).clamp(0.0, 1.0);
            *d = self.x[i] - clean;
        }
    }
}

impl Search for FmnSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        (self.steps < self.params.steps).then_some((Ask::Gradient, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let cosine = 0.5 * (1.0 + (PI * self.steps as f32 / self.params.steps as f32).cos());
        let alpha = self.params.alpha * (0.01 + 0.99 * cosine);
        let gamma = LAST_GAMMA + (self.params.gamma - LAST_GAMMA).max(0.0) * cosine;

        let size = self.params.norm.of(self.change.iter().copied());
        if answer.met && self.best.as_ref().is_none_or(|(best, _)| size < *best) {
            self.best = Some((size, self.x.clone()));
        }
        self.breathe(answer, size, gamma.into());
        let length = Measure::L2.of(answer.direction.iter().copied()).max(1e-12) as f32;
        self.change.iter_mut().zip(answer.direction).for_each(|(d, g)| *d += alpha * g / length);
        self.project();
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        match self.best {
            Some((_, image)) => (image, true),
            None => (self.start.from, false),
        }
    }
}
