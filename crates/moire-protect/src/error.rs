use moire_tensor::Eps;

/// Why a photograph could not be protected.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A network edits nothing, or there is none.
    Network,
    /// The attack keeps within no budget, the budget is less than a level, or a number is out of range.
    Settings,
    /// The photograph has no face, or more pixels than can be protected at once.
    Photograph,
    /// An editor needs an attribute of the face that nobody stated.
    Attributes,
    /// A face cannot be found or cut out.
    Face,
    /// The attack is not one for editors, or a network cannot run.
    Run,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::NoEditor | Repr::NotAnEditor { .. } => ErrorKind::Network,
            Repr::Unbounded { .. } | Repr::NoLevel { .. } | Repr::Saving { .. } | Repr::Universal { .. } => {
                ErrorKind::Settings
            }
            Repr::NoFace | Repr::Large { .. } => ErrorKind::Photograph,
            Repr::Attributes(_) => ErrorKind::Attributes,
            Repr::Face(_) | Repr::Image(_) => ErrorKind::Face,
            Repr::Attack(_) | Repr::Graph(_) | Repr::Tensor(_) => ErrorKind::Run,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("there is no editor to protect from")]
    NoEditor,
    #[error("{name} edits nothing: a photograph is protected from editors")]
    NotAnEditor { name: String },
    #[error("{attack} keeps within no budget, so what a viewer may see of it has no bound")]
    Unbounded { attack: &'static str },
    #[error("a budget of {eps} is less than a level of eight bits, 1/255: no file could hold the change")]
    NoLevel { eps: Eps },
    #[error("'{text}' is no kind of file: write png, or jpeg(Q) with a quality from 1 to 100")]
    Saving { text: String },
    #[error(
        "a universal change of {size} x {size} holds 3 values a pixel from -1 to 1, found {found} values or others"
    )]
    Universal { size: usize, found: usize },
    #[error("no face was found")]
    NoFace,
    #[error(
        "{width} x {height} pixels are to be protected, at most {most} can be at once: find the faces first"
    )]
    Large { width: usize, height: usize, most: usize },
    #[error(transparent)]
    Attributes(#[from] moire_zoo::Error),
    #[error(transparent)]
    Face(#[from] moire_face::Error),
    #[error(transparent)]
    Image(#[from] moire_image::Error),
    #[error(transparent)]
    Attack(#[from] moire_attack::Error),
    #[error(transparent)]
    Graph(#[from] moire_graph::Error),
    #[error(transparent)]
    Tensor(#[from] moire_tensor::Error),
}

macro_rules! from {
    ($($source:ty),*) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self(error.into())
            }
        })*
    };
}

from!(
    moire_zoo::Error,
    moire_face::Error,
    moire_image::Error,
    moire_attack::Error,
    moire_graph::Error,
    moire_tensor::Error
);
