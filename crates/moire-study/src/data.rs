use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use moire_image::{Filter, Limits, Picture, decode, resize};
use moire_tensor::{Images, Label, Rng, SampleId};

use crate::error::{Error, Repr};
use crate::files::{read, sha256};
use crate::mask::marked;
use crate::plan::{Choose, DataPlan};
use crate::table;

/// The folders that say what the images in them are.
const LABELS: [(&str, Label); 6] = [
    ("real", Label::Real),
    ("0_real", Label::Real),
    ("original_sequences", Label::Real),
    ("fake", Label::Fake),
    ("1_fake", Label::Fake),
    ("manipulated_sequences", Label::Fake),
];
/// The endings of files that are taken for images; what they hold is told by their bytes.
pub(crate) const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];
/// How deep folders may nest.
pub(crate) const DEPTH: usize = 16;

/// A set of labelled images, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// What the plan calls it.
    pub name: String,
    /// Its images, by their names.
    pub samples: Vec<Sample>,
}

/// One image of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Relative to the data's folder, with `/` between folders.
    pub name: String,
    /// What it is.
    pub label: Label,
    /// SHA-256 of the file; of nothing where it cannot be read.
    pub sha256: String,
    path: PathBuf,
    /// The file that marks its manipulated pixels, and the SHA-256 of that.
    mask: Option<(PathBuf, String)>,
    /// Why the file cannot be read, if it cannot.
    fault: Option<String>,
}

/// A file that is to be an image of a data set.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) label: Label,
    pub(crate) path: PathBuf,
    pub(crate) mask: Option<PathBuf>,
}

impl Sample {
    /// Who the image is: the start of its content's hash.
    pub(crate) fn id(&self) -> SampleId {
        SampleId(u64::from_str_radix(&self.sha256[..16], 16).expect("a hash is hexadecimal"))
    }

    /// The image as a network of this size takes it, by [`fitted`].
    ///
    /// # Errors
    /// The file could not be read at the start or is no longer there, has changed, or is not an image.
    pub(crate) fn load(&self, size: [usize; 2]) -> Result<Images, Error> {
        if let Some(fault) = &self.fault {
            return Err(Repr::Fault { reason: fault.clone() }.into());
        }
        unchanged(&self.path, &self.name, &self.sha256, size)
    }

    /// The pixels of the image at this size that were manipulated, where the data says so.
    ///
    /// # Errors
    /// As [`Sample::load`].
    pub(crate) fn mask(&self, size: [usize; 2]) -> Result<Option<Vec<bool>>, Error> {
        let Some((path, sha256)) = &self.mask else { return Ok(None) };
        let mask = unchanged(path, &format!("the mask of {}", self.name), sha256, size)?;
        Ok(Some(marked(&Picture::from_images(&mask, 0))))
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
fn unchanged(path: &Path, name: &str, hash: &str, size: [usize; 2]) -> Result<Images, Error> {
    let limits = Limits::default();
    let bytes = read(path, limits.max_bytes)?;
    if sha256(&bytes) != hash {
        let (expected, found) = ("the bytes that it had at the start".to_owned(), "others".to_owned());
        return Err(Repr::Unfit { path: PathBuf::from(name), expected, found }.into());
    }
    fitted(&decode(&bytes, name, &limits)?, size)
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

impl Dataset {
    /// The images that a plan asks for, by name. Each is read once, to know it again; one that cannot be read is one of
    /// them, and its records will say so.
    ///
    /// The images of a folder are those below its folders `real` and `fake` (or their like), at any depth. A file of the
    /// folder `mask` beside such a folder, with the name of a fake, whatever its ending, marks the pixels that were
    /// manipulated there.
    ///
    /// # Errors
    /// There are no such folders or no images in them, none of them can be read, a table is none, or two results would be
    /// saved under one name.
    pub fn read(name: &str, plan: &DataPlan, seed: u64) -> Result<Self, Error> {
        let mut found = if plan.path.is_dir() { listed(&plan.path)? } else { table::read(&plan.path)? };
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let chosen = choose(found, plan, seed, name);
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let samples: Vec<Sample> = chosen.into_iter().map(sample).collect();
        for sample in &samples {
            let name = sample.saved_name().to_lowercase();
            if let Some(first) = names.insert(name, &sample.name) {
                let (first, second) = (first.to_owned(), sample.name.clone());
                return Err(Repr::Clash { first, second, name: sample.saved_name() }.into());
            }
        }
        // A few bad images are results; nothing but bad ones is a mistake.
        if let Some(Err(first)) = samples.first().map(|s| s.load(SMALL)) {
            if samples.iter().all(|s| s.load(SMALL).is_err()) {
                return Err(first);
            }
        }
        Ok(Self { name: name.to_owned(), samples })
    }
}

/// A size that is as good as any to find out whether an image can be read.
const SMALL: [usize; 2] = [1, 1];

/// What a plan's limit leaves of the images, in their order.
fn choose(found: Vec<Found>, plan: &DataPlan, seed: u64, name: &str) -> Vec<Found> {
    let Some(limit) = plan.limit else { return found };
    let mut left: Vec<(usize, Found)> = Vec::new();
    for label in [Label::Real, Label::Fake] {
        let mut of_label: Vec<usize> = (0..found.len()).filter(|&i| found[i].label == label).collect();
        if plan.choose == Choose::Random {
            let mut rng = Rng::new(seed, SampleId(0), &format!("choose {label} of {name}"));
            for i in (1..of_label.len()).rev() {
                of_label.swap(i, rng.below(i + 1));
            }
        }
        of_label.truncate(limit);
        left.extend(of_label.into_iter().map(|i| {
            let Found { name, label, path, mask } = &found[i];
            (i, Found { name: name.clone(), label: *label, path: path.clone(), mask: mask.clone() })
        }));
    }
    left.sort_by_key(|(place, _)| *place);
    left.into_iter().map(|(_, found)| found).collect()
}

/// The images of the label folders below `folder`.
fn listed(folder: &Path) -> Result<Vec<Found>, Error> {
    let mut labelled = Vec::new();
    label_folders(folder, DEPTH, &mut labelled)?;
    if labelled.is_empty() {
        let names: Vec<String> =
            list(folder)?.iter().filter_map(|p| file_name(p).map(str::to_owned)).take(3).collect();
        let found = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        let expected =
            "the folders real and fake (or 0_real and 1_fake), which say what the images in them are";
        return Err(Repr::Data { folder: folder.to_owned(), expected, found }.into());
    }
    let mut found = Vec::new();
    for (below, label) in labelled {
        let mut paths = Vec::new();
        collect(&below, DEPTH, &ENDINGS, &mut paths)?;
        let masks = below.parent().unwrap_or(folder).join("mask");
        for path in paths {
            let mask = (label == Label::Fake).then(|| mask_of(&path, &below, &masks)).flatten();
            let name = below_folder(&path, folder)?;
            found.push(Found { name, label, path, mask });
        }
    }
    if found.is_empty() {
        let (expected, found) = ("PNG, JPEG or WebP images in its folders", "none".to_owned());
        return Err(Repr::Data { folder: folder.to_owned(), expected, found }.into());
    }
    Ok(found)
}

/// The outermost folders whose names say what is in them.
fn label_folders(folder: &Path, depth: usize, into: &mut Vec<(PathBuf, Label)>) -> Result<(), Error> {
    for path in list(folder)? {
        if !path.is_dir() || path.is_symlink() && depth < DEPTH {
            continue;
        }
        match LABELS.iter().find(|(name, _)| file_name(&path) == Some(name)) {
            Some((_, label)) => into.push((path, *label)),
            None if depth > 0 => label_folders(&path, depth - 1, into)?,
            None => {}
        }
    }
    Ok(())
}

/// The mask of the image `path` below `folder`, where there is one.
fn mask_of(path: &Path, folder: &Path, masks: &Path) -> Option<PathBuf> {
    let below = path.strip_prefix(folder).ok()?;
    ENDINGS.iter().map(|ending| masks.join(below).with_extension(ending)).find(|p| p.is_file())
}

fn below_folder(path: &Path, folder: &Path) -> Result<String, Error> {
    let relative = path.strip_prefix(folder).ok().and_then(Path::to_str).map(|p| p.replace('\\', "/"));
    relative.ok_or_else(|| {
        let (expected, found) = ("a name in UTF-8".to_owned(), "another encoding".to_owned());
        Repr::Unfit { path: path.to_owned(), expected, found }.into()
    })
}

/// A path as the name of an image: its plain parts.
pub(crate) fn plain_name(path: &Path) -> String {
    let part = |c: Component<'_>| match c {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    };
    path.components().filter_map(part).collect::<Vec<_>>().join("/")
}

fn sample(found: Found) -> Sample {
    let Found { name, label, path, mask } = found;
    let limits = Limits::default();
    let known = |path: &Path| read(path, limits.max_bytes).map(|bytes| sha256(&bytes));
    let (mut fault, mut hash) = (None, sha256(&[]));
    match known(&path) {
        Ok(known) => hash = known,
        Err(error) => fault = Some(error.to_string()),
    }
    let mask = mask.and_then(|path| match known(&path) {
        Ok(hash) => Some((path, hash)),
        Err(error) => {
            fault.get_or_insert_with(|| format!("its mask: {error}"));
            None
        }
    });
    Sample { name, label, sha256: hash, path, mask, fault }
}

/// The files below `folder` whose names end so, by name.
pub(crate) fn collect(
    folder: &Path,
    depth: usize,
    endings: &[&str],
    into: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    for path in list(folder)? {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        if path.is_dir() && !path.is_symlink() {
            if depth == 0 {
                let (expected, found) = ("at most 16 folders one inside another", "more".to_owned());
                return Err(Repr::Data { folder: path, expected, found }.into());
            }
            collect(&path, depth - 1, endings, into)?;
        } else if endings.contains(&ending.as_str()) {
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
