use std::fmt;
use std::str::FromStr;

use moire_tensor::Eps;

use crate::ascent::{Ascent, Samples};
use crate::error::{Error, Repr};
use crate::fgsm::fgsm;
use crate::i_fgsm::i_fgsm;
use crate::mi_fgsm::{MiFgsm, mi_fgsm};
use crate::outcome::{Criterion, Outcome};
use crate::params::{Params, Walk};
use crate::pgd::pgd;
use crate::urn::urn;

/// An attack with its parameters. Its text names every one of them: `pgd(steps=10,alpha=eps/4)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attack {
    /// [`fgsm`].
    Fgsm,
    /// [`i_fgsm`].
    IFgsm(Walk),
    /// [`pgd`].
    Pgd(Walk),
    /// [`mi_fgsm`].
    MiFgsm(MiFgsm),
    /// [`urn`].
    Urn,
}

impl Attack {
    /// The names of all attacks, each with one sentence.
    pub const ALL: &'static [(&'static str, &'static str)] = &[
        ("fgsm", "one step of the whole budget along the gradient's sign"),
        ("i_fgsm", "the same in small steps, from the image itself"),
        ("pgd", "the same from a random point of the ball"),
        ("mi_fgsm", "the same with momentum, which transfers better"),
        ("urn", "uniform random noise: the control that every attack has to beat"),
    ];

    /// Reads attacks between commas, those inside parentheses apart: `fgsm,pgd(steps=40,alpha=1/255)`.
    ///
    /// # Errors
    /// As reading one.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        let mut depth = 0usize;
        let mut parts = vec![String::new()];
        for c in text.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            parts.last_mut().expect("there is always a part").push(c);
        }
        parts.iter().map(|part| part.parse()).collect()
    }

    /// The attack's name without parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fgsm => "fgsm",
            Self::IFgsm(_) => "i_fgsm",
            Self::Pgd(_) => "pgd",
            Self::MiFgsm(_) => "mi_fgsm",
            Self::Urn => "urn",
        }
    }

    /// Runs the attack within an L-infinity budget.
    ///
    /// # Errors
    /// The network cannot run, or answers with something that is not finite.
    pub fn run(
        &self,
        ascent: &mut dyn Ascent,
        samples: &Samples<'_>,
        eps: Eps,
        criterion: Criterion,
    ) -> Result<Outcome, Error> {
        match self {
            Self::Fgsm => fgsm(ascent, samples, eps, criterion),
            Self::IFgsm(walk) => i_fgsm(ascent, samples, eps, *walk, criterion),
            Self::Pgd(walk) => pgd(ascent, samples, eps, *walk, criterion),
            Self::MiFgsm(params) => mi_fgsm(ascent, samples, eps, *params, criterion),
            Self::Urn => urn(ascent, samples, eps, criterion),
        }
    }
}

impl FromStr for Attack {
    type Err = Error;

    /// Reads `NAME` or `NAME(parameter=value,..)`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let (name, inside) = match text.split_once('(') {
            None => (text, ""),
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| Repr::Syntax { text: text.to_owned() })?;
                (name.trim(), inside)
            }
        };
        let Some(&(name, _)) = Self::ALL.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            return Err(Repr::UnknownAttack { name: name.to_owned(), known: known.join(", ") }.into());
        };
        let mut params = Params::new(name, inside)?;
        let attack = match name {
            "fgsm" => Self::Fgsm,
            "i_fgsm" => Self::IFgsm(params.walk()?),
            "pgd" => Self::Pgd(params.walk()?),
            "mi_fgsm" => {
                let (walk, default) = (params.walk()?, MiFgsm::default());
                Self::MiFgsm(MiFgsm { walk, mu: params.mu(default.mu)? })
            }
            _ => Self::Urn,
        };
        params.finish()?;
        Ok(attack)
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Fgsm | Self::Urn => f.write_str(name),
            Self::IFgsm(walk) | Self::Pgd(walk) => write!(f, "{name}({walk})"),
            Self::MiFgsm(MiFgsm { walk, mu }) => write!(f, "{name}({walk},mu={mu})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Attack;
    use crate::ErrorKind;

    #[test]
    fn texts_go_there_and_back() {
        for (name, _) in Attack::ALL {
            let attack: Attack = name.parse().unwrap();
            assert_eq!(attack.name(), *name);
            assert_eq!(attack.to_string().parse::<Attack>().unwrap(), attack);
        }
        let pgd: Attack = " pgd( steps = 40, alpha=1/255 ) ".parse().unwrap();
        assert_eq!(pgd.to_string(), "pgd(steps=40,alpha=1/255)");
    }

    #[test]
    fn lists_respect_parentheses() {
        let list = Attack::parse_list("fgsm, pgd(steps=40,alpha=1/255),urn").unwrap();
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["fgsm", "pgd(steps=40,alpha=1/255)", "urn"]);
        assert!(Attack::parse_list("fgsm,,urn").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Attack>().unwrap_err();
        assert_eq!(
            error("pdg").to_string(),
            "there is no attack 'pdg': there are fgsm, i_fgsm, pgd, mi_fgsm, urn"
        );
        assert_eq!(error("fgsm(steps=3)").to_string(), "fgsm has no parameter 'steps': it has none");
        assert_eq!(error("pgd(mu=1)").to_string(), "pgd has no parameter 'mu': it has steps, alpha");
        assert_eq!(
            error("pgd(steps=0)").to_string(),
            "pgd: steps is a whole number from 1 to 1000000, found '0'"
        );
        for text in ["pgd(", "pgd(steps)", "pgd(steps=1,steps=2)", "", "pgd(alpha=eps/0)", "pgd(alpha=0)"] {
            assert_eq!(error(text).kind(), ErrorKind::Parse, "{text}");
        }
    }
}
