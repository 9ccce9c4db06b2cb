use std::f64::consts::PI;

/// How [`resize`](crate::resize) weighs the pixels around a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The pixel that the place falls in; no averaging, so that shrinking aliases.
    Nearest,
    /// A triangle of radius 1.
    Bilinear,
    /// Keys' cubic convolution with a = -1/2, of radius 2. It overshoots.
    Bicubic,
    /// A sinc windowed by a wider sinc, of radius 3. It overshoots.
    Lanczos,
}

/// The input pixels of one output pixel: from `first` on, one weight each; the weights sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Taps {
    /// The first input pixel.
    pub first: usize,
    /// The weights of that pixel and of those after it, at least one.
    pub weights: Vec<f64>,
}

impl Filter {
    /// The taps of each of `to` output pixels along an axis of `from` input pixels, both at least 1.
    ///
    /// Output pixel i is centred at (i + 1/2) · from / to. When shrinking, the filter widens by that ratio, which is
    /// what keeps fine detail from aliasing; taps beyond the border fall away and the rest are scaled up to 1.
    ///
    /// # Panics
    /// `from` or `to` is 0.
    pub fn taps(self, from: usize, to: usize) -> Vec<Taps> {
        assert!(from > 0 && to > 0, "an axis has pixels before and after");
        if self == Self::Nearest {
            // floor((i + 1/2) from / to), in integers: where that is whole, Pillow's running sum may fall one short.
            return (0..to)
                .map(|i| Taps { first: (2 * i + 1) * from / (2 * to), weights: vec![1.0] })
                .collect();
        }
        let ratio = from as f64 / to as f64;
        let stretch = ratio.max(1.0);
        let support = self.radius() * stretch;
        let tap = |i: usize| {
            let centre = (i as f64 + 0.5) * ratio;
            // Casts to integers cut towards zero and hold at 0, which is the border.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weight = |k: usize| self.at((k as f64 - centre + 0.5) * (1.0 / stretch));
            let mut weights: Vec<f64> = (first..end).map(weight).collect();
            let scale = 1.0 / weights.iter().sum::<f64>();
            weights.iter_mut().for_each(|w| *w *= scale);
            Taps { first, weights }
        };
        (0..to).map(tap).collect()
    }

    fn radius(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        if x >= self.radius() {
            return 0.0;
        }
        match self {
            Self::Nearest => 1.0,
            Self::Bilinear => 1.0 - x,
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos => sinc(x) * sinc(x / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        // Twice as large: a quarter and three quarters, the border on its own.
        let taps = Filter::Bilinear.taps(2, 4);
        let found: Vec<_> = taps.iter().map(|t| (t.first, t.weights.as_slice())).collect();
        assert_eq!(found, [(0, &[1.0][..]), (0, &[0.75, 0.25]), (0, &[0.25, 0.75]), (1, &[1.0])]);
        assert_eq!(Filter::Nearest.taps(5, 2).iter().map(|t| t.first).collect::<Vec<_>>(), [1, 3]);
    }

    proptest! {
        #[test]
        fn taps_stay_inside_and_sum_to_one(from in 1usize..300, to in 1usize..300, which in 0usize..4) {
            let filter = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos][which];
            let taps = filter.taps(from, to);
            prop_assert_eq!(taps.len(), to);
            for t in taps {
                prop_assert!(!t.weights.is_empty() && t.first + t.weights.len() <= from);
                prop_assert!((t.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            }
        }
    }
}
