//! `SparseFool` for one boundary (Modas et al., arXiv 1811.02248, algorithms 1 and 2): `DeepFool` finds a point of
//! the boundary and its normal there; then single values move, those with the largest share in the normal first,
//! each as far as it may, until the plane through a point lambda times as far is crossed.

use std::fmt;

use crate::deepfool::{self, DeepFool};
use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of `SparseFool`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseFool {
    /// Most rounds, at least 1.
    pub steps: u32,
    /// How far beyond the boundary the plane is put, at least 1: larger is faster and less sparse.
    pub lambda: f32,
}

impl Default for SparseFool {
    fn default() -> Self {
        Self { steps: 20, lambda: 3.0 }
    }
}

impl SparseFool {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            lambda: p.number("lambda", default.lambda, 1.0..=1e3)?,
        })
    }
}

impl fmt::Display for SparseFool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},lambda={}", self.steps, self.lambda)
    }
}

struct SparseFoolSearch {
    params: SparseFool,
    start: Start,
    x: Vec<f32>,
    phase: Phase,
    rounds: u32,
}

enum Phase {
    /// On the way to the boundary.
    Boundary(Box<dyn Search>),
    /// Asking whether the sparse point is enough.
    Sparse,
    Ended(bool),
}

pub(crate) fn search(start: &Start, params: SparseFool) -> Box<dyn Search> {
    let phase = Phase::Boundary(deepfool::search(start, DeepFool::default()));
    Box::new(SparseFoolSearch { params, start: start.clone(), x: start.from.clone(), phase, rounds: 0 })
}

/// Moves single values of `x` until it lies on the other side of the plane through `on` with this normal.
fn cross(x: &mut [f32], on: impl Fn(usize) -> f32, normal: &[f32]) {
    let mut lack: f64 = (0..x.len()).map(|i| f64::from(normal[i]) * f64::from(on(i) - x[i])).sum();
    let mut order: Vec<usize> = (0..x.len()).filter(|&i| normal[i] != 0.0).collect();
    order.sort_by(|&a, &b| normal[b].abs().total_cmp(&normal[a].abs()).then(a.cmp(&b)));
    for i in order {
        if lack <= 0.0 {
            break;
        }
        let w = f64::from(normal[i]);
        let to = (f64::from(x[i]) + lack / w).clamp(0.0, 1.0) as f32;
        lack -= w * (f64::from(to) - f64::from(x[i]));
        x[i] = to;
    }
}

impl Search for SparseFoolSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        match &self.phase {
            Phase::Boundary(inner) => inner.ask(),
            Phase::Sparse => Some((Ask::Verdict, &self.x)),
            Phase::Ended(_) => None,
        }
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let phase = match std::mem::replace(&mut self.phase, Phase::Ended(false)) {
            Phase::Boundary(mut inner) => {
                inner.tell(answer);
                match inner.ask() {
                    Some(_) => Phase::Boundary(inner),
                    None if answer.direction.is_empty() => Phase::Ended(false),
                    None => {
                        let (boundary, _) = inner.end();
                        let (from, lambda) = (self.x.clone(), self.params.lambda);
                        let on = |i: usize| from[i] + lambda * (boundary[i] - from[i]);
                        cross(&mut self.x, on, answer.direction);
                        Phase::Sparse
                    }
                }
            }
            _ if answer.met => Phase::Ended(true),
            _ if self.rounds + 1 >= self.params.steps => Phase::Ended(false),
            _ => {
                self.rounds += 1;
                let from = Start { from: self.x.clone(), ..self.start.clone() };
                Phase::Boundary(deepfool::search(&from, DeepFool::default()))
            }
        };
        self.phase = phase;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, matches!(self.phase, Phase::Ended(true)))
    }
}
