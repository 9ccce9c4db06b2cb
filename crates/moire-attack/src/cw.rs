//! Carlini and Wagner's L2 attack (arXiv 1608.04644, section VI.A), and Carlini and Farid's distortion-minimising
//! variant of it for detectors of synthetic images (arXiv 2004.00622, section 4.1).
//!
//! Minimises D(x') + c max(f(x'), 0), f the margin, by Adam in tanh space, and searches for c: D = ||x' - x||_2^2
//! with the former, ||x' - x||_2 with the latter. Carlini and Farid published no code; what their text leaves
//! open is as in the former. A point that is decided wrongly but would not survive the criterion (its rounding,
//! say) is pushed on. The published 1000 steps a search are many for what they bring: the default is 100.

use std::fmt;

use moire_tensor::Norm;

use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};
use crate::tanh_box::TanhBox;

/// Parameters of [`Attack::Cw`](crate::Attack::Cw) and [`Attack::CfL2`](crate::Attack::CfL2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cw {
    /// Most steps for each c, at least 1.
    pub steps: u32,
    /// How many values of c are tried, at least 1.
    pub searches: u32,
    /// The first c, above 0.
    pub c: f32,
    /// Adam's rate, above 0.
    pub rate: f32,
}

impl Default for Cw {
    fn default() -> Self {
        Self { steps: 100, searches: 9, c: 1e-3, rate: 1e-2 }
    }
}

impl Cw {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            searches: p.count("searches", default.searches)?,
            c: p.number("c", default.c, 1e-9..=1e9)?,
            rate: p.number("rate", default.rate, 1e-6..=10.0)?,
        })
    }
}

impl fmt::Display for Cw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},searches={},c={},rate={}", self.steps, self.searches, self.c, self.rate)
    }
}

/// What an attack keeps small, beside the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distortion {
    /// The squared Euclidean length.
    Squared,
    /// The Euclidean length.
    Length,
}

impl Distortion {
    /// Value, and the factor of the change in its gradient.
    pub(crate) fn of(self, change: impl Iterator<Item = f32>) -> (f64, f32) {
        let length = Norm::L2.of(change);
        match self {
            Self::Squared => (length * length, 2.0),
            Self::Length => (length, if length > 0.0 { (1.0 / length) as f32 } else { 0.0 }),
        }
    }
}

struct CwSearch {
    params: Cw,
    distortion: Distortion,
    start: Start,
    point: TanhBox,
    steps: u32,
    searches: u32,
    c: f64,
    /// The largest c that failed and the smallest that did not.
    bracket: (f64, f64),
    /// Whether this c has succeeded.
    met: bool,
    /// The loss when it was last compared.
    plateau: f64,
    best: Option<(f64, Vec<f32>)>,
}

pub(crate) fn search(start: &Start, params: Cw, distortion: Distortion) -> Box<dyn Search> {
    Box::new(CwSearch {
        params,
        distortion,
        start: start.clone(),
        point: TanhBox::new(&start.from),
        steps: 0,
        searches: 0,
        c: params.c.into(),
        bracket: (0.0, f64::INFINITY),
        met: false,
        plateau: f64::INFINITY,
        best: None,
    })
}

impl CwSearch {
    /// The next c: between what failed and what did not, or ten times as much.
    fn next(&mut self) {
        let (low, high) = &mut self.bracket;
        if self.met {
            *high = high.min(self.c);
        } else {
            *low = low.max(self.c);
        }
        self.c = if high.is_finite() { f64::midpoint(*low, *high) } else { self.c * 10.0 };
        self.point = TanhBox::new(&self.start.from);
        self.searches += 1;
        (self.steps, self.met, self.plateau) = (0, false, f64::INFINITY);
    }
}

impl Search for CwSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        (self.searches < self.params.searches).then(|| (Ask::Gradient, self.point.x()))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let (x, clean) = (self.point.x(), &self.start.clean);
        let (size, factor) = self.distortion.of(x.iter().zip(clean).map(|(x, c)| x - c));
        if answer.met {
            self.met = true;
            if self.best.as_ref().is_none_or(|(best, _)| size < *best) {
                self.best = Some((size, x.to_vec()));
            }
        }
        let c = if answer.met { 0.0 } else { self.c as f32 };
        let loss = size + f64::from(c) * f64::from(answer.margin.max(0.0));
        self.steps += 1;
        let window = (self.params.steps / 10).max(1);
        let flat = self.steps % window == 0 && loss > 0.9999 * self.plateau;
        if self.steps % window == 0 {
            self.plateau = loss;
        }
        if flat || self.steps == self.params.steps {
            return self.next();
        }
        let change: Vec<f32> = x.iter().zip(clean).map(|(x, c)| x - c).collect();
        let gradient = |i: usize| factor * change[i] - c * answer.direction[i];
        self.point.descend(gradient, self.params.rate);
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        match self.best {
            Some((_, image)) => (image, true),
            None => (self.start.from, false),
        }
    }
}
