//! What comes out of whole files.

#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]

mod samples;

use moire_image::{Picture, Subsampling, encode_jpeg, encode_png};
use png::{BitDepth, ColorType};
use samples::{
    LOSSY_WEBP, app1, crc32, exif, grey_jpeg, jpeg, one_of_each, picture, png, png_with, read, webp,
};

/// The largest difference of two pictures' bytes.
fn distance(a: &Picture, b: &Picture) -> u8 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    a.rgb().iter().zip(b.rgb()).map(|(x, y)| x.abs_diff(*y)).max().unwrap()
}

#[test]
fn one_of_each_is_read() {
    for (name, bytes) in one_of_each() {
        if let Err(error) = read(&bytes) {
            panic!("{name}: {error}: {:?}", std::error::Error::source(&error));
        }
    }
}

#[test]
fn lossless_formats_are_exact() {
    let expected = picture(31, 17);
    assert_eq!(read(&encode_png(&expected)).unwrap(), expected);
    let bytes = webp(expected.rgb(), 31, 17, image_webp::ColorType::Rgb8, &[]);
    assert_eq!(read(&bytes).unwrap(), expected);
}

#[test]
fn lossy_formats_are_near() {
    let expected = picture(32, 24);
    for set in [Subsampling::Yuv444, Subsampling::Yuv422, Subsampling::Yuv420] {
        let found = read(&encode_jpeg(&expected, 95, set).unwrap()).unwrap();
        assert!(distance(&found, &expected) <= 12, "{set:?}: {}", distance(&found, &expected));
    }
    let progressive = read(&jpeg(&expected, |e| e.set_progressive(true))).unwrap();
    assert!(distance(&progressive, &expected) <= 12);
    assert_eq!(read(&grey_jpeg()).unwrap().rgb(), [77; 3 * 9 * 7]);
    let found = read(LOSSY_WEBP).unwrap();
    // As Pillow 13.0.0 with libwebp reads it.
    let pixel = |x: usize, y: usize| found.rgb()[3 * (16 * y + x)..][..3].to_vec();
    assert_eq!([pixel(0, 0), pixel(15, 11), pixel(7, 5)], [[0, 4, 2], [225, 221, 234], [104, 100, 111]]);
    let bytes = (0..12u8).flat_map(|y| (0..16u8).flat_map(move |x| [15 * x, 20 * y, 9 * (x + y)])).collect();
    assert!(distance(&found, &Picture::new(16, 12, bytes).unwrap()) <= 10);
}

#[test]
fn every_png_colour_becomes_rgb() {
    let (eight, sixteen) = (BitDepth::Eight, BitDepth::Sixteen);
    let case = |color, depth, data: &[u8]| read(&png(1, 1, color, depth, data)).unwrap().rgb().to_vec();
    assert_eq!(case(ColorType::Grayscale, eight, &[9]), [9; 3]);
    assert_eq!(case(ColorType::Grayscale, BitDepth::One, &[0x80]), [255; 3]);
    assert_eq!(case(ColorType::Grayscale, BitDepth::Four, &[0x30]), [51; 3]);
    // 0x0180 is 384 / 257 = 1.49, 0x0181 is 1.498, 0x0182 is 1.502.
    assert_eq!(case(ColorType::Rgb, sixteen, &[1, 0x80, 1, 0x81, 1, 0x82]), [1, 1, 2]);
    assert_eq!(case(ColorType::GrayscaleAlpha, eight, &[0, 0]), [255; 3]);
    assert_eq!(case(ColorType::Rgba, eight, &[10, 20, 30, 255]), [10, 20, 30]);
    assert_eq!(case(ColorType::Rgba, sixteen, &[0, 0, 255, 255, 0, 0, 0x80, 0]), [127, 255, 127]);
    let palette = png_with(2, 1, ColorType::Indexed, eight, &[1, 0], |e| {
        e.set_palette(&[1, 2, 3, 4, 5, 6]);
        e.set_trns(&[0]);
    });
    assert_eq!(read(&palette).unwrap().rgb(), [4, 5, 6, 255, 255, 255]);
}

/// A picture of four flat quarters, 16 x 32, so that every orientation differs after JPEG, too.
fn quarters() -> Picture {
    let colours = [[250, 10, 10], [10, 250, 10], [10, 10, 250], [240, 240, 240]];
    let rgb = (0..16 * 32).flat_map(|i| colours[i / 16 / 16 * 2 + i % 16 / 8]).collect();
    Picture::new(16, 32, rgb).unwrap()
}

#[test]
fn all_orientations_are_turned_upright() {
    // Where each quarter (upper left, upper right, lower left, lower right) of the stored image ends up: EXIF says
    // at which side of the picture its row 0 and its column 0 are.
    let cases = [
        (1, [0, 1, 2, 3]),
        (2, [1, 0, 3, 2]),
        (3, [3, 2, 1, 0]),
        (4, [2, 3, 0, 1]),
        (5, [0, 2, 1, 3]),
        (6, [2, 0, 3, 1]),
        (7, [3, 1, 2, 0]),
        (8, [1, 3, 0, 2]),
    ];
    let stored = quarters();
    let colour = |p: &Picture, x: usize, y: usize| {
        let at = 3 * (y * p.width() + x);
        [p.rgb()[at] > 128, p.rgb()[at + 1] > 128, p.rgb()[at + 2] > 128]
    };
    let quarter = |p: &Picture, q: usize| {
        colour(p, p.width() / 4 + p.width() / 2 * (q % 2), p.height() / 4 + p.height() / 2 * (q / 2))
    };
    for is_little in [true, false] {
        for (orientation, order) in cases {
            let data = exif(orientation, is_little);
            let files = [
                jpeg(&stored, |e| e.add_app_segment(1, &app1(&data)).unwrap()),
                webp(stored.rgb(), 16, 32, image_webp::ColorType::Rgb8, &data),
                png_with_exif(&stored, &data),
            ];
            for file in files {
                let found = read(&file).unwrap();
                let size = if orientation >= 5 { (32, 16) } else { (16, 32) };
                assert_eq!((found.width(), found.height()), size, "orientation {orientation}");
                for (place, from) in order.into_iter().enumerate() {
                    assert_eq!(quarter(&found, place), quarter(&stored, from), "orientation {orientation}");
                }
            }
        }
    }
}

/// The chunk goes in front of the end marker, the last 12 bytes.
fn png_with_exif(picture: &Picture, exif: &[u8]) -> Vec<u8> {
    let file = encode_png(picture);
    let (body, end) = file.split_at(file.len() - 12);
    let chunk = [b"eXIf", exif].concat();
    let crc = crc32(&chunk).to_be_bytes();
    [body, &(exif.len() as u32).to_be_bytes(), &chunk, &crc, end].concat()
}

#[test]
fn exif_that_makes_no_sense_turns_nothing() {
    let stored = quarters();
    let no_tag = exif(6, true).iter().map(|&b| if b == 0x12 { 0x13 } else { b }).collect();
    let cut = exif(6, true)[..20].to_vec();
    for data in [exif(0, true), exif(9, false), no_tag, cut, vec![0xff; 40]] {
        let file = jpeg(&stored, |e| e.add_app_segment(1, &app1(&data)).unwrap());
        assert_eq!(distance(&read(&file).unwrap(), &read(&jpeg(&stored, |_| ())).unwrap()), 0);
    }
}

#[test]
fn jpeg_quality_buys_nearness_with_bytes() {
    let expected = {
        let at = |i: usize| {
            let (x, y, c) = (i / 3 % 64, i / 192, i % 3);
            (128.0 + 90.0 * ((x * (c + 1)) as f64 / 9.0).sin() * (y as f64 / 7.0).cos()) as u8
        };
        Picture::new(64, 64, (0..3 * 64 * 64).map(at).collect()).unwrap()
    };
    for set in [Subsampling::Yuv444, Subsampling::Yuv422, Subsampling::Yuv420] {
        let mut last: Option<(f64, usize)> = None;
        for quality in [10, 30, 50, 75, 90, 100] {
            let file = encode_jpeg(&expected, quality, set).unwrap();
            let found = read(&file).unwrap();
            let squares =
                found.rgb().iter().zip(expected.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
            let error = squares.sum::<f64>();
            if let Some((last_error, last_bytes)) = last {
                assert!(error < last_error && file.len() > last_bytes, "{set:?} at {quality}");
            }
            last = Some((error, file.len()));
        }
    }
    for quality in [0, 101] {
        let error = encode_jpeg(&expected, quality, Subsampling::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("a JPEG quality is 1 to 100, found {quality}"));
    }
}
