//! Maps over the pixels of an image as files beside it: masks of manipulated pixels, which are compared too, and key
//! regions.

use moire_image::Picture;
use moire_metric::iou;
use moire_tensor::{Images, Tensor};

use crate::error::Error;
use crate::record::MaskShift;

/// A byte of a mask's file from which on a pixel counts as manipulated: that of the probability 0.5.
const MARKED: u8 = 128;

/// Where the mask that a detector draws on a saved image is kept, by the image's own place.
pub(crate) fn drawn(file: &str) -> String {
    beside("masks", file)
}

/// Where the mask is kept that an attack was to forge on a saved image.
pub(crate) fn wanted(file: &str) -> String {
    beside("wanted", file)
}

/// Where the map of the n-th layer of a key region is kept, of the image that is saved in `file`; the last one is where
/// all layers agree.
pub(crate) fn region(file: &str, layer: usize) -> String {
    format!("{}/{layer}.png", beside("regions", file))
}

fn beside(folder: &str, file: &str) -> String {
    format!("{folder}/{}", file.strip_prefix("images/").unwrap_or(file))
}

/// A mask `[height * width]` in `[0, 1]` as a grey picture.
pub(crate) fn picture(mask: &[f32], [height, width]: [usize; 2]) -> Result<Picture, Error> {
    let grey = Tensor::from_fn([1, 3, height, width], |i| mask[i % mask.len()]);
    Ok(Picture::from_images(&Images::project(grey)?, 0))
}

/// Which pixels a mask marks, in any of its colours.
pub(crate) fn marked(picture: &Picture) -> Vec<bool> {
    picture.rgb().chunks_exact(3).map(|rgb| rgb.iter().any(|&v| v >= MARKED)).collect()
}

/// What became of a mask.
pub(crate) fn shift(
    before: &[bool],
    after: &[bool],
    truth: Option<&[bool]>,
    wanted: Option<&[bool]>,
) -> MaskShift {
    MaskShift {
        kept: iou(before, after),
        truth: truth.map(|truth| [iou(before, truth), iou(after, truth)]),
        wanted: wanted.map(|wanted| iou(after, wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::{drawn, marked, picture, shift};

    #[test]
    fn a_mask_survives_its_file_at_the_threshold() {
        let mask = [0.0, 0.499, 0.5, 1.0];
        assert_eq!(marked(&picture(&mask, [2, 2]).unwrap()), [false, false, true, true]);
        assert_eq!(drawn("images/ynet/clean/fake/a.png"), "masks/ynet/clean/fake/a.png");
    }

    #[test]
    fn overlaps_by_hand() {
        let [o, x] = [false, true];
        let found = shift(&[x, x, o, o], &[o, x, x, x], Some(&[x, x, o, o]), Some(&[o, x, x, x]));
        assert_eq!((found.kept, found.truth, found.wanted), (0.25, Some([1.0, 0.25]), Some(1.0)));
        assert_eq!(shift(&[o], &[o], None, None).kept, 1.0);
    }
}
