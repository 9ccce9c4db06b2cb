//! Sigma-zero (Cinà et al., arXiv 2402.01879, algorithm 1): descends a smooth stand-in for the number of changed
//! values, sum d^2 / (d^2 + sigma) / n, with the margin where that is positive, and sets changes below a threshold
//! to 0 that rises while the image is adversarial and falls while it is not.
//!
//! The margin's own unit does not matter: gradients are divided by their largest value. Adam's rate falls from 1 to
//! a tenth along a cosine.

use std::f32::consts::PI;
use std::fmt;

use crate::adam::Adam;
use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of sigma-zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SigmaZero {
    /// Steps, at least 1.
    pub steps: u32,
    /// How smooth the stand-in is, above 0.
    pub sigma: f32,
    /// The first threshold, in `[0, 1]`.
    pub tau: f32,
}

impl Default for SigmaZero {
    fn default() -> Self {
        Self { steps: 1000, sigma: 1e-3, tau: 0.3 }
    }
}

impl SigmaZero {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            sigma: p.number("sigma", default.sigma, 1e-9..=1.0)?,
            tau: p.number("tau", default.tau, 0.0..=1.0)?,
        })
    }
}

impl fmt::Display for SigmaZero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},sigma={},tau={}", self.steps, self.sigma, self.tau)
    }
}

/// By how much of Adam's rate the threshold moves.
const THRESHOLD_RATE: f32 = 0.01;

struct SigmaZeroSearch {
    params: SigmaZero,
    start: Start,
    change: Vec<f32>,
    x: Vec<f32>,
    adam: Adam,
    tau: f32,
    steps: u32,
    best: Option<(usize, Vec<f32>)>,
}

pub(crate) fn search(start: &Start, params: SigmaZero) -> Box<dyn Search> {
    let (x, len) = (start.from.clone(), start.from.len());
    let change = x.iter().zip(&start.clean).map(|(x, c)| x - c).collect();
    let adam = Adam::new(len);
    Box::new(SigmaZeroSearch {
        params,
        start: start.clone(),
        change,
        x,
        adam,
        tau: params.tau,
        steps: 0,
        best: None,
    })
}

impl Search for SigmaZeroSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        (self.steps < self.params.steps).then_some((Ask::Gradient, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let clean = &self.start.clean;
        if answer.met {
            let count = self.x.iter().zip(clean).filter(|(x, c)| x != c).count();
            if self.best.as_ref().is_none_or(|(best, _)| count < *best) {
                self.best = Some((count, self.x.clone()));
            }
        }
        let (sigma, n) = (self.params.sigma, self.change.len() as f32);
        let slope = |d: f32| 2.0 * d * sigma / ((d * d + sigma) * (d * d + sigma)) / n;
        let push = if answer.met { 0.0 } else { 1.0 };
        let sum = |(&d, &g): (&f32, &f32)| slope(d) - push * g;
        let mut gradient: Vec<f32> = self.change.iter().zip(answer.direction).map(sum).collect();
        let largest = gradient.iter().fold(1e-12f32, |m, g| m.max(g.abs()));
        gradient.iter_mut().for_each(|g| *g /= largest);

        let done = self.steps as f32 / self.params.steps as f32;
        let rate = 0.1 + 0.9 * 0.5 * (1.0 + (PI * done).cos());
        self.adam.descend(&mut self.change, &gradient, rate);
        self.steps += 1;
        let step = if answer.met { rate } else { -rate };
        self.tau = (self.tau + THRESHOLD_RATE * step).clamp(0.0, 1.0);
        for (i, d) in self.change.iter_mut().enumerate() {
            *d = d.clamp(-clean[i], 1.0 - clean[i]);
            if d.abs() < self.tau {
                *d = 0.0;
            }
            self.x[i] = if *d == 0.0 { clean[i] } else { (clean[i] + *d).clamp(0.0, 1.0) };
        }
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        match self.best {
            Some((_, image)) => (image, true),
            None => (self.start.from, false),
        }
    }
}
