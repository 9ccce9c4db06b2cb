//! The tables of two papers, made again: what is asked for, and how the answers read beside what was published.

mod ffm;
mod kra;

use moire_attack::{Attack, Criterion};
use moire_tensor::Eps;

use crate::model::ModelSpec;
use crate::plan::{AuditPlan, Judges};
use crate::summary::{Group, Share, Summary};
use crate::words::number;

/// A paper whose experiments can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// The Key Region Attack (arXiv 2106.01615).
    Kra,
    /// The attacks on facial forensics models (arXiv 1911.00660).
    Ffm,
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
        }
    }

    /// The plan of its experiments on these detectors; each file is judged by all of them.
    pub fn plan(self, scale: Scale, detectors: Vec<ModelSpec>, seed: u64) -> AuditPlan {
        let (attacks, budgets) = match self {
            Self::Kra => (kra::attacks(scale), kra::BUDGETS),
            Self::Ffm => (ffm::attacks(scale), ffm::BUDGETS),
        };
        let judges = if detectors.len() > 1 { Judges::All } else { Judges::Own };
        AuditPlan {
            detectors,
            attacks: Attack::parse_list(attacks).expect("a list of known attacks"),
            budgets: budgets.iter().map(|&levels| Eps::from_u8(levels).expect("within a byte")).collect(),
            criterion: Criterion::Saved,
            judges,
            seed,
        }
    }

    /// Its tables, from what the records of that plan add up to.
    pub fn tables(self, summary: &Summary) -> Vec<PaperTable> {
        match self {
            Self::Kra => kra::tables(summary),
            Self::Ffm => ffm::tables(summary),
        }
    }
}

impl Scale {
    /// At most so many images of each label.
    pub fn limit(self) -> Option<usize> {
        match self {
            Self::Smoke => Some(3),
            Self::Full => None,
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
    use super::{Paper, Scale};

    #[test]
    fn every_plan_is_one() {
        for paper in [Paper::Kra, Paper::Ffm] {
            for scale in [Scale::Smoke, Scale::Full] {
                let detectors = ["ynet:a", "meso4:b"].map(|s| s.parse().unwrap()).to_vec();
                paper.plan(scale, detectors, 0).check().unwrap();
            }
        }
    }
}
