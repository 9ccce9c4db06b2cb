use crate::attribute::Attribute;

/// Why a network could not be had.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no architecture of this name.
    Unknown,
    /// A checkpoint cannot be read, or is not this network's.
    Checkpoint,
    /// An architecture has no network of the form that was asked for.
    Form,
    /// There is no attribute of this name, an editor does not know it, or nobody says whether the face has it.
    Attribute,
    /// A table of attributes cannot be read, or has no row for an image.
    Table,
    /// The graph does not fit itself: a defect of this crate.
    Graph,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::Unknown { .. } => ErrorKind::Unknown,
            Repr::Checkpoint(_)
            | Repr::NoFile
            | Repr::Other { .. }
            | Repr::Metadata { .. }
            | Repr::Config { .. }
            | Repr::Nameless { .. } => ErrorKind::Checkpoint,
            Repr::Form { .. } => ErrorKind::Form,
            Repr::Attribute { .. } | Repr::NoEdit { .. } | Repr::NotKnown { .. } => ErrorKind::Attribute,
            Repr::Table { .. } | Repr::NoRow { .. } => ErrorKind::Table,
            Repr::Graph(_) => ErrorKind::Graph,
        }
    }
}

impl From<moire_formats::Error> for Error {
    fn from(error: moire_formats::Error) -> Self {
        Self(Repr::Checkpoint(error))
    }
}

impl From<moire_graph::Error> for Error {
    fn from(error: moire_graph::Error) -> Self {
        Self(Repr::Graph(error))
    }
}

fn listed(attributes: &[Attribute]) -> String {
    attributes.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("there is no network '{name}': there are {}", known.join(", "))]
    Unknown { name: String, known: Vec<&'static str> },
    #[error("a checkpoint is one file or more, found none")]
    NoFile,
    #[error("{file}: it says that it is {found}, expected {expected}")]
    Other { file: String, found: &'static str, expected: &'static str },
    #[error("{file}: the metadata's {key}: {why}")]
    Metadata { file: String, key: &'static str, why: String },
    #[error("{name}: {why}")]
    Config { name: &'static str, why: &'static str },
    #[error(
        "{name}: a condition of {width} numbers, and nobody says what they are about; `moire zoo convert` with \
         --attributes writes that down"
    )]
    Nameless { name: &'static str, width: usize },
    #[error("{name} takes {expected}, found {found}")]
    Form { name: &'static str, expected: String, found: String },
    #[error(
        "there is no attribute '{name}': CelebA's are {}",
        listed(&Attribute::ALL)
    )]
    Attribute { name: String },
    #[error("there is no edit '{edit}': there are {}", listed(known))]
    NoEdit { edit: Attribute, known: Vec<Attribute> },
    #[error("nobody says whether the face has {attribute}")]
    NotKnown { attribute: Attribute },
    #[error("{file}, line {line}: expected {expected}, found '{found}'")]
    Table { file: String, line: usize, expected: String, found: String },
    #[error("{file}: no row for {image}")]
    NoRow { file: String, image: String },
    #[error(transparent)]
    Checkpoint(moire_formats::Error),
    #[error(transparent)]
    Graph(moire_graph::Error),
}
