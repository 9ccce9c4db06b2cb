//! `DeepFool` for one boundary (Moosavi-Dezfooli et al., arXiv 1511.04599, algorithm 1 and section 3.3): to the
//! nearest point of the linearised boundary, again and again.
//!
//! r <- r + (|f| / ||w||_2 + 1e-4) w / ||w||_2, or with the dual norms r <- r + (|f| / ||w||_1 + 1e-4) sign(w)
//! for the largest change; the point asked about is x + (1 + overshoot) r. The overshoot is on the sum, once.

use std::fmt;

use crate::ball::sign;
use crate::error::Error;
use crate::measure::Measure;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of `DeepFool`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepFool {
    /// The size to be small.
    pub norm: Measure,
    /// Most steps, at least 1.
    pub steps: u32,
    /// How far beyond the boundary, as a share of the whole change, 0 or more.
    pub overshoot: f32,
}

impl Default for DeepFool {
    fn default() -> Self {
        Self { norm: Measure::L2, steps: 50, overshoot: 0.02 }
    }
}

impl DeepFool {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            norm: p.take("norm", "l2 or linf", default.norm, Measure::parse)?,
            steps: p.count("steps", default.steps)?,
            overshoot: p.number("overshoot", default.overshoot, 0.0..=10.0)?,
        })
    }
}

impl fmt::Display for DeepFool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "norm={},steps={},overshoot={}", self.norm, self.steps, self.overshoot)
    }
}

struct DeepFoolSearch {
    params: DeepFool,
    from: Vec<f32>,
    change: Vec<f32>,
    x: Vec<f32>,
    steps: u32,
    ended: Option<bool>,
}

pub(crate) fn search(start: &Start, params: DeepFool) -> Box<dyn Search> {
    let from = start.from.clone();
    let (change, x) = (vec![0.0; from.len()], from.clone());
    Box::new(DeepFoolSearch { params, from, change, x, steps: 0, ended: None })
}

/// The factor of `direction` (or of its sign) that crosses the linearised boundary at distance `margin`, or `None`
/// where there is no direction.
fn crossing(norm: Measure, margin: f32, direction: &[f32]) -> Option<f32> {
    let length = norm.dual(direction.iter().copied());
    let unit = if norm == Measure::Linf { 1.0 } else { length };
    (length > 0.0).then_some(((f64::from(margin.abs()) / length + 1e-4) / unit) as f32)
}

impl Search for DeepFoolSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.params.steps { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let factor = crossing(self.params.norm, answer.margin, answer.direction);
        let Some(factor) = factor.filter(|_| !answer.met) else {
            self.ended = Some(answer.met);
            return;
        };
        for (i, &g) in answer.direction.iter().enumerate() {
            self.change[i] += factor * if self.params.norm == Measure::Linf { sign(g) } else { g };
            self.x[i] = (self.from[i] + (1.0 + self.params.overshoot) * self.change[i]).clamp(0.0, 1.0);
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
