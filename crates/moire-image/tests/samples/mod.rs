//! Small image files that the tests make themselves.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "where it panics is where the test failed")]

use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};
use moire_image::{Error, Limits, Picture, Subsampling, decode, encode_jpeg, encode_png};
use png::{BitDepth, ColorType};

/// A lossy WebP of 16 x 12 with red 15 x, green 20 y, blue 9 (x + y): Pillow 13.0.0 at quality 80.
pub(crate) const LOSSY_WEBP: &[u8] = include_bytes!("../data/lossy.webp");
/// The same and its negative, as an animation.
pub(crate) const ANIMATED_WEBP: &[u8] = include_bytes!("../data/animated.webp");

/// A smooth picture with something in every channel.
pub(crate) fn picture(width: usize, height: usize) -> Picture {
    let at = |i: usize| {
        let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
        [255 * x / width, 255 * y / height, 255 * (x + y) / (width + height)][c] as u8
    };
    Picture::new(width, height, (0..3 * width * height).map(at).collect()).unwrap()
}

pub(crate) fn read(bytes: &[u8]) -> Result<Picture, Error> {
    decode(bytes, "a.png", &Limits::default())
}

/// A PNG of raw samples.
pub(crate) fn png(width: u32, height: u32, color: ColorType, depth: BitDepth, data: &[u8]) -> Vec<u8> {
    png_with(width, height, color, depth, data, |_| ())
}

pub(crate) fn png_with(
    width: u32,
    height: u32,
    color: ColorType,
    depth: BitDepth,
    data: &[u8],
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    set(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    file
}

pub(crate) fn jpeg(picture: &Picture, set: impl FnOnce(&mut JpegEncoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new(&mut file, 95);
    set(&mut encoder);
    encoder.encode(picture.rgb(), picture.width() as u16, picture.height() as u16, JpegColor::Rgb).unwrap();
    file
}

pub(crate) fn grey_jpeg() -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new(&mut file, 95).encode(&[77; 9 * 7], 9, 7, JpegColor::Luma).unwrap();
    file
}

pub(crate) fn cmyk_jpeg() -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new(&mut file, 90).encode(&[90; 4 * 64], 8, 8, JpegColor::Cmyk).unwrap();
    file
}

pub(crate) fn webp(
    data: &[u8],
    width: u32,
    height: u32,
    color: image_webp::ColorType,
    exif: &[u8],
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.set_exif_metadata(exif.to_vec());
    encoder.encode(data, width, height, color).unwrap();
    file
}

/// EXIF data that asks for one orientation, behind an entry that does not matter.
pub(crate) fn exif(orientation: u16, is_little: bool) -> Vec<u8> {
    let u16_of = |v: u16| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
    let u32_of = |v: u32| if is_little { v.to_le_bytes() } else { v.to_be_bytes() };
    let mut exif = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    exif.extend(u32_of(8));
    exif.extend(u16_of(2));
    for (tag, value) in [(0x0100, 99), (0x0112, orientation)] {
        exif.extend(u16_of(tag));
        exif.extend(u16_of(3));
        exif.extend(u32_of(1));
        exif.extend(u16_of(value));
        exif.extend([0, 0]);
    }
    exif.extend(u32_of(0));
    exif
}

/// One whole file of each kind that is read, with its name.
pub(crate) fn one_of_each() -> Vec<(&'static str, Vec<u8>)> {
    let small = picture(19, 13);
    let rgba: Vec<u8> = small.rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], p[2]]).collect();
    let wide: Vec<u8> = small.rgb().iter().flat_map(|&b| [b, b ^ 0x5a]).collect();
    vec![
        ("rgb png", encode_png(&small)),
        ("rgba png", png(19, 13, ColorType::Rgba, BitDepth::Eight, &rgba)),
        ("16-bit png", png(19, 13, ColorType::Rgb, BitDepth::Sixteen, &wide)),
        (
            "palette png",
            png_with(8, 4, ColorType::Indexed, BitDepth::Two, &[0x1b; 8], |e| {
                e.set_palette(&[0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]);
                e.set_trns(&[255, 128]);
            }),
        ),
        ("4:4:4 jpeg", encode_jpeg(&small, 90, Subsampling::Yuv444).unwrap()),
        ("4:2:0 jpeg", encode_jpeg(&small, 90, Subsampling::Yuv420).unwrap()),
        ("grey jpeg", grey_jpeg()),
        ("progressive jpeg", jpeg(&small, |e| e.set_progressive(true))),
        ("jpeg with restarts", jpeg(&picture(40, 24), |e| e.set_restart_interval(2))),
        ("jpeg with exif", jpeg(&small, |e| e.add_app_segment(1, &app1(&exif(6, true))).unwrap())),
        ("lossless webp", webp(&rgba, 19, 13, image_webp::ColorType::Rgba8, &exif(3, false))),
        ("lossy webp", LOSSY_WEBP.to_vec()),
    ]
}

/// What a JPEG's APP1 segment holds around EXIF data.
pub(crate) fn app1(exif: &[u8]) -> Vec<u8> {
    [b"Exif\0\0", exif].concat()
}

/// The CRC of PNG, annex D, bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &b| (0..8).fold(crc ^ u32::from(b), step))
}
