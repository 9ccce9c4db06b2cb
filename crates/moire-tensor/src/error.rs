use crate::Shape;

/// What went wrong with a tensor, an image batch or a budget.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A shape does not fit its data, or another shape.
    Shape,
    /// A number lies outside its allowed range, or is not finite.
    Range,
    /// A text is not the number that it should be.
    Parse,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::Elements { .. } | Repr::NotImages { .. } | Repr::TooLarge { .. } => ErrorKind::Shape,
            Repr::Pixel { .. } | Repr::Eps { .. } => ErrorKind::Range,
            Repr::ParseEps { .. } => ErrorKind::Parse,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("shape {shape} has {expected} elements, the data has {found}")]
    Elements { shape: Shape, expected: usize, found: usize },
    #[error("shape {shape} has more elements than this machine can count")]
    TooLarge { shape: Shape },
    #[error("images have shape [n, 3, h, w] with n, h, w of at least 1, found {found}")]
    NotImages { found: Shape },
    #[error("pixel {index} of image {image} is {value}, outside [0, 1]")]
    Pixel { image: usize, index: usize, value: f32 },
    #[error("a budget lies in [0, 1] on the scale of pixels, found {value}")]
    Eps { value: f32 },
    #[error("'{text}' is not a budget: write it as 4/255 or as 0.0157")]
    ParseEps { text: String },
}
