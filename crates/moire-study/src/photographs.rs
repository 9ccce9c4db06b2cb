use std::path::{Path, PathBuf};

use moire_image::{Limits, Picture, decode};

use crate::data::{DEPTH, ENDINGS, collect};
use crate::error::{Error, Repr};
use crate::files::read;

/// A file that is taken for a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photograph {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was named, or its file's name: what results made from it are called after.
    pub name: PathBuf,
}

impl Photograph {
    /// Reads and decodes the file, within the usual limits.
    ///
    /// # Errors
    /// It cannot be read, or is not an image.
    pub fn read(&self) -> Result<Picture, Error> {
        let limits = Limits::default();
        let bytes = read(&self.path, limits.max_bytes)?;
        Ok(decode(&bytes, &self.path.display().to_string(), &limits)?)
    }
}

/// Endings of pictures that are not read: a folder's owner is told so, file by file, rather than left to find out.
const UNREAD: [&str; 11] = ["gif", "bmp", "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2", "dng", "cr2"];

/// The photographs that `path` names: itself, whatever its ending, or the PNG, JPEG and WebP files below it, by name, and
/// with them pictures of other kinds, which reading refuses.
///
/// # Errors
/// There is nothing at `path`, a folder cannot be read, or has no such file.
pub fn photographs(path: &Path) -> Result<Vec<Photograph>, Error> {
    if !path.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
        let name = path.file_name().map_or_else(|| path.to_owned(), PathBuf::from);
        return Ok(vec![Photograph { path: path.to_owned(), name }]);
    }
    let mut paths = Vec::new();
    collect(path, DEPTH, &[&ENDINGS[..], &UNREAD].concat(), &mut paths)?;
    if paths.is_empty() {
        let (expected, found) = ("PNG, JPEG or WebP images", "none".to_owned());
        return Err(Repr::Data { folder: path.to_owned(), expected, found }.into());
    }
    let below =
        |file: PathBuf| Photograph { name: file.strip_prefix(path).unwrap_or(&file).to_owned(), path: file };
    Ok(paths.into_iter().map(below).collect())
}
