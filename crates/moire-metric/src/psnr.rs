use crate::Perturbation;

/// The peak signal-to-noise ratio in dB of `changed` against `clean`, both `[3, h, w]` values in `[0, 1]`.
///
/// 10 · log10(1 / MSE) over all values, peak 1: 0 for black against white, infinite for equal images.
///
/// # Panics
/// As [`Perturbation::between`].
pub fn psnr(clean: &[f32], changed: &[f32]) -> f64 {
    -20.0 * Perturbation::between(clean, changed).rms.log10()
}

#[cfg(test)]
mod tests {
    use super::psnr;
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        assert_eq!(psnr(&[0.5; 12], &[0.5; 12]), f64::INFINITY);
        assert_eq!(psnr(&[0.0; 12], &[1.0; 12]).abs(), 0.0);
        // A constant offset o has -20 log10 o.
        assert!((psnr(&[0.25; 12], &[0.5; 12]) - 20.0 * 4f64.log10()).abs() < 1e-12);
        let byte = psnr(&[0.0; 12], &[1.0 / 255.0; 12]);
        assert!((byte - 48.130_803_608_679_1).abs() < 1e-6, "{byte}");
    }

    proptest! {
        #[test]
        fn symmetric_and_falls_with_the_error(small in 0.001f32..0.4, more in 0.01f32..0.5) {
            let at = |d: f32| (psnr(&[0.0; 9], &[d; 9]), psnr(&[d; 9], &[0.0; 9]));
            prop_assert_eq!(at(small).0, at(small).1);
            prop_assert!(at(small + more).0 < at(small).0 && at(small).0 > 0.0);
        }
    }
}
