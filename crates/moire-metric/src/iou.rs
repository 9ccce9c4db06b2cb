/// The intersection over union of two masks (Jaccard index): |a ∧ b| / |a ∨ b|, in `[0, 1]`. Two empty masks agree:
/// 1.
///
/// # Panics
/// The lengths differ.
pub fn iou(a: &[bool], b: &[bool]) -> f64 {
    assert_eq!(a.len(), b.len(), "two masks of one size");
    let count = |keep: fn(bool, bool) -> bool| a.iter().zip(b).filter(|&(&a, &b)| keep(a, b)).count() as f64;
    let union = count(|a, b| a | b);
    if union == 0.0 { 1.0 } else { count(|a, b| a & b) / union }
}

#[cfg(test)]
mod tests {
    use super::iou;
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        let [o, x] = [false, true];
        assert_eq!(iou(&[x, x, o, o], &[o, x, x, x]), 0.25);
        assert_eq!(iou(&[x, o], &[o, x]), 0.0);
        assert_eq!(iou(&[o, o], &[o, o]), 1.0);
        assert_eq!(iou(&[], &[]), 1.0);
    }

    proptest! {
        #[test]
        fn symmetric_and_one_only_for_equal(cases in prop::collection::vec(any::<(bool, bool)>(), 0..64)) {
            let (a, b): (Vec<bool>, Vec<bool>) = cases.into_iter().unzip();
            let found = iou(&a, &b);
            prop_assert_eq!(found, iou(&b, &a));
            prop_assert!((0.0..=1.0).contains(&found));
            prop_assert_eq!(found == 1.0, a == b);
        }
    }
}
