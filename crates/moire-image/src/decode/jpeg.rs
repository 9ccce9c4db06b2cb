use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::samples::{Samples, Values};
use super::{Decoded, Format, Input};
use crate::error::{Error, Repr, one_line};
use crate::metadata::Found;
use crate::picture::MAX_SIDE;

pub(super) fn decode(input: &Input<'_>) -> Result<Decoded, Error> {
    let outline = outline(input.bytes);
    let damaged = |error: DecodeErrors| {
        if outline.is_other_kind {
            input.unsupported(Format::Jpeg, error)
        } else {
            input.damaged(Format::Jpeg, error)
        }
    };
    // Strict: otherwise what is missing is filled with grey.
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(input.bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let info = decoder.info().ok_or_else(|| input.damaged(Format::Jpeg, "no frame header"))?;
    let (width, height) = input.admit(info.width, info.height)?;
    let (channels, color) = match info.components {
        1 => (1, ColorSpace::Luma),
        3 => (3, ColorSpace::RGB),
        4 => return Err(Repr::Cmyk { file: one_line(input.file) }.into()),
        _ => return Err(input.damaged(Format::Jpeg, "neither 1, 3 nor 4 components")),
    };
    if !outline.is_complete {
        return Err(input.incomplete(Format::Jpeg));
    }
    decoder.set_options(options.jpeg_set_out_colorspace(color));
    let values = decoder.decode().map_err(damaged)?;
    if Some(values.len()) != (width * height).checked_mul(channels) {
        return Err(input.damaged(Format::Jpeg, "its pixels do not fill its size"));
    }
    let icc = if input.wants_profile { decoder.icc_profile() } else { None };
    let samples = Samples { channels, values: Values::Eight(values) };
    Ok(Decoded { width, height, samples, found: Found { exif: info.exif_data, icc, png: None } })
}

/// What the segments tell of a file without decoding it.
#[derive(Debug, Default, PartialEq)]
struct Outline {
    /// Lossless, hierarchical or arithmetic coding, or other than eight bits a value.
    is_other_kind: bool,
    /// The end marker is there.
    is_complete: bool,
}

/// A walk over the segments, not a search for the end marker: a thumbnail inside a segment has its own.
///
/// Source: ITU-T T.81, annex B.1 and B.2.2.
fn outline(bytes: &[u8]) -> Outline {
    let mut found = Outline::default();
    let mut at = 2;
    // To the next marker, over entropy-coded data.
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)) {
        at += offset + 1;
        match bytes.get(at..) {
            Some([0xd9, ..]) => return Outline { is_complete: true, ..found },
            // A fill byte.
            Some([0xff, ..]) => {}
            // A stuffed zero or a marker that stands alone.
            Some([0x00 | 0x01 | 0xd0..=0xd8, ..]) => at += 1,
            Some(&[marker, high, low, ref segment @ ..]) => {
                let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                found.is_other_kind |=
                    is_frame && (marker > 0xc2 || segment.first().is_some_and(|&bits| bits != 8));
                at += 1 + usize::from(u16::from_be_bytes([high, low]));
            }
            _ => return found,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Outline, outline};

    fn is_complete(bytes: &[u8]) -> bool {
        outline(bytes).is_complete
    }

    #[test]
    fn the_end_marker_of_a_thumbnail_does_not_count() {
        let segment = b"\xff\xd8\xff\xe1\x00\x06\xff\xd9\xff\xd9";
        assert!(!is_complete(segment));
        assert!(is_complete(
            &[segment, &b"\xff\xda\x00\x02\x12\xff\x00\xff\xd0\x34\xff\xff\xd9trailer"[..]].concat()
        ));
        assert!(!is_complete(b"\xff\xd8\xff\xe1\xff"));
        assert!(!is_complete(b"\xff\xd8\xff\xe1\xff\xff\xff\xd9"));
    }

    #[test]
    fn the_kind_is_in_the_frame_header() {
        let of = |marker: u8, bits: u8| outline(&[0xff, 0xd8, 0xff, marker, 0, 3, bits, 0xff, 0xd9]);
        for (marker, bits, is_other_kind) in [
            (0xc0, 8, false),
            (0xc1, 12, true),
            (0xc2, 8, false),
            (0xc3, 8, true),
            (0xc4, 0, false),
            (0xc9, 8, true),
        ] {
            assert_eq!(of(marker, bits), Outline { is_other_kind, is_complete: true }, "{marker:x}");
        }
    }
}
