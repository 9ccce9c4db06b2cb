//! Carlini and Farid's sparse attack on detectors of synthetic images (arXiv 2004.00622, section 4.1), after
//! Carlini and Wagner's L0 attack (arXiv 1608.04644, section VI.B).
//!
//! Solve for an adversarial image; freeze the pixels that mattered least, |sum d| x sum |g| over the channels;
//! solve again from there with the pixels that are left; until that fails. The former published no code. A fixed
//! share of the pixels is frozen at a time, where the latter's code freezes some 0.3 sqrt(n): at the end, where
//! it matters, the share shrinks down to single pixels.

use std::fmt;

use crate::cw::Distortion;
use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};
use crate::tanh_box::TanhBox;

/// Parameters of [`Attack::CfL0`](crate::Attack::CfL0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CfL0 {
    /// Most steps for one set of pixels and one c, at least 1.
    pub steps: u32,
    /// The first c, above 0; it doubles where it is too small.
    pub c: f32,
    /// Adam's rate, above 0.
    pub rate: f32,
    /// The share of the pixels still free that is frozen at a time, between 0 and 1.
    pub freeze: f32,
}

impl Default for CfL0 {
    fn default() -> Self {
        Self { steps: 50, c: 1e-2, rate: 1e-2, freeze: 0.3 }
    }
}

impl CfL0 {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self {
            steps: p.count("steps", default.steps)?,
            c: p.number("c", default.c, 1e-9..=1e9)?,
            rate: p.number("rate", default.rate, 1e-6..=10.0)?,
            freeze: p.number("freeze", default.freeze, 1e-3..=0.99)?,
        })
    }
}

impl fmt::Display for CfL0 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},c={},rate={},freeze={}", self.steps, self.c, self.rate, self.freeze)
    }
}

/// How often c may double before a set of pixels is given up.
const DOUBLINGS: u32 = 10;

struct CfL0Search {
    params: CfL0,
    start: Start,
    /// The positions that may change.
    free: Vec<bool>,
    point: TanhBox,
    steps: u32,
    c: f32,
    doublings: u32,
    share: f32,
    best: Option<Best>,
    ended: bool,
}

struct Best {
    x: Vec<f32>,
    /// The changed positions, least important first.
    order: Vec<usize>,
}

pub(crate) fn search(start: &Start, params: CfL0) -> Box<dyn Search> {
    let positions = start.clean.len() / 3;
    Box::new(CfL0Search {
        params,
        start: start.clone(),
        free: vec![true; positions],
        point: TanhBox::new(&start.from),
        steps: 0,
        c: params.c,
        doublings: 0,
        share: params.freeze,
        best: None,
        ended: false,
    })
}

impl CfL0Search {
    /// The three values of a position.
    fn values(position: usize, positions: usize) -> impl Iterator<Item = usize> {
        (0..3).map(move |c| c * positions + position)
    }

    /// Keeps an adversarial point, and goes on with fewer pixels.
    fn keep(&mut self, direction: &[f32]) {
        let (x, clean, positions) = (self.point.x(), &self.start.clean, self.free.len());
        let score = |p: usize| {
            let change: f32 = Self::values(p, positions).map(|i| x[i] - clean[i]).sum();
            change.abs() * Self::values(p, positions).map(|i| direction[i].abs()).sum::<f32>()
        };
        let changed = |p: &usize| Self::values(*p, positions).any(|i| x[i] != clean[i]);
        let mut order: Vec<(f32, usize)> = (0..positions).filter(changed).map(|p| (score(p), p)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let order = order.into_iter().map(|(_, p)| p).collect();
        self.best = Some(Best { x: x.to_vec(), order });
        self.freeze();
    }

    /// Frees all that the best image changed but its least important share, and starts there.
    fn freeze(&mut self) {
        let best = self.best.as_ref().expect("freezing follows a success");
        let count = (self.share * best.order.len() as f32).ceil() as usize;
        self.ended = best.order.len() <= 1;
        let kept = &best.order[count.min(best.order.len())..];
        self.free.fill(false);
        kept.iter().for_each(|&p| self.free[p] = true);
        let positions = self.free.len();
        let at = |i: usize| if self.free[i % positions] { best.x[i] } else { self.start.clean[i] };
        let from: Vec<f32> = (0..best.x.len()).map(at).collect();
        self.point = TanhBox::new(&from);
        (self.steps, self.doublings) = (0, 0);
    }

    /// This set of pixels cannot do it with this c.
    fn fail(&mut self) {
        let single = |best: &Best| self.share * best.order.len() as f32 <= 1.0;
        if self.doublings < DOUBLINGS {
            self.doublings += 1;
            self.c *= 2.0;
            self.steps = 0;
        } else if self.best.as_ref().is_none_or(single) {
            self.ended = true;
        } else {
            self.share /= 4.0;
            self.freeze();
        }
    }
}

impl Search for CfL0Search {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        (!self.ended).then(|| (Ask::Gradient, self.point.x()))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        if answer.met {
            return self.keep(answer.direction);
        }
        self.steps += 1;
        if self.steps >= self.params.steps {
            return self.fail();
        }
        let positions = self.free.len();
        let change: Vec<f32> = self.point.x().iter().zip(&self.start.clean).map(|(x, c)| x - c).collect();
        let (_, factor) = Distortion::Squared.of(change.iter().copied());
        let (free, c) = (&self.free, self.c);
        let gradient = |i: usize| {
            if free[i % positions] { factor * change[i] - c * answer.direction[i] } else { 0.0 }
        };
        self.point.descend(gradient, self.params.rate);
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        match self.best {
            Some(best) => (best.x, true),
            None => (self.start.from, false),
        }
    }
}
