use std::fmt::Write;
use std::path::Path;

use moire_image::{Filter, Limits, Picture, Rect, crop, decode, encode_png, resize};

use crate::error::{Error, Repr};
use crate::files;
use crate::photographs::photographs;
use crate::plan::{Choose, PhotographsPlan};
use crate::portraits;

/// What a folder lacks that has no table.
const TABLE: &str =
    "a table of attributes, list_attr*.csv or .txt, in it or beside it (or name one with --table)";

/// `count` aligned faces of a folder that holds images and, beside them, their table of attributes, `list_attr*`, or that
/// of `table`: of each the square in its middle at `size`, height and width, as the recipes of `train/` cut it, saved in a
/// folder below `out`. Where there are ten times as many, each is the last of ten neighbours by name: those that the
/// recipes hold out.
///
/// # Errors
/// There is no table or no image that it names, one cannot be read, or the disk is full.
pub fn aligned_faces(
    folder: &Path,
    table: Option<&Path>,
    count: usize,
    size: [usize; 2],
    out: &Path,
) -> Result<PhotographsPlan, Error> {
    let none = |expected| Repr::Data { folder: folder.to_owned(), expected, found: "none".to_owned() };
    let table = match table {
        Some(path) => Some(path.to_owned()),
        None => portraits::beside(folder)?,
    };
    let table = table.ok_or_else(|| none(TABLE))?;
    let rows = portraits::table(&table)?;
    let mut known = Vec::new();
    for photograph in photographs(folder)? {
        let name = photograph.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if rows.face(&name).is_ok() {
            known.push((name, photograph.path));
        }
    }
    known.sort();
    let held_out = known.len() >= 10 * count;
    let chosen =
        known.into_iter().enumerate().filter(|(i, _)| !held_out || i % 10 == 9).map(|(_, face)| face);
    let (mut faces, mut list) = (Vec::new(), format!("{size:?}"));
    for (name, path) in chosen.take(count) {
        let limits = Limits::default();
        let bytes = files::read(&path, limits.max_bytes)?;
        let _ = write!(list, " {name} {}", files::sha256(&bytes));
        let picture = decode(&bytes, &path.display().to_string(), &limits)?;
        faces.push((name, fitted(&picture, size)?));
    }
    if faces.is_empty() {
        return Err(none("images that the table of attributes names").into());
    }
    // Other faces have another folder, so that none is left there from before.
    let path = out.join("faces").join(&files::sha256(list.as_bytes())[..8]);
    for (name, face) in &faces {
        files::write(&path.join(name).with_extension("png"), &encode_png(face))?;
    }
    let (name, table) = (Some("faces".to_owned()), Some(table));
    Ok(PhotographsPlan { name, path, table, attributes: None, limit: None, choose: Choose::First })
}

/// The square in the middle of a picture at an editor's size.
fn fitted(picture: &Picture, [height, width]: [usize; 2]) -> Result<Picture, Error> {
    let square = Rect::centre_square(picture.width(), picture.height());
    let face = crop(&picture.to_images(), square)?;
    let face = if [face.height(), face.width()] == [height, width] {
        face
    } else {
        resize(&face, height, width, Filter::Bicubic)?
    };
    Ok(Picture::from_images(&face, 0))
}
