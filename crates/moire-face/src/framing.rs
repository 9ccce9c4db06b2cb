use std::fmt;
use std::str::FromStr;

use moire_image::Rect;

use crate::crop::Crop;
use crate::error::{Error, Repr};
use crate::face::Face;
use crate::similarity::Similarity;

/// How the makers of a family of networks cut faces out of photographs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// FaceForensics++ (arXiv 1901.08971; `get_boundingbox` in ondyari/FaceForensics): a square around the face's box,
    /// 1.3 times its longer side, moved and then cut off where it leaves the photograph. Upright. The authors' box is
    /// dlib's; `RetinaFace`'s reaches higher up the forehead. In crops of the data set itself, it is 0.85 of the side
    /// where theirs is 0.77, so that these crops are about a tenth wider.
    FaceForensics,
    /// ClassNSeg (arXiv 1906.06876; `extract_face` in nii-yamagishilab/ClassNSeg): 1.3 times the height in both
    /// directions, around the middle of the face, cut off where it leaves the photograph. Upright. The authors take
    /// middle and height from the mask of the forged region; without a mask they are those of the face's box.
    ClassNSeg,
    /// `CelebA`'s alignment (arXiv 1411.7766), of which yunjey/stargan takes the middle 178 x 178.
    StarGan,
    /// `CelebA`'s alignment, of which elvisyjlin/AttGAN-PyTorch takes the middle 170 x 170.
    AttGan,
    /// `CelebA`'s alignment, of which csmliu/STGAN and LynnHo/AttGAN-Tensorflow take 170 x 170 at (3, 26).
    StGan,
}

/// Where `CelebA`'s alignment puts the left eye, the right eye and the middle of the mouth in an image of 178 x 218,
/// from the authors' `align_face_celeba.m`, which counts the middle of the first pixel as 1.
const CELEBA: [[f64; 2]; 3] = [[70.745, 112.0], [108.237, 112.0], [89.432, 153.514]];

/// The middle of `CelebA`'s aligned image.
const MIDDLE: Rect = Rect { x: 0, y: 20, width: 178, height: 178 };

/// How much larger than the face's box a square of `FaceForensics++` or ClassNSeg is.
const LARGER: f32 = 1.3;

impl Framing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::FaceForensics, Self::ClassNSeg, Self::StarGan, Self::AttGan, Self::StGan];

    /// The name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::FaceForensics => "ffpp",
            Self::ClassNSeg => "classnseg",
            Self::StarGan => "celeba",
            Self::AttGan => "attgan",
            Self::StGan => "stgan",
        }
    }

    /// The crop of `size` x `size` pixels around a face in a photograph of `[height, width]`.
    ///
    /// Upright crops are shrunk with antialiasing, as Pillow does for `FaceForensics++`; ClassNSeg's authors shrink
    /// without. Aligned crops go straight from the photograph to their size, where the data sets went by way of 178 x
    /// 218 pixels and bicubic interpolation.
    ///
    /// # Errors
    /// `size` is 0, no pixel of the photograph would be in the crop, or the landmarks are one point.
    pub fn crop(self, face: &Face, photograph: [usize; 2], size: usize) -> Result<Crop, Error> {
        if size == 0 {
            return Err(Repr::Size.into());
        }
        match self {
            Self::FaceForensics => Crop::upright(square(face, photograph)?, [size; 2]),
            Self::ClassNSeg => Crop::upright(around(face, photograph)?, [size; 2]),
            Self::StarGan => aligned(face, photograph, size, MIDDLE),
            Self::AttGan => aligned(face, photograph, size, Rect { x: 4, y: 24, width: 170, height: 170 }),
            Self::StGan => aligned(face, photograph, size, Rect { x: 3, y: 26, width: 170, height: 170 }),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Framing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|f| f.name() == text);
        found.ok_or_else(|| Repr::Framing { name: text.to_owned(), known: known() }.into())
    }
}

/// A face's box in whole pixels, as the detectors of those data sets give theirs: left, top, right, bottom.
fn whole(face: &Face) -> [i64; 4] {
    let b = face.bounds;
    [b.left, b.top, b.right, b.bottom].map(|v| v.round() as i64)
}

fn outside(face: &Face, [height, width]: [usize; 2]) -> Error {
    let [x, y] = face.bounds.centre();
    Repr::Outside { x, y, width, height }.into()
}

/// The square of `FaceForensics++`.
fn square(face: &Face, photograph: [usize; 2]) -> Result<Rect, Error> {
    let [left, top, right, bottom] = whole(face);
    let [height, width] = photograph.map(|n| n as i64);
    let side = ((right - left).max(bottom - top) as f32 * LARGER) as i64;
    let start = |low: i64, high: i64| ((low + high).div_euclid(2) - side / 2).max(0);
    let (x, y) = (start(left, right), start(top, bottom));
    let side = side.min(width - x).min(height - y);
    if side < 1 {
        return Err(outside(face, photograph));
    }
    Ok(Rect { x: x as usize, y: y as usize, width: side as usize, height: side as usize })
}

/// The rectangle of ClassNSeg.
fn around(face: &Face, photograph: [usize; 2]) -> Result<Rect, Error> {
    let [left, top, right, bottom] = whole(face);
    let radius = ((bottom - top) as f32 * LARGER / 2.0) as i64;
    let span = |middle: i64, extent: usize| {
        let (start, end) = ((middle - radius).max(0), (middle + radius).min(extent as i64));
        (start < end).then_some((start as usize, (end - start) as usize))
    };
    let columns = span((left + right).div_euclid(2), photograph[1]);
    let rows = span((top + bottom).div_euclid(2), photograph[0]);
    match (columns, rows) {
        (Some((x, width)), Some((y, height))) => Ok(Rect { x, y, width, height }),
        _ => Err(outside(face, photograph)),
    }
}

/// The part `window` of `CelebA`'s aligned image.
fn aligned(face: &Face, photograph: [usize; 2], size: usize, window: Rect) -> Result<Crop, Error> {
    Crop::turned([size; 2], photograph, &alignment(face, size, window)?)
}

/// The map from that part, shown as `size` x `size`, to the photograph.
fn alignment(face: &Face, size: usize, window: Rect) -> Result<Similarity, Error> {
    let [left, right, _, low_left, low_right] = face.landmarks.map(|p| p.map(f64::from));
    let mouth = [0, 1].map(|k| f64::midpoint(low_left[k], low_right[k]));
    // From CelebA's count, where the first pixel is around 1, to pixels of the crop, where it is from 0 to 1.
    let scale = size as f64 / window.width as f64;
    let (x, y) = (window.x as f64, window.y as f64);
    let places = CELEBA.map(|p| [(p[0] - 0.5 - x) * scale, (p[1] - 0.5 - y) * scale]);
    let [x, y] = face.bounds.centre();
    let place = Similarity::between(&[left, right, mouth], &places).map(|s| s.inverse());
    let place = place.filter(|p| p.scale().is_finite() && p.scale() * size as f64 <= MOST);
    place.ok_or_else(|| Repr::Landmarks { x, y }.into())
}

/// The map from the crop of [`Framing::StarGan`] to the photograph.
pub(crate) fn celeba(face: &Face, size: usize) -> Result<Similarity, Error> {
    alignment(face, size, MIDDLE)
}

/// The longest side, in pixels of the photograph, that an aligned crop may show: no photograph has as many.
const MOST: f64 = 1e6;
