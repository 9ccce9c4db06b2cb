use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Score;

/// A mean opinion score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mos {
    /// The mean.
    pub value: f64,
    /// The ends of its 95 % interval; none where the scores say nothing about their spread. They are not clipped
    /// to the scale.
    pub interval: Option<(f64, f64)>,
    /// How many scores it is the mean of.
    pub scores: usize,
}

/// The mean of independent scores, those of one stimulus by different raters, with Student's interval:
/// m ± t(0.975, n - 1) s / √n.
///
/// Source: ITU-T P.910 (10/2023), clause 12, which takes Student's quantile where the normal one is too narrow.
/// None of no scores.
pub fn mos(scores: &[f64]) -> Option<Mos> {
    let n = scores.len();
    let value = scores.iter().sum::<f64>() / n as f64;
    let variance = scores.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (n as f64 - 1.0);
    let interval = (n > 1).then(|| around(value, variance / n as f64, n - 1));
    (n > 0).then_some(Mos { value, interval, scores: n })
}

/// The mean of all scores of a condition, many images by many raters, with an interval for other images of this
/// kind and other raters of this kind.
///
/// Scores of one rater hang together, for some people are strict; so do scores of one image. Counting them as
/// independent makes intervals far too narrow. The variance of the mean is estimated with both kinds of clusters:
/// V = V(raters) + V(images) - V(both), each the sum over clusters of squared sums of residuals, times
/// G / (G - 1), over n². Where sampling makes V less than one of its parts, the part is taken. Student's quantile
/// has min(raters, images) - 1 degrees of freedom.
///
/// Source: A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", Journal of
/// Business & Economic Statistics 29, 2011, section 2.2. None of no scores; no interval from one rater or one
/// image.
pub fn condition_mos(scores: &[Score]) -> Option<Mos> {
    let n = scores.len();
    let value = scores.iter().map(|s| s.value).sum::<f64>() / n as f64;
    let clustered = |key: fn(&Score) -> (usize, usize)| {
        let mut sums: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        scores.iter().for_each(|s| *sums.entry(key(s)).or_default() += s.value - value);
        let (clusters, n) = (sums.len() as f64, n as f64);
        let squares: f64 = sums.values().map(|v| v * v).sum();
        (sums.len(), squares / (n * n) * clusters / (clusters - 1.0))
    };
    let (raters, by_rater) = clustered(|s| (s.rater, 0));
    let (images, by_image) = clustered(|s| (s.stimulus, 0));
    let (_, by_both) = clustered(|s| (s.rater, s.stimulus));
    let least = raters.min(images);
    let variance = (by_rater + by_image - by_both).max(by_rater).max(by_image);
    let interval = (least > 1).then(|| around(value, variance, least - 1));
    (n > 0).then_some(Mos { value, interval, scores: n })
}

/// The 95 % interval of an estimate by its variance and the degrees of freedom behind that.
fn around(value: f64, variance: f64, freedom: usize) -> (f64, f64) {
    let half = student(freedom as f64) * variance.sqrt();
    (value - half, value + half)
}

/// Student's 97.5 % quantile.
pub(super) fn student(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).expect("there is a degree of freedom").inverse_cdf(0.975)
}

#[cfg(test)]
mod tests {
    use super::{condition_mos, mos};
    use crate::opinion::Score;

    #[test]
    fn students_interval_is_that_of_the_tables() {
        // Mean 3, standard deviation √2.5, t(0.975, 4) = 2.776445105197799.
        let found = mos(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let half = 2.776_445_105_197_799 * (2.5f64 / 5.0).sqrt();
        let (low, high) = found.interval.unwrap();
        assert_eq!((found.value, found.scores), (3.0, 5));
        assert!((low - (3.0 - half)).abs() < 1e-9 && (high - (3.0 + half)).abs() < 1e-9, "{found:?}");
        assert_eq!(mos(&[]), None);
        assert_eq!(mos(&[4.0]).unwrap().interval, None);
        // Far out, the normal quantile.
        let many: Vec<f64> = (0..20_001).map(|i| f64::from(i % 2)).collect();
        let (low, high) = mos(&many).unwrap().interval.unwrap();
        let normal = 2.0 * 1.959_964 * 0.5 / 20_001f64.sqrt();
        assert!(((high - low) / normal - 1.0).abs() < 2e-4, "{low} {high}");
    }

    #[test]
    fn two_raters_with_one_opinion_each_are_two_opinions() {
        // Each rater gives 100 images the same score, so the images say nothing: the interval is that of the two
        // raters' means, 2 and 4, which is t(0.975, 1) = 12.7062 times 1 / √2 · √2.
        let scores: Vec<Score> = (0..200)
            .map(|i| Score { stimulus: i / 2, rater: i % 2, value: if i % 2 == 0 { 2.0 } else { 4.0 } })
            .collect();
        let found = condition_mos(&scores).unwrap();
        let (low, high) = found.interval.unwrap();
        assert_eq!((found.value, found.scores), (3.0, 200));
        assert!((high - low - 2.0 * 12.706_204_736).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn one_score_an_image_and_rater_is_students_interval() {
        let values = [5.0, 4.0, 4.0, 2.0, 3.0, 5.0];
        let scores: Vec<Score> =
            values.iter().enumerate().map(|(i, &value)| Score { stimulus: i, rater: i, value }).collect();
        let ((a, b), (c, d)) =
            (condition_mos(&scores).unwrap().interval.unwrap(), mos(&values).unwrap().interval.unwrap());
        assert!((a - c).abs() < 1e-12 && (b - d).abs() < 1e-12);
    }
}
