use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::Picture;
use crate::error::{Error, Repr};

/// At what share of the resolution a JPEG file keeps colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Subsampling {
    /// 4:4:4: colour at full resolution.
    Yuv444,
    /// 4:2:2: half the columns.
    Yuv422,
    /// 4:2:0: half the columns and half the rows; what cameras and web sites do.
    #[default]
    Yuv420,
}

/// The picture as a baseline JPEG file, with the quantisation tables of ITU-T T.81 annex K scaled to `quality` as
/// libjpeg scales them, 1 (worst) to 100. The same picture gives the same bytes.
///
/// # Errors
/// `quality` is not in 1 to 100.
pub fn encode_jpeg(picture: &Picture, quality: u8, subsampling: Subsampling) -> Result<Vec<u8>, Error> {
    if !(1..=100).contains(&quality) {
        return Err(Repr::Quality { found: quality }.into());
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(match subsampling {
        Subsampling::Yuv444 => SamplingFactor::R_4_4_4,
        Subsampling::Yuv422 => SamplingFactor::R_4_2_2,
        Subsampling::Yuv420 => SamplingFactor::R_4_2_0,
    });
    encoder
        .encode(picture.rgb(), picture.width() as u16, picture.height() as u16, ColorType::Rgb)
        .expect("a picture has a size that JPEG holds, and writing to memory does not fail");
    Ok(file)
}
