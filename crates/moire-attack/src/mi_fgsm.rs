//! The momentum iterative method (Dong et al., arXiv 1710.06081, algorithm 1):
//! m <- mu m + g / ||g||_1, x <- project(x + alpha sign(m)). A gradient of zero adds nothing to m.

use std::fmt;

use moire_tensor::Eps;

use crate::error::Error;
use crate::params::{Params, Walk};
use crate::search::{Search, Start};
use crate::sign::SignMethod;

/// Parameters of the momentum iterative method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MiFgsm {
    /// How it walks.
    pub walk: Walk,
    /// How much of the earlier directions is kept, 0 or more.
    pub mu: f32,
}

impl Default for MiFgsm {
    fn default() -> Self {
        Self { walk: Walk::default(), mu: 1.0 }
    }
}

impl MiFgsm {
    pub(crate) fn read(p: &mut Params<'_>) -> Result<Self, Error> {
        let default = Self::default();
        Ok(Self { walk: p.walk()?, mu: p.number("mu", default.mu, 0.0..=1e3)? })
    }
}

impl fmt::Display for MiFgsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},mu={}", self.walk, self.mu)
    }
}

pub(crate) fn search(start: &Start, eps: Eps, params: MiFgsm) -> Box<dyn Search> {
    let (alpha, steps) = (params.walk.alpha.value(eps), params.walk.steps);
    SignMethod { random_start: false, alpha, steps, momentum: Some(params.mu) }.search(start, eps)
}
