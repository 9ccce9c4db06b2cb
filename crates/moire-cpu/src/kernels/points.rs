//! Transforms of minimal filtering: m neighbouring outputs of a filter of r taps from m + r - 1 products
//! (Winograd 1980; Lavin and Gray, arXiv 1509.09308), by evaluation at points.

use crate::simd::Simd;

/// `M` outputs of a filter of `P - M + 1` taps from `P` products.
pub(crate) trait Points<const P: usize, const M: usize>: Copy + Send + Sync + 'static {
    /// The filter at the points.
    fn filter(taps: &[f64]) -> [f64; P];
    /// The input at the points.
    fn input<S: Simd>(simd: S, d: [S::V; P]) -> [S::V; P];
    /// The outputs from the products.
    fn output<S: Simd>(simd: S, m: [S::V; P]) -> [S::V; M];
}

/// Filters of three taps.
#[derive(Clone, Copy)]
pub(crate) struct ThreeTaps;

/// F(4, 3) at 0, 1, -1, 2, -2 and infinity.
impl Points<6, 4> for ThreeTaps {
    fn filter(g: &[f64]) -> [f64; 6] {
        let (even, odd) = (g[0] + g[2], g[1]);
        let (far_even, far_odd) = (g[0] / 4.0 + g[2], g[1] / 2.0);
        [
            g[0] / 4.0,
            -(even + odd) / 6.0,
            -(even - odd) / 6.0,
            (far_even + far_odd) / 6.0,
            (far_even - far_odd) / 6.0,
            g[2],
        ]
    }

    #[inline(always)]
    fn input<S: Simd>(s: S, d: [S::V; 6]) -> [S::V; 6] {
        let [two, four, minus_four, minus_five] = [s.splat(2.0), s.splat(4.0), s.splat(-4.0), s.splat(-5.0)];
        let even = s.mul_add(minus_four, d[2], d[4]);
        let odd = s.mul_add(minus_four, d[1], d[3]);
        let (far_even, far_odd) = (s.sub(d[4], d[2]), s.mul(two, s.sub(d[3], d[1])));
        [
            s.mul_add(four, d[0], s.mul_add(minus_five, d[2], d[4])),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(far_even, far_odd),
            s.sub(far_even, far_odd),
            s.mul_add(four, d[1], s.mul_add(minus_five, d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
        let [two, four, eight] = [s.splat(2.0), s.splat(4.0), s.splat(8.0)];
        let (even, odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (far_even, far_odd) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(m[0], s.add(even, far_even)),
            s.mul_add(two, far_odd, odd),
            s.mul_add(four, far_even, even),
            s.add(s.mul_add(eight, far_odd, odd), m[5]),
        ]
    }
}

/// Filters of two taps.
#[derive(Clone, Copy)]
pub(crate) struct TwoTaps;

/// F(4, 2) at 0, 1, -1, 2 and infinity.
impl Points<5, 4> for TwoTaps {
    fn filter(g: &[f64]) -> [f64; 5] {
        [g[0] / 2.0, -(g[0] + g[1]) / 2.0, (g[1] - g[0]) / 6.0, (g[0] + 2.0 * g[1]) / 6.0, g[1]]
    }

    #[inline(always)]
    fn input<S: Simd>(s: S, d: [S::V; 5]) -> [S::V; 5] {
        let [two, minus_two, minus_three] = [s.splat(2.0), s.splat(-2.0), s.splat(-3.0)];
        let apart = s.sub(d[3], d[1]);
        [
            s.mul_add(two, s.sub(d[0], d[2]), apart),
            s.sub(s.mul_add(minus_two, d[1], d[3]), d[2]),
            s.mul_add(two, d[1], s.mul_add(minus_three, d[2], d[3])),
            apart,
            s.mul_add(minus_two, apart, s.sub(d[4], d[2])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(s: S, m: [S::V; 5]) -> [S::V; 4] {
        let [two, four, eight] = [s.splat(2.0), s.splat(4.0), s.splat(8.0)];
        let (even, odd) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        [
            s.add(m[0], s.add(even, m[3])),
            s.mul_add(two, m[3], odd),
            s.mul_add(four, m[3], even),
            s.add(s.mul_add(eight, m[3], odd), m[4]),
        ]
    }
}

/// F(2, 3) at 0, 1, -1 and infinity.
impl Points<4, 2> for ThreeTaps {
    fn filter(g: &[f64]) -> [f64; 4] {
        let (even, odd) = (g[0] + g[2], g[1]);
        [g[0], 0.5 * (even + odd), 0.5 * (even - odd), g[2]]
    }

    #[inline(always)]
    fn input<S: Simd>(s: S, d: [S::V; 4]) -> [S::V; 4] {
        [s.sub(d[0], d[2]), s.add(d[1], d[2]), s.sub(d[2], d[1]), s.sub(d[3], d[1])]
    }

    #[inline(always)]
    fn output<S: Simd>(s: S, m: [S::V; 4]) -> [S::V; 2] {
        [s.add(m[0], s.add(m[1], m[2])), s.add(s.sub(m[1], m[2]), m[3])]
    }
}

/// F(2, 2) at 0, 1 and infinity.
impl Points<3, 2> for TwoTaps {
    fn filter(g: &[f64]) -> [f64; 3] {
        [g[0], g[0] + g[1], g[1]]
    }

    #[inline(always)]
    fn input<S: Simd>(s: S, d: [S::V; 3]) -> [S::V; 3] {
        [s.sub(d[0], d[1]), d[1], s.sub(d[2], d[1])]
    }

    #[inline(always)]
    fn output<S: Simd>(s: S, m: [S::V; 3]) -> [S::V; 2] {
        [s.add(m[0], m[1]), s.add(m[1], m[2])]
    }
}
