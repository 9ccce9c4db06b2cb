use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text;

/// What a study may use.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Looks at the network that an image may take under any attack, gradients and queries together; what was found by
    /// then counts. Nothing where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub steps: Option<u32>,
    /// How long one run may take, as 90s, 30min, 8h or 2d: it then stops cleanly, and goes on when it is run again.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub time: Option<Time>,
    /// What compiled networks may take, as 900MB or 2GiB: fewer images then run at once, with the same results. It is that
    /// of one detector, which is attacked or judges, or of all editors together.
    #[serde(with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub memory: Option<Memory>,
}

/// A length of time in seconds, written as `90s`, `30min`, `8h` or `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Time(pub u64);

/// An amount of memory in bytes, written in powers of 1000, as `900MB` or `4GB`, or of 1024, as `900MiB` or `4GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Memory(pub u64);

const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
const AMOUNTS: [(&str, u64); 4] =
    [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000)];

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let value = number.parse::<f64>().ok()? * *size as f64;
    (1.0..1e15).contains(&value).then_some(value as u64)
}

/// In the largest unit of which it is a whole number.
fn show(value: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (name, size) = units.iter().find(|(_, size)| value % size == 0).unwrap_or(&units[units.len() - 1]);
    write!(f, "{}{name}", value.div_ceil(*size))
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text, &TIMES)
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no time: expected 90s, 30min, 8h or 2d"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, &TIMES, f)
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = read(text, &AMOUNTS).map(Self);
        read.ok_or_else(|| format!("'{text}' is no amount of memory: expected 900MB, 4GB, 900MiB or 4GiB"))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, &AMOUNTS, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, Time};

    #[test]
    fn units_are_read_and_written() {
        for text in ["90s", "30min", "8h", "2d"] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
        assert_eq!("1.5h".parse::<Time>().unwrap().to_string(), "90min");
        for text in ["900MB", "4GB", "900MiB", "4GiB"] {
            assert_eq!(text.parse::<Memory>().unwrap().to_string(), text);
        }
        assert_eq!("2048MiB".parse::<Memory>().unwrap(), Memory(2 << 30));
        assert_eq!("0.5 GB".parse::<Memory>().unwrap().to_string(), "500MB");
        assert_eq!(Memory(1_234_567_890).to_string(), "1235MB", "rounded up: what is shown is enough");
        for text in ["8", "h", "8 hours", "-1h", "0s", "1e9h", "4.2.1GB", "∞d"] {
            assert!(text.parse::<Time>().is_err() && text.parse::<Memory>().is_err(), "{text}");
        }
    }
}
