use std::borrow::Cow;

use crate::error::{Error, Repr};
use crate::exif;

/// What a file says of its picture beside the pixels, for another file of the same picture to say again: EXIF data and
/// the colour profile. All else (XMP, comments, other programs' own) is not kept.
///
/// It is about the picture as [`decode`](crate::decode) gives it: upright, and RGB. EXIF data asks for no turn, its
/// thumbnail, which would show the picture as it was, is gone; a profile that is not one of RGB is not kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The TIFF structure, without JPEG's prefix.
    exif: Option<Vec<u8>>,
    icc: Option<Vec<u8>>,
    /// Colour as PNG files can state it without a profile.
    png: Option<PngColour>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PngColour {
    pub(crate) srgb: Option<png::SrgbRenderingIntent>,
    pub(crate) gamma: Option<png::ScaledFloat>,
    pub(crate) chromaticities: Option<png::SourceChromaticities>,
}

/// What a decoder finds beside the pixels.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) exif: Option<Vec<u8>>,
    pub(crate) icc: Option<Vec<u8>>,
    pub(crate) png: Option<PngColour>,
}

/// The longest segment of a JPEG file, without the two bytes of its length.
const SEGMENT: usize = 65_533;
const EXIF: &[u8] = b"Exif\0\0";
/// The most that a JPEG file holds of a profile: 254 segments, each with a head of 14 bytes.
const PROFILE: usize = 254 * (SEGMENT - 14);

impl Metadata {
    /// What was found in the file of a picture that stands upright as `width` x `height`.
    pub(crate) fn new(found: Found, width: usize, height: usize) -> Self {
        let is_rgb = |icc: &Vec<u8>| icc.get(16..20) == Some(b"RGB ") && icc.get(36..40) == Some(b"acsp");
        Self {
            exif: found.exif.and_then(|exif| exif::for_upright(&exif, width, height)),
            icc: found.icc.filter(is_rgb),
            png: found.png,
        }
    }

    /// EXIF data, a TIFF structure (Exif 2.32, section 4.5.2).
    pub fn exif(&self) -> Option<&[u8]> {
        self.exif.as_deref()
    }

    /// The ICC profile of the picture's colours.
    pub fn icc(&self) -> Option<&[u8]> {
        self.icc.as_deref()
    }

    /// Adds it to the head of a PNG file.
    pub(crate) fn state_png<'a>(&'a self, info: &mut png::Info<'a>) {
        info.exif_metadata = self.exif.as_deref().map(Cow::Borrowed);
        info.icc_profile = self.icc.as_deref().map(Cow::Borrowed);
        if let Some(PngColour { srgb, gamma, chromaticities }) = self.png {
            info.srgb = srgb;
            info.source_gamma = gamma;
            info.source_chromaticities = chromaticities;
        }
    }

    /// Adds it to the head of a JPEG file: APP1 and APP2.
    ///
    /// # Errors
    /// The data is longer than a JPEG file can hold.
    pub(crate) fn state_jpeg<W: jpeg_encoder::JfifWrite>(
        &self,
        encoder: &mut jpeg_encoder::Encoder<W>,
    ) -> Result<(), Error> {
        let fits = |what, length: usize, most: usize| {
            if length <= most { Ok(()) } else { Err(Repr::Metadata { what, length, most }) }
        };
        if let Some(exif) = &self.exif {
            fits("EXIF data", exif.len(), SEGMENT - EXIF.len())?;
            encoder.add_app_segment(1, &[EXIF, exif].concat()).expect("its length has been checked");
        }
        if let Some(icc) = &self.icc {
            fits("the colour profile", icc.len(), PROFILE)?;
            encoder.add_icc_profile(icc).expect("its length has been checked");
        }
        Ok(())
    }
}
