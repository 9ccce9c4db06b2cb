use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::samples::{Samples, Values};
use super::{Decoded, Format, Input, memory};
use crate::error::Error;
use crate::metadata::{Found, PngColour};

pub(super) fn decode(input: &Input<'_>) -> Result<Decoded, Error> {
    let damaged = |error: png::DecodingError| input.damaged(Format::Png, error);
    let mut decoder = Decoder::new(Cursor::new(input.bytes));
    decoder.set_transformations(Transformations::EXPAND);
    // Both are compressed.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(!input.wants_profile);
    let header = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = input.admit(header.width, header.height)?;
    decoder.set_limits(Limits { bytes: memory(width, height) });
    let mut reader = decoder.read_info().map_err(damaged)?;
    if reader.info().animation_control.is_some() {
        return Err(input.animated(Format::Png));
    }
    let (color, depth) = reader.output_color_type();
    let bytes =
        reader.output_buffer_size().ok_or_else(|| input.damaged(Format::Png, "its size overflows"))?;
    let mut data = vec![0; bytes];
    reader.next_frame(&mut data).map_err(damaged)?;
    // To the end marker: what comes after the pixels may be cut off, too, or hold the orientation.
    reader.finish().map_err(damaged)?;
    let info = reader.info();
    let colour = PngColour { srgb: info.srgb, gamma: info.gama_chunk, chromaticities: info.chrm_chunk };
    let found = Found {
        exif: info.exif_metadata.as_deref().map(<[u8]>::to_vec),
        icc: info.icc_profile.as_deref().map(<[u8]>::to_vec),
        png: Some(colour),
    };
    let channels = match color {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgba => 4,
        // Palettes are expanded.
        ColorType::Rgb | ColorType::Indexed => 3,
    };
    let values = if depth == BitDepth::Sixteen {
        Values::Sixteen(data.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect())
    } else {
        Values::Eight(data)
    };
    Ok(Decoded { width, height, samples: Samples { channels, values }, found })
}
