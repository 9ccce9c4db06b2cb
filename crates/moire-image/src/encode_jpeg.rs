use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};

use crate::error::{Error, Repr};
use crate::{Metadata, Picture};

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

impl Subsampling {
    /// Rows and columns of pixels that share one colour.
    pub fn cell(self) -> [usize; 2] {
        match self {
            Self::Yuv444 => [1, 1],
            Self::Yuv422 => [1, 2],
            Self::Yuv420 => [2, 2],
        }
    }
}

/// The picture as a baseline JPEG file, with the quantisation tables of ITU-T T.81 annex K scaled to `quality` as
/// libjpeg scales them, 1 (worst) to 100. Pixels that share a colour share their mean, as libjpeg has it. The same
/// picture gives the same bytes.
///
/// # Errors
/// `quality` is not in 1 to 100.
pub fn encode_jpeg(picture: &Picture, quality: u8, subsampling: Subsampling) -> Result<Vec<u8>, Error> {
    encode_jpeg_with(picture, &Metadata::default(), quality, subsampling)
}

/// The same with EXIF data (segment APP1) and the colour profile (APP2).
///
/// # Errors
/// As [`encode_jpeg`], or the metadata is longer than a JPEG file can hold.
pub fn encode_jpeg_with(
    picture: &Picture,
    metadata: &Metadata,
    quality: u8,
    subsampling: Subsampling,
) -> Result<Vec<u8>, Error> {
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
    metadata.state_jpeg(&mut encoder)?;
    encoder
        .encode_image(Averaged { picture, cell: subsampling.cell() })
        .expect("a picture has a size that JPEG holds, and writing to memory does not fail");
    Ok(file)
}

/// A picture whose pixels have the mean colour of their cell: the encoder itself takes the first of each.
struct Averaged<'a> {
    picture: &'a Picture,
    cell: [usize; 2],
}

impl ImageBuffer for Averaged<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.picture.width() as u16
    }

    fn height(&self) -> u16 {
        self.picture.height() as u16
    }

    fn fill_buffers(&self, y: u16, [luma, blue, red, _]: &mut [Vec<u8>; 4]) {
        let (y, width, height) = (usize::from(y), self.picture.width(), self.picture.height());
        let [rows, columns] = self.cell;
        let at = |y: usize, x: usize| {
            let at = 3 * (y.min(height - 1) * width + x.min(width - 1));
            let rgb = &self.picture.rgb()[at..at + 3];
            rgb_to_ycbcr(rgb[0], rgb[1], rgb[2])
        };
        luma.extend((0..width).map(|x| at(y, x).0));
        let (top, cell) = (y - y % rows, (rows * columns) as u16);
        for left in (0..width).step_by(columns) {
            let mut sums = [cell / 2; 2];
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let (_, b, r) = at(top + row, left + column);
                sums = [sums[0] + u16::from(b), sums[1] + u16::from(r)];
            }
            let shown = columns.min(width - left);
            blue.extend(std::iter::repeat_n((sums[0] / cell) as u8, shown));
            red.extend(std::iter::repeat_n((sums[1] / cell) as u8, shown));
        }
    }
}
