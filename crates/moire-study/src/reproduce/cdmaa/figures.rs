use std::path::{Path, PathBuf};

use moire_image::{Filter, Picture, encode_png, resize};

use super::{APGD, BASE, LONG, MOMENTUM, editors, is_of};
use crate::data::read_saved;
use crate::error::Error;
use crate::files;
use crate::protection::{Edit, Protected, Protection};

/// Pixels between pictures, and as many more between faces.
const GAP: usize = 4;
const BREAK: usize = 16;
/// The least width at which a picture is shown.
const SIDE: usize = 128;

/// Each figure's number, what it compares, and the settings that it shows, a row each.
const FIGURES: [(u8, &str, &[&str]); 4] = [
    (4, "attacks", &[BASE, MOMENTUM, APGD, LONG]),
    (5, "edits combined", &["single edit", "edits in turn", "MGDA over edits", BASE]),
    (6, "models combined", &["models in turn", "mean over models", BASE]),
    (7, "regularisations", &["no regularisation", "L2 regularisation", "logarithmic regularisation", BASE]),
];

/// Draws the figures from the files that a study keeps of its first faces. Each face has a first row, itself and its clean
/// edits, and below it a row for each setting: the protected face and its edits, one of each editor.
pub(crate) fn draw(study: &Path, protections: &[Protection]) -> Result<Vec<(PathBuf, String)>, Error> {
    let editors = editors(protections);
    let shown = |p: &&Protection| p.protected().is_some_and(|made| made.given.is_some());
    let mut drawn = Vec::new();
    for (number, what, settings) in FIGURES {
        let mut faces: Vec<Vec<Vec<Picture>>> = Vec::new();
        for first in protections.iter().filter(shown).filter(|p| is_of(p, settings[0])) {
            let mut rows = Vec::new();
            for setting in settings {
                let mut same = protections.iter().filter(|p| is_of(p, setting));
                let of_face = same.find(|p| (&p.data, &p.photograph) == (&first.data, &first.photograph));
                let Some(made) = of_face.and_then(Protection::protected) else { continue };
                if rows.is_empty() {
                    rows.push(row(study, made.given.as_deref(), made, &editors, 0)?);
                }
                rows.push(row(study, Some(&made.file), made, &editors, 1)?);
            }
            faces.push(rows);
        }
        if faces.is_empty() {
            continue;
        }
        let path = study.join(format!("figure-{number}.png"));
        files::write(&path, &encode_png(&sheet(&faces)?))?;
        let caption = format!(
            "Figure {number}, {what}. Columns: the face, then one edit by each of {}. Rows, for each face: as it is, then \
             protected by {}.",
            editors.join(", "),
            settings.join("; ")
        );
        drawn.push((path, caption));
    }
    Ok(drawn)
}

/// A face and one edit of each editor, all of the face's size: as it was (0) or protected (1).
fn row(
    study: &Path,
    face: Option<&str>,
    made: &Protected,
    editors: &[&str],
    which: usize,
) -> Result<Vec<Picture>, Error> {
    // The second edit, where there are several: StarGAN's and AttGAN's change much there.
    let edit = |editor: &&str| {
        let edits: Vec<&Edit> = made.edits.iter().filter(|e| e.editor == *editor).collect();
        edits.get(1).or(edits.first()).and_then(|e| e.files.as_ref()).map(|files| files[which].as_str())
    };
    let mut row: Vec<Picture> = Vec::new();
    for file in [face].into_iter().chain(editors.iter().map(edit)).flatten() {
        let picture = read_saved(&study.join(file))?;
        let size = row.first().map_or((picture.height(), picture.width()), |p| (p.height(), p.width()));
        row.push(if (picture.height(), picture.width()) == size {
            picture
        } else {
            Picture::from_images(&resize(&picture.to_images(), size.0, size.1, Filter::Bicubic)?, 0)
        });
    }
    Ok(row)
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
