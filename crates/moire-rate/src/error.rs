use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a rating experiment.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written, or a socket not opened.
    Io,
    /// The plan is not one, or asks for what the study does not have.
    Plan,
    /// A text that raters see is missing or unfinished.
    Text,
    /// The experiment on disk was begun under another plan.
    Changed,
    /// A picture is not what it was when the experiment began.
    Picture,
    /// The database refused.
    Database,
    /// The database is damaged, or not one of an experiment.
    Corrupt,
    /// More is asked for than can be answered now.
    Busy,
    /// A table of scores is not one.
    Scores,
    /// The study could not be read.
    Study,
    /// A page, a table or a JSON text could not be put together.
    Export,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Repr::Io { .. } | Repr::Random(_) => ErrorKind::Io,
            Repr::Toml { .. } | Repr::Plan { .. } => ErrorKind::Plan,
            Repr::Text { .. } => ErrorKind::Text,
            Repr::Changed { .. } => ErrorKind::Changed,
            Repr::Picture { .. } => ErrorKind::Picture,
            Repr::Database { .. } => ErrorKind::Database,
            Repr::Corrupt { .. } => ErrorKind::Corrupt,
            Repr::Busy => ErrorKind::Busy,
            Repr::Scores { .. } => ErrorKind::Scores,
            Repr::Study(_) | Repr::Image(_) => ErrorKind::Study,
            Repr::Csv(_) | Repr::Json(_) | Repr::Page(_) => ErrorKind::Export,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self(Repr::Io { path: path.to_owned(), source })
    }

    pub(crate) fn plan(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self(Repr::Plan { place: place.into(), expected: expected.into(), found: found.into() })
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    #[error("{}: {source}", path.display())]
    Toml { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{place}: expected {expected}, found {found}")]
    Plan { place: String, expected: String, found: String },
    #[error("{}: expected {expected}, found {found}", path.display())]
    Text { path: PathBuf, expected: &'static str, found: String },
    #[error(
        "{}: this experiment was begun under another plan; line {line} was {old} and is now {new}. Give the old \
         plan, or move the folder's rating.sqlite away to begin anew", path.display()
    )]
    Changed { path: PathBuf, line: usize, old: String, new: String },
    #[error("{}: expected {expected}, found {found}", path.display())]
    Picture { path: PathBuf, expected: String, found: String },
    #[error("{}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("{}: {what}", path.display())]
    Corrupt { path: PathBuf, what: String },
    #[error("too much is asked for at once")]
    Busy,
    #[error("{}, line {line}: expected {expected}, found {found}", path.display())]
    Scores { path: PathBuf, line: u64, expected: String, found: String },
    #[error(transparent)]
    Study(#[from] moire_study::Error),
    #[error(transparent)]
    Image(#[from] moire_image::Error),
    #[error("scores as CSV: {0}")]
    Csv(#[from] csv::Error),
    #[error("scores as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the page: {0}")]
    Page(#[from] askama::Error),
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

from!(moire_study::Error, moire_image::Error, csv::Error, serde_json::Error, askama::Error);
