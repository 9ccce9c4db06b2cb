//! The Key Region Attack (Liao et al., arXiv 2106.01615): any attack, kept to the few pixels that the decision
//! hangs on.
//!
//! *Key regions* (algorithm 1). For each of a few inner layers, the gradient of the decision's score is summed over
//! the layer's channels, scaled to `[0, 1]` and enlarged to the image. The key region at threshold t is where every
//! layer's map exceeds t. A map without contrast says nothing and is left out.
//!
//! *The container* (algorithm 2). From t = 0.8: attack within the region; if the image is not yet adversarial,
//! lower t by 0.1, to 0.1 at least, and go on from there. The maps are those of the clean image throughout, so a
//! smaller t only adds pixels.
//!
//! What the paper leaves open: the layers ([`KeyLayers`]); the score, here the margin of the decision over its
//! alternative, for one logit, two classes and two zones alike; and how an attack of many steps is masked
//! ([`Masking`]).
//!
//! Measured on the published weights of the Y-shaped autoencoder, 30 correctly called `Face2Face` crops, success on the
//! saved file 100 % in each row; median share of the
//! pixels changed, mean RMS of the change (`moire audit`, eps 8/255 for PGD):
//!
//! | attack | pixels | RMS |
//! |---|---|---|
//! | `kra:pgd(alpha=2/255)`, inside | 0.45 % | 2.1e-3 |
//! | the same, after | 2.3 % | 4.4e-3 |
//! | `pgd(alpha=2/255)` alone | 99.6 % | 1.8e-2 |
//! | `kra:deepfool`, inside | 0.11 % | 6.8e-3 |
//! | the same, after | 0.79 % | 3.6e-4 |
//! | `deepfool` alone | 1.8 % | 4.0e-4 |
//!
//! Inside a small region `DeepFool` spends whatever it takes, so an attack without a budget is masked after by default,
//! one with a budget inside.

use std::fmt;

use crate::attack::Attack;
use crate::error::Error;
use crate::layers::KeyLayers;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Searcher, Start};

/// When the region restrains the attack inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// At each of its steps: it sees the gradient inside the region alone.
    Inside,
    /// Once it is done: its result outside the region is undone, as algorithm 2 reads.
    After,
}

impl Masking {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Inside, Self::After].into_iter().find(|m| m.to_string() == text)
    }
}

impl fmt::Display for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inside => "inside",
            Self::After => "after",
        })
    }
}

/// Parameters of the Key Region Attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Kra {
    /// The attack inside.
    pub attack: Box<Attack>,
    /// Most thresholds, at least 1; the last of them repeat the floor.
    pub rounds: u32,
    /// When the region restrains it.
    pub masking: Masking,
    /// The layers that make the region.
    pub layers: KeyLayers,
}

impl Kra {
    /// The default parameters around `attack`.
    pub fn around(attack: Attack) -> Self {
        let masking = if attack.takes_budget() { Masking::Inside } else { Masking::After };
        Self { attack: Box::new(attack), rounds: 20, masking, layers: KeyLayers::default() }
    }

    pub(crate) fn read(p: &mut Params<'_>, attack: Attack) -> Result<Self, Error> {
        let default = Self::around(attack);
        let layers = "default or names of layers with + between them";
        Ok(Self {
            rounds: p.count("rounds", default.rounds)?,
            masking: p.take("mask", "inside or after", default.masking, Masking::parse)?,
            layers: p.take("layers", layers, default.layers, KeyLayers::parse)?,
            attack: default.attack,
        })
    }
}

impl fmt::Display for Kra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rounds={},mask={},layers={}", self.rounds, self.masking, self.layers)
    }
}

/// The first threshold, the last, and the step between two: the paper's.
const THRESHOLDS: [f32; 3] = [0.8, 0.1, 0.1];

/// The pixels that the decision hangs on: for each position `[h * w]` the highest threshold under which it belongs
/// to the key region, in `[0, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRegions(pub(crate) Vec<f32>);

impl KeyRegions {
    /// The pointwise minimum of the layers' maps, for a pixel has to exceed the threshold in all of them; `None`
    /// where there is no map.
    pub(crate) fn of(maps: &[Vec<f32>]) -> Option<Self> {
        let (first, rest) = maps.split_first()?;
        let mut least = first.clone();
        for map in rest {
            least.iter_mut().zip(map).for_each(|(a, &b)| *a = a.min(b));
        }
        Some(Self(least))
    }

    /// The positions `[h * w]` of the region at threshold `t`.
    pub fn above(&self, t: f32) -> Vec<bool> {
        self.0.iter().map(|&v| v > t).collect()
    }
}

struct KraSearch {
    rounds: u32,
    masking: Masking,
    regions: KeyRegions,
    start: Start,
    inside: Searcher,
    threshold: f32,
    round: u32,
    region: Vec<bool>,
    phase: Phase,
}

enum Phase {
    /// The attack inside is at work.
    Inside(Box<dyn Search>),
    /// Its masked result is being judged.
    Masked(Vec<f32>),
    Ended(Vec<f32>, bool),
}

/// The search within `regions`; without regions there is nowhere to go.
pub(crate) fn search(
    start: Start,
    params: &Kra,
    regions: Option<KeyRegions>,
    inside: Searcher,
) -> Box<dyn Search> {
    let from = start.from.clone();
    let nowhere = regions.is_none();
    let mut search = KraSearch {
        rounds: params.rounds,
        masking: params.masking,
        region: vec![false; start.clean.len() / 3],
        regions: regions.unwrap_or(KeyRegions(Vec::new())),
        start,
        inside,
        threshold: THRESHOLDS[0] + THRESHOLDS[2],
        round: 0,
        phase: Phase::Ended(from.clone(), false),
    };
    if !nowhere {
        search.phase = search.next(from);
    }
    Box::new(search)
}

impl KraSearch {
    /// The next round, from `x`: a threshold under which there is a region, and the attack inside it.
    fn next(&mut self, x: Vec<f32>) -> Phase {
        let [_, floor, step] = THRESHOLDS;
        loop {
            if self.round == self.rounds {
                return Phase::Ended(x, false);
            }
            self.round += 1;
            self.threshold = (self.threshold - step).max(floor);
            let region = self.regions.above(self.threshold);
            if region.contains(&true) {
                let fresh = match self.masking {
                    Masking::Inside => {
                        region.iter().zip(&self.region).map(|(now, then)| *now && !then).collect()
                    }
                    Masking::After => region.clone(),
                };
                self.region = region;
                let start = Start { from: x, fresh: Some(fresh), ..self.start.clone() };
                self.start.from.clone_from(&start.from);
                return Phase::Inside((self.inside)(&start));
            }
        }
    }
}

impl Search for KraSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        match &self.phase {
            Phase::Inside(inner) => inner.ask(),
            Phase::Masked(x) => Some((Ask::Verdict, x)),
            Phase::Ended(..) => None,
        }
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        let ended = Phase::Ended(Vec::new(), false);
        self.phase = match std::mem::replace(&mut self.phase, ended) {
            Phase::Inside(mut inner) => {
                let masked: Vec<f32>;
                let mut answer = *answer;
                if self.masking == Masking::Inside {
                    let positions = self.region.len();
                    let kept = |(i, &g): (usize, &f32)| if self.region[i % positions] { g } else { 0.0 };
                    masked = answer.direction.iter().enumerate().map(kept).collect();
                    answer.direction = &masked;
                }
                inner.tell(&answer);
                if inner.ask().is_some() {
                    Phase::Inside(inner)
                } else {
                    let (x, met) = inner.end();
                    match self.masking {
                        Masking::Inside if met => Phase::Ended(x, true),
                        Masking::Inside => self.next(x),
                        Masking::After => {
                            let from = &self.start.from;
                            let positions = self.region.len();
                            let kept = |i: usize| if self.region[i % positions] { x[i] } else { from[i] };
                            Phase::Masked((0..x.len()).map(kept).collect())
                        }
                    }
                }
            }
            Phase::Masked(x) if answer.met => Phase::Ended(x, true),
            Phase::Masked(x) => self.next(x),
            ended @ Phase::Ended(..) => ended,
        };
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        match self.phase {
            Phase::Ended(x, met) => (x, met),
            Phase::Inside(_) | Phase::Masked(_) => (self.start.from, false),
        }
    }
}
