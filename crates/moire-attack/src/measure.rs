use std::fmt;

use moire_tensor::Norm;

/// Which size of a change an attack keeps small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// The Euclidean length.
    #[default]
    L2,
    /// The largest change.
    Linf,
}

impl Measure {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::L2, Self::Linf].into_iter().find(|m| m.to_string() == text)
    }

    /// The size of a change.
    pub(crate) fn of(self, change: impl IntoIterator<Item = f32>) -> f64 {
        match self {
            Self::L2 => Norm::L2.of(change),
            Self::Linf => Norm::Linf.of(change),
        }
    }

    /// How much the margin changes at most under a change of size 1, by its gradient: the dual norm.
    pub(crate) fn dual(self, gradient: impl IntoIterator<Item = f32>) -> f64 {
        match self {
            Self::L2 => Norm::L2.of(gradient),
            Self::Linf => Norm::L1.of(gradient),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L2 => "l2",
            Self::Linf => "linf",
        })
    }
}
