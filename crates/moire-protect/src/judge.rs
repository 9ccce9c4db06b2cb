use moire_attack::Editors;
use moire_image::Picture;

use crate::error::Error;
use crate::look::{Part, Seen};

/// What an edit of a changed photograph comes to, beside that of the photograph as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    /// The mean squared difference of the edits, in `[-1, 1]`.
    pub(crate) loss: f32,
    /// The same over the pixels that the edit of the photograph as it was changes; `None` where it changes none.
    pub(crate) masked: Option<f32>,
}

/// By what sum over channels an edit changes a pixel that counts (Huang et al., arXiv 2105.10872, section 4.1).
const CHANGED: f32 = 0.5;

/// Shows both versions of a part's pixels to an editor: a verdict for each edit.
pub(crate) fn judge(
    editors: &mut Editors,
    part: &Part,
    seen: &Seen,
    condition: &[f32],
    [before, after]: [&Picture; 2],
) -> Result<Vec<Verdict>, Error> {
    let crop = seen.crop.moved(part.window.rect.x, part.window.rect.y);
    let [before, after] = [crop.cut(before)?, crop.cut(after)?];
    let clean = editors.edit(seen.editor, before.image(0), condition)?;
    let broken = editors.edit(seen.editor, after.image(0), condition)?;
    let size = before.image(0).len();
    let each = clean.chunks(size).zip(broken.chunks(size));
    Ok(each.map(|(clean, broken)| verdict(before.image(0), clean, broken)).collect())
}

/// From the image in `[0, 1]` and its edits in `[-1, 1]`.
fn verdict(image: &[f32], clean: &[f32], broken: &[f32]) -> Verdict {
    let plane = image.len() / 3;
    let square = |i: usize| f64::from(clean[i] - broken[i]).powi(2);
    let change = |i: usize| (clean[i] - (2.0 * image[i] - 1.0)).abs();
    let over = |pixels: &[usize]| {
        let sum: f64 = pixels.iter().flat_map(|&p| [p, p + plane, p + 2 * plane]).map(square).sum();
        (sum / (3 * pixels.len()) as f64) as f32
    };
    let all: Vec<usize> = (0..plane).collect();
    let changed: Vec<usize> =
        (0..plane).filter(|&p| change(p) + change(p + plane) + change(p + 2 * plane) > CHANGED).collect();
    Verdict { loss: over(&all), masked: (!changed.is_empty()).then(|| over(&changed)) }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdict};

    #[test]
    fn the_mask_is_what_the_clean_edit_changes() {
        // Two pixels: the edit leaves the first as it is, and turns the second from black to white.
        let image = [0.5, 0.0, 0.5, 0.0, 0.5, 0.0];
        let clean = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let broken = [0.2, 0.0, 0.2, 0.0, 0.2, 0.0];
        let Verdict { loss, masked } = verdict(&image, &clean, &broken);
        assert!((loss - 0.52).abs() < 1e-6 && (masked.unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(verdict(&image, &[0.0, -1.0, 0.0, -1.0, 0.0, -1.0], &broken).masked, None);
    }
}
