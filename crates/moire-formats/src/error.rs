use std::fmt;

use crate::loader::Faults;
use crate::onnx::Refusals;

/// Why a file, or its fit to a network, was refused. The message names the file first.
///
/// It is one line, except for [`ErrorKind::Strict`] and a network's [`ErrorKind::Unsupported`], which list one fault a
/// line.
#[derive(Debug)]
pub struct Error {
    file: String,
    repr: Box<Repr>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are of no format that this crate reads.
    Format,
    /// A claim exceeds [`Limits`](crate::Limits), or what the file's size can bear.
    Limit,
    /// The file ends before what it promises.
    Truncated,
    /// The bytes break the rules of their own format.
    Malformed,
    /// A pickle asks for code that a state dict does not need.
    Forbidden,
    /// A well-formed file uses what this crate does not read.
    Unsupported,
    /// Two tensors have one name.
    Duplicate,
    /// The tensors are not those that the network asks for.
    Strict,
}

impl Error {
    pub(crate) fn new(file: &str, repr: Repr) -> Self {
        Self { file: file.to_owned(), repr: Box::new(repr) }
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match *self.repr {
            Repr::Format { .. } => ErrorKind::Format,
            Repr::Limit { .. } => ErrorKind::Limit,
            Repr::Truncated { .. } => ErrorKind::Truncated,
            Repr::Malformed { .. } => ErrorKind::Malformed,
            Repr::Forbidden { .. } => ErrorKind::Forbidden,
            Repr::Unsupported { .. } | Repr::Quantised { .. } | Repr::Refused(_) => ErrorKind::Unsupported,
            Repr::Duplicate { .. } => ErrorKind::Duplicate,
            Repr::Strict(_) => ErrorKind::Strict,
        }
    }

    /// The file that the error is about, as its caller named it.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.repr)
    }
}

impl std::error::Error for Error {}

/// Texts in these come from the file: build them with [`shown`] or [`malformed`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("expected safetensors, a PyTorch state dict or Keras HDF5 weights, found {found}")]
    Format { found: String },
    #[error("{place}: {what} may be at most {limit}, found {found}")]
    Limit { place: String, what: &'static str, limit: u64, found: u64 },
    #[error("{place}: expected {expected} bytes, found {found}: the file is cut short or damaged")]
    Truncated { place: String, expected: u64, found: u64 },
    #[error("{place}: expected {expected}, found {found}")]
    Malformed { place: String, expected: String, found: String },
    #[error("{place}: the pickle asks for {global}, which no state dict needs: refused, and nothing was run")]
    Forbidden { place: String, global: String },
    #[error("{place}: {what} is not supported")]
    Unsupported { place: String, what: String },
    #[error("{place}: the network is quantised, and no gradient passes through that: export it in float")]
    Quantised { place: String },
    #[error(transparent)]
    Refused(Refusals),
    #[error("two tensors are named '{name}'")]
    Duplicate { name: String },
    #[error(transparent)]
    Strict(Faults),
}

/// A stranger's text on one line: control characters escaped, cut after 120 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut line: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.chars().nth(120).is_some() {
        line.push_str("..");
    }
    line.replace("\\'", "'").replace("\\\"", "\"")
}

pub(crate) fn malformed(
    place: impl Into<String>,
    expected: impl Into<String>,
    found: impl AsRef<str>,
) -> Repr {
    Repr::Malformed { place: place.into(), expected: expected.into(), found: shown(found.as_ref()) }
}

/// `tensor 'name'`, the place of most faults.
pub(crate) fn at_tensor(name: &str) -> String {
    format!("tensor '{}'", shown(name))
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_strangers_text_stays_on_one_line() {
        assert_eq!(shown("a\nb\u{1b}[31m'\""), "a\\nb\\u{1b}[31m'\"");
        assert_eq!(shown(&"x".repeat(1000)).len(), 122);
    }
}
