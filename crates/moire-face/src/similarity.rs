/// A rotation, a uniform scale and a shift of the plane: (x, y) goes to (a·x - b·y + c, b·x + a·y + d).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Similarity {
    turn: [f64; 2],
    shift: [f64; 2],
}

impl Similarity {
    /// The similarity that brings the points `from` as near as it can to `to`, by the sum of squared distances.
    ///
    /// In complex numbers it is z ↦ m·z + s with m = Σ conj(z - z̄)(w - w̄) / Σ |z - z̄|² and s = w̄ - m·z̄: Umeyama's
    /// closed form (doi 10.1109/34.88573) in the plane, without reflection. `None` where all of `from` are one point,
    /// or a number is not finite.
    pub(crate) fn between<const N: usize>(from: &[[f64; 2]; N], to: &[[f64; 2]; N]) -> Option<Self> {
        let pairs = || from.iter().zip(to);
        let mean =
            |points: &[[f64; 2]; N]| [0, 1].map(|k| points.iter().map(|p| p[k]).sum::<f64>() / N as f64);
        let (z_mean, w_mean) = (mean(from), mean(to));
        let (mut turn, mut spread) = ([0.0; 2], 0.0);
        for (z, w) in pairs() {
            let (z, w) = ([z[0] - z_mean[0], z[1] - z_mean[1]], [w[0] - w_mean[0], w[1] - w_mean[1]]);
            turn[0] += z[0] * w[0] + z[1] * w[1];
            turn[1] += z[0] * w[1] - z[1] * w[0];
            spread += z[0] * z[0] + z[1] * z[1];
        }
        let turn = turn.map(|v| v / spread);
        let moved = Self { turn, shift: [0.0; 2] }.apply(z_mean);
        let found = Self { turn, shift: [w_mean[0] - moved[0], w_mean[1] - moved[1]] };
        let finite = found.turn.iter().chain(&found.shift).all(|v| v.is_finite());
        (finite && found.scale() > 0.0).then_some(found)
    }

    /// Where a point goes.
    pub(crate) fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let ([a, b], [c, d]) = (self.turn, self.shift);
        [a * x - b * y + c, b * x + a * y + d]
    }

    /// How much longer lengths become.
    pub(crate) fn scale(&self) -> f64 {
        self.turn[0].hypot(self.turn[1])
    }

    /// Cosine and sine of the angle by which it turns, from x towards y.
    pub(crate) fn direction(&self) -> [f64; 2] {
        self.turn.map(|v| v / self.scale())
    }

    /// The way back.
    #[must_use]
    pub(crate) fn inverse(&self) -> Self {
        let [a, b] = self.turn;
        let square = a * a + b * b;
        let back = Self { turn: [a / square, -b / square], shift: [0.0; 2] };
        let shift = back.apply(self.shift).map(|v| -v);
        Self { shift, ..back }
    }
}

#[cfg(test)]
mod tests {
    use super::Similarity;
    use proptest::prelude::*;

    fn close(a: [f64; 2], b: [f64; 2], tolerance: f64) -> bool {
        (a[0] - b[0]).hypot(a[1] - b[1]) <= tolerance
    }

    #[test]
    fn known_points_are_met_exactly() {
        // A quarter turn, twice the size, moved by (10, 20): (x, y) to (10 - 2y, 20 + 2x).
        let from = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let found = Similarity::between(&from, &[[10.0, 20.0], [10.0, 22.0], [8.0, 20.0]]).unwrap();
        assert!(close(found.apply([3.0, 5.0]), [0.0, 26.0], 1e-12));
        assert!((found.scale() - 2.0).abs() < 1e-12 && close(found.direction(), [0.0, 1.0], 1e-12));
        assert!(close(found.inverse().apply([0.0, 26.0]), [3.0, 5.0], 1e-12));
    }

    #[test]
    fn one_point_alone_says_nothing() {
        assert_eq!(Similarity::between(&[[1.0, 2.0]; 3], &[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), None);
        assert_eq!(Similarity::between(&[[f64::NAN, 0.0], [1.0, 0.0]], &[[0.0, 0.0], [1.0, 0.0]]), None);
    }

    fn points() -> impl Strategy<Value = [[f64; 2]; 4]> {
        prop::array::uniform4([-100f64..100., -100f64..100.])
    }

    proptest! {
        #[test]
        fn similarities_are_found_again(from in points(), turn in [0.1f64..3., -3f64..3.], shift in [-99f64..99., -99f64..99.]) {
            let truth = Similarity { turn, shift };
            let to = from.map(|p| truth.apply(p));
            let found = Similarity::between(&from, &to);
            prop_assume!(found.is_some());
            let found = found.unwrap();
            for &p in &from {
                prop_assert!(close(found.apply(p), truth.apply(p), 1e-6));
                prop_assert!(close(found.inverse().apply(found.apply(p)), p, 1e-6));
            }
        }

        #[test]
        fn no_other_similarity_comes_nearer(from in points(), to in points(), by in prop::array::uniform4(-1e-3f64..1e-3)) {
            let Some(best) = Similarity::between(&from, &to) else { return Ok(()) };
            let error = |s: &Similarity| from.iter().zip(&to).map(|(&p, q)| {
                let r = s.apply(p);
                (r[0] - q[0]).powi(2) + (r[1] - q[1]).powi(2)
            }).sum::<f64>();
            let other = Similarity {
                turn: [best.turn[0] + by[0], best.turn[1] + by[1]],
                shift: [best.shift[0] + by[2], best.shift[1] + by[3]],
            };
            prop_assert!(error(&best) <= error(&other) + 1e-9 * (1.0 + error(&other)));
        }
    }
}
