//! How an ascent over editors combines them, and how that is written.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Repr};
use crate::params::Params;

/// How gradients become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combination {
    /// That of one of them, by its place.
    Single(usize),
    /// One a step, in turn.
    Iterative,
    /// Their mean.
    Uniform,
    /// The shortest vector of their convex hull.
    #[default]
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
/// `models=mgda,domains=uniform,regularisation=penalty,tau=0.05`; what a text leaves out is as here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strategy {
    /// Over models.
    pub models: Combination,
    /// Over the edits of one model: the mean unless said otherwise, for one gradient serves all.
    pub domains: Combination,
    /// For [`Combination::Mgda`] over models.
    pub regularisation: Regularisation,
    /// The loss above which an edit counts as broken, 0.05 in the paper.
    pub tau: f32,
}

impl Default for Strategy {
    fn default() -> Self {
        let (models, domains) = (Combination::Mgda, Combination::Uniform);
        Self { models, domains, regularisation: Regularisation::default(), tau: 0.05 }
    }
}

impl FromStr for Combination {
    type Err = Error;

    /// Reads `single-N` (`single` is the first), `iterative`, `uniform` or `mgda`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let single = || {
            let place = text.strip_prefix("single")?;
            if place.is_empty() { Some(0) } else { place.strip_prefix('-')?.parse().ok() }
        };
        match text {
            "iterative" => Ok(Self::Iterative),
            "uniform" => Ok(Self::Uniform),
            "mgda" => Ok(Self::Mgda),
            _ => single().map(Self::Single).ok_or_else(|| {
                let known = "single-N, iterative, uniform or mgda";
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
        let expected = "single-N, iterative, uniform or mgda";
        let models = p.take("models", expected, default.models, |t| t.parse().ok())?;
        let domains = p.take("domains", expected, default.domains, |t| t.parse().ok())?;
        let expected = "none, l2, logarithmic or penalty";
        let regularisation =
            p.take("regularisation", expected, default.regularisation, |t| t.parse().ok())?;
        let tau = p.number("tau", default.tau, 0.0..=4.0)?;
        p.finish()?;
        Ok(Self { models, domains, regularisation, tau })
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { models, domains, regularisation, tau } = self;
        write!(f, "models={models},domains={domains},regularisation={regularisation},tau={tau}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Combination, Regularisation, Strategy};

    #[test]
    fn texts_go_there_and_back() {
        let all = [Combination::Single(3), Combination::Iterative, Combination::Uniform, Combination::Mgda];
        for models in all {
            for domains in all {
                for regularisation in Regularisation::ALL {
                    let strategy = Strategy { models, domains, regularisation, tau: 0.1 };
                    assert_eq!(strategy.to_string().parse::<Strategy>().unwrap(), strategy);
                }
            }
        }
        let text = "models=mgda,domains=uniform,regularisation=penalty,tau=0.05";
        assert_eq!(Strategy::default().to_string(), text);
        assert_eq!("".parse::<Strategy>().unwrap(), Strategy::default());
        let single: Strategy = " domains = single ".parse().unwrap();
        assert_eq!(single, Strategy { domains: Combination::Single(0), ..Strategy::default() });
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Strategy>().unwrap_err().to_string();
        assert_eq!(
            error("models=all"),
            "strategy: models is single-N, iterative, uniform or mgda, found 'all'"
        );
        assert!(error("penalty=1").contains("it has models, domains, regularisation, tau"));
        for text in ["models=single-x", "models=single1", "tau=nan", "models", "tau=5"] {
            assert!(text.parse::<Strategy>().is_err(), "{text}");
        }
    }
}
