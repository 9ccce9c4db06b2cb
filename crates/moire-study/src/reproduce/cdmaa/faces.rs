use std::path::Path;

use moire_image::{Filter, Limits, Picture, Rect, crop, decode, resize};
use moire_tensor::SampleId;
use moire_zoo::Attributes;

use crate::error::{Error, Repr};
use crate::files;
use crate::photographs::photographs;
use crate::portraits;

/// An aligned face with its attributes.
#[derive(Debug, Clone)]
pub struct AlignedFace {
    /// The name of its file.
    pub name: String,
    /// The face.
    pub picture: Picture,
    /// What it has.
    pub attributes: Attributes,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What a folder lacks that has no table.
const TABLE: &str =
    "a table of attributes, list_attr*.csv or .txt, in it or beside it (or name one with --table)";

/// `count` aligned faces of a folder that holds images and, beside them, their table of attributes, `list_attr*`, or that
/// of `table`. Where there are ten times as many, each is the last of ten neighbours by name: those that the recipes of
/// `train/` hold out.
///
/// # Errors
/// There is no table or no image that it names, or one cannot be read.
pub fn aligned_faces(folder: &Path, table: Option<&Path>, count: usize) -> Result<Vec<AlignedFace>, Error> {
    let none = |expected| Repr::Data { folder: folder.to_owned(), expected, found: "none".to_owned() };
    let named = match table {
        Some(path) => Some(path.to_owned()),
        None => portraits::beside(folder)?,
    };
    let rows = portraits::table(&named.ok_or_else(|| none(TABLE))?)?;
    let mut known = Vec::new();
    for photograph in photographs(folder)? {
        let name = photograph.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Ok(attributes) = rows.face(&name) {
            known.push((name, photograph.path, attributes));
        }
    }
    known.sort_by(|a, b| a.0.cmp(&b.0));
    let held_out = known.len() >= 10 * count;
    let chosen =
        known.into_iter().enumerate().filter(|(i, _)| !held_out || i % 10 == 9).map(|(_, face)| face);
    let mut faces = Vec::new();
    for (name, path, attributes) in chosen.take(count) {
        let limits = Limits::default();
        let bytes = files::read(&path, limits.max_bytes)?;
        let picture = decode(&bytes, &path.display().to_string(), &limits)?;
        faces.push(AlignedFace { name, picture, attributes, sha256: files::sha256(&bytes) });
    }
    if faces.is_empty() {
        return Err(none("images that the table of attributes names").into());
    }
    Ok(faces)
}

impl AlignedFace {
    /// Who it is.
    pub(super) fn id(&self) -> SampleId {
        SampleId(u64::from_str_radix(&self.sha256[..16], 16).expect("a hash is hexadecimal"))
    }

    /// The square in its middle at an editor's size, as the recipes of `train/` cut it.
    ///
    /// # Errors
    /// The size is empty.
    pub(super) fn fitted(&self, [height, width]: [usize; 2]) -> Result<Picture, Error> {
        let square = Rect::centre_square(self.picture.width(), self.picture.height());
        let face = crop(&self.picture.to_images(), square)?;
        let face = if [face.height(), face.width()] == [height, width] {
            face
        } else {
            resize(&face, height, width, Filter::Bicubic)?
        };
        Ok(Picture::from_images(&face, 0))
    }
}
