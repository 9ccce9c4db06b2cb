use crate::{Interval, wilson};

/// ASR = 1 - `acc_attack` / `acc_clean`: the share of a detector's accuracy that an attack takes away.
///
/// 1 where nothing is judged right any more, 0 where nothing changed, negative where the attack corrected more
/// than it broke. `None` where `acc_clean` is 0: there was nothing to take. Both accuracies are over the same
/// images.
pub fn attack_success_rate(acc_clean: f64, acc_attack: f64) -> Option<f64> {
    (acc_clean > 0.0).then(|| 1.0 - acc_attack / acc_clean)
}

/// The 95 % Wilson interval of an ASR: of the `correct` images that the detector judged right before the attack,
/// `flipped` are judged wrong after it.
///
/// The trials are the images that were right before, because only they can flip. `flipped / correct` equals
/// [`attack_success_rate`] as long as the attack turns no wrong answer into a right one.
///
/// # Panics
/// `flipped` is above `correct`.
pub fn asr_interval(flipped: u64, correct: u64) -> Interval {
    wilson(flipped, correct)
}

#[cfg(test)]
mod tests {
    use super::{asr_interval, attack_success_rate};
    use crate::accuracy;
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        assert_eq!(attack_success_rate(0.8, 0.0), Some(1.0));
        assert_eq!(attack_success_rate(0.8, 0.8), Some(0.0));
        assert_eq!(attack_success_rate(0.5, 0.75), Some(-0.5));
        assert_eq!(attack_success_rate(0.0, 0.5), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_rate(wrong in 0u64..500, correct in 1u64..500, share in 0.0..=1.0f64) {
            let flipped = (share * correct as f64) as u64;
            let total = wrong + correct;
            let rate = attack_success_rate(
                accuracy(correct, total).unwrap(),
                accuracy(correct - flipped, total).unwrap(),
            );
            let rate = rate.unwrap();
            let interval = asr_interval(flipped, correct);
            prop_assert!((rate - flipped as f64 / correct as f64).abs() < 1e-12);
            prop_assert!(interval.low <= rate + 1e-12 && rate - 1e-12 <= interval.high);
        }
    }
}
