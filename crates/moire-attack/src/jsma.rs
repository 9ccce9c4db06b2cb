//! The Jacobian saliency map attack for one boundary (Papernot et al., arXiv 1511.07528, algorithms 2 and 3): two
//! values a step go all the way to 0 or 1, those that promise most.
//!
//! With one margin the gradient towards the one class is that away from the other, so a pair's saliency is the
//! square of its summed gradient, and the best pair is the two values with the most to gain. Values may rise or
//! fall, whichever helps, as in Wiyatno and Xu (arXiv 1808.07945).

use std::fmt;

use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of the saliency map attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jsma {
    /// Most steps, at least 1: two values each.
    pub steps: u32,
}

impl Default for Jsma {
    fn default() -> Self {
        Self { steps: 200 }
    }
}

impl Jsma {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self { steps: p.count("steps", default.steps)? })
    }
}

impl fmt::Display for Jsma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={}", self.steps)
    }
}

struct JsmaSearch {
    params: Jsma,
    x: Vec<f32>,
    used: Vec<bool>,
    steps: u32,
    ended: Option<bool>,
}

pub(crate) fn search(start: &Start, params: Jsma) -> Box<dyn Search> {
    let (x, used) = (start.from.clone(), vec![false; start.from.len()]);
    Box::new(JsmaSearch { params, x, used, steps: 0, ended: None })
}

impl JsmaSearch {
    /// The two values that gain most, largest first; fewer where nothing gains.
    fn pair(&self, direction: &[f32]) -> [Option<(f32, usize)>; 2] {
        let mut pair = [None; 2];
        for (i, &g) in direction.iter().enumerate() {
            let room = if g > 0.0 { 1.0 - self.x[i] } else { self.x[i] };
            if self.used[i] || room <= 0.0 || g == 0.0 {
                continue;
            }
            let beats = |slot: &Option<(f32, usize)>| slot.is_none_or(|(gain, _)| g.abs() > gain);
            if beats(&pair[0]) {
                pair = [Some((g.abs(), i)), pair[0]];
            } else if beats(&pair[1]) {
                pair[1] = Some((g.abs(), i));
            }
        }
        pair
    }
}

impl Search for JsmaSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let ask = if self.steps < self.params.steps { Ask::Gradient } else { Ask::Verdict };
        self.ended.is_none().then_some((ask, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let pair = if answer.met { [None; 2] } else { self.pair(answer.direction) };
        if pair[0].is_none() {
            self.ended = Some(answer.met);
            return;
        }
        for (_, i) in pair.into_iter().flatten() {
            self.x[i] = if answer.direction[i] > 0.0 { 1.0 } else { 0.0 };
            self.used[i] = true;
        }
        self.steps += 1;
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.ended == Some(true))
    }
}
