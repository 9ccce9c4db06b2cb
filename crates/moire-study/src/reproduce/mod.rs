//! The tables of three papers, made again: what is asked for, and how the answers read beside what was published.

mod cdmaa;
mod ffm;
mod kra;

use std::path::{Path, PathBuf};

use moire_attack::Attack;

use crate::error::Error;
use crate::plan::Plan;
use crate::protection::Protection;
use crate::record::Record;
use crate::summary::{Group, Share, Summary};
use crate::words::number;

pub use cdmaa::aligned_faces;

/// A paper whose experiments can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// The Key Region Attack (arXiv 2106.01615).
    Kra,
    /// The attacks on facial forensics models (arXiv 1911.00660).
    Ffm,
    /// The attack on editors across domains and models (doi 10.3390/fi14020046).
    Cdmaa,
}

/// How much of an experiment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A few images and steps, to see that all of it works.
    Smoke,
    /// All images, and the attacks' own parameters.
    Full,
}

/// A table in words: what was measured here, and what was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperTable {
    /// What it shows, and which table of the paper it answers to.
    pub title: String,
    /// What stands in the columns.
    pub head: Vec<&'static str>,
    /// Rows of as many texts; the first says whether they are the paper's or made here.
    pub rows: Vec<Vec<String>>,
    /// How the conditions differ, a sentence each.
    pub notes: Vec<&'static str>,
}

impl Paper {
    /// Its title and where it is.
    pub fn title(self) -> &'static str {
        match self {
            Self::Kra => "Imperceptible adversarial examples for fake image detection (arXiv 2106.01615)",
            Self::Ffm => "Security of facial forensics models against adversarial attacks (arXiv 1911.00660)",
            Self::Cdmaa => {
                "Adversarial attack against deepfake across domains and models (doi 10.3390/fi14020046)"
            }
        }
    }

    /// The plan of its experiments, which is a file of `plans/`: detectors and data, or editors and photographs, are still to
    /// be named.
    pub fn plan(self, scale: Scale) -> Plan {
        let text = match (self, scale) {
            (Self::Kra, Scale::Smoke) => include_str!("../../../../plans/kra-smoke.toml"),
            (Self::Kra, Scale::Full) => include_str!("../../../../plans/kra.toml"),
            (Self::Ffm, Scale::Smoke) => include_str!("../../../../plans/ffm-smoke.toml"),
            (Self::Ffm, Scale::Full) => include_str!("../../../../plans/ffm.toml"),
            (Self::Cdmaa, Scale::Smoke) => include_str!("../../../../plans/cdmaa-smoke.toml"),
            (Self::Cdmaa, Scale::Full) => include_str!("../../../../plans/cdmaa.toml"),
        };
        Plan::draft(text).expect("the plans that come with the program are plans")
    }

    /// Its tables, from what that plan's study came to.
    pub fn tables(self, results: &Results<'_>) -> Vec<PaperTable> {
        match self {
            Self::Kra => kra::tables(results.summary),
            Self::Ffm => ffm::tables(results.summary),
            Self::Cdmaa => cdmaa::all(results.protections),
        }
    }

    /// Draws its figures of editors, from the files of that plan's study into its folder: where each is, and what it shows.
    ///
    /// # Errors
    /// A file is missing, or the disk is full.
    pub fn figures(self, study: &Path, results: &Results<'_>) -> Result<Vec<(PathBuf, String)>, Error> {
        match self {
            Self::Kra | Self::Ffm => Ok(Vec::new()),
            Self::Cdmaa => cdmaa::draw(study, results.protections),
        }
    }
}

/// What a study came to.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// All its records.
    pub records: &'a [Record],
    /// What they add up to.
    pub summary: &'a Summary,
    /// All its protected photographs.
    pub protections: &'a [Protection],
}

impl Scale {
    /// At most so many images of each label, where nothing else is said.
    pub fn limit(self) -> Option<usize> {
        match self {
            Self::Smoke => Some(2),
            Self::Full => None,
        }
    }

    /// So many faces to protect, where nothing else is said.
    pub fn faces(self) -> usize {
        match self {
            Self::Smoke => 2,
            Self::Full => 50,
        }
    }
}

impl PaperTable {
    fn new(title: &str, head: &[&'static str], notes: &[&'static str]) -> Self {
        Self { title: title.to_owned(), head: head.to_vec(), rows: Vec::new(), notes: notes.to_vec() }
    }

    /// A row of the paper; what is missing at its end was not published.
    fn published(&mut self, cells: &[&str]) {
        self.row("paper", cells.iter().map(|&c| c.to_owned()).collect());
    }

    /// A row made here.
    fn here(&mut self, cells: Vec<String>) {
        self.row("here", cells);
    }

    fn row(&mut self, source: &str, cells: Vec<String>) {
        let mut row = vec![source.to_owned()];
        row.extend(cells);
        row.resize(self.head.len(), DASH.to_owned());
        self.rows.push(row);
    }
}

/// What stands where there is no number.
const DASH: &str = "–";

fn share(share: Share) -> String {
    share.value().map_or_else(|| DASH.to_owned(), |v| format!("{v:.3}"))
}

fn maybe(value: Option<f64>, spell: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| DASH.to_owned(), spell)
}

/// The attack of a group, with its parameters as numbers.
fn attack(g: &Group) -> Option<Attack> {
    g.attack.parse().ok()
}

fn budget(g: &Group) -> String {
    g.eps.as_ref().map_or_else(|| DASH.to_owned(), |b| b.text().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Paper, Scale, cdmaa};
    use crate::plan::{DataPlan, Plan};

    #[test]
    fn every_plan_is_one() {
        for scale in [Scale::Smoke, Scale::Full] {
            for paper in [Paper::Kra, Paper::Ffm] {
                let mut plan = paper.plan(scale);
                plan.detectors =
                    ["ynet:a", "meso4:b"].map(|s| s.parse::<crate::ModelSpec>().unwrap().into()).to_vec();
                plan.data = vec![DataPlan::new("faces")];
                plan.check().unwrap();
            }
            let rest =
                "[[photographs]]\npath = 'faces'\n".to_owned() + &"[[editor]]\nmodel = 'stargan'\n".repeat(4);
            let rest = Plan::draft(&rest).unwrap();
            let plan =
                Plan { editors: rest.editors, photographs: rest.photographs, ..Paper::Cdmaa.plan(scale) };
            plan.check().unwrap();
            let names: Vec<_> = plan.protect.iter().filter_map(|p| p.name.as_deref()).collect();
            for name in cdmaa::SHOWN {
                assert!(names.contains(name), "{name} in {names:?}");
            }
        }
    }
}
