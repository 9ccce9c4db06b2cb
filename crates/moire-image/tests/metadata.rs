//! EXIF data and colour profiles, from one file to another.

#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]

mod samples;

use moire_image::{
    ErrorKind, Limits, Metadata, Picture, Subsampling, decode_with_metadata, encode_jpeg_with,
    encode_png_with,
};
use samples::{app1, exif, jpeg, picture, png_with, webp};

fn open(bytes: &[u8]) -> (Picture, Metadata) {
    decode_with_metadata(bytes, "a file", &Limits::default()).unwrap()
}

/// What looks like a profile of a colour space.
fn profile(space: [u8; 4], length: usize) -> Vec<u8> {
    let mut icc: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
    icc[16..20].copy_from_slice(&space);
    icc[36..40].copy_from_slice(b"acsp");
    icc
}

/// EXIF data of a camera: sideways, with the sides of the stored image, a maker's name, and a thumbnail.
fn camera(is_little: bool) -> Vec<u8> {
    let u16_of = |v: u16| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
    let u32_of = |v: u32| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
    let short = |tag: u16, v: u16| [&u16_of(tag)[..], &u16_of(3), &u32_of(1), &u16_of(v), &[0, 0]].concat();
    let long = |tag: u16, v: u32| [&u16_of(tag)[..], &u16_of(4), &u32_of(1), &u32_of(v)].concat();
    let maker = [&u16_of(0x010f)[..], &u16_of(2), &u32_of(4), b"ACME"].concat();
    let directory = |entries: &[Vec<u8>], next: u32| {
        [&u16_of(entries.len() as u16)[..], &entries.concat(), &u32_of(next)].concat()
    };
    // A head of 8 bytes, a directory of three entries (42), one of two (30), one of two (30), the thumbnail.
    let first = directory(&[maker, short(0x0112, 6), long(0x8769, 50)], 80);
    let own = directory(&[long(0xa002, 8), short(0xa003, 4)], 0);
    let second = directory(&[long(0x0201, 110), long(0x0202, 9)], 0);
    let head = if is_little { b"II*\0" } else { b"MM\0*" };
    [&head[..], &u32_of(8), &first, &own, &second, b"THUMBNAIL"].concat()
}

#[test]
fn what_one_file_says_another_says_again() {
    let stored = picture(8, 4);
    let icc = profile(*b"RGB ", 300);
    for is_little in [true, false] {
        let file = jpeg(&stored, |e| {
            e.add_app_segment(1, &app1(&camera(is_little))).unwrap();
            e.add_icc_profile(&icc).unwrap();
        });
        let (upright, metadata) = open(&file);
        assert_eq!((upright.width(), upright.height()), (4, 8));
        assert_eq!(metadata.icc(), Some(&icc[..]));
        let exif = metadata.exif().unwrap();
        assert_eq!(exif.len(), camera(is_little).len(), "places stay where they were");
        let has = |what: &[u8]| exif.windows(what.len()).any(|w| w == what);
        assert!(has(b"ACME") && !has(b"THUMB"), "the maker stays, the old image goes");
        for again in [
            encode_png_with(&upright, &metadata),
            encode_jpeg_with(&upright, &metadata, 95, Subsampling::Yuv444).unwrap(),
        ] {
            let (picture, kept) = open(&again);
            assert_eq!((picture.width(), picture.height()), (4, 8), "nothing is turned twice");
            assert_eq!((kept.exif(), kept.icc()), (metadata.exif(), metadata.icc()));
        }
        // The sides in the photograph's own tags are those of the upright picture.
        let number = |at: usize| u16::from(exif[at]) | u16::from(exif[at + 1]) << 8;
        let at = |entry: usize| if is_little { number(entry) } else { number(entry).swap_bytes() };
        assert_eq!([at(8 + 2 + 12 + 8), at(50 + 2 + 12 + 8)], [1, 8]);
    }
}

#[test]
fn png_and_webp_say_it_too() {
    let (stored, icc) = (picture(8, 4), profile(*b"RGB ", 5000));
    let file = png_with(8, 4, png::ColorType::Rgb, png::BitDepth::Eight, stored.rgb(), |e| {
        e.set_source_gamma(png::ScaledFloat::new(0.5));
    });
    let (_, metadata) = open(&file);
    assert_eq!((metadata.exif(), metadata.icc()), (None, None));
    assert!(encode_png_with(&stored, &metadata).windows(4).any(|w| w == b"gAMA"), "gamma is kept");

    let (_, metadata) = open(&webp(stored.rgb(), 8, 4, image_webp::ColorType::Rgb8, &exif(6, true)));
    assert_eq!(metadata.exif().map(<[u8]>::len), Some(exif(1, true).len()));

    let with_profile =
        encode_png_with(&stored, &open(&jpeg(&stored, |e| e.add_icc_profile(&icc).unwrap())).1);
    assert_eq!(open(&with_profile).1.icc(), Some(&icc[..]));
}

#[test]
fn what_makes_no_sense_or_is_of_other_colours_is_not_kept() {
    let stored = picture(8, 4);
    for icc in [profile(*b"GRAY", 200), profile(*b"CMYK", 200), vec![7; 50], vec![]] {
        let (_, metadata) = open(&jpeg(&stored, |e| e.add_icc_profile(&icc).unwrap()));
        assert_eq!(metadata.icc(), None);
    }
    let whole = camera(true);
    for length in [0, 3, 9, 12, 40, 60, 90, 112, whole.len()] {
        // Every byte that a directory hangs on may be anything.
        for (at, byte) in (0..length).flat_map(|at| [0, 0x7f, 0xff].map(|byte| (at, byte))) {
            let mut exif = whole[..length].to_vec();
            exif[at] = byte;
            let (picture, metadata) = open(&jpeg(&stored, |e| e.add_app_segment(1, &app1(&exif)).unwrap()));
            assert_eq!(picture.width() * picture.height(), 32);
            assert!(metadata.exif().is_none_or(|kept| kept.len() == exif.len()));
        }
    }
}

#[test]
fn what_a_jpeg_file_cannot_hold_is_refused() {
    let stored = picture(8, 4);
    let long = [exif(1, true), vec![0; 70_000]].concat();
    let (_, metadata) = open(&webp(stored.rgb(), 8, 4, image_webp::ColorType::Rgb8, &long));
    let error = encode_jpeg_with(&stored, &metadata, 90, Subsampling::Yuv420).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("EXIF data") && error.to_string().contains("save as PNG"), "{error}");
    assert_eq!(open(&encode_png_with(&stored, &metadata)).1.exif().map(<[u8]>::len), Some(long.len()));
}
