use super::Ratings;

/// Krippendorff's alpha for interval data: 1 where raters agree, 0 where they agree as by chance, less where they
/// agree less than that.
///
/// α = 1 - `D_o` / `D_e`. The observed disagreement `D_o` is the mean squared difference between two scores of the same
/// stimulus, weighted so that a stimulus of m scores counts m times; the expected one `D_e` is that between any two
/// scores. Scores that stand alone on their stimulus compare with nothing and are left out. It bears missing scores,
/// which every design has where nobody sees everything; an intraclass correlation does not.
///
/// Source: K. Krippendorff, "Computing Krippendorff's alpha-reliability", University of Pennsylvania, 2011.
/// None where no two scores share a stimulus, or where all scores are equal.
pub fn krippendorff_alpha(ratings: &Ratings) -> Option<f64> {
    // Σ over pairs i ≠ j of (a - b)² is 2 m Σ (a - mean)².
    let squares = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    let (mut all, mut within): (Vec<f64>, f64) = (Vec::new(), 0.0);
    for scores in ratings.by_stimulus().filter(|s| s.len() > 1) {
        let values: Vec<f64> = scores.iter().map(|s| s.value).collect();
        let m = values.len() as f64;
        within += 2.0 * m * squares(&values) / (m - 1.0);
        all.extend(values);
    }
    let n = all.len() as f64;
    let observed = within / n;
    let expected = 2.0 * squares(&all) / (n - 1.0);
    (n > 0.0 && expected > 0.0).then(|| 1.0 - observed / expected)
}

#[cfg(test)]
mod tests {
    use super::krippendorff_alpha;
    use crate::opinion::{Ratings, Score};

    /// Section E of the source: four observers, twelve units, missing scores; α for interval data is 0.849.
    #[test]
    fn the_published_example() {
        let given = [
            [
                Some(1),
                Some(2),
                Some(3),
                Some(3),
                Some(2),
                Some(1),
                Some(4),
                Some(1),
                Some(2),
                None,
                None,
                None,
            ],
            [
                Some(1),
                Some(2),
                Some(3),
                Some(3),
                Some(2),
                Some(2),
                Some(4),
                Some(1),
                Some(2),
                Some(5),
                None,
                Some(3),
            ],
            [
                None,
                Some(3),
                Some(3),
                Some(3),
                Some(2),
                Some(3),
                Some(4),
                Some(2),
                Some(2),
                Some(5),
                Some(1),
                None,
            ],
            [
                Some(1),
                Some(2),
                Some(3),
                Some(3),
                Some(2),
                Some(4),
                Some(4),
                Some(1),
                Some(2),
                Some(5),
                Some(1),
                None,
            ],
        ];
        let ratings = Ratings::new(given.iter().enumerate().flat_map(|(rater, row)| {
            row.iter()
                .enumerate()
                .filter_map(move |(stimulus, v)| v.map(|v| Score { stimulus, rater, value: f64::from(v) }))
        }));
        let found = krippendorff_alpha(&ratings).unwrap();
        assert!((found - 0.849).abs() < 5e-4, "{found}");
    }

    #[test]
    fn what_says_nothing_has_no_alpha() {
        let alone = Ratings::new((0..5).map(|i| Score { stimulus: i, rater: i, value: i as f64 }));
        assert_eq!(krippendorff_alpha(&alone), None);
        let equal = Ratings::new((0..6).map(|i| Score { stimulus: i / 2, rater: i % 2, value: 5.0 }));
        assert_eq!(krippendorff_alpha(&equal), None);
    }
}
