//! The photographs of a plan: who is on them, and that they stay what they were.

use std::path::{Path, PathBuf};

use moire_image::{Limits, Picture, decode};
use moire_tensor::{Rng, SampleId};
use moire_zoo::{Attribute, Attributes, Table};

use crate::data::plain_name;
use crate::error::{Error, Repr};
use crate::files::{read, sha256};
use crate::photographs::photographs;
use crate::plan::{Choose, PhotographsPlan};

/// The largest table of attributes that is read, in bytes.
const TABLE: u64 = 1 << 28;

/// A set of photographs, by name.
#[derive(Debug, Clone)]
pub(crate) struct Portraits {
    /// What the plan calls it.
    pub(crate) name: String,
    pub(crate) all: Vec<Portrait>,
}

/// A photograph, and what is known of the person on it.
#[derive(Debug, Clone)]
pub(crate) struct Portrait {
    /// Relative to the folder of its set, with `/` between folders.
    pub(crate) name: String,
    /// SHA-256 of the file; of nothing where it cannot be read.
    pub(crate) sha256: String,
    path: PathBuf,
    /// What the face has, or why the photograph cannot be worked on.
    known: Result<Attributes, String>,
}

impl Portraits {
    /// The photographs that a plan asks for. One that cannot be read, or that the table does not know, is one of them, and
    /// its record will say so.
    ///
    /// # Errors
    /// There are none, or the table is none.
    pub(crate) fn read(name: &str, plan: &PhotographsPlan, seed: u64) -> Result<Self, Error> {
        let table = match (&plan.table, &plan.attributes) {
            (Some(path), _) => Some(table(path)?),
            (None, Some(_)) => None,
            (None, None) => beside(&plan.path)?.map(|path| table(&path)).transpose()?,
        };
        let has = plan.attributes.as_deref().unwrap_or_default();
        let has: Vec<&str> = has.iter().copied().map(Attribute::name).collect();
        let same = if plan.attributes.is_some() { has.join(",").parse()? } else { Attributes::default() };
        let mut found = photographs(&plan.path)?;
        if let Some(limit) = plan.limit {
            if plan.choose == Choose::Random {
                let mut rng = Rng::new(seed, SampleId(0), &format!("choose photographs of {name}"));
                (1..found.len()).rev().for_each(|i| found.swap(i, rng.below(i + 1)));
            }
            found.truncate(limit);
            found.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let mut all = Vec::new();
        for photograph in found {
            let name = plain_name(&photograph.name);
            let file = name.rsplit('/').next().unwrap_or_default();
            let (sha256, known) = match read(&photograph.path, Limits::default().max_bytes) {
                Err(error) => (sha256(&[]), Err(error.to_string())),
                Ok(bytes) => {
                    let face = table.as_ref().map_or(Ok(same), |t| t.face(file));
                    (sha256(&bytes), face.map_err(|e| e.to_string()))
                }
            };
            all.push(Portrait { name, sha256, path: photograph.path, known });
        }
        Ok(Self { name: name.to_owned(), all })
    }
}

impl Portrait {
    /// Who it is: the start of its content's hash.
    pub(crate) fn id(&self) -> SampleId {
        SampleId(u64::from_str_radix(&self.sha256[..16], 16).expect("a hash is hexadecimal"))
    }

    /// The photograph, and what the face on it has.
    ///
    /// # Errors
    /// It could not be read at the start, has changed since, is no image, or nobody says what the face has.
    pub(crate) fn load(&self) -> Result<(Picture, Attributes), Error> {
        let attributes = self.known.clone().map_err(|reason| Repr::Fault { reason })?;
        let limits = Limits::default();
        let bytes = read(&self.path, limits.max_bytes)?;
        if sha256(&bytes) != self.sha256 {
            let (expected, found) = ("the bytes that it had at the start".to_owned(), "others".to_owned());
            return Err(Repr::Unfit { path: PathBuf::from(&self.name), expected, found }.into());
        }
        Ok((decode(&bytes, &self.name, &limits)?, attributes))
    }

    /// What decides the numbers, as a line.
    pub(crate) fn line(&self) -> String {
        format!("{} {} {:?}", self.sha256, self.name, self.known)
    }

    /// The name of a file made from it, below any folder and without an ending.
    pub(crate) fn saved_name(&self) -> String {
        let plain = |c: char| if c.is_control() || matches!(c, '\\' | ':') { '_' } else { c };
        self.name.chars().map(plain).collect()
    }
}

/// A table of attributes.
///
/// # Errors
/// It cannot be read, or is none.
pub(crate) fn table(path: &Path) -> Result<Table, Error> {
    let text = String::from_utf8(read(path, TABLE)?).map_err(|_| {
        let (expected, found) = ("text in UTF-8".to_owned(), "something else".to_owned());
        Repr::Unfit { path: path.to_owned(), expected, found }
    })?;
    Ok(Table::parse(&text, &path.display().to_string())?)
}

/// The table of attributes in a folder, or beside it, where there is one: `list_attr*.csv` or `.txt`.
///
/// # Errors
/// A folder cannot be listed.
pub(crate) fn beside(path: &Path) -> Result<Option<PathBuf>, Error> {
    let is_table = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ending = path.extension().unwrap_or_default();
        name.starts_with("list_attr") && (ending == "csv" || ending == "txt")
    };
    for place in [path.is_dir().then_some(path), path.parent()].into_iter().flatten() {
        let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        let entries = std::fs::read_dir(place).map_err(|e| Error::io(place, e))?;
        let mut found: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        found.sort();
        if let Some(table) = found.into_iter().find(is_table) {
            return Ok(Some(table));
        }
    }
    Ok(None)
}
