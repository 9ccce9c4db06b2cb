//! Auto-PGD (Croce and Hein, arXiv 2003.01690, algorithm 1): steps of 2 eps at first, with momentum, halved at
//! checkpoints where the search has stalled, going on from the best point so far.
//!
//! What grows is the margin towards the wrong side, which does not saturate; the paper's DLR loss needs three
//! classes. The checkpoints are the paper's own, the shares of the steps rounded up, not truncated.

use std::fmt;

use moire_tensor::Eps;

use crate::ball::{Ball, sign};
use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of Auto-PGD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Apgd {
    /// Most steps, at least 1.
    pub steps: u32,
    /// The share of a window's steps that have to rise for the step size to stay, in `[0, 1]`.
    pub rho: f32,
}

impl Default for Apgd {
    fn default() -> Self {
        Self { steps: 100, rho: 0.75 }
    }
}

impl Apgd {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self { steps: p.count("steps", default.steps)?, rho: p.number("rho", default.rho, 0.0..=1.0)? })
    }
}

impl fmt::Display for Apgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},rho={}", self.steps, self.rho)
    }
}

/// How much of a step is new; the rest is the last step again.
const MOMENTUM: f32 = 0.75;

struct ApgdSearch {
    params: Apgd,
    ball: Ball,
    x: Vec<f32>,
    previous: Vec<f32>,
    best: Best,
    step: f32,
    steps: u32,
    /// What the loss was at the last point.
    last: f32,
    checkpoints: Vec<u32>,
    window: Window,
    ended: Option<bool>,
}

/// The point with the highest loss so far.
struct Best {
    loss: f32,
    x: Vec<f32>,
    direction: Vec<f32>,
}

/// What happened since the last checkpoint.
struct Window {
    start: u32,
    rises: u32,
    /// The best loss at its start, and whether the step was halved there.
    best: f32,
    halved: bool,
}

pub(crate) fn search(start: &Start, eps: Eps, params: Apgd) -> Box<dyn Search> {
    let (ball, x) = (Ball::new(start.clean.clone(), eps), start.from.clone());
    Box::new(ApgdSearch {
        params,
        best: Best { loss: f32::NEG_INFINITY, x: x.clone(), direction: Vec::new() },
        previous: x.clone(),
        x,
        step: 2.0 * ball.eps,
        ball,
        steps: 0,
        last: f32::NEG_INFINITY,
        checkpoints: checkpoints(params.steps),
        window: Window { start: 0, rises: 0, best: f32::NEG_INFINITY, halved: true },
        ended: None,
    })
}

/// The first after 22 % of the steps, each gap 3 points shorter than the one before, and 6 at least. In whole
/// percents, so that no rounding shifts a checkpoint.
fn checkpoints(steps: u32) -> Vec<u32> {
    let (mut at, mut gap) = (22, 22);
    let mut list = Vec::new();
    while at <= 100 {
        let checkpoint = (u64::from(steps) * at).div_ceil(100) as u32;
        if list.last() != Some(&checkpoint) {
            list.push(checkpoint);
        }
        gap = (gap - 3).max(6);
        at += gap;
    }
    list
}

impl ApgdSearch {
    /// Whether the step is to be halved at a checkpoint; opens the next window.
    fn stalled(&mut self) -> bool {
        let length = (self.steps - self.window.start) as f32;
        let few = (self.window.rises as f32) < self.params.rho * length;
        let stuck = !self.window.halved && self.best.loss <= self.window.best;
        let halved = few || stuck;
        self.window = Window { start: self.steps, rises: 0, best: self.best.loss, halved };
        halved
    }

    /// P(x + momentum (P(x + step sign(g)) - x) + (1 - momentum) (x - previous)).
    fn advance(&mut self, direction: &[f32]) {
        // The first step has no last one to repeat.
        let new = if self.steps == 0 { 1.0 } else { MOMENTUM };
        let at = self.x.clone();
        for i in 0..at.len() {
            let (ball, x, clean) = (&self.ball, at[i], self.ball.clean[i]);
            let z = ball.project(i, x - clean + self.step * sign(direction[i]));
            let change = x - clean + new * (z - x) + (1.0 - new) * (x - self.previous[i]);
            self.x[i] = ball.project(i, change);
        }
        self.previous = at;
        self.steps += 1;
    }
}

impl Search for ApgdSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.params.steps { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        if answer.met || answer.direction.is_empty() {
            self.ended = Some(answer.met);
            return;
        }
        let loss = -answer.margin;
        self.window.rises += u32::from(self.steps > 0 && loss > self.last);
        self.last = loss;
        if loss > self.best.loss {
            self.best = Best { loss, x: self.x.clone(), direction: answer.direction.to_vec() };
        }
        if self.checkpoints.contains(&self.steps) && self.stalled() {
            self.step /= 2.0;
            // The jump back is no motion to go on with.
            self.x.clone_from(&self.best.x);
            self.previous.clone_from(&self.best.x);
            self.last = self.best.loss;
            let direction = self.best.direction.clone();
            self.advance(&direction);
        } else {
            self.advance(answer.direction);
        }
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::checkpoints;

    #[test]
    fn checkpoints_are_the_papers() {
        assert_eq!(checkpoints(100), [22, 41, 57, 70, 80, 87, 93, 99]);
        assert_eq!(checkpoints(10), [3, 5, 6, 7, 8, 9, 10]);
    }
}
