/// The area under the ROC curve of `scores`, higher meaning positive, where `positives` tells the truth.
///
/// The chance that a positive scores above a negative, a tie counting half: U / (P · N) with the Mann-Whitney
/// statistic U from mid-ranks; in `[0, 1]`, 0.5 for scores that say nothing. `None` where one class is missing or
/// a score is not a number.
///
/// Source: J. A. Hanley, B. J. `McNeil`, "The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve", Radiology 143, 1982.
///
/// # Panics
/// The lengths differ.
pub fn auc<T: Copy + Into<f64>>(scores: &[T], positives: &[bool]) -> Option<f64> {
    assert_eq!(scores.len(), positives.len(), "one score for each image");
    let mut ranked: Vec<(f64, bool)> =
        scores.iter().map(|&s| s.into()).zip(positives.iter().copied()).collect();
    if ranked.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut wins, mut below) = (0.0, 0.0);
    // `total_cmp` keeps -0 before 0, and `==` joins them again: equal scores stay neighbours.
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let negative = tied.len() as f64 - positive;
        wins += positive * (below + 0.5 * negative);
        below += negative;
    }
    let pairs = below * (ranked.len() as f64 - below);
    (pairs > 0.0).then(|| wins / pairs)
}

#[cfg(test)]
mod tests {
    use super::auc;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        assert_eq!(auc(&[0.1, 0.9], &[false, true]), Some(1.0));
        assert_eq!(auc(&[0.1, 0.9], &[true, false]), Some(0.0));
        assert_eq!(auc(&[0.0f32, -0.0], &[true, false]), Some(0.5));
        // scikit-learn 1.9.1, roc_auc_score.
        let scores = [0.1, 0.4, 0.35, 0.8, 0.8, 0.8, 0.4, 0.2];
        let positives = [0, 0, 1, 1, 0, 1, 1, 0].map(|v| v == 1);
        assert_eq!(auc(&scores, &positives), Some(0.718_75));
    }

    #[test]
    fn undefined_without_both_classes_or_with_nan() {
        assert_eq!(auc::<f64>(&[], &[]), None);
        assert_eq!(auc(&[0.1, 0.2], &[true, true]), None);
        assert_eq!(auc(&[f64::NAN, 0.2], &[true, false]), None);
    }

    proptest! {
        #[test]
        fn is_the_share_of_pairs_in_order(cases in prop::collection::vec((0u8..8, any::<bool>()), 2..40)) {
            let (scores, positives): (Vec<u8>, Vec<bool>) = cases.iter().copied().unzip();
            let of = |truth: bool| cases.iter().filter(move |c| c.1 == truth).map(|c| c.0);
            let (mut wins, mut pairs) = (0.0, 0.0);
            for p in of(true) {
                for n in of(false) {
                    wins += f64::from(u8::from(p > n) + u8::from(p >= n)) / 2.0;
                    pairs += 1.0;
                }
            }
            let found = auc(&scores, &positives);
            prop_assert_eq!(found, (pairs > 0.0).then(|| wins / pairs));
            // Turning the scores round turns the curve round; a monotone map leaves it.
            let negated: Vec<f64> = scores.iter().map(|&s| -f64::from(s)).collect();
            let cubed: Vec<f64> = scores.iter().map(|&s| f64::from(s).powi(3)).collect();
            prop_assert_eq!(auc(&cubed, &positives), found);
            if let (Some(a), Some(b)) = (found, auc(&negated, &positives)) {
                prop_assert!((a + b - 1.0).abs() < 1e-12 && (0.0..=1.0).contains(&a));
            }
        }
    }
}
