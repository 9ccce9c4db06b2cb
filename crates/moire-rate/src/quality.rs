//! How good answers look: what the traps, the golden pairs and the clock say.

use crate::design::Purpose;
use crate::plan::RatePlan;
use crate::store::{Answers, Deck, Row};

/// A golden pair's change cannot be missed: who calls it less than annoying did not look.
const GOLDEN_AT_MOST: u8 = 3;
/// Milliseconds in which nobody compares two pictures.
const HURRIED: u32 = 700;

/// Something about a rater that an administrator wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    Trap,
    Golden,
    OneAnswer,
    Hurried,
    Vision,
    Contrast,
    Small,
}

impl Flag {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Trap => "missed a trap",
            Self::Golden => "missed a golden pair",
            Self::OneAnswer => "a set of one answer",
            Self::Hurried => "hurried",
            Self::Vision => "did not read the plate",
            Self::Contrast => "did not see the strip",
            Self::Small => "window too small",
        }
    }
}

/// One rater's record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RaterQuality {
    pub(crate) finished: usize,
    pub(crate) answers: usize,
    pub(crate) median_ms: Option<u32>,
    pub(crate) flags: Vec<Flag>,
}

/// What is known of every set and rater.
pub(crate) struct Quality {
    /// Which works count: finished, no trap and no golden pair missed.
    pub(crate) counts: Vec<bool>,
    /// In the order of [`Answers::people`].
    pub(crate) raters: Vec<RaterQuality>,
    pub(crate) traps_missed: usize,
    pub(crate) golden_missed: usize,
}

impl Quality {
    pub(crate) fn of(deck: &Deck, answers: &Answers) -> Self {
        let mut raters = vec![RaterQuality::default(); answers.people.len()];
        let mut counts: Vec<bool> = answers.works.iter().map(|w| w.finished).collect();
        let (mut traps_missed, mut golden_missed) = (0, 0);
        for (rater, person) in raters.iter_mut().zip(&answers.people) {
            rater.flags.extend((person.vision == Some(false)).then_some(Flag::Vision));
            rater.flags.extend((person.contrast == Some(false)).then_some(Flag::Contrast));
        }
        for work in answers.works.iter().filter(|w| w.finished) {
            raters[work.rater].finished += 1;
        }
        let mut flag = |rater: usize, flag: Flag| {
            if !raters[rater].flags.contains(&flag) {
                raters[rater].flags.push(flag);
            }
        };
        for rows in answers.rows.chunk_by(|a, b| a.work == b.work) {
            let work = &answers.works[rows[0].work];
            for row in rows {
                let Some(slot) = deck.sets.get(work.deck).and_then(|s| s.get(row.position)) else { continue };
                let golden = deck.pairs[slot.pair].purpose == Purpose::Golden;
                if slot.ask.is_some_and(|ask| ask != row.score) {
                    (traps_missed, counts[row.work]) = (traps_missed + 1, false);
                    flag(work.rater, Flag::Trap);
                } else if golden && row.score > GOLDEN_AT_MOST {
                    (golden_missed, counts[row.work]) = (golden_missed + 1, false);
                    flag(work.rater, Flag::Golden);
                }
                if row.fits == Some(false) {
                    flag(work.rater, Flag::Small);
                }
            }
            let rated = |r: &&Row| {
                let slot = deck.sets.get(work.deck).and_then(|s| s.get(r.position));
                slot.is_some_and(|s| matches!(deck.pairs[s.pair].purpose, Purpose::Rated(_)))
            };
            let scores: Vec<u8> = rows.iter().filter(rated).map(|r| r.score).collect();
            // A short set may well deserve one answer.
            if work.finished && scores.len() > 4 && scores.iter().all(|s| *s == scores[0]) {
                flag(work.rater, Flag::OneAnswer);
            }
        }
        let mut times: Vec<Vec<u32>> = vec![Vec::new(); raters.len()];
        for row in &answers.rows {
            let rater = answers.works[row.work].rater;
            raters[rater].answers += 1;
            times[rater].extend(row.milliseconds);
        }
        for (rater, mut times) in raters.iter_mut().zip(times) {
            times.sort_unstable();
            rater.median_ms = times.get(times.len() / 2).copied();
            rater.flags.extend(rater.median_ms.filter(|ms| *ms < HURRIED).map(|_| Flag::Hurried));
        }
        Self { counts, raters, traps_missed, golden_missed }
    }
}

/// How far an experiment has come.
pub(crate) struct Tally {
    pub(crate) sets: usize,
    pub(crate) finished: usize,
    pub(crate) open: usize,
    pub(crate) released: usize,
    pub(crate) answers: usize,
    pub(crate) conditions: Vec<ConditionTally>,
}

/// How far one condition has come, by finished sets.
pub(crate) struct ConditionTally {
    pub(crate) name: String,
    pub(crate) pairs: usize,
    pub(crate) answers: usize,
    pub(crate) wanted: usize,
    pub(crate) fewest: usize,
    pub(crate) most: usize,
}

impl Tally {
    pub(crate) fn of(plan: &RatePlan, deck: &Deck, answers: &Answers) -> Self {
        let mut seen = vec![0; deck.pairs.len()];
        for row in answers.rows.iter().filter(|r| answers.works[r.work].finished) {
            if let Some(slot) = deck.sets.get(answers.works[row.work].deck).and_then(|s| s.get(row.position))
            {
                seen[slot.pair] += 1;
            }
        }
        let condition = |(index, c): (usize, &crate::plan::Condition)| {
            let of: Vec<usize> = (0..deck.pairs.len())
                .filter(|&p| deck.pairs[p].purpose == Purpose::Rated(index))
                .map(|p| seen[p])
                .collect();
            ConditionTally {
                name: c.name.clone(),
                pairs: of.len(),
                answers: of.iter().sum(),
                wanted: of.len() * plan.ratings_per_pair.get(),
                fewest: of.iter().min().copied().unwrap_or(0),
                most: of.iter().max().copied().unwrap_or(0),
            }
        };
        let works = |of: fn(&crate::store::Work) -> bool| answers.works.iter().filter(|w| of(w)).count();
        Self {
            sets: deck.sets.len(),
            finished: works(|w| w.finished),
            open: works(|w| !w.finished && !w.released),
            released: works(|w| w.released),
            answers: answers.rows.len(),
            conditions: plan.condition.iter().enumerate().map(condition).collect(),
        }
    }
}
