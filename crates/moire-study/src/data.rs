use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use moire_image::{Filter, Limits, Picture, decode, resize};
use moire_tensor::{Images, Label, SampleId};

use crate::error::{Error, Repr};
use crate::files::{read, sha256};
use crate::mask::marked;

/// The folders that say what the images in them are.
const LABELS: [(&str, Label); 4] =
    [("real", Label::Real), ("0_real", Label::Real), ("fake", Label::Fake), ("1_fake", Label::Fake)];
/// The endings of files that are taken for images; what they hold is told by their bytes.
const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// How deep folders may nest.
pub(crate) const DEPTH: usize = 16;

/// One image of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Relative to the data's folder, with `/` between folders.
    pub name: String,
    /// What it is.
    pub label: Label,
    /// SHA-256 of the file.
    pub sha256: String,
    path: PathBuf,
    /// The file that marks its manipulated pixels, and the SHA-256 of that.
    mask: Option<(PathBuf, String)>,
}

impl Sample {
    /// Who the image is: the start of its content's hash.
    pub(crate) fn id(&self) -> SampleId {
        SampleId(u64::from_str_radix(&self.sha256[..16], 16).expect("a hash is hexadecimal"))
    }

    /// The image as a network of this size takes it, by [`fitted`].
    ///
    /// # Errors
    /// The file is no longer there, has changed, or is not an image.
    pub(crate) fn load(&self, size: [usize; 2]) -> Result<Images, Error> {
        unchanged(&self.path, &self.sha256, size)
    }

    /// The pixels of the image at this size that were manipulated, where the data says so.
    ///
    /// # Errors
    /// As [`Sample::load`].
    pub(crate) fn mask(&self, size: [usize; 2]) -> Result<Option<Vec<bool>>, Error> {
        let Some((path, sha256)) = &self.mask else { return Ok(None) };
        Ok(Some(marked(&Picture::from_images(&unchanged(path, sha256, size)?, 0))))
    }

    /// What decides the numbers, as a line.
    pub(crate) fn line(&self) -> String {
        let mask = self.mask.as_ref().map_or_else(String::new, |(_, sha256)| format!(" mask {sha256}"));
        format!("{} {} {}{mask}", self.sha256, self.label, self.name)
    }

    /// The name of a PNG made from this image, below any folder.
    pub(crate) fn saved_name(&self) -> String {
        let plain = |c: char| if c.is_control() || matches!(c, '\\' | ':') { '_' } else { c };
        let name: String = self.name.chars().map(plain).collect();
        if name.to_lowercase().ends_with(".png") { name } else { format!("{name}.png") }
    }
}

/// An image file, fitted, if it still has the bytes that it had at the start.
fn unchanged(path: &Path, hash: &str, size: [usize; 2]) -> Result<Images, Error> {
    let limits = Limits::default();
    let bytes = read(path, limits.max_bytes)?;
    if sha256(&bytes) != hash {
        let (expected, found) = ("the bytes that it had at the start".to_owned(), "others".to_owned());
        return Err(Repr::Unfit { path: path.to_owned(), expected, found }.into());
    }
    fitted(&decode(&bytes, &path.display().to_string(), &limits)?, size)
}

/// A picture as a network that takes `[height, width]` is shown it: resized where it has another size (bilinear,
/// antialiased, without regard to its proportions) and rounded to 8 bits again.
///
/// # Errors
/// The size is one that no image may have.
pub fn fitted(picture: &Picture, [height, width]: [usize; 2]) -> Result<Images, Error> {
    let images = picture.to_images();
    if [images.height(), images.width()] == [height, width] {
        return Ok(images);
    }
    Ok(resize(&images, height, width, Filter::Bilinear)?.quantised())
}

/// The images below `folder`, by name: those of its folders `real` and `fake` (or `0_real` and `1_fake`), at
/// most `limit` of each label. Each is read and decoded once, so that a bad file is found before any work. A file of the
/// folder `mask` with the name of a fake, whatever its ending, marks the pixels that were manipulated there.
///
/// # Errors
/// There are no such folders, no images in them, an image that cannot be read, or two whose results would
/// be saved under one name.
pub fn scan(folder: &Path, limit: Option<usize>) -> Result<Vec<Sample>, Error> {
    let found = list(folder)?;
    let labelled = |name: &str| LABELS.iter().find(|(n, _)| *n == name).map(|&(_, label)| label);
    let mut samples = Vec::new();
    let mut any_label = false;
    for path in &found {
        let Some(label) = file_name(path).and_then(labelled).filter(|_| path.is_dir()) else { continue };
        any_label = true;
        let mut paths = Vec::new();
        collect(path, DEPTH, &mut paths)?;
        let room = limit
            .unwrap_or(usize::MAX)
            .saturating_sub(samples.iter().filter(|s: &&Sample| s.label == label).count());
        for path in paths.into_iter().take(room) {
            samples.push(sample(folder, path, label)?);
        }
    }
    if !any_label {
        let shown: Vec<&str> = found.iter().filter_map(|p| file_name(p)).take(3).collect();
        let found = if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") };
        let expected =
            "the folders real and fake (or 0_real and 1_fake), which say what the images in them are";
        return Err(Repr::Data { folder: folder.to_owned(), expected, found }.into());
    }
    if samples.is_empty() {
        let (expected, found) = ("PNG, JPEG or WebP images in its folders", "none".to_owned());
        return Err(Repr::Data { folder: folder.to_owned(), expected, found }.into());
    }
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for sample in &samples {
        let name = sample.saved_name().to_lowercase();
        if let Some(first) = names.insert(name, &sample.name) {
            let (first, second) = (first.to_owned(), sample.name.clone());
            return Err(Repr::Clash { first, second, name: sample.saved_name() }.into());
        }
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(samples)
}

fn sample(folder: &Path, path: PathBuf, label: Label) -> Result<Sample, Error> {
    let relative = path.strip_prefix(folder).ok().and_then(Path::to_str).map(|p| p.replace('\\', "/"));
    let Some(name) = relative else {
        let (expected, found) = ("a name in UTF-8".to_owned(), "another encoding".to_owned());
        return Err(Repr::Unfit { path, expected, found }.into());
    };
    let limits = Limits::default();
    let bytes = read(&path, limits.max_bytes)?;
    decode(&bytes, &path.display().to_string(), &limits)?;
    let mut mask = None;
    if let (Label::Fake, Some((_, below))) = (label, name.split_once('/')) {
        let place = |ending: &&str| folder.join("mask").join(below).with_extension(ending);
        if let Some(path) = ENDINGS.iter().map(place).find(|p| p.is_file()) {
            let bytes = read(&path, limits.max_bytes)?;
            decode(&bytes, &path.display().to_string(), &limits)?;
            mask = Some((path, sha256(&bytes)));
        }
    }
    Ok(Sample { name, label, sha256: sha256(&bytes), path, mask })
}

/// Image files below `folder`, by name.
pub(crate) fn collect(folder: &Path, depth: usize, into: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in list(folder)? {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        if path.is_dir() && !path.is_symlink() {
            if depth == 0 {
                let (expected, found) = ("at most 16 folders one inside another", "more".to_owned());
                return Err(Repr::Data { folder: path, expected, found }.into());
            }
            collect(&path, depth - 1, into)?;
        } else if ENDINGS.contains(&ending.as_str()) {
            into.push(path);
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let io = |e| Error::io(folder, e);
    let entries = fs::read_dir(folder).map_err(io)?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>, std::io::Error>>().map_err(io)?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|n| n.to_str())
}

/// A PNG that this program saved.
pub(crate) fn read_saved(path: &Path) -> Result<Picture, Error> {
    let limits = Limits::default();
    let bytes = read(path, limits.max_bytes)?;
    Ok(decode(&bytes, &path.display().to_string(), &limits)?)
}
