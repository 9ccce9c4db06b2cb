use std::collections::BTreeMap;
use std::path::Path;

use moire_study::Record;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};

/// The largest plan that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A rating experiment as a TOML file: what is shown, how often, to how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatePlan {
    /// What raters read at the top of every page; says nothing about conditions.
    pub title: String,
    /// Fixes which images, which order and which sides.
    #[serde(default)]
    pub seed: u64,
    /// Pairs a condition; fewer where the study has fewer.
    #[serde(default = "within::<300, 1, 2000>")]
    pub pairs: Within<1, 2000>,
    /// Pairs a set, golden and trap pairs among them.
    #[serde(default = "within::<21, 2, 200>")]
    pub set: Within<2, 200>,
    /// Pairs a set whose change nobody can miss.
    #[serde(default = "within::<1, 0, 20>")]
    pub golden: Within<0, 20>,
    /// Pairs a set where the page says which answer to give.
    #[serde(default = "within::<1, 0, 20>")]
    pub traps: Within<0, 20>,
    /// Sets that one person may rate.
    #[serde(default = "within::<5, 1, 100>")]
    pub sets_per_rater: Within<1, 100>,
    /// People who rate each pair.
    #[serde(default = "within::<20, 1, 1000>")]
    pub ratings_per_pair: Within<1, 1000>,
    /// Pairs to practise on; their answers are not kept.
    #[serde(default = "within::<4, 0, 20>")]
    pub training: Within<0, 20>,
    /// Whether raters see a plate for colour vision and a strip for their screen's contrast.
    #[serde(default)]
    pub screen_check: ScreenCheck,
    /// Minutes without an answer after which a set may go to somebody else.
    #[serde(default = "within::<60, 1, 10_080>")]
    pub lease_minutes: Within<1, 10_080>,
    /// People who may come by the open link.
    #[serde(default = "within::<2000, 0, 1_000_000>")]
    pub max_raters: Within<0, 1_000_000>,
    /// Files with the text that people agree to, beside the plan, by language. Its languages are the experiment's.
    pub consent: BTreeMap<String, String>,
    /// What is compared with the clean image.
    pub condition: Vec<Condition>,
}

/// One attack and budget of the study, on one network; or the clean image against itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What tables call it. Raters never see it.
    pub name: String,
    /// The network, as the study's records have it.
    pub network: String,
    /// The attack with its parameters, as the study's records have it; `clean` is the image against itself.
    pub attack: String,
    /// The spelling of the budget; absent where the records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eps: Option<String>,
    /// The data set, where only one of several is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The data set that a universal change was made of, where there are changes of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<String>,
    /// When an image counted as done, where the study has the attack with several criteria.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// Which of its images are shown.
    #[serde(default)]
    pub images: Shown,
}

/// Which images of a condition are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Those that were attacked: the network called them correctly before. The rest were left as they are, and
    /// would pass for invisible changes.
    #[default]
    Attacked,
    /// Those whose saved file the network calls wrongly.
    Fooled,
}

/// Whether raters see the checks of colour vision and contrast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenCheck {
    /// They do; a failure is a flag, and shuts nobody out.
    #[default]
    Ask,
    /// They do not.
    Skip,
}

/// A number from `LOW` to `HIGH`, checked where it is read, so that the message names its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub struct Within<const LOW: u32, const HIGH: u32>(u32);

impl<const LOW: u32, const HIGH: u32> Within<LOW, HIGH> {
    /// The number, as a count.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const LOW: u32, const HIGH: u32> TryFrom<u32> for Within<LOW, HIGH> {
    type Error = String;

    fn try_from(value: u32) -> Result<Self, String> {
        if (LOW..=HIGH).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("expected {LOW} to {HIGH}, found {value}"))
        }
    }
}

impl<const LOW: u32, const HIGH: u32> From<Within<LOW, HIGH>> for u32 {
    fn from(value: Within<LOW, HIGH>) -> Self {
        value.0
    }
}

const fn within<const VALUE: u32, const LOW: u32, const HIGH: u32>() -> Within<LOW, HIGH> {
    assert!(LOW <= VALUE && VALUE <= HIGH);
    Within(VALUE)
}

impl RatePlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// It is no plan, with the line and column; a number is out of its range; two conditions share a name or
    /// compare the same; a set has no room for what is rated.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = moire_study::files::read(path, LONGEST)?;
        let text = String::from_utf8_lossy(&bytes);
        let plan: Self = toml::from_str(&text)
            .map_err(|source| Repr::Toml { path: path.to_owned(), source: Box::new(source) })?;
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), Error> {
        if self.condition.is_empty() {
            return Err(Error::plan("condition", "at least one", "none"));
        }
        if self.rated() == 0 {
            let extra = format!("golden = {}, traps = {}", self.golden.get(), self.traps.get());
            return Err(Error::plan(
                "set",
                format!("more than the {extra} together"),
                self.set.get().to_string(),
            ));
        }
        for (i, c) in self.condition.iter().enumerate() {
            let same = |o: &Condition| {
                (&o.network, &o.attack, &o.eps) == (&c.network, &c.attack, &c.eps)
                    && (&o.data, &o.made_of, &o.criterion) == (&c.data, &c.made_of, &c.criterion)
            };
            if self.condition[..i].iter().any(|o| o.name == c.name || same(o)) {
                return Err(Error::plan(format!("condition '{}'", c.name), "to be there once", "it again"));
            }
            if c.name.trim().is_empty() {
                return Err(Error::plan("condition", "a name", "none"));
            }
        }
        if self.consent.is_empty() {
            return Err(Error::plan("consent", "a file for at least one language", "none"));
        }
        let language =
            |l: &String| (2..=8).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if let Some(odd) = self.consent.keys().find(|l| !language(l)) {
            return Err(Error::plan("consent", "languages such as en or pt-br", odd.as_str()));
        }
        Ok(())
    }

    /// Pairs a set that are neither golden nor traps.
    pub fn rated(&self) -> usize {
        self.set.get().saturating_sub(self.golden.get() + self.traps.get())
    }

    /// The plan as text, every default filled in.
    ///
    /// # Errors
    /// A number in it is none that TOML has.
    pub fn text(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::plan("the plan", "TOML", e.to_string()))
    }

    /// A plan to begin with: every attack and budget of the study, and clean against itself.
    pub fn proposed(records: &[Record]) -> Self {
        let mut condition: Vec<Condition> = Vec::new();
        for record in records {
            let eps = record.eps.as_ref().map(|e| e.text().to_owned());
            // What tells it from others of the study, and no more.
            let differs = |other: &dyn Fn(&Record) -> bool| {
                records.iter().any(|r| r.attack == record.attack && other(r))
            };
            let data = differs(&|r| r.data != record.data).then(|| record.data.clone());
            let criterion =
                differs(&|r| r.criterion != record.criterion).then(|| record.criterion.to_string());
            let made_of = record.made_of.clone();
            let mut name = record.attack.clone();
            name += &eps.as_ref().map_or(String::new(), |eps| format!(" at {eps}"));
            name += &criterion.as_ref().map_or(String::new(), |c| format!(" ({c})"));
            name += &made_of.as_ref().map_or(String::new(), |data| format!(" of {data}"));
            name += ", ";
            name += &record.network;
            name += &data.as_ref().map_or(String::new(), |data| format!(" on {data}"));
            if !condition.iter().any(|c| c.name == name) {
                let (network, attack) = (record.network.clone(), record.attack.clone());
                let images = Shown::Attacked;
                condition.push(Condition { name, network, attack, eps, data, made_of, criterion, images });
            }
        }
        Self {
            title: "What do you see?".to_owned(),
            seed: 0,
            pairs: within::<300, 1, 2000>(),
            set: within::<21, 2, 200>(),
            golden: within::<1, 0, 20>(),
            traps: within::<1, 0, 20>(),
            sets_per_rater: within::<5, 1, 100>(),
            ratings_per_pair: within::<20, 1, 1000>(),
            training: within::<4, 0, 20>(),
            screen_check: ScreenCheck::Ask,
            lease_minutes: within::<60, 1, 10_080>(),
            max_raters: within::<2000, 0, 1_000_000>(),
            consent: ["en", "de"].map(|l| (l.to_owned(), format!("consent.{l}.txt"))).into(),
            condition,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RatePlan;
    use crate::ErrorKind;

    const PLAN: &str = "title = 'A test'\nconsent = { en = 'c.txt' }\n\
                        [[condition]]\nname = 'pgd'\nnetwork = 'n'\nattack = 'pgd'\neps = '4/255'\n";

    fn read(text: &str) -> Result<RatePlan, crate::Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        RatePlan::read(&path)
    }

    #[test]
    fn the_papers_numbers_are_the_defaults() {
        let plan = read(PLAN).unwrap();
        assert_eq!(
            (plan.pairs.get(), plan.set.get(), plan.sets_per_rater.get(), plan.rated()),
            (300, 21, 5, 19)
        );
        assert_eq!(read(&plan.text().unwrap()).unwrap(), plan, "a plan is its text");
    }

    #[test]
    fn errors_name_the_line_and_what_was_found() {
        for (wrong, place, found) in [
            ("sett = 3\n", "line 1", "sett"),
            ("set = 1\n", "line 1", "expected 2 to 200, found 1"),
            ("set = 2\n", "set: expected more than", "2"),
            ("golden = 'x'\n", "line 1", "string"),
        ] {
            let error = read(&format!("{wrong}{PLAN}")).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Plan);
            assert!(text.contains(place) && text.contains(found), "{text}");
        }
        let twice = format!("{PLAN}{}", PLAN.split_once("[[").map(|(_, c)| format!("[[{c}")).unwrap());
        assert!(read(&twice).unwrap_err().to_string().contains("once"));
        assert!(read("title = 1").is_err() && read("\u{0}").is_err());
    }
}
