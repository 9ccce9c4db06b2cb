use super::Ratings;

/// What the screening of ITU-R BT.500 says of one rater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Screened {
    /// Scores at or above the upper bound of their stimulus.
    pub above: usize,
    /// Scores at or below the lower bound of their stimulus.
    pub below: usize,
    /// Scores given.
    pub scores: usize,
    /// More than 5 % of the scores lie outside, on both sides alike.
    pub rejected: bool,
}

/// Screens raters: one verdict each, in their order.
///
/// For each stimulus, the bounds are 2 sample standard deviations about the mean where the kurtosis m4 / m2² lies
/// in [2, 4], which takes the scores for normal, and √20 elsewhere. With P scores of a rater at or above and Q at
/// or below, a rater is rejected where (P + Q) / scores > 0.05 and |P - Q| / (P + Q) < 0.3: one who is merely
/// strict or lenient stays. The Recommendation wants this done once, never again on what is left.
///
/// Source: ITU-R BT.500-15, part 1, clause A1-2.3.1. Departures: shares are of the scores that the rater gave, as
/// not everybody sees everything; a stimulus whose scores are all equal has no outside.
pub fn screen(ratings: &Ratings) -> Vec<Screened> {
    let mut raters = vec![Screened::default(); ratings.raters()];
    for scores in ratings.by_stimulus() {
        let n = scores.len() as f64;
        let mean = scores.iter().map(|s| s.value).sum::<f64>() / n;
        let moment = |power| scores.iter().map(|s| (s.value - mean).powi(power)).sum::<f64>() / n;
        let (m2, m4) = (moment(2), moment(4));
        let deviation = (m2 * n / (n - 1.0)).sqrt();
        let normal = (2.0..=4.0).contains(&(m4 / (m2 * m2)));
        let bound = deviation * if normal { 2.0 } else { 20f64.sqrt() };
        for score in scores {
            let rater = &mut raters[score.rater];
            rater.scores += 1;
            if bound > 0.0 {
                rater.above += usize::from(score.value >= mean + bound);
                rater.below += usize::from(score.value <= mean - bound);
            }
        }
    }
    for r in &mut raters {
        let outside = (r.above + r.below) as f64;
        r.rejected = outside / r.scores as f64 > 0.05 && (r.above.abs_diff(r.below) as f64) / outside < 0.3;
    }
    raters
}

#[cfg(test)]
mod tests {
    use super::{Screened, screen};
    use crate::opinion::{Ratings, Score};

    fn rows(rows: &[&[f64]]) -> Ratings {
        Ratings::new(rows.iter().enumerate().flat_map(|(stimulus, row)| {
            row.iter().enumerate().map(move |(rater, &value)| Score { stimulus, rater, value })
        }))
    }

    /// Worked by hand: the Recommendation prints no example. Ten raters, the last of whom lies outside twice.
    ///
    /// Row 1: 1 1 2 2 2 2 3 3 2 4. Mean 2.2, squares 7.6, s = √(7.6 / 9) = 0.919; m2 = 0.76,
    /// m4 = (2 · 1.2⁴ + 5 · 0.2⁴ + 2 · 0.8⁴ + 1.8⁴) / 10 = (4.1472 + 0.008 + 0.8192 + 10.4976) / 10 = 1.5472;
    /// kurtosis 1.5472 / 0.5776 = 2.679: normal. Upper bound 2.2 + 1.838 = 4.038: 4 lies inside. So nobody.
    /// Row 2: the same with 5 for the 4. Mean 2.3, squares 12.1, s = 1.160; m2 = 1.21,
    /// m4 = (2 · 1.3⁴ + 5 · 0.3⁴ + 2 · 0.7⁴ + 2.7⁴) / 10 = (5.7122 + 0.0405 + 0.4802 + 53.1441) / 10 = 5.9377;
    /// kurtosis 5.9377 / 1.4641 = 4.056: not normal. Upper bound 2.3 + √20 · 1.160 = 7.49: nobody.
    /// Row 3: 1 1 2 2 2 3 3 3 3 5. Mean 2.5, squares 12.5, s = 1.179; m2 = 1.25,
    /// m4 = (2 · 1.5⁴ + 7 · 0.5⁴ + 2.5⁴) / 10 = (10.125 + 0.4375 + 39.0625) / 10 = 4.9625; kurtosis 3.176: normal.
    /// Upper bound 2.5 + 2.357 = 4.857: the 5 lies above.
    /// Row 4: row 3 upside down: the 1 lies below.
    #[test]
    fn a_case_worked_by_hand() {
        let found = screen(&rows(&[
            &[1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 2.0, 4.0],
            &[1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 2.0, 5.0],
            &[1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 5.0],
            &[5.0, 5.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 1.0],
        ]));
        let inside = Screened { scores: 4, ..Screened::default() };
        assert!(found[..9].iter().all(|s| *s == inside), "{found:?}");
        assert_eq!(found[9], Screened { above: 1, below: 1, scores: 4, rejected: true });
    }

    #[test]
    fn a_strict_rater_stays() {
        // The last rater is below twice and never above.
        let low: &[f64] = &[5.0, 5.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 1.0];
        let found = screen(&rows(&[low, low]));
        assert_eq!(found[9], Screened { above: 0, below: 2, scores: 2, rejected: false });
    }

    #[test]
    fn unanimous_scores_have_no_outside() {
        assert!(screen(&rows(&[&[5.0, 5.0, 5.0], &[5.0, 5.0, 5.0]])).iter().all(|s| s.above + s.below == 0));
    }
}
