use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Repr};
use crate::resize::mapped;
use crate::{Filter, Limits, Picture, Subsampling, Taps, decode, encode_jpeg};

/// What a picture goes through on its way from one person to another. As text: `jpeg(75)`, `resize(0.5)`, `blur(1)`,
/// `crop(0.9)`.
///
/// The picture keeps its size, and is a file's after it: every step of the way is rounded to eight bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// Saved as a JPEG file of this quality, 1 to 100, with half the rows and columns of colour ([`encode_jpeg`]), and
    /// read again.
    Jpeg(u8),
    /// Shrunk to this share of its sides, above 0 and below 1, and enlarged again, both by [`Filter::Bicubic`].
    Resize(f32),
    /// Blurred by a Gaussian of this standard deviation in pixels, above 0 and up to 16, cut off at three of them.
    Blur(f32),
    /// Cut to this share of its sides, above 0 and below 1, in the middle, and enlarged again by [`Filter::Bicubic`].
    Crop(f32),
}

/// A map of rows or of columns: what each new pixel is made of.
type Map = Vec<Taps>;

impl Transform {
    /// # Errors
    /// A number is out of the range that its kind says.
    pub fn check(self) -> Result<Self, Error> {
        let fits = match self {
            Self::Jpeg(quality) => (1..=100).contains(&quality),
            Self::Blur(sigma) => sigma > 0.0 && sigma <= 16.0,
            Self::Resize(share) | Self::Crop(share) => share > 0.0 && share < 1.0,
        };
        if fits { Ok(self) } else { Err(Repr::Transform { text: self.to_string() }.into()) }
    }

    /// The maps along an axis of `side` pixels that the transform is, one after another, with the same along the other
    /// axis and eight bits after each; `None` for [`Transform::Jpeg`], which is no such map.
    ///
    /// # Panics
    /// `side` is 0.
    pub fn maps(self, side: usize) -> Option<Vec<Map>> {
        let part = |share: f32| ((side as f64 * f64::from(share)).round() as usize).clamp(1, side);
        match self {
            Self::Jpeg(_) => None,
            Self::Resize(share) => {
                let small = part(share);
                Some(vec![Filter::Bicubic.taps(side, small), Filter::Bicubic.taps(small, side)])
            }
            Self::Crop(share) => {
                let kept = part(share);
                let mut map = Filter::Bicubic.taps(kept, side);
                map.iter_mut().for_each(|taps| taps.first += (side - kept) / 2);
                Some(vec![map])
            }
            Self::Blur(sigma) => Some(vec![gaussian(side, sigma.into())]),
        }
    }

    /// What becomes of a picture.
    ///
    /// # Errors
    /// A number is out of range.
    pub fn apply(self, picture: &Picture) -> Result<Picture, Error> {
        self.check()?;
        let (height, width) = (picture.height(), picture.width());
        if let Self::Jpeg(quality) = self {
            let file = encode_jpeg(picture, quality, Subsampling::default())?;
            return decode(&file, "a picture as a JPEG file", &Limits::NONE);
        }
        let mut now = picture.clone();
        let maps = |side| self.maps(side).expect("JPEG has been dealt with");
        for (rows, columns) in maps(height).iter().zip(&maps(width)) {
            now = Picture::from_images(&mapped(&now.to_images(), Some(rows), Some(columns)), 0);
        }
        Ok(now)
    }
}

/// A Gaussian along an axis; beyond the border the weights fall away and the rest are scaled up to 1.
fn gaussian(side: usize, sigma: f64) -> Map {
    let reach = (3.0 * sigma).ceil() as usize;
    let taps = |centre: usize| {
        let (first, end) = (centre.saturating_sub(reach), (centre + reach + 1).min(side));
        let weight = |i: usize| (-0.5 * (i.abs_diff(centre) as f64 / sigma).powi(2)).exp();
        let mut weights: Vec<f64> = (first..end).map(weight).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Taps { first, weights }
    };
    (0..side).map(taps).collect()
}

impl FromStr for Transform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.trim().strip_suffix(')').and_then(|t| t.split_once('('));
        let parsed = parts.and_then(|(name, number)| match name {
            "jpeg" => number.parse().ok().map(Self::Jpeg),
            "resize" => number.parse().ok().map(Self::Resize),
            "blur" => number.parse().ok().map(Self::Blur),
            "crop" => number.parse().ok().map(Self::Crop),
            _ => None,
        });
        let known = parsed.filter(|t: &Self| t.check().is_ok());
        known.ok_or_else(|| Repr::Transform { text: text.to_owned() }.into())
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jpeg(quality) => write!(f, "jpeg({quality})"),
            Self::Resize(share) => write!(f, "resize({share})"),
            Self::Blur(sigma) => write!(f, "blur({sigma})"),
            Self::Crop(share) => write!(f, "crop({share})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Transform;
    use crate::{ErrorKind, Picture};

    fn picture(width: usize, height: usize) -> Picture {
        let at = |i: usize| {
            let (x, y, c) = ((i / 3 % width) as f64, (i / 3 / width) as f64, i % 3);
            (128.0 + 90.0 * (x / (3.0 + c as f64)).sin() * (y / 5.0).cos()) as u8
        };
        Picture::new(width, height, (0..3 * width * height).map(at).collect()).unwrap()
    }

    fn distance(a: &Picture, b: &Picture) -> f64 {
        assert_eq!((a.width(), a.height()), (b.width(), b.height()));
        let sum: f64 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
        sum / a.rgb().len() as f64
    }

    #[test]
    fn texts_go_there_and_back() {
        for text in ["jpeg(75)", "resize(0.5)", "blur(1.5)", "crop(0.9)"] {
            assert_eq!(text.parse::<Transform>().unwrap().to_string(), text);
        }
        for text in
            ["jpeg(0)", "jpeg(101)", "resize(1)", "blur(nan)", "blur(99)", "crop(0)", "jpeg", "gif(1)"]
        {
            let error = text.parse::<Transform>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parameter);
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_picture_keeps_its_size_and_loses_little() {
        for (width, height) in [(64, 48), (37, 23), (1, 1), (2, 5)] {
            let before = picture(width, height);
            for text in ["jpeg(90)", "resize(0.75)", "blur(0.5)", "crop(0.98)"] {
                let after = text.parse::<Transform>().unwrap().apply(&before).unwrap();
                let lost = distance(&before, &after);
                assert!(lost < 8.0 || width < 8, "{text} of {width} x {height}: {lost}");
            }
        }
        let grey = Picture::new(20, 30, vec![128; 1800]).unwrap();
        for text in ["jpeg(50)", "resize(0.3)", "blur(5)", "crop(0.5)"] {
            assert_eq!(text.parse::<Transform>().unwrap().apply(&grey).unwrap(), grey, "{text}");
        }
    }

    #[test]
    fn a_crop_is_the_middle_enlarged() {
        // A black frame of an eighth around white.
        let rgb = (0..16 * 16).flat_map(|i| {
            let inside = |v: usize| (2..14).contains(&v);
            [if inside(i % 16) && inside(i / 16) { 255 } else { 0 }; 3]
        });
        let framed = Picture::new(16, 16, rgb.collect()).unwrap();
        let white = Transform::Crop(0.75).apply(&framed).unwrap();
        assert!(white.rgb().iter().all(|&b| b == 255));
    }
}
