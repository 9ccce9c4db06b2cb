//! How an ascent over editors combines them, and how that is written.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Repr};
use crate::params::Params;

/// How gradients become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// That of one of them, by its place.
    Single(usize),
    /// One a step, in turn.
    Iterative,
    /// Their mean.
    Uniform,
    /// The mean of their directions: each is divided by its length, so that a steep one counts for no more than others.
    Even,
    /// The shortest vector of their convex hull.
    Mgda,
}

/// What a model's gradient is divided by before [`Combination::Mgda`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regularisation {
    /// 1.
    None,
    /// Its length.
    L2,
    /// The model's loss: MGDA on the losses' logarithms.
    Logarithmic,
    /// 1 / (loss + delta): MGDA on half the squared losses (for delta 0), which lets a model gain the more the less it
    /// is broken. The formula is lost in the paper's text and derived from its claim that the gain is inverse to the
    /// loss; delta is said to be very small.
    #[default]
    Penalty,
}

/// How an ascent over editors combines them. As text it names every part:
/// `models=even,domains=uniform,regularisation=penalty,tau=0.05,enough=0.055`; what a text leaves out is as here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strategy {
    /// Over models: the mean of their directions unless said otherwise, on which more edits break than on the paper's MGDA
    /// (docs/papers.md).
    pub models: Combination,
    /// Over the edits of one model: the mean unless said otherwise, for one gradient serves all.
    pub domains: Combination,
    /// For [`Combination::Mgda`] over models.
    pub regularisation: Regularisation,
    /// The loss above which an edit counts as broken, 0.05 in the paper.
    pub tau: f32,
    /// The loss beyond which an edit is left out of both combinations, so that steps serve those that still stand: tau at
    /// least. A tenth more than tau survives rounding to eight bits. The paper leaves none out: [`Strategy::MOST`].
    pub enough: f32,
}

impl Strategy {
    /// The largest loss there is, the mean squared difference of -1 and 1.
    pub const MOST: f32 = 4.0;

    /// CDMAA's own: MGDA over models with the penalty, the mean over all edits of each.
    pub fn cdmaa() -> Self {
        Self {
            models: Combination::Mgda,
            domains: Combination::Uniform,
            regularisation: Regularisation::Penalty,
            tau: 0.05,
            enough: Self::MOST,
        }
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self { models: Combination::Even, enough: 0.055, ..Self::cdmaa() }
    }
}

/// How combinations are written.
const KNOWN: &str = "single-N, iterative, uniform, even or mgda";

impl FromStr for Combination {
    type Err = Error;

    /// Reads `single-N` (`single` is the first), `iterative`, `uniform`, `even` or `mgda`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let single = || {
            let place = text.strip_prefix("single")?;
            if place.is_empty() { Some(0) } else { place.strip_prefix('-')?.parse().ok() }
        };
        match text {
            "iterative" => Ok(Self::Iterative),
            "uniform" => Ok(Self::Uniform),
            "even" => Ok(Self::Even),
            "mgda" => Ok(Self::Mgda),
            _ => single().map(Self::Single).ok_or_else(|| {
                let known = KNOWN;
                Repr::Combination { what: "combination", text: text.to_owned(), known }.into()
            }),
        }
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(place) => write!(f, "single-{place}"),
            Self::Iterative => f.write_str("iterative"),
            Self::Uniform => f.write_str("uniform"),
            Self::Even => f.write_str("even"),
            Self::Mgda => f.write_str("mgda"),
        }
    }
}

impl Regularisation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::L2, Self::Logarithmic, Self::Penalty];
}

impl FromStr for Regularisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|r| r.to_string() == text).ok_or_else(|| {
            let known = "none, l2, logarithmic or penalty";
            Repr::Combination { what: "regularisation", text: text.to_owned(), known }.into()
        })
    }
}

impl fmt::Display for Regularisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::L2 => "l2",
            Self::Logarithmic => "logarithmic",
            Self::Penalty => "penalty",
        })
    }
}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (mut p, default) = (Params::new("strategy", text)?, Self::default());
        let expected = KNOWN;
        let models = p.take("models", expected, default.models, |t| t.parse().ok())?;
        let domains = p.take("domains", expected, default.domains, |t| t.parse().ok())?;
        let expected = "none, l2, logarithmic or penalty";
        let regularisation =
            p.take("regularisation", expected, default.regularisation, |t| t.parse().ok())?;
        let tau = p.number("tau", default.tau, 0.0..=Self::MOST)?;
        let enough = p.number("enough", default.enough.max(tau), tau..=Self::MOST)?;
        p.finish()?;
        Ok(Self { models, domains, regularisation, tau, enough })
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { models, domains, regularisation, tau, enough } = self;
        write!(
            f,
            "models={models},domains={domains},regularisation={regularisation},tau={tau},enough={enough}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Combination, Regularisation, Strategy};

    #[test]
    fn texts_go_there_and_back() {
        use Combination::{Even, Iterative, Mgda, Single, Uniform};
        let all = [Single(3), Iterative, Uniform, Even, Mgda];
        for models in all {
            for domains in all {
                for regularisation in Regularisation::ALL {
                    let strategy = Strategy { models, domains, regularisation, tau: 0.1, enough: 4.0 };
                    assert_eq!(strategy.to_string().parse::<Strategy>().unwrap(), strategy);
                }
            }
        }
        let text = "models=even,domains=uniform,regularisation=penalty,tau=0.05,enough=0.055";
        assert_eq!(Strategy::default().to_string(), text);
        assert_eq!("".parse::<Strategy>().unwrap(), Strategy::default());
        let single: Strategy = " domains = single ".parse().unwrap();
        assert_eq!(single, Strategy { domains: Single(0), ..Strategy::default() });
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Strategy>().unwrap_err().to_string();
        assert_eq!(
            error("models=all"),
            "strategy: models is single-N, iterative, uniform, even or mgda, found 'all'"
        );
        assert!(error("penalty=1").contains("it has models, domains, regularisation, tau, enough"));
        assert!(error("tau=0.1,enough=0.09").contains("enough is a number from 0.1 to 4, found '0.09'"));
        for text in ["models=single-x", "models=single1", "tau=nan", "models", "tau=5"] {
            assert!(text.parse::<Strategy>().is_err(), "{text}");
        }
    }
}
