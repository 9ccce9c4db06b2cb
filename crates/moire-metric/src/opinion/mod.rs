//! What people say they see: opinion scores and how far to trust them.
//!
//! - [`Ratings`]: who gave which stimulus what score. Not everybody sees everything.
//! - [`mos`] of one stimulus, [`condition_mos`] of many by many raters: mean opinion scores with 95 % intervals.
//! - [`SubjectModel`]: quality, rater bias and rater inconsistency by maximum likelihood (ITU-T P.910).
//! - [`screen`]: raters whose scores lie outside too often (ITU-R BT.500).
//! - [`krippendorff_alpha`]: how far raters agree.
//!
//! ```
//! use moire_metric::opinion::{Ratings, Score, SubjectModel, mos};
//!
//! let given = [[5.0, 4.0, 5.0], [2.0, 1.0, 3.0], [4.0, 3.0, 4.0]];
//! let ratings = Ratings::new(given.iter().enumerate().flat_map(|(stimulus, row)| {
//!     row.iter().enumerate().map(move |(rater, &value)| Score { stimulus, rater, value })
//! }));
//! assert_eq!(mos(&given[1]).unwrap().value, 2.0);
//! let model = SubjectModel::fit(&ratings);
//! // The second rater is the strict one.
//! assert!(model.bias[1] < model.bias[0] && model.bias[1] < model.bias[2]);
//! ```

mod alpha;
mod bt500;
mod mos;
mod subject_model;

#[cfg(test)]
mod coverage;

pub use alpha::krippendorff_alpha;
pub use bt500::{Screened, screen};
pub use mos::{Mos, condition_mos, mos};
pub use subject_model::SubjectModel;

/// One score that one rater gave one stimulus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// What was rated, counted from 0.
    pub stimulus: usize,
    /// Who rated it, counted from 0.
    pub rater: usize,
    /// The score, higher is better.
    pub value: f64,
}

/// Scores of a whole experiment. Every stimulus and every rater has at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    scores: Vec<Score>,
    stimuli: usize,
    raters: usize,
}

impl Ratings {
    /// Collects scores, in any order.
    ///
    /// # Panics
    /// There is none, one is not finite, or an index below the largest has no score: whoever numbers stimuli and
    /// raters numbers those that there are.
    pub fn new(scores: impl IntoIterator<Item = Score>) -> Self {
        let mut scores: Vec<Score> = scores.into_iter().collect();
        assert!(!scores.is_empty(), "there are no scores");
        assert!(scores.iter().all(|s| s.value.is_finite()), "a score is not finite");
        // Sums are taken in one order, whatever the order of arrival; repetitions keep theirs apart by value.
        scores.sort_by(|a, b| {
            (a.stimulus, a.rater).cmp(&(b.stimulus, b.rater)).then(a.value.total_cmp(&b.value))
        });
        let counted = |key: fn(&Score) -> usize| {
            let mut seen: Vec<usize> = scores.iter().map(key).collect();
            seen.sort_unstable();
            seen.dedup();
            seen.iter().enumerate().for_each(|(i, &v)| assert_eq!(i, v, "{i} has no score"));
            seen.len()
        };
        let (stimuli, raters) = (counted(|s| s.stimulus), counted(|s| s.rater));
        Self { scores, stimuli, raters }
    }

    /// All scores, by stimulus, then rater.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }

    /// How many stimuli there are.
    pub fn stimuli(&self) -> usize {
        self.stimuli
    }

    /// How many raters there are.
    pub fn raters(&self) -> usize {
        self.raters
    }

    /// The scores of one stimulus after the other.
    fn by_stimulus(&self) -> impl Iterator<Item = &[Score]> {
        self.scores.chunk_by(|a, b| a.stimulus == b.stimulus)
    }
}

/// Means of `value` over the scores of each group, weighted.
fn means(
    scores: &[Score],
    groups: usize,
    group: impl Fn(&Score) -> usize,
    value: impl Fn(&Score) -> (f64, f64),
) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); groups];
    for score in scores {
        let (weight, value) = value(score);
        let sum = &mut sums[group(score)];
        sum.0 += weight * value;
        sum.1 += weight;
    }
    sums.into_iter().map(|(sum, weight)| sum / weight).collect()
}

#[cfg(test)]
mod tests {
    use super::{Ratings, Score};

    #[test]
    #[should_panic(expected = "1 has no score")]
    fn a_gap_in_the_numbering_is_a_mistake() {
        Ratings::new([0, 2].map(|rater| Score { stimulus: 0, rater, value: 3.0 }));
    }
}
