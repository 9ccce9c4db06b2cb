use std::path::{Path, PathBuf};

use moire_graph::Device;
use moire_image::{Picture, encode_png};

use crate::error::Error;
use crate::files;
use crate::model::names;
use crate::reproduce::cdmaa::{BASE, Cdmaa, LONG, Setting};

/// How many faces a figure shows.
const FACES: usize = 3;
/// Pixels between pictures, and as many more between faces.
const GAP: usize = 4;
const BREAK: usize = 16;
/// The least width at which a picture is shown.
const SIDE: usize = 128;

/// Each figure's number, what it compares, and the settings that it shows, a row each.
const FIGURES: [(u8, &str, &[&str]); 4] = [
    (4, "attacks", &[BASE, "MI-FGSM, T 10", "APGD, T 10", LONG]),
    (5, "edits combined", &["single edit", "edits in turn", "MGDA over edits", BASE]),
    (6, "models combined", &["models in turn", "mean over models", BASE]),
    (7, "regularisations", &["no regularisation", "L2 regularisation", "logarithmic regularisation", BASE]),
];

/// Draws the figures. Each face has a first row, itself and its clean edits, and below it a row for each setting: the
/// protected face and its edits, one of each editor.
pub(super) fn draw(cdmaa: &Cdmaa, device: &dyn Device, out: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let all = cdmaa.settings();
    let editors = names(&cdmaa.editors);
    let mut drawn = Vec::new();
    for (number, what, shown) in FIGURES {
        let settings: Vec<&Setting> =
            shown.iter().filter_map(|name| all.iter().find(|s| s.name == *name)).collect();
        let mut faces: Vec<Vec<Vec<Picture>>> = Vec::new();
        for face in cdmaa.faces.iter().take(FACES) {
            let mut clean = None;
            let mut protected = Vec::new();
            for setting in &settings {
                let (mut protector, _) = cdmaa.protector(device, &setting.settings)?;
                let picture = face.fitted(protector.sizes()[0])?;
                let found = protector.protect(&picture, &face.attributes, face.id(), &setting.settings)?;
                let mut row = |picture: &Picture| -> Result<Vec<Picture>, Error> {
                    let mut row = vec![picture.clone()];
                    for editor in 0..editors.len() {
                        let mut edits = protector.edits(picture, &face.attributes, editor)?;
                        // The second edit, where there are several: StarGAN's and AttGAN's change much there.
                        row.push(edits.swap_remove(1.min(edits.len() - 1)));
                    }
                    Ok(row)
                };
                if clean.is_none() {
                    clean = Some(row(&picture)?);
                }
                protected.push(row(&found.kept)?);
            }
            faces.push(clean.into_iter().chain(protected).collect());
        }
        let path = out.join(format!("figure-{number}.png"));
        files::write(&path, &encode_png(&sheet(&faces)?))?;
        let below: Vec<&str> = settings.iter().map(|s| s.name.as_str()).collect();
        let caption = format!(
            "Figure {number}, {what}. Columns: the face, then one edit by each of {}. Rows, for each face: as it is, then \
             protected by {}.",
            editors.join(", "),
            below.join("; ")
        );
        drawn.push((path, caption));
    }
    Ok(drawn)
}

/// Faces below one another, each a block of rows of pictures, all of one size, on white. What is small is enlarged by a
/// whole factor, so that its pixels stay what they are.
fn sheet(faces: &[Vec<Vec<Picture>>]) -> Result<Picture, Error> {
    let (height, width) = (faces[0][0][0].height(), faces[0][0][0].width());
    let factor = SIDE.div_ceil(width).max(1);
    let (cell, line) = (height * factor + GAP, width * factor + GAP);
    let block = |rows: &Vec<Vec<Picture>>| rows.len() * cell + BREAK;
    let tall = faces.iter().map(block).sum::<usize>() - BREAK - GAP;
    let wide = faces[0][0].len() * line - GAP;
    let mut rgb = vec![255; 3 * tall * wide];
    let mut top = 0;
    for rows in faces {
        for (r, row) in rows.iter().enumerate() {
            for (c, picture) in row.iter().enumerate() {
                for y in 0..height * factor {
                    for x in 0..width * factor {
                        let from = 3 * (y / factor * width + x / factor);
                        let to = 3 * ((top + r * cell + y) * wide + c * line + x);
                        rgb[to..to + 3].copy_from_slice(&picture.rgb()[from..from + 3]);
                    }
                }
            }
        }
        top += block(rows);
    }
    Ok(Picture::new(wide, tall, rgb)?)
}

#[cfg(test)]
mod tests {
    use moire_image::Picture;

    use super::{BREAK, GAP, SIDE, sheet};

    #[test]
    fn small_pictures_are_enlarged_in_blocks() {
        let grey = |v: u8| Picture::new(2, 2, vec![v; 12]).unwrap();
        let face = |v: u8| vec![vec![grey(v), grey(v + 1)], vec![grey(v + 2), grey(v + 3)]];
        let drawn = sheet(&[face(10), face(20)]).unwrap();
        assert_eq!(drawn.width(), 2 * SIDE + GAP);
        assert_eq!(drawn.height(), 4 * SIDE + 2 * GAP + GAP + BREAK);
        let at = |x: usize, y: usize| drawn.rgb()[3 * (y * drawn.width() + x)];
        let second = 2 * (SIDE + GAP) + BREAK;
        assert_eq!([at(0, 0), at(SIDE - 1, SIDE - 1), at(SIDE, 0), at(SIDE + GAP, 0)], [10, 10, 255, 11]);
        assert_eq!([at(0, second - 1), at(0, second)], [255, 20]);
        assert_eq!(at(drawn.width() - 1, drawn.height() - 1), 23);
    }
}
