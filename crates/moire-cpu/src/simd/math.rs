//! Functions of vectors. Each polynomial is a minimax fit (Remez) of its own; errors are those that the test measures
//! over the whole range, in units of the last place where nothing else is said.

use super::Simd;

/// c[0] + c[1] x + ..
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::V, c: [f32; N]) -> S::V {
    let mut sum = s.splat(c[N - 1]);
    for &c in c.iter().rev().skip(1) {
        sum = s.mul_add(sum, x, s.splat(c));
    }
    sum
}

/// |x|.
#[inline(always)]
fn magnitude<S: Simd>(s: S, x: S::V) -> S::V {
    s.max(x, s.sub(s.splat(0.0), x))
}

/// e^x: infinity where it is, and numbers too small to be normal.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // ln 2 in two parts, the first with few digits so that its multiples are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Adding this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const SERIES: [f32; 7] =
        [1.0, 1.000_000_04, 0.499_999_9, 0.166_664_2, 0.041_668_226, 0.008_374_816, 0.001_383_684_5];
    let x = s.min(s.splat(89.0), s.max(s.splat(-104.0), x));
    let round = s.splat(ROUND);
    let whole = |v: S::V| s.sub(s.add(v, round), round);
    let n = whole(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    let rest = s.mul_add(n, s.splat(-LN_2[1]), s.mul_add(n, s.splat(-LN_2[0]), x));
    // In two steps, since 2^n alone may be out of range.
    let half = whole(s.mul(n, s.splat(0.5)));
    let series = polynomial(s, rest, SERIES);
    s.mul(s.mul(series, s.power_of_two(half)), s.power_of_two(s.sub(n, half)))
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}

/// tanh x: by its series near 0, where the exponential would leave no digits.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::V) -> S::V {
    const NEAR: f32 = 0.625;
    const SERIES: [f32; 6] = [1.0, -0.333_332_6, 0.133_311_28, -0.053_721_068, 0.020_590_988, -0.005_659_989];
    let near = s.mul(x, polynomial(s, s.mul(x, x), SERIES));
    let size = magnitude(s, x);
    let one = s.splat(1.0);
    // 1 - 2 / (e^2|x| + 1).
    let far = s.sub(one, s.div(s.splat(2.0), s.add(one, exp(s, s.add(size, size)))));
    let far = s.where_positive(x, far, s.sub(s.splat(0.0), far));
    s.where_positive(s.sub(size, s.splat(NEAR)), far, near)
}

/// x times its sigmoid, and the derivative.
#[inline(always)]
pub(crate) fn silu<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    // Where the share is 0 or 1 to the last place, and before anything is infinite or too small to be normal: such
    // numbers cost a processor a hundred times as much.
    const FAR: f32 = 86.0;
    let one = s.splat(1.0);
    let odds = exp(s, s.min(s.splat(FAR), s.max(s.splat(-FAR), s.sub(s.splat(0.0), x))));
    let share = s.div(one, s.add(one, odds));
    // 1 - share, of which a difference would leave few digits.
    let rest = s.mul(odds, share);
    (s.mul(x, share), s.mul(share, s.mul_add(x, rest, one)))
}

/// x times the share of the standard normal distribution below x, and the derivative.
///
/// The tail beyond a = |x| is e^(-a^2 / 2) times a smooth function of 1 / (1 + 0.3 a) (the form of Abramowitz and Stegun,
/// 26.2.17), fitted here to a relative error of 6e-8 for a up to 14.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    const NEARNESS: f32 = 0.3;
    const SERIES: [f32; 9] = [
        7.168_838e-6,
        0.119_487_69,
        0.121_920_34,
        0.094_683_55,
        0.142_535_46,
        -0.076_506_37,
        0.228_659_98,
        -0.169_166_06,
        0.038_378_28,
    ];
    // Beyond, what is below is 0 or 1; soon the tail would be too small to be normal.
    const FAR: f32 = 12.7;
    // 1 / sqrt(2 pi).
    const PEAK: f32 = 0.398_942_3;
    let one = s.splat(1.0);
    let size = magnitude(s, x);
    let beyond = s.sub(size, s.splat(FAR));
    let size = s.min(s.splat(FAR), size);
    let nearness = s.div(one, s.mul_add(s.splat(NEARNESS), size, one));
    let bell = exp(s, s.mul(s.mul(size, size), s.splat(-0.5)));
    let tail = s.where_positive(beyond, s.splat(0.0), s.mul(bell, polynomial(s, nearness, SERIES)));
    let below = s.where_positive(x, s.sub(one, tail), tail);
    (s.mul(x, below), s.mul_add(s.mul(x, bell), s.splat(PEAK), below))
}

#[cfg(test)]
mod tests {
    use super::super::{Isa, Task, Vectors};
    use super::*;

    /// e^x, tanh, `SiLU` and `GELU` with their derivatives.
    const FUNCTIONS: usize = 6;

    struct Apply<'a>(&'a [f32], &'a mut [[f32; FUNCTIONS]]);

    impl Task for Apply<'_> {
        #[allow(unsafe_code, reason = "loads take pointers")]
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for (x, y) in self.0.chunks_exact(S::LANES).zip(self.1.chunks_exact_mut(S::LANES)) {
                // SAFETY: a chunk is a vector long.
                let x = unsafe { s.load(x.as_ptr()) };
                let ((silu, silu_slope), (gelu, gelu_slope)) = (silu(s, x), gelu(s, x));
                let all = [exp(s, x), tanh(s, x), silu, silu_slope, gelu, gelu_slope];
                for (i, v) in all.into_iter().enumerate() {
                    let mut lanes = [0.0; 16];
                    // SAFETY: no vector is longer.
                    unsafe { s.store(lanes.as_mut_ptr(), v) };
                    y.iter_mut().zip(lanes).for_each(|(y, v)| y[i] = v);
                }
            }
        }
    }

    fn expected(x: f64) -> [f64; FUNCTIONS] {
        let share = 1.0 / (1.0 + (-x).exp());
        let below = 0.5 * libm::erfc(-x / 2f64.sqrt());
        let bell = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        [x.exp(), x.tanh(), x * share, share * (1.0 + x * (1.0 - share)), x * below, below + x * bell]
    }

    #[test]
    fn functions_are_right_to_the_last_places() {
        // Numbers of all sizes and both signs, and what they end with.
        let sizes = (0..160_000).map(|i| 1e-30f32 * 1.000_48f32.powi(i));
        let mut x: Vec<f32> = sizes.take_while(|&x| x < 120.0).flat_map(|x| [x, -x]).collect();
        x.extend([0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]);
        x.resize(x.len().next_multiple_of(16), 1.0);
        // Relative to the result, and to 1 where a difference leaves less.
        let limits = [3e-7, 3e-7, 6e-7, 6e-7, 6e-6, 6e-7];
        let floors = [1e-37, 1e-37, 1e-29, 1.0, 1e-30, 1.0];
        for vectors in Isa::ALL.into_iter().filter_map(Vectors::of) {
            let mut found = vec![[0.0; FUNCTIONS]; x.len()];
            vectors.run(Apply(&x, &mut found));
            for (&x, found) in x.iter().zip(found) {
                for (i, (found, expected)) in found.into_iter().zip(expected(x.into())).enumerate() {
                    if x.is_infinite() && i >= 2 {
                        // The formulas of the others come to infinity times 0.
                        continue;
                    }
                    let (rounded, case) =
                        (expected as f32, format!("function {i} of {x} ({})", vectors.isa()));
                    if rounded.is_nan() {
                        assert!(found.is_nan(), "{case}: {found}");
                    } else if rounded.is_infinite() {
                        assert!(found > 1e38, "{case}: {found}");
                    } else {
                        let error = (f64::from(found) - expected).abs() / expected.abs().max(floors[i]);
                        assert!(error < limits[i], "{case}: {found}, not {expected}, off by {error:.1e}");
                    }
                }
            }
        }
    }
}
