use std::io;
use std::path::{Path, PathBuf};

use crate::plan::Memory;

/// What went wrong with a study's records, its file or its report.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file or folder could not be opened, locked, read or written.
    Io,
    /// The disk, or the share of it that is allowed, is full.
    Full,
    /// Another run holds the study.
    Locked,
    /// The study on disk was made under another plan, by another program, or from other files.
    Changed,
    /// The study's file is damaged, was made by a newer version, or is not a study at all.
    Corrupt,
    /// A record breaks a promise of [`Record`](crate::Record).
    Record,
    /// A record of the same network, attack, budget and image is already there.
    Duplicate,
    /// A picture for the report is not a small PNG.
    Panel,
    /// The database refused for a reason of its own.
    Database,
    /// A table, a JSON text or a page could not be put together.
    Export,
    /// A model was asked for in a way that names none, or its files cannot be read.
    Model,
    /// A folder of data is not laid out as one, or an image in it cannot be read.
    Data,
    /// An attack, a budget or another part of a plan cannot be.
    Plan,
    /// A network could not be compiled or run.
    Run,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::Io { .. } => ErrorKind::Io,
            Repr::Full { .. } => ErrorKind::Full,
            Repr::Locked { .. } => ErrorKind::Locked,
            Repr::PlanChanged { .. } | Repr::Changed { .. } => ErrorKind::Changed,
            Repr::NotAStudy { .. } | Repr::Version { .. } | Repr::Corrupt { .. } => ErrorKind::Corrupt,
            Repr::Record { .. } => ErrorKind::Record,
            Repr::Duplicate { .. } => ErrorKind::Duplicate,
            Repr::Panel { .. } => ErrorKind::Panel,
            Repr::ReadOnly { .. } | Repr::Database { .. } => ErrorKind::Database,
            Repr::Spec { .. } | Repr::Unfit { .. } | Repr::Model(_) | Repr::Formats(_) => ErrorKind::Model,
            Repr::Data { .. } | Repr::Clash { .. } | Repr::Fault { .. } | Repr::Image(_) => ErrorKind::Data,
            Repr::Plan { .. }
            | Repr::NoShares
            | Repr::Memory { .. }
            | Repr::Unfitting { .. }
            | Repr::NoDetector { .. }
            | Repr::NoEditor { .. }
            | Repr::Unlabelled { .. }
            | Repr::Toml(_) => ErrorKind::Plan,
            Repr::Attack(_) | Repr::Face(_) | Repr::Protect(_) | Repr::Graph(_) | Repr::Tensor(_) => {
                ErrorKind::Run
            }
            Repr::Csv(_) | Repr::Parquet(_) | Repr::Json(_) | Repr::Page(_) => ErrorKind::Export,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let full = matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let path = path.to_owned();
        Self(if full { Repr::Full { path } } else { Repr::Io { path, source } })
    }

    pub(crate) fn corrupt(path: &Path, what: impl Into<String>) -> Self {
        Self(Repr::Corrupt { path: path.to_owned(), what: what.into() })
    }

    /// Tells a full disk, a busy file and a damaged one from the rest of what a database can say.
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        Self(match source.sqlite_error_code() {
            Some(Code::DiskFull) => Repr::Full { path },
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
                Repr::Locked { path }
            }
            Some(Code::NotADatabase) => Repr::NotAStudy { path },
            Some(Code::DatabaseCorrupt) => Repr::Corrupt { path, what: source.to_string() },
            _ => Repr::Database { path, source },
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: the disk is full; free some space and run again, finished images are kept", path.display())]
    Full { path: PathBuf },
    #[error("{}: another run holds this study; wait for it or choose another folder", path.display())]
    Locked { path: PathBuf },
    #[error(
        "{}: this study was made under another plan; run the old plan or choose another folder. What is different:\n{difference}",
        path.display()
    )]
    PlanChanged { path: PathBuf, difference: String },
    #[error(
        "{}: this study was made with another {what}: it was {} and is now {}; choose another folder",
        path.display(), quoted(old.as_ref()), quoted(new.as_ref())
    )]
    Changed { path: PathBuf, what: String, old: Option<String>, new: Option<String> },
    #[error("{}: not a study", path.display())]
    NotAStudy { path: PathBuf },
    #[error("{}: a study of format {found}, this program reads format {expected}", path.display())]
    Version { path: PathBuf, expected: i32, found: i32 },
    #[error("{}: damaged: {what}", path.display())]
    Corrupt { path: PathBuf, what: String },
    #[error("the record of image '{image}' has {field} = {found}, expected {expected}")]
    Record { image: String, field: &'static str, expected: &'static str, found: String },
    #[error("{}: {network}, {attack}, budget {eps}, image '{image}' is already recorded", path.display())]
    Duplicate { path: PathBuf, network: String, attack: String, eps: String, image: String },
    #[error("{}: opened for reading only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("the {which} picture of '{title}' is not {expected}")]
    Panel { title: String, which: String, expected: &'static str },
    #[error("'{text}' names no model: {expected}")]
    Spec { text: String, expected: String },
    #[error("{}: expected {expected}, found {found}", path.display())]
    Unfit { path: PathBuf, expected: String, found: String },
    #[error(
        "{name}: an ONNX file does not say what its answers mean: give --labels real,fake (or fake,real) for two \
         logits by index, --labels fake or --labels real for what one positive logit says; and --range, --mean, --std \
         as it was trained"
    )]
    Unlabelled { name: String },
    #[error("{name} is no detector, and an audit is of detectors")]
    NoDetector { name: String },
    #[error("{name} is no editor, and photographs are protected from editors")]
    NoEditor { name: String },
    #[error(transparent)]
    Model(#[from] moire_zoo::Error),
    #[error(transparent)]
    Formats(#[from] moire_formats::Error),
    #[error("{}: expected {expected}, found {found}", folder.display())]
    Data { folder: PathBuf, expected: &'static str, found: String },
    #[error("'{first}' and '{second}' would be saved under one name, '{name}': rename one of them")]
    Clash { first: String, second: String, name: String },
    #[error(transparent)]
    Image(#[from] moire_image::Error),
    #[error("{place}{message}{excerpt}")]
    Plan { place: String, message: String, excerpt: String },
    #[error("there is no share to join")]
    NoShares,
    #[error("{reason}")]
    Fault { reason: String },
    #[error(
        "{attack} needs zones or a mask, and no detector that it is to attack has them: name ynet, or another attack"
    )]
    Unfitting { attack: &'static str },
    #[error("{name}: one image at a time needs {needed}, and the memory limit allows {limit}")]
    Memory { name: String, needed: Memory, limit: Memory },
    #[error("the plan as text: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error(transparent)]
    Attack(#[from] moire_attack::Error),
    #[error(transparent)]
    Face(#[from] moire_face::Error),
    #[error(transparent)]
    Protect(#[from] moire_protect::Error),
    #[error(transparent)]
    Graph(#[from] moire_graph::Error),
    #[error(transparent)]
    Tensor(#[from] moire_tensor::Error),
    #[error("records as CSV: {0}")]
    Csv(#[from] csv::Error),
    #[error("records as Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("records as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the report's page: {0}")]
    Page(#[from] askama::Error),
}

fn quoted(line: Option<&String>) -> String {
    line.map_or_else(|| "absent".to_owned(), |l| format!("'{l}'"))
}

macro_rules! from {
    ($($source:ty),+) => {
        $(impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self(source.into())
            }
        })+
    };
}

from!(
    moire_zoo::Error,
    moire_formats::Error,
    moire_image::Error,
    moire_attack::Error,
    moire_face::Error,
    moire_protect::Error,
    moire_graph::Error,
    moire_tensor::Error,
    serde_json::Error,
    toml::ser::Error
);
