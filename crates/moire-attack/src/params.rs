//! Parameters as text.

use std::fmt;
use std::ops::RangeInclusive;

use moire_tensor::Eps;

use crate::error::{Error, Repr};

/// The length of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alpha {
    /// The budget divided by a number of at least 1.
    OfEps(f32),
    /// A length on the scale of pixels in `[0, 1]`.
    Fixed(Eps),
}

impl Default for Alpha {
    fn default() -> Self {
        Self::OfEps(4.0)
    }
}

impl Alpha {
    /// The length under a budget.
    pub fn value(self, eps: Eps) -> f32 {
        match self {
            Self::OfEps(divisor) => eps.value() / divisor,
            Self::Fixed(alpha) => alpha.value(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("eps") {
            Some("") => Some(Self::OfEps(1.0)),
            Some(rest) => {
                let divisor = rest.strip_prefix('/')?.parse().ok()?;
                (1.0..=1e6).contains(&divisor).then_some(Self::OfEps(divisor))
            }
            None => text.parse().ok().filter(|a: &Eps| a.value() > 0.0).map(Self::Fixed),
        }
    }
}

impl fmt::Display for Alpha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfEps(divisor) => write!(f, "eps/{divisor}"),
            Self::Fixed(alpha) => write!(f, "{alpha}"),
        }
    }
}

/// How an iterative attack walks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// Most steps, at least 1.
    pub steps: u32,
    /// The length of a step.
    pub alpha: Alpha,
}

impl Default for Walk {
    fn default() -> Self {
        Self { steps: 10, alpha: Alpha::default() }
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "steps={},alpha={}", self.steps, self.alpha)
    }
}

/// The `name=value` pairs of one attack, each to be taken by its name.
pub(crate) struct Params<'a> {
    attack: &'static str,
    known: Vec<&'static str>,
    left: Vec<(&'a str, &'a str)>,
}

impl<'a> Params<'a> {
    /// # Errors
    /// A part is not `name=value`, or a name stands twice.
    pub(crate) fn new(attack: &'static str, text: &'a str) -> Result<Self, Error> {
        let mut left: Vec<(&str, &str)> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                Some((name, value)) if left.iter().all(|(n, _)| *n != name.trim()) => {
                    left.push((name.trim(), value.trim()));
                }
                _ => return Err(Repr::Syntax { text: format!("{attack}({text})") }.into()),
            }
        }
        Ok(Self { attack, known: Vec::new(), left })
    }

    /// A whole number from 1.
    pub(crate) fn count(&mut self, parameter: &'static str, default: u32) -> Result<u32, Error> {
        let parse = |text: &str| text.parse().ok().filter(|n| (1..=1_000_000).contains(n));
        self.take(parameter, "a whole number from 1 to 1000000", default, parse)
    }

    /// A number within `range`.
    pub(crate) fn number(
        &mut self,
        parameter: &'static str,
        default: f32,
        range: RangeInclusive<f32>,
    ) -> Result<f32, Error> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.take(parameter, &expected, default, |text| text.parse().ok().filter(|v| range.contains(v)))
    }

    /// A value that has no default.
    pub(crate) fn needed<T>(
        &mut self,
        parameter: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let attack = self.attack;
        let missing =
            || Repr::Value { attack, parameter, expected: expected.to_owned(), found: String::new() };
        self.take(parameter, expected, None, |text| parse(text).map(Some))?.ok_or_else(|| missing().into())
    }

    pub(crate) fn take<T>(
        &mut self,
        parameter: &'static str,
        expected: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        self.known.push(parameter);
        let Some(at) = self.left.iter().position(|(name, _)| *name == parameter) else { return Ok(default) };
        let (_, text) = self.left.remove(at);
        let attack = self.attack;
        parse(text).ok_or_else(|| {
            let (expected, found) = (expected.to_owned(), text.to_owned());
            Repr::Value { attack, parameter, expected, found }.into()
        })
    }

    pub(crate) fn walk(&mut self) -> Result<Walk, Error> {
        let default = Walk::default();
        let steps = self.count("steps", default.steps)?;
        let expected = "a step such as 1/255 or a share such as eps/4";
        Ok(Walk { steps, alpha: self.take("alpha", expected, default.alpha, Alpha::parse)? })
    }

    /// # Errors
    /// A parameter was given that nobody took.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => {
                let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
                Err(Repr::UnknownParameter { attack: self.attack, name: (*name).to_owned(), known }.into())
            }
        }
    }
}
