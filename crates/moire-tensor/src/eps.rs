use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Repr};

/// How large a change may be, on the scale of pixels in `[0, 1]`.
///
/// It is the bound of an L-infinity ball unless an attack says otherwise. Written as a fraction of 255
/// (`4/255`) or as a number (`0.0157`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Eps(f32);

impl Eps {
    /// A budget on the scale of pixels in `[0, 1]`.
    ///
    /// # Errors
    /// The value lies outside `[0, 1]` or is not finite: whoever means 8 of 255 says [`Eps::from_u8`].
    pub fn new(value: f32) -> Result<Self, Error> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(Repr::Eps { value }.into()) }
    }

    /// A budget of `levels` of the 255 steps of an 8-bit file.
    pub fn from_u8(levels: u8) -> Result<Self, Error> {
        Self::new(f32::from(levels) / 255.0)
    }

    /// The bound on the scale of pixels in `[0, 1]`.
    pub fn value(self) -> f32 {
        self.0
    }

    /// The bound in steps of an 8-bit file.
    pub fn levels(self) -> f32 {
        self.0 * 255.0
    }
}

impl FromStr for Eps {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |s: &str| s.trim().parse::<f32>().ok().filter(|v| v.is_finite());
        let value = match text.split_once('/') {
            Some((a, b)) => number(a).zip(number(b)).filter(|&(_, b)| b > 0.0).map(|(a, b)| a / b),
            None => number(text),
        };
        Self::new(value.ok_or_else(|| Repr::ParseEps { text: text.to_owned() })?)
    }
}

impl fmt::Display for Eps {
    /// `4/255` where the bound is within a thousandth of a whole step, else the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels = self.levels();
        if (levels - levels.round()).abs() < 1e-3 {
            write!(f, "{}/255", levels.round())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Eps;
    use crate::ErrorKind;

    #[test]
    fn both_spellings_are_read_and_written() {
        assert_eq!("4/255".parse::<Eps>().unwrap(), Eps::from_u8(4).unwrap());
        assert_eq!("0.05".parse::<Eps>().unwrap().to_string(), "0.05");
        assert_eq!(Eps::from_u8(8).unwrap().to_string(), "8/255");
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!("8".parse::<Eps>().unwrap_err().kind(), ErrorKind::Range);
        for text in ["", "x", "1/0", "nan", "1/", "-1/255x"] {
            assert_eq!(text.parse::<Eps>().unwrap_err().kind(), ErrorKind::Parse, "{text}");
        }
        assert!("-1/255".parse::<Eps>().is_err());
    }
}
