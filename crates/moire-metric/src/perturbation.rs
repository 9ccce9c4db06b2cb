use moire_tensor::Norm;

/// The size of a change to one RGB image, by every norm that the field reports.
///
/// With d the difference over all 3·h·w values, pixels in `[0, 1]`. Judge the saved 8-bit images: on floats, a
/// change of 1e-9 counts in L0 although no file holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Perturbation {
    /// Positions (x, y) where any channel differs: `0..=h·w`.
    pub l0_positions: u64,
    /// Values that differ: `0..=3·h·w`.
    pub l0_values: u64,
    /// `P_L0`: `l0_positions` over h·w, in `[0, 1]`.
    pub p_l0: f64,
    /// Σ|d|.
    pub l1: f64,
    /// √Σd², the absolute length. It grows with the image: compare `rms` across sizes.
    pub l2: f64,
    /// √(Σd² / 3hw), in `[0, 1]`: the length for each value.
    pub rms: f64,
    /// max|d|, in `[0, 1]`.
    pub linf: f64,
    /// 255 · `rms`: the root mean squared error on the scale of bytes, in `[0, 255]`.
    pub rmse: f64,
}

impl Perturbation {
    /// The change from `clean` to `changed`, both `[3, h, w]` values of pixels, row-major. Accumulated in double
    /// precision.
    ///
    /// # Panics
    /// The lengths differ, are 0 or are not a multiple of 3.
    pub fn between(clean: &[f32], changed: &[f32]) -> Self {
        assert_eq!(clean.len(), changed.len(), "two images of one size");
        assert!(!clean.is_empty() && clean.len() % 3 == 0, "an image has 3 channels of one size");
        let positions = clean.len() / 3;
        let (mut l0_values, mut l1, mut squares, mut linf) = (0, 0.0, 0.0, 0.0f64);
        for (&a, &b) in clean.iter().zip(changed) {
            let d = (f64::from(b) - f64::from(a)).abs();
            l0_values += u64::from(d != 0.0);
            l1 += d;
            squares += d * d;
            linf = linf.max(d);
        }
        let differs = |i: usize| (0..3).any(|c| clean[c * positions + i] != changed[c * positions + i]);
        let l0_positions = (0..positions).filter(|&i| differs(i)).count() as u64;
        let rms = (squares / clean.len() as f64).sqrt();
        Self {
            l0_positions,
            l0_values,
            p_l0: l0_positions as f64 / positions as f64,
            l1,
            l2: squares.sqrt(),
            rms,
            linf,
            rmse: 255.0 * rms,
        }
    }

    /// The change by `norm`, over values: L0 is [`Perturbation::l0_values`], L2 the absolute length.
    pub fn norm(&self, norm: Norm) -> f64 {
        match norm {
            Norm::L0 => self.l0_values as f64,
            Norm::L1 => self.l1,
            Norm::L2 => self.l2,
            Norm::Linf => self.linf,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Perturbation;
    use moire_tensor::Norm;
    use proptest::prelude::*;

    #[test]
    fn closed_form() {
        // Four positions: the first changes in two channels, the last in one.
        let clean = [0.0f32; 12];
        let mut changed = clean;
        changed[0] = 0.5;
        changed[4] = 1.0;
        changed[11] = 0.25;
        let found = Perturbation::between(&clean, &changed);
        let squares = 0.25 + 1.0 + 0.0625f64;
        assert_eq!((found.l0_positions, found.l0_values, found.p_l0), (2, 3, 0.5));
        assert_eq!((found.l1, found.linf), (1.75, 1.0));
        assert_eq!(found.l2, squares.sqrt());
        assert_eq!(found.rms, (squares / 12.0).sqrt());
        assert_eq!(found.rmse, 255.0 * (squares / 12.0).sqrt());
    }

    #[test]
    fn a_constant_offset_is_its_own_rms() {
        let found = Perturbation::between(&[0.25; 27], &[0.5; 27]);
        assert_eq!((found.rms, found.linf, found.p_l0, found.rmse), (0.25, 0.25, 1.0, 63.75));
    }

    #[test]
    #[should_panic(expected = "two images of one size")]
    fn sizes_must_agree() {
        Perturbation::between(&[0.0; 3], &[0.0; 6]);
    }

    fn pair() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let image = |n| prop::collection::vec((0u8..=255).prop_map(|v| f32::from(v) / 255.0), 3 * n);
        (1usize..40).prop_flat_map(move |n| (image(n), image(n)))
    }

    proptest! {
        #[test]
        fn symmetric_and_consistent((a, b) in pair()) {
            let found = Perturbation::between(&a, &b);
            prop_assert_eq!(found, Perturbation::between(&b, &a));
            let (n, slack) = (a.len() as f64, 1.0 + 1e-12);
            prop_assert!(found.l0_positions <= found.l0_values && found.l0_values <= 3 * found.l0_positions);
            prop_assert!(found.linf <= found.l2 * slack && found.l2 <= found.l1 * slack);
            prop_assert!(found.l1 <= found.l0_values as f64 * found.linf * slack);
            prop_assert!(found.rms <= found.linf * slack && found.l1 <= n.sqrt() * found.l2 * slack);
            prop_assert_eq!(Perturbation::between(&a, &a).norm(Norm::L0), 0.0);
        }

        #[test]
        fn agrees_with_the_norms_of_the_tensor_crate((a, b) in pair()) {
            let found = Perturbation::between(&a, &b);
            for norm in [Norm::L0, Norm::L1, Norm::L2, Norm::Linf] {
                let expected = norm.of(a.iter().zip(&b).map(|(x, y)| y - x));
                prop_assert!((found.norm(norm) - expected).abs() <= 1e-5 * (1.0 + expected));
            }
        }
    }
}
