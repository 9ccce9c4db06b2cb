use crate::Rect;
use crate::decode::Format;

/// What went wrong with an image file, or with a request about an image. One line; of a file, its name first.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are not a PNG, JPEG or WebP image.
    Format,
    /// The file breaks its format, or ends early.
    Damaged,
    /// The file is whole, and of a kind that is not read: animated, CMYK, arithmetic coding.
    Unsupported,
    /// The file or its image is larger than the [`Limits`](crate::Limits).
    Limit,
    /// A size, a rectangle, a quality or a transform that cannot be.
    Parameter,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::NotAnImage { .. } => ErrorKind::Format,
            Repr::Damaged { .. } | Repr::Incomplete { .. } => ErrorKind::Damaged,
            Repr::Animated { .. } | Repr::Cmyk { .. } | Repr::Unsupported { .. } => ErrorKind::Unsupported,
            Repr::Bytes { .. } | Repr::Side { .. } | Repr::Pixels { .. } | Repr::Metadata { .. } => {
                ErrorKind::Limit
            }
            Repr::Quality { .. }
            | Repr::Transform { .. }
            | Repr::EmptySize { .. }
            | Repr::Outside { .. }
            | Repr::Picture { .. } => ErrorKind::Parameter,
        }
    }
}

/// What a decoder says of a file that it cannot read.
pub(crate) type Reason = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{file}: expected a PNG, JPEG or WebP image, found {found}")]
    NotAnImage { file: String, found: &'static str },
    #[error("{file}: a damaged {format} image")]
    Damaged {
        file: String,
        format: Format,
        #[source]
        reason: Reason,
    },
    #[error("{file}: the {format} image is cut off: expected its end marker, found the end of the file")]
    Incomplete { file: String, format: Format },
    #[error("{file}: an animated {format} image, expected a still one")]
    Animated { file: String, format: Format },
    #[error("{file}: a CMYK JPEG image, expected RGB or greyscale: convert it first")]
    Cmyk { file: String },
    #[error("{file}: a {format} image of a kind that is not read")]
    Unsupported {
        file: String,
        format: Format,
        #[source]
        reason: Reason,
    },
    #[error("{file}: {found} bytes, over the limit of {limit}")]
    Bytes { file: String, found: u64, limit: u64 },
    #[error("{file}: {width} x {height} pixels, over the limit of {limit} for a side")]
    Side { file: String, width: u64, height: u64, limit: u64 },
    #[error("{file}: {width} x {height} is {found} pixels, over the limit of {limit}")]
    Pixels { file: String, width: u64, height: u64, found: u64, limit: u64 },
    #[error("{what}: {length} bytes, a JPEG file holds {most}: save as PNG")]
    Metadata { what: &'static str, length: usize, most: usize },
    #[error("a JPEG quality is 1 to 100, found {found}")]
    Quality { found: u8 },
    #[error(
        "'{text}' is no transform: write jpeg(Q) with 1 to 100, resize(S) or crop(S) with a share below 1, blur(SIGMA) with \
         up to 16 pixels"
    )]
    Transform { text: String },
    #[error("an image has at least 1 x 1 pixels, found a height of {height} and a width of {width}")]
    EmptySize { height: usize, width: usize },
    #[error("rectangle {rect} does not fit an image of {width} x {height}")]
    Outside { rect: Rect, width: usize, height: usize },
    #[error(
        "a picture of {width} x {height} with sides of 1 to 65535 has 3 bytes a pixel, found {found} bytes"
    )]
    Picture { width: usize, height: usize, found: usize },
}

/// A file's name as one line of text.
pub(crate) fn one_line(file: &str) -> String {
    file.replace(char::is_control, "\u{fffd}")
}
