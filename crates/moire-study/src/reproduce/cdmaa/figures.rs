use std::path::{Path, PathBuf};

use moire_graph::Device;
use moire_image::{Picture, encode_png};

use crate::error::Error;
use crate::files;
use crate::model::names;
use crate::reproduce::cdmaa::{BASE, Cdmaa, LONG, Setting};

/// How many faces a figure shows.
const FACES: usize = 3;
/// Pixels between pictures.
const GAP: usize = 4;

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
        let mut rows: Vec<Vec<Picture>> = Vec::new();
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
            rows.extend(clean.into_iter().chain(protected));
        }
        let path = out.join(format!("figure-{number}.png"));
        files::write(&path, &encode_png(&sheet(&rows)?))?;
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

/// Pictures of one size in rows and columns, on white.
fn sheet(rows: &[Vec<Picture>]) -> Result<Picture, Error> {
    let (height, width) = (rows[0][0].height(), rows[0][0].width());
    let columns = rows[0].len();
    let (tall, wide) = (rows.len() * (height + GAP) - GAP, columns * (width + GAP) - GAP);
    let mut rgb = vec![255; 3 * tall * wide];
    for (r, row) in rows.iter().enumerate() {
        for (c, picture) in row.iter().enumerate() {
            for (y, line) in picture.rgb().chunks_exact(3 * width).enumerate() {
                let at = 3 * ((r * (height + GAP) + y) * wide + c * (width + GAP));
                rgb[at..at + line.len()].copy_from_slice(line);
            }
        }
    }
    Ok(Picture::new(wide, tall, rgb)?)
}
