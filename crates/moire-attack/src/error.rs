/// Why an attack could not run.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A text names no attack, or a parameter that it does not have.
    Parse,
    /// A network answered with something that is not a number.
    NotFinite,
    /// Images, labels and identities do not belong together.
    Shape,
    /// An attack within a budget was given none.
    Budget,
    /// An attack that is made of images, or of a change that somebody has crafted, was given none.
    Material,
    /// A network's graph cannot be attacked or run, or has no such layer.
    Graph,
}

impl Error {
    /// The sample whose answer is not a number, if that is what went wrong.
    pub(crate) fn sample(&self) -> Option<usize> {
        if let Repr::NotFinite { sample, .. } = self.0 { Some(sample) } else { None }
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::UnknownAttack { .. }
            | Repr::UnknownParameter { .. }
            | Repr::Value { .. }
            | Repr::Syntax { .. }
            | Repr::Inside { .. }
            | Repr::Combination { .. }
            | Repr::HoldsNone { .. }
            | Repr::Criterion { .. } => ErrorKind::Parse,
            Repr::NotFinite { .. } => ErrorKind::NotFinite,
            Repr::Counts { .. }
            | Repr::NoModel { .. }
            | Repr::NoFrame { .. }
            | Repr::NoSample { .. }
            | Repr::Condition { .. }
            | Repr::Tensor(_) => ErrorKind::Shape,
            Repr::NoBudget { .. } => ErrorKind::Budget,
            Repr::NoMaterial { .. } => ErrorKind::Material,
            Repr::Graph(_) | Repr::NoLoss { .. } | Repr::NoLayers | Repr::NotALayer { .. } => {
                ErrorKind::Graph
            }
        }
    }
}

impl From<moire_graph::Error> for Error {
    fn from(error: moire_graph::Error) -> Self {
        Self(Repr::Graph(error))
    }
}

impl From<moire_tensor::Error> for Error {
    fn from(error: moire_tensor::Error) -> Self {
        Self(Repr::Tensor(error))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("there is no attack '{name}': there are {known}")]
    UnknownAttack { name: String, known: String },
    #[error("{attack} has no parameter '{name}': it has {known}")]
    UnknownParameter { attack: &'static str, name: String, known: String },
    #[error("{attack}: {parameter} is {expected}, found '{found}'")]
    Value { attack: &'static str, parameter: &'static str, expected: String, found: String },
    #[error("'{text}' is not an attack: write it as pgd or as pgd(steps=40,alpha=1/255)")]
    Syntax { text: String },
    #[error("kra cannot hold {found}: it holds one of {known}")]
    Inside { found: &'static str, known: String },
    #[error("{attack} holds no other attack: only kra does, as in kra:deepfool")]
    HoldsNone { attack: &'static str },
    #[error("'{text}' is no criterion: expected saved, float, grid or spent")]
    Criterion { text: String },
    #[error("there is no {what} '{text}': write {known}")]
    Combination { what: &'static str, text: String, known: &'static str },
    #[error("{attack} is an attack within a budget, and there is none")]
    NoBudget { attack: &'static str },
    #[error("{attack} is made of {what}, and there is none")]
    NoMaterial { attack: &'static str, what: &'static str },
    #[error(
        "the network has nothing that {loss} could be of: it is for networks with zones, with a mask, or with layers"
    )]
    NoLoss { loss: &'static str },
    #[error(
        "the network has no feature map that all of its decision passes through: name its layers (layers=a+b)"
    )]
    NoLayers,
    #[error(
        "the value '{name}' is no layer to look into: expected a feature map [1, c, h, w], found {found}"
    )]
    NotALayer { name: String, found: moire_tensor::Shape },
    #[error("the network's {what} for sample {sample} is not a finite number")]
    NotFinite { what: &'static str, sample: usize },
    #[error("nothing is known of sample {sample}: {set} were set")]
    NoSample { sample: usize, set: usize },
    #[error("there is no model {model}: there are {models}")]
    NoModel { model: usize, models: usize },
    #[error("there is no frame {frame}: there are {frames}")]
    NoFrame { frame: usize, frames: usize },
    #[error(
        "a condition of {numbers} numbers is not what the editor takes: {rows} edits of {width} numbers, or a multiple"
    )]
    Condition { numbers: usize, rows: usize, width: usize },
    #[error("{images} images come with {others} {what}")]
    Counts { images: usize, others: usize, what: &'static str },
    #[error(transparent)]
    Tensor(moire_tensor::Error),
    #[error(transparent)]
    Graph(moire_graph::Error),
}
