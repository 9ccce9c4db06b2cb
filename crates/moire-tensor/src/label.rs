use std::fmt;

/// What an image is, or what a detector calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// A photograph.
    Real,
    /// Made or changed by a network or a forger.
    Fake,
}

impl Label {
    /// +1 for fake, -1 for real: a detector's margin times this is positive where it is right.
    pub fn sign(self) -> f32 {
        match self {
            Self::Real => -1.0,
            Self::Fake => 1.0,
        }
    }

    /// What a detector with this margin towards fake decides. Exactly 0 is real.
    pub fn of_margin(margin: f64) -> Self {
        if margin > 0.0 { Self::Fake } else { Self::Real }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Real => "real",
            Self::Fake => "fake",
        })
    }
}
