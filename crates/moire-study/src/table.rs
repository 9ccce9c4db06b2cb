//! Labelled images as a CSV file of `path,label[,mask]`, paths relative to it.

use std::path::Path;

use moire_tensor::Label;

use crate::data::{Found, plain_name};
use crate::error::{Error, Repr};
use crate::files;

/// The largest table that is read, in bytes.
const LONGEST: u64 = 1 << 28;

/// The images that a table lists.
///
/// # Errors
/// There is no such file, or it is no such table: the line is named.
pub(crate) fn read(path: &Path) -> Result<Vec<Found>, Error> {
    let bytes = files::read(path, LONGEST)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let fault = |line: u64, expected: &str, found: String| {
        let path = format!("{}, line {line}", path.display()).into();
        Error::from(Repr::Unfit { path, expected: expected.to_owned(), found })
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(&bytes[..]);
    let mut found = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|e| {
            let line = e.position().map_or(row as u64 + 1, csv::Position::line);
            fault(line, "a row of path,label[,mask] in UTF-8", "another".to_owned())
        })?;
        let line = record.position().map_or(row as u64 + 1, csv::Position::line);
        let cells: Vec<&str> = record.iter().collect();
        let (image, label, mask) = match cells[..] {
            // A line of names.
            ["path", "label"] | ["path", "label", "mask"] if row == 0 => continue,
            [image, label] => (image, label, ""),
            [image, label, mask] => (image, label, mask),
            _ => return Err(fault(line, "path,label[,mask]", format!("{} cells", cells.len()))),
        };
        let label = match label {
            "real" | "0" => Label::Real,
            "fake" | "1" => Label::Fake,
            other => return Err(fault(line, "the label real or fake (or 0 or 1)", format!("'{other}'"))),
        };
        let name = plain_name(Path::new(image));
        if name.is_empty() {
            return Err(fault(line, "the path of an image", format!("'{image}'")));
        }
        let mask = (!mask.is_empty()).then(|| folder.join(mask));
        found.push(Found { name, label, path: folder.join(image), mask });
    }
    if found.is_empty() {
        return Err(fault(1, "rows of path,label[,mask]", "none".to_owned()));
    }
    Ok(found)
}
