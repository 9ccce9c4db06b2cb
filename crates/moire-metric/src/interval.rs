/// The two-sided 95 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Where a rate lies with 95 % confidence: `0 <= low <= high <= 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The Wilson score interval at 95 % of a rate seen as `successes` out of `trials`.
///
/// With p = k / n and z = 1.96: (p + z²/2n ± z √(p (1 - p) / n + z²/4n²)) / (1 + z²/n). It stays inside
/// `[0, 1]` and says something at 0 % and 100 %, where the normal approximation has no width. No trials say
/// nothing: `[0, 1]`.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
/// 1927; without continuity correction.
///
/// # Panics
/// `successes` is above `trials`.
pub fn wilson(successes: u64, trials: u64) -> Interval {
    assert!(successes <= trials, "{successes} successes out of {trials} trials");
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    // The ends are exactly 0 and 1 at k = 0 and k = n; rounding is kept from saying otherwise.
    Interval {
        low: if successes == 0 { 0.0 } else { (centre - half).max(0.0) },
        high: if successes == trials { 1.0 } else { (centre + half).min(1.0) },
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, wilson};
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // From the formula, evaluated in Python's doubles.
        let cases = [
            (8, 10, 0.490_162_471_536_641_8, 0.943_317_848_545_624_7),
            (0, 10, 0.0, 0.277_532_799_862_889_2),
            (10, 10, 0.722_467_200_137_110_6, 1.0),
            (1, 1, 0.206_549_314_377_237_42, 1.0),
            (50, 100, 0.403_831_530_365_995_7, 0.596_168_469_634_004_3),
            (999, 1000, 0.994_357_441_402_042_1, 0.999_823_453_629_373_9),
        ];
        for (k, n, low, high) in cases {
            let found = wilson(k, n);
            assert!(
                (found.low - low).abs() < 1e-12 && (found.high - high).abs() < 1e-12,
                "{k}/{n}: {found:?}"
            );
        }
        assert_eq!(wilson(0, 0), Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    #[should_panic(expected = "3 successes out of 2 trials")]
    fn more_successes_than_trials_is_a_mistake() {
        wilson(3, 2);
    }

    proptest! {
        #[test]
        fn contains_the_rate_and_mirrors(n in 1u64..100_000, share in 0.0..=1.0f64) {
            let k = (share * n as f64) as u64;
            let (a, b) = (wilson(k, n), wilson(n - k, n));
            let p = k as f64 / n as f64;
            prop_assert!(0.0 <= a.low && a.low <= p && p <= a.high && a.high <= 1.0);
            prop_assert!((a.low - (1.0 - b.high)).abs() < 1e-12);
        }

        #[test]
        fn more_trials_at_one_rate_are_narrower(k in 0u64..1000, rest in 0u64..1000, times in 2u64..50) {
            prop_assume!(k + rest > 0);
            let (few, many) = (wilson(k, k + rest), wilson(times * k, times * (k + rest)));
            prop_assert!(many.high - many.low < few.high - few.low);
        }
    }
}
