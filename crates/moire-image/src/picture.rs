use moire_tensor::{Images, Tensor};

use crate::error::{Error, Repr};

/// The longest side that both PNG and JPEG can hold.
pub(crate) const MAX_SIDE: usize = 65_535;

/// One RGB image of eight bits a value, as a file holds it: `[height, width, 3]` bytes, sides of 1 to 65,535.
///
/// The bytes are those of the file, most often sRGB; colour profiles are not applied.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture from its bytes, row by row, three a pixel.
    ///
    /// # Errors
    /// A side is 0 or above 65,535, or `rgb` is not 3 · `width` · `height` long.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, Error> {
        let sides = 1..=MAX_SIDE;
        // Below 2^16 each, so that the product fits even 32 bits times three in u64.
        let fits = sides.contains(&width) && sides.contains(&height);
        if fits && rgb.len() as u64 == 3 * width as u64 * height as u64 {
            Ok(Self { width, height, rgb })
        } else {
            Err(Repr::Picture { width, height, found: rgb.len() }.into())
        }
    }

    /// Image `index` of a batch, every value v as the byte nearest to 255 · v, halves upwards.
    ///
    /// # Panics
    /// `index` is not below [`Images::len`], or a side is above 65,535.
    pub fn from_images(images: &Images, index: usize) -> Self {
        let planes = images.image(index);
        let plane = planes.len() / 3;
        let mut rgb = vec![0; planes.len()];
        for (c, values) in planes.chunks_exact(plane).enumerate() {
            for (pixel, &v) in rgb.chunks_exact_mut(3).zip(values) {
                pixel[c] = to_byte(v);
            }
        }
        Self::new(images.width(), images.height(), rgb)
            .expect("images have 3 values a pixel, and sides that fit a file")
    }

    /// The picture as a batch of one, `[1, 3, height, width]`, every byte b as b / 255.
    pub fn to_images(&self) -> Images {
        let channel = |c: usize| self.rgb[c..].iter().step_by(3).map(|&b| from_byte(b));
        let mut data = Vec::with_capacity(self.rgb.len());
        (0..3).for_each(|c| data.extend(channel(c)));
        let tensor = Tensor::new([1, 3, self.height, self.width], data);
        tensor.and_then(Images::new).expect("a picture has pixels, and bytes over 255 lie in [0, 1]")
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes `[height, width, 3]`.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

/// The byte nearest to 255 · v for v in `[0, 1]`, halves upwards. Product and sum are exact in double precision, but
/// for v so small that it does not matter: no half is missed.
pub(crate) fn to_byte(v: f32) -> u8 {
    (f64::from(v) * 255.0 + 0.5) as u8
}

/// The pixel of a byte.
pub(crate) fn from_byte(b: u8) -> f32 {
    f32::from(b) / 255.0
}

#[cfg(test)]
mod tests {
    use super::{Picture, from_byte, to_byte};
    use crate::ErrorKind;
    use moire_tensor::{Images, Tensor};

    #[test]
    fn every_byte_survives() {
        for b in 0..=255 {
            assert_eq!(to_byte(from_byte(b)), b);
        }
    }

    #[test]
    fn bytes_are_rounded_not_cut() {
        assert_eq!([0.5, 0.999, 0.003].map(to_byte), [128, 255, 1]);
        // Around each half, the neighbours in f32 go to either side.
        for b in 0..255u8 {
            let half = ((f64::from(b) + 0.5) / 255.0) as f32;
            assert_eq!(
                (to_byte(f32::from_bits(half.to_bits() - 1)), to_byte(f32::from_bits(half.to_bits() + 1))),
                (b, b + 1)
            );
        }
    }

    #[test]
    fn channels_are_planes_in_tensors_and_neighbours_in_pictures() {
        let picture = Picture::new(2, 1, vec![0, 51, 102, 153, 204, 255]).unwrap();
        let images = picture.to_images();
        assert_eq!(images.tensor().shape().to_vec(), [1, 3, 1, 2]);
        assert_eq!(images.image(0), [0.0, 0.6, 0.2, 0.8, 0.4, 1.0]);
        assert_eq!(Picture::from_images(&images, 0), picture);
        let two = Images::new(Tensor::from_fn([2, 3, 1, 1], |i| i as f32 / 5.0)).unwrap();
        assert_eq!(Picture::from_images(&two, 1).rgb(), [153, 204, 255]);
    }

    #[test]
    fn sizes_and_bytes_must_agree() {
        for (width, height, bytes) in [(0, 1, 0), (1, 0, 0), (2, 2, 11), (65_536, 1, 3 * 65_536)] {
            let error = Picture::new(width, height, vec![0; bytes]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parameter);
        }
    }
}
