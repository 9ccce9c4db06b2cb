//! `DeepFool` for one boundary (Moosavi-Dezfooli et al., arXiv 1511.04599, algorithm 1 and section 3.3): to the
//! nearest point of the linearised boundary, again and again.
//!
//! r <- r + (|f| / ||w||_2 + 1e-4) w / ||w||_2, or with the dual norms r <- r + (|f| / ||w||_1 + 1e-4) sign(w)
//! for the largest change; the point asked about is x + (1 + overshoot) r. The overshoot is on the sum, once.

use std::fmt;

use crate::ball::sign;
use crate::search::{Answer, Ask, Search, Start};

/// The norm that `DeepFool` keeps small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeepFoolNorm {
    /// The Euclidean length.
    #[default]
    L2,
    /// The largest change.
    Linf,
}

impl DeepFoolNorm {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::L2, Self::Linf].into_iter().find(|n| n.to_string() == text)
    }
}

impl fmt::Display for DeepFoolNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L2 => "l2",
            Self::Linf => "linf",
        })
    }
}

/// Parameters of `DeepFool`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepFool {
    /// The norm to be small.
    pub norm: DeepFoolNorm,
    /// Most steps, at least 1.
    pub steps: u32,
    /// How far beyond the boundary, as a share of the whole change, 0 or more.
    pub overshoot: f32,
}

impl Default for DeepFool {
    fn default() -> Self {
        Self { norm: DeepFoolNorm::L2, steps: 50, overshoot: 0.02 }
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
fn crossing(norm: DeepFoolNorm, margin: f32, direction: &[f32]) -> Option<f32> {
    let (margin, values) = (f64::from(margin.abs()), direction.iter().map(|&g| f64::from(g)));
    let (length, unit) = if norm == DeepFoolNorm::Linf {
        (values.map(f64::abs).sum::<f64>(), 1.0)
    } else {
        let length = values.map(|g| g * g).sum::<f64>().sqrt();
        (length, length)
    };
    (length > 0.0).then_some(((margin / length + 1e-4) / unit) as f32)
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
            self.change[i] += factor * if self.params.norm == DeepFoolNorm::Linf { sign(g) } else { g };
            self.x[i] = (self.from[i] + (1.0 + self.params.overshoot) * self.change[i]).clamp(0.0, 1.0);
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
