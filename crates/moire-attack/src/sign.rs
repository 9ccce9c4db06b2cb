//! The loop that the sign methods share: steps inside an L-infinity ball.

use moire_tensor::Eps;

use crate::ball::{Ball, sign};
use crate::search::{Answer, Ask, Search, Start};

/// What tells one sign method from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignMethod {
    /// Starts at a uniformly random point of the ball.
    pub(crate) random_start: bool,
    pub(crate) alpha: f32,
    pub(crate) steps: u32,
    /// Accumulates directions with this factor, each divided by its L1 norm.
    pub(crate) momentum: Option<f32>,
}

/// One image on its way under a [`SignMethod`].
struct SignSearch {
    method: SignMethod,
    ball: Ball,
    x: Vec<f32>,
    momentum: Vec<f32>,
    steps: u32,
    /// Whether the last point met the criterion, once the search has ended.
    ended: Option<bool>,
}

impl SignMethod {
    pub(crate) fn search(self, start: &Start, eps: Eps) -> Box<dyn Search> {
        let (mut rng, mut x) = (start.rng.clone(), start.from.clone());
        let ball = Ball::new(start.clean.clone(), eps);
        if self.random_start {
            for (i, v) in x.iter_mut().enumerate() {
                let noise = rng.uniform(-ball.eps, ball.eps);
                if start.is_fresh(i) {
                    *v = ball.project(i, *v - ball.clean[i] + noise);
                }
            }
        }
        let momentum = vec![0.0; if self.momentum.is_some() { x.len() } else { 0 }];
        Box::new(SignSearch { method: self, ball, x, momentum, steps: 0, ended: None })
    }
}

impl Search for SignSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.method.steps { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        if answer.met || answer.direction.is_empty() {
            self.ended = Some(answer.met);
            return;
        }
        let mut direction = answer.direction;
        if let Some(mu) = self.method.momentum {
            let length: f32 = direction.iter().map(|g| g.abs()).sum();
            let share = if length > 0.0 { 1.0 / length } else { 0.0 };
            self.momentum.iter_mut().zip(direction).for_each(|(m, g)| *m = mu * *m + g * share);
            direction = &self.momentum;
        }
        for (i, (x, &g)) in self.x.iter_mut().zip(direction).enumerate() {
            *x = self.ball.project(i, *x - self.ball.clean[i] + self.method.alpha * sign(g));
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
