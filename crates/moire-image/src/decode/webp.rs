use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::samples::{Samples, Values};
use super::{Decoded, Format, Input, memory};
use crate::error::Error;
use crate::metadata::Found;

pub(super) fn decode(input: &Input<'_>) -> Result<Decoded, Error> {
    let damaged = |error| match error {
        DecodingError::UnsupportedFeature(_) => input.unsupported(Format::WebP, error),
        _ => input.damaged(Format::WebP, error),
    };
    let claimed = input.bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    // The header counts what follows its first eight bytes.
    if claimed.is_none_or(|n| (input.bytes.len() as u64) < u64::from(n) + 8) {
        return Err(input.incomplete(Format::WebP));
    }
    let mut decoder = WebPDecoder::new(Cursor::new(input.bytes)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = input.admit(width, height)?;
    if decoder.is_animated() {
        return Err(input.animated(Format::WebP));
    }
    decoder.set_memory_limit(memory(width, height));
    let exif = decoder.exif_metadata().map_err(damaged)?;
    let icc = if input.wants_profile { decoder.icc_profile().map_err(damaged)? } else { None };
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let bytes =
        decoder.output_buffer_size().ok_or_else(|| input.damaged(Format::WebP, "its size overflows"))?;
    let mut data = vec![0; bytes];
    decoder.read_image(&mut data).map_err(damaged)?;
    let samples = Samples { channels, values: Values::Eight(data) };
    Ok(Decoded { width, height, samples, found: Found { exif, icc, png: None } })
}
