//! Resizing against Pillow 13.0.0, mode F, on a formula that Python can repeat.

#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]
#![allow(clippy::unreadable_literal, reason = "numbers stand as Pillow prints them")]

use moire_image::{ErrorKind, Filter, resize};
use moire_tensor::{Images, Tensor};
use proptest::prelude::*;

const FILTERS: [Filter; 4] = [Filter::Nearest, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];

fn pattern(height: usize, width: usize) -> Images {
    let at = |i: usize| {
        let (c, y, x) = (i / (height * width), i / width % height, i % width);
        ((x * 5 + y * 3 + 40 * c + (x * y) % 32) % 256) as f32 / 255.0
    };
    Images::new(Tensor::from_fn([1, 3, height, width], at)).unwrap()
}

/// From 24 x 37 with a filter to a height and a width: four values at 0, n / 3 + n / 7, n / 2, n - 1, and the mean,
/// after clipping to `[0, 1]`.
type Golden = (Filter, usize, usize, [f32; 4], f64);

#[rustfmt::skip]
const PILLOW: [Golden; 20] = [
    (Filter::Nearest, 7, 11, [0.03529412, 0.3647059, 0.74509805, 0.2627451], 0.5642135759726876),
    (Filter::Nearest, 50, 61, [0.0, 0.5882353, 0.29803923, 0.39607844], 0.5575039222728094),
    (Filter::Nearest, 24, 16, [0.019607844, 0.4862745, 0.3647059, 0.28627452], 0.5639433665766975),
    (Filter::Nearest, 1, 1, [0.5882353, 0.74509805, 0.74509805, 0.9019608], 0.7450980544090271),
    (Filter::Nearest, 64, 5, [0.05882353, 0.7058824, 0.37254903, 0.31764707], 0.5658823645523322),
    (Filter::Bilinear, 7, 11, [0.056906756, 0.3683537, 0.7057331, 0.30053082], 0.5602618287039267),
    (Filter::Bilinear, 50, 61, [0.0, 0.6165002, 0.2949804, 0.39607844], 0.5587151127121833),
    (Filter::Bilinear, 24, 16, [0.016673336, 0.5218151, 0.35472858, 0.3291717], 0.5590258589638526),
    (Filter::Bilinear, 1, 1, [0.5379061, 0.6226965, 0.6226965, 0.5767063], 0.5791029731432596),
    (Filter::Bilinear, 64, 5, [0.07663399, 0.685992, 0.42101106, 0.26444444], 0.5624918225764607),
    (Filter::Bicubic, 7, 11, [0.046104245, 0.3633855, 0.70665866, 0.3109709], 0.5600860284971985),
    (Filter::Bicubic, 50, 61, [0.0, 0.6129959, 0.29008558, 0.40677786], 0.5586186395152609),
    (Filter::Bicubic, 24, 16, [0.013890723, 0.5244225, 0.3500229, 0.3346606], 0.5590545846427832),
    (Filter::Bicubic, 1, 1, [0.5375465, 0.6194856, 0.6194856, 0.5701871], 0.5757397413253784),
    (Filter::Bicubic, 64, 5, [0.06356573, 0.6856914, 0.41034296, 0.2758074], 0.5618844976027807),
    (Filter::Lanczos, 7, 11, [0.04289451, 0.36212984, 0.70684505, 0.3142183], 0.5601664406783653),
    (Filter::Lanczos, 50, 61, [0.0, 0.61327237, 0.29033512, 0.4102621], 0.5586756695626433),
    (Filter::Lanczos, 24, 16, [0.013028152, 0.5269304, 0.3484469, 0.33838838], 0.5589728248946307),
    (Filter::Lanczos, 1, 1, [0.53699154, 0.6165384, 0.6165384, 0.5667117], 0.5734138886133829),
    (Filter::Lanczos, 64, 5, [0.060526185, 0.67526096, 0.40663183, 0.29654276], 0.5616082584330191),
];

#[test]
fn agrees_with_pillow() {
    for (filter, height, width, values, mean) in PILLOW {
        let out = resize(&pattern(24, 37), height, width, filter).unwrap();
        assert_eq!(out.tensor().shape().to_vec(), [1, 3, height, width]);
        let (data, n) = (out.tensor().data(), out.tensor().data().len());
        for (at, expected) in [0, n / 3 + n / 7, n / 2, n - 1].into_iter().zip(values) {
            let found = data[at];
            assert!(
                (found - expected).abs() < 1e-6,
                "{filter:?} {height}x{width} at {at}: {found}, not {expected}"
            );
        }
        let found = data.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64;
        assert!((found - mean).abs() < 1e-7, "{filter:?} {height}x{width}: mean {found}, not {mean}");
    }
}

#[test]
fn a_size_without_pixels_is_an_error() {
    let error = resize(&pattern(2, 2), 0, 3, Filter::Bilinear).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter);
    assert_eq!(error.to_string(), "an image has at least 1 x 1 pixels, found a height of 0 and a width of 3");
}

#[test]
fn what_overshoots_comes_back_into_range() {
    let edge = Images::new(Tensor::from_fn([1, 3, 1, 8], |i| f32::from(u8::from(i % 8 > 3)))).unwrap();
    for filter in [Filter::Bicubic, Filter::Lanczos] {
        let out = resize(&edge, 1, 32, filter).unwrap();
        let is_extreme = |v: &f32| *v == 0.0 || *v == 1.0;
        assert!(out.tensor().data().iter().filter(|v| is_extreme(v)).count() > 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn images_do_not_mix_and_constants_stay(
        h in 1usize..20, w in 1usize..20, height in 1usize..30, width in 1usize..30, which in 0usize..4, v in 0.0f32..=1.0
    ) {
        let filter = FILTERS[which];
        let constant = Images::new(Tensor::full([1, 3, h, w], v)).unwrap();
        let both = Images::concat(&[&pattern(h, w), &constant]).unwrap();
        let out = resize(&both, height, width, filter).unwrap();
        prop_assert_eq!(out.select(&[0]), resize(&pattern(h, w), height, width, filter).unwrap());
        prop_assert!(out.image(1).iter().all(|o| (o - v).abs() < 1e-6));
        prop_assert_eq!(&resize(&both, h, w, filter).unwrap(), &both);
    }

    #[test]
    fn mirrors_to_its_mirror(h in 1usize..12, w in 1usize..12, height in 1usize..20, width in 1usize..20, which in 1usize..4) {
        let mirror = |images: &Images| {
            let data = images.tensor().data().chunks_exact(images.width());
            let data = data.flat_map(|row| row.iter().rev().copied()).collect();
            Images::new(Tensor::new(images.tensor().shape().clone(), data).unwrap()).unwrap()
        };
        let straight = resize(&pattern(h, w), height, width, FILTERS[which]).unwrap();
        let mirrored = mirror(&resize(&mirror(&pattern(h, w)), height, width, FILTERS[which]).unwrap());
        for (a, b) in straight.tensor().data().iter().zip(mirrored.tensor().data()) {
            prop_assert!((a - b).abs() < 1e-5);
        }
    }
}
