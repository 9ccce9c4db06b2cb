//! What a new user gets wrong, and what a stranger sends.

#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]

mod samples;

use std::time::{Duration, Instant};

use moire_image::{Error, ErrorKind, Limits, decode};
use png::{BitDepth, ColorType};
use samples::{ANIMATED_WEBP, cmyk_jpeg, crc32, one_of_each, picture, png, png_with, read};

/// A PNG that says how large it is and nothing else.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let real = png(1, 1, ColorType::Rgb, BitDepth::Eight, &[0; 3]);
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let crc = crc32(&chunk);
    [&real[..12], &chunk, &crc.to_be_bytes()].concat()
}

#[track_caller]
fn refused(found: Result<moire_image::Picture, Error>, kind: ErrorKind, message: &str) {
    let error = found.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
}

#[test]
fn what_is_no_image_is_named() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "an empty file"),
        (b"hello, I am a text", "text"),
        ("M\u{fc}ller".as_bytes(), "text"),
        (b"GIF89a....", "a GIF image"),
        (b"\0\0\0\x18ftypheic", "a HEIC image"),
        (b"PK\x03\x04....", "a ZIP file"),
        (b"\0\x01\x02\x03", "something else"),
        (b"RIFF\0\0\0\0WAVE", "something else"),
    ];
    for (bytes, found) in cases {
        let message = format!("a.png: expected a PNG, JPEG or WebP image, found {found}");
        refused(read(bytes), ErrorKind::Format, &message);
    }
}

#[test]
fn thirty_thousand_squared_is_refused_from_the_header() {
    let bytes = png_header(30_000, 30_000);
    let start = Instant::now();
    let message = "a.png: 30000 x 30000 is 900000000 pixels, over the limit of 100000000";
    refused(read(&bytes), ErrorKind::Limit, message);
    assert!(start.elapsed() < Duration::from_millis(100));
    let message = format!(
        "a.png: {0} x {0} is {1} pixels, over the limit of 100000000",
        i32::MAX,
        0x3fff_ffff_0000_0001u64
    );
    refused(read(&png_header(i32::MAX as u32, i32::MAX as u32)), ErrorKind::Limit, &message);
}

#[test]
fn limits_hold_for_every_format() {
    for (name, bytes) in one_of_each() {
        let side = Limits { max_side: 7, ..Limits::default() };
        let error = decode(&bytes, name, &side).unwrap_err();
        assert!(error.to_string().contains("over the limit of 7 for a side"), "{error}");
        let pixels = Limits { max_pixels: 7, ..Limits::default() };
        assert!(
            decode(&bytes, name, &pixels).unwrap_err().to_string().ends_with("pixels, over the limit of 7")
        );
        let length = Limits { max_bytes: bytes.len() as u64 - 1, ..Limits::default() };
        assert_eq!(decode(&bytes, name, &length).unwrap_err().kind(), ErrorKind::Limit);
        let exact = Limits { max_bytes: bytes.len() as u64, max_side: 40, max_pixels: 40 * 24 };
        decode(&bytes, name, &exact).unwrap();
    }
}

#[test]
fn animations_are_refused() {
    let message = "a.png: an animated WebP image, expected a still one";
    refused(read(ANIMATED_WEBP), ErrorKind::Unsupported, message);
    let frames =
        png_with(1, 1, ColorType::Grayscale, BitDepth::Eight, &[0], |e| e.set_animated(1, 0).unwrap());
    let message = "a.png: an animated PNG image, expected a still one";
    refused(read(&frames), ErrorKind::Unsupported, message);
}

#[test]
fn cmyk_is_refused() {
    let message = "a.png: a CMYK JPEG image, expected RGB or greyscale: convert it first";
    refused(read(&cmyk_jpeg()), ErrorKind::Unsupported, message);
}

#[test]
fn a_file_name_cannot_break_the_line() {
    let error = decode(b"text", "a\nb.png", &Limits::default()).unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn no_beginning_of_a_file_is_a_picture() {
    for (name, bytes) in one_of_each() {
        for length in 0..bytes.len() {
            let Err(error) = read(&bytes[..length]) else {
                panic!("{name}: {length} of {} bytes were enough", bytes.len());
            };
            assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Format), "{name}: {error}");
        }
    }
}

#[test]
fn the_reason_is_the_source() {
    let mut bytes = samples::jpeg(&picture(64, 64), |_| ());
    let table = bytes.windows(2).position(|w| w == [0xff, 0xc4]).unwrap();
    bytes[table + 4] = 0xff;
    let error = read(&bytes).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Damaged, "a.png: a damaged JPEG image")
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_whole_file_of_another_kind_is_not_called_damaged() {
    let mut bytes = samples::jpeg(&picture(16, 16), |_| ());
    let frame = bytes.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    // Arithmetic coding instead of Huffman's.
    bytes[frame + 1] = 0xc9;
    refused(read(&bytes), ErrorKind::Unsupported, "a.png: a JPEG image of a kind that is not read");
}
