//! The Square Attack (Andriushchenko et al., arXiv 1912.00049, algorithms 1 and 2): no gradient, but single squares
//! that move to the faces of the ball where that lowers the margin. What it breaks and others do not hides its
//! gradients.
//!
//! It starts from vertical stripes. The side of a square is that of a share p of all pixels, halved at 0.1, 0.5, 2,
//! 5, 10, 20, 40, 60 and 80 % of the queries, as the authors' code has it. p = 0.8 is that of `AutoAttack` (arXiv
//! 2003.01690); the paper takes 0.05 for networks without defences. `AutoAttack` grants 5000 queries; the default
//! here is what an hour on a laptop allows.

use std::fmt;

use moire_tensor::{Eps, Rng};

use crate::ball::Ball;
use crate::error::Error;
use crate::params::Params;
use crate::search::{Answer, Ask, Search, Start};

/// Parameters of the Square Attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    /// Most queries, at least 1.
    pub queries: u32,
    /// The share of the pixels in the first square, in `(0, 1]`.
    pub p: f32,
}

impl Default for Square {
    fn default() -> Self {
        Self { queries: 1000, p: 0.8 }
    }
}

impl Square {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self { queries: p.count("queries", default.queries)?, p: p.number("p", default.p, 1e-6..=1.0)? })
    }
}

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queries={},p={}", self.queries, self.p)
    }
}

struct SquareSearch {
    params: Square,
    ball: Ball,
    size: [usize; 2],
    rng: Rng,
    best: Vec<f32>,
    margin: f32,
    x: Vec<f32>,
    queries: u32,
    met: bool,
}

pub(crate) fn search(start: &Start, eps: Eps, params: Square) -> Box<dyn Search> {
    let (ball, mut rng, size) = (Ball::new(start.clean.clone(), eps), start.rng.clone(), start.size);
    let width = size[1];
    let stripes: Vec<f32> = (0..3 * width).map(|_| face(&mut rng, ball.eps)).collect();
    let stripe = |i: usize| stripes[i / (size[0] * width) * width + i % width];
    let x: Vec<f32> = (0..ball.clean.len()).map(|i| ball.project(i, stripe(i))).collect();
    let margin = f32::INFINITY;
    Box::new(SquareSearch { params, ball, size, rng, best: x.clone(), margin, x, queries: 0, met: false })
}

/// One of the two faces of the ball, each as likely.
fn face(rng: &mut Rng, eps: f32) -> f32 {
    if rng.below(2) == 0 { eps } else { -eps }
}

/// The share of the pixels in the square of one query out of so many.
fn share(p: f32, query: u32, queries: u32) -> f32 {
    const HALVED: [u32; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
    let at = (u64::from(query) * 10_000 / u64::from(queries)) as u32;
    p / (1u32 << HALVED.iter().filter(|&&from| at > from).count()) as f32
}

impl SquareSearch {
    /// The best point but for one square, whose colours go to a face of the ball each.
    fn propose(&mut self) {
        let [height, width] = self.size;
        let pixels = share(self.params.p, self.queries, self.params.queries) * (height * width) as f32;
        // Less than the whole image, where that is more than a pixel.
        let most = (height.min(width) - 1).max(1);
        let side = (pixels.sqrt().round() as usize).clamp(1, most);
        let [top, left] = [height, width].map(|length| self.rng.below(length - side + 1));
        self.x.clone_from(&self.best);
        // A square that lies there already is no proposal; at the edge of the box no other may exist.
        for _ in 0..16 {
            for channel in 0..3 {
                let change = face(&mut self.rng, self.ball.eps);
                for y in top..top + side {
                    let row = (channel * height + y) * width;
                    (row + left..row + left + side).for_each(|i| self.x[i] = self.ball.project(i, change));
                }
            }
            if self.x != self.best {
                break;
            }
        }
    }
}

impl Search for SquareSearch {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        let goes_on = !self.met && self.queries < self.params.queries;
        goes_on.then_some((Ask::Verdict, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        self.queries += 1;
        self.met = answer.met;
        if answer.margin < self.margin || answer.met {
            self.margin = answer.margin;
            self.best.clone_from(&self.x);
        }
        if !self.met && self.queries < self.params.queries {
            self.propose();
        }
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.best, self.met)
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    /// The authors' schedule for 10,000 queries, and the same stretched to others.
    #[test]
    fn squares_shrink_as_published() {
        let halvings = |query, queries| (0.8 / share(0.8, query, queries)).log2().round() as u32;
        let published =
            [(0, 0), (10, 0), (11, 1), (50, 1), (51, 2), (201, 3), (501, 4), (1001, 5), (2001, 6)];
        let late = [(4001, 7), (6001, 8), (8000, 8), (8001, 9), (9999, 9)];
        for (query, expected) in published.into_iter().chain(late) {
            assert_eq!(halvings(query, 10_000), expected, "query {query}");
        }
        assert_eq!([halvings(1, 1000), halvings(2, 1000), halvings(801, 1000)], [0, 1, 9]);
    }
}
