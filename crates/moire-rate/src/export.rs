//! Every answer as a table, and as JSON: what people gave, before anything is left out.

use serde::Serialize;

use crate::design::{Purpose, Side};
use crate::error::{Error, Repr};
use crate::plan::RatePlan;
use crate::quality::Quality;
use crate::store::{Answers, Deck, Experiment};

/// One answer. Raters are numbers; neither links nor times of day are here.
#[derive(Debug, Serialize)]
struct Line<'a> {
    rater: usize,
    set: usize,
    position: usize,
    purpose: &'static str,
    condition: &'a str,
    image: &'a str,
    pair: usize,
    original_on: &'static str,
    asked: Option<u8>,
    score: u8,
    milliseconds: Option<u32>,
    fits: Option<bool>,
    pixel_ratio: Option<f64>,
    set_finished: bool,
    /// The set is finished and missed neither trap nor golden pair: the analysis counts it.
    set_counts: bool,
}

fn lines<'a>(plan: &'a RatePlan, deck: &'a Deck, answers: &'a Answers) -> Vec<Line<'a>> {
    let quality = Quality::of(deck, answers);
    let line = |row: &crate::store::Row| {
        let work = answers.works[row.work];
        let slot = *deck.sets.get(work.deck)?.get(row.position)?;
        let pair = &deck.pairs[slot.pair];
        let (purpose, condition) = match pair.purpose {
            Purpose::Rated(c) => ("rated", plan.condition.get(c).map_or("", |c| c.name.as_str())),
            Purpose::Golden => ("golden", ""),
            Purpose::Trap => ("trap", ""),
            Purpose::Training => ("training", ""),
        };
        Some(Line {
            rater: work.rater + 1,
            set: work.deck + 1,
            position: row.position + 1,
            purpose,
            condition,
            image: &pair.image,
            pair: slot.pair,
            original_on: if slot.clean == Side::Left { "left" } else { "right" },
            asked: slot.ask,
            score: row.score,
            milliseconds: row.milliseconds,
            fits: row.fits,
            pixel_ratio: row.pixel_ratio,
            set_finished: work.finished,
            set_counts: quality.counts[row.work],
        })
    };
    answers.rows.iter().filter_map(line).collect()
}

pub(crate) fn csv(plan: &RatePlan, deck: &Deck, answers: &Answers) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines(plan, deck, answers) {
        writer.serialize(line)?;
    }
    writer.into_inner().map_err(|e| Error::from(Repr::Csv(e.into_error().into())))
}

pub(crate) fn json(plan: &RatePlan, deck: &Deck, answers: &Answers) -> Result<Vec<u8>, Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        /// Counts changes of this document's form.
        format: u32,
        plan: &'a RatePlan,
        answers: Vec<Line<'a>>,
    }
    Ok(serde_json::to_vec_pretty(&Document { format: 1, plan, answers: lines(plan, deck, answers) })?)
}

/// Every answer of an experiment, as CSV and as JSON.
///
/// # Errors
/// The database cannot be read.
pub fn export(experiment: &Experiment) -> Result<[Vec<u8>; 2], Error> {
    let sql = |e| experiment.sql(e);
    let deck = Deck::read(&experiment.db).map_err(sql)?;
    let answers = Answers::read(&experiment.db).map_err(sql)?;
    Ok([csv(&experiment.plan, &deck, &answers)?, json(&experiment.plan, &deck, &answers)?])
}
