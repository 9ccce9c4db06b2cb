const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;
/// What is averaged under the window: x, y, x² + y², xy. The formula needs the variances only as a sum.
const MOMENTS: usize = 4;

/// The structural similarity of two RGB images, `[3, height, width]` values in `[0, 1]`; in `[-1, 1]`, and 1 for
/// equal images. `None` where a side is under 11 pixels: no window fits.
///
/// At each place ((2 μx μy + C1)(2 σxy + C2)) / ((μx² + μy² + C1)(σx² + σy² + C2)), under a Gaussian window of
/// 11x11 with σ = 1.5 whose weights sum to 1; C1 = 0.01², C2 = 0.03² for the range 1. The result is the mean over
/// all places where the whole window fits, then over the channels.
///
/// Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
/// similarity", IEEE TIP 13(4), 2004, on each of R, G and B where the paper has luminance, and without its
/// optional down-sampling. scikit-image computes the same with `gaussian_weights=True, sigma=1.5,
/// use_sample_covariance=False, data_range=1`.
///
/// # Panics
/// A length is not 3 · `height` · `width`.
pub fn ssim(clean: &[f32], changed: &[f32], height: usize, width: usize) -> Option<f64> {
    let plane = height * width;
    assert_eq!(clean.len(), 3 * plane, "an image is [3, {height}, {width}]");
    assert_eq!(changed.len(), 3 * plane, "an image is [3, {height}, {width}]");
    if height < WINDOW || width < WINDOW {
        return None;
    }
    let window = gaussian();
    let channels = clean.chunks_exact(plane).zip(changed.chunks_exact(plane));
    Some(channels.map(|(x, y)| ssim_of_plane(x, y, width, &window)).sum::<f64>() / 3.0)
}

/// The mean over one channel. Rows are filtered along x into a ring of 11, then the ring along y.
fn ssim_of_plane(x: &[f32], y: &[f32], width: usize, window: &[f64; WINDOW]) -> f64 {
    let (height, places) = (x.len() / width, width - WINDOW + 1);
    let mut ring: Vec<[Vec<f64>; MOMENTS]> = vec![std::array::from_fn(|_| vec![0.0; places]); WINDOW];
    let mut row: [Vec<f64>; MOMENTS] = std::array::from_fn(|_| vec![0.0; width]);
    let mut local: [Vec<f64>; MOMENTS] = std::array::from_fn(|_| vec![0.0; places]);
    let mut total = 0.0;
    for (j, (x, y)) in x.chunks_exact(width).zip(y.chunks_exact(width)).enumerate() {
        for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
            let (x, y) = (f64::from(x), f64::from(y));
            row[0][i] = x;
            row[1][i] = y;
            row[2][i] = x * x + y * y;
            row[3][i] = x * y;
        }
        for (filtered, values) in ring[j % WINDOW].iter_mut().zip(&row) {
            weighted_sum(filtered, window, |k| &values[k..]);
        }
        if j + 1 < WINDOW {
            continue;
        }
        for (m, filtered) in local.iter_mut().enumerate() {
            weighted_sum(filtered, window, |k| &ring[(j + 1 + k) % WINDOW][m]);
        }
        let [mean_x, mean_y, squares, products] = &local;
        for i in 0..places {
            let (cross, power) = (mean_x[i] * mean_y[i], mean_x[i] * mean_x[i] + mean_y[i] * mean_y[i]);
            let above = (2.0 * cross + C1) * (2.0 * (products[i] - cross) + C2);
            total += above / ((power + C1) * (squares[i] - power + C2));
        }
    }
    total / (places * (height - WINDOW + 1)) as f64
}

/// `out[i] = Σ_k window[k] · source(k)[i]`.
fn weighted_sum<'a>(out: &mut [f64], window: &[f64; WINDOW], source: impl Fn(usize) -> &'a [f64]) {
    out.fill(0.0);
    for (k, &weight) in window.iter().enumerate() {
        for (sum, &value) in out.iter_mut().zip(source(k)) {
            *sum += weight * value;
        }
    }
}

/// One axis of the window; the weights sum to 1.
fn gaussian() -> [f64; WINDOW] {
    let weight = |k: usize| {
        let offset = k as f64 - (WINDOW / 2) as f64;
        (-0.5 * (offset / SIGMA).powi(2)).exp()
    };
    let total: f64 = (0..WINDOW).map(weight).sum();
    std::array::from_fn(|k| weight(k) / total)
}

#[cfg(test)]
mod tests {
    use super::ssim;
    use proptest::prelude::*;

    /// A textured image and the same under a small pattern, by a formula that Python can repeat.
    fn pair(height: usize, width: usize) -> (Vec<f32>, Vec<f32>) {
        let at = |i: usize| {
            let (c, y, x) = (i / (height * width), i / width % height, i % width);
            let clean = (x * 5 + y * 3 + 40 * c + (x * y) % 32) % 256;
            let changed = (clean + (x * x + 3 * y + c) % 17).saturating_sub(8).min(255);
            (clean as f32 / 255.0, changed as f32 / 255.0)
        };
        (0..3 * height * width).map(at).unzip()
    }

    #[test]
    fn agrees_with_scikit_image() {
        // scikit-image 0.26.0 on the same formula, channel by channel, options as in the docs of `ssim`.
        let cases = [
            (11, 11, 0.937_107_840_479_924_9),
            (24, 37, 0.950_318_462_135_544_8),
            (64, 48, 0.956_876_376_571_737_2),
        ];
        for (height, width, expected) in cases {
            let (a, b) = pair(height, width);
            let found = ssim(&a, &b, height, width).unwrap();
            assert!((found - expected).abs() < 1e-9, "{height}x{width}: expected {expected}, found {found}");
        }
    }

    #[test]
    fn closed_form_of_two_constants() {
        // No structure: (2xy + C1) / (x² + y² + C1).
        let found = ssim(&[0.25; 363], &[0.5; 363], 11, 11).unwrap();
        assert!((found - 0.2501 / 0.3126).abs() < 1e-12, "{found}");
    }

    #[test]
    fn no_window_fits_a_small_image() {
        assert_eq!(ssim(&[0.0; 3 * 10 * 11], &[0.0; 3 * 10 * 11], 10, 11), None);
    }

    #[test]
    #[should_panic(expected = "an image is [3, 12, 12]")]
    fn the_size_must_be_true() {
        ssim(&[0.0; 3], &[0.0; 3], 12, 12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equal_is_one_and_order_does_not_matter(
            (height, width, a, b) in (11usize..16, 11usize..16).prop_flat_map(|(h, w)| {
                let image = || prop::collection::vec((0u8..=255).prop_map(|v| f32::from(v) / 255.0), 3 * h * w);
                (Just(h), Just(w), image(), image())
            })
        ) {
            prop_assert_eq!(ssim(&a, &a, height, width), Some(1.0));
            let found = ssim(&a, &b, height, width).unwrap();
            prop_assert!((-1.0..1.0).contains(&found));
            prop_assert_eq!(Some(found), ssim(&b, &a, height, width));
        }
    }
}
