mod format;
mod jpeg;
mod png;
mod samples;
mod webp;

use crate::error::{Error, Reason, Repr, one_line};
use crate::exif::Orientation;
use crate::metadata::Found;
use crate::picture::MAX_SIDE;
use crate::{Limits, Metadata, Picture};
pub(crate) use format::Format;
use samples::Samples;

/// The picture in a PNG, JPEG or WebP file. `file` is its name, for errors only: what counts is what the bytes are.
///
/// - The EXIF orientation is applied: the picture stands as a viewer shows it.
/// - Greyscale becomes RGB, palettes are looked up, 16 bits become the nearest of 8.
/// - What is transparent is laid over white, as a page shows it, by the file's own values without gamma.
/// - Colour profiles and gamma are not applied: a network sees the values that it was trained on.
/// - Animations and CMYK are refused rather than guessed at.
/// - A file that ends early or breaks its format is an error, never part of a picture. One case is not noticed: a
///   JPEG whose writer stopped early and yet closed the file with an end marker.
///
/// # Errors
/// The bytes are not an image, the image is over `limits`, or one of the above.
pub fn decode(bytes: &[u8], file: &str, limits: &Limits) -> Result<Picture, Error> {
    Ok(read(&Input { bytes, file, limits, wants_profile: false })?.0)
}

/// The same, and what the file says of the picture beside the pixels.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_metadata(bytes: &[u8], file: &str, limits: &Limits) -> Result<(Picture, Metadata), Error> {
    let (picture, found) = read(&Input { bytes, file, limits, wants_profile: true })?;
    let metadata = Metadata::new(found, picture.width(), picture.height());
    Ok((picture, metadata))
}

fn read(input: &Input<'_>) -> Result<(Picture, Found), Error> {
    let Input { bytes, file, limits, .. } = *input;
    let length = bytes.len() as u64;
    if length > limits.max_bytes {
        return Err(Repr::Bytes { file: one_line(file), found: length, limit: limits.max_bytes }.into());
    }
    let decoded = match Format::of(bytes) {
        Some(Format::Png) => png::decode(input),
        Some(Format::Jpeg) => jpeg::decode(input),
        Some(Format::WebP) => webp::decode(input),
        None => Err(Repr::NotAnImage { file: one_line(file), found: format::describe(bytes) }.into()),
    }?;
    let Decoded { width, height, samples, found } = decoded;
    let orientation = Orientation::from_exif(found.exif.as_deref());
    let (width, height, rgb) = orientation.apply(width, height, samples.into_rgb());
    Ok((Picture::new(width, height, rgb)?, found))
}

/// A file to decode, and what its decoder may ask and say of it.
struct Input<'a> {
    bytes: &'a [u8],
    file: &'a str,
    limits: &'a Limits,
    /// The colour profile is to be read, too.
    wants_profile: bool,
}

/// What a file holds, before it is turned upright.
struct Decoded {
    width: usize,
    height: usize,
    samples: Samples,
    found: Found,
}

/// What a decoder may take in memory: eight bytes a pixel, and 16 MiB for what is not pixels.
fn memory(width: usize, height: usize) -> usize {
    width.saturating_mul(height).saturating_mul(8).saturating_add(16 << 20)
}

impl Input<'_> {
    /// The size from a file's header, if it is within the limits.
    fn admit(&self, width: impl Into<u64>, height: impl Into<u64>) -> Result<(usize, usize), Error> {
        let (width, height): (u64, u64) = (width.into(), height.into());
        let file = || one_line(self.file);
        let found = width.saturating_mul(height);
        if found > self.limits.max_pixels {
            let limit = self.limits.max_pixels;
            return Err(Repr::Pixels { file: file(), width, height, found, limit }.into());
        }
        let limit = self.limits.max_side.min(MAX_SIDE as u64);
        if width.max(height) > limit {
            return Err(Repr::Side { file: file(), width, height, limit }.into());
        }
        Ok((width as usize, height as usize))
    }

    fn unsupported(&self, format: Format, reason: impl Into<Reason>) -> Error {
        Repr::Unsupported { file: one_line(self.file), format, reason: reason.into() }.into()
    }

    fn damaged(&self, format: Format, reason: impl Into<Reason>) -> Error {
        Repr::Damaged { file: one_line(self.file), format, reason: reason.into() }.into()
    }

    fn incomplete(&self, format: Format) -> Error {
        Repr::Incomplete { file: one_line(self.file), format }.into()
    }

    fn animated(&self, format: Format) -> Error {
        Repr::Animated { file: one_line(self.file), format }.into()
    }
}
