use moire_tensor::Shape;

use crate::graph::Node;

/// Why a graph could not be built, differentiated or evaluated.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes or attributes do not fit an op.
    Shape,
    /// A name is unknown, or taken.
    Name,
    /// A gradient was asked for where none is defined.
    Gradient,
    /// A device cannot run this.
    Unsupported,
}

impl Error {
    /// A device's refusal to run a node, with what it would need instead.
    pub fn unsupported(node: &Node, needs: &str) -> Self {
        Repr::Unsupported { node: node.name.clone(), op: node.op.name(), needs: needs.to_owned() }.into()
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::Op { .. } | Repr::Bind { .. } | Repr::Batch { .. } | Repr::Length { .. } => {
                ErrorKind::Shape
            }
            Repr::Unknown { .. } | Repr::Taken { .. } => ErrorKind::Name,
            Repr::NoAdjoint { .. } | Repr::NotScalar { .. } => ErrorKind::Gradient,
            Repr::Unsupported { .. } => ErrorKind::Unsupported,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{node}: {op} needs {expected}, found {}", list(found))]
    Op { node: String, op: &'static str, expected: String, found: Vec<Shape> },
    #[error("input '{name}' has shape {expected}, found {found}")]
    Bind { name: String, expected: Shape, found: Shape },
    #[error("a program for up to {batch} samples was asked to run {samples}")]
    Batch { batch: usize, samples: usize },
    #[error("input '{name}' needs {expected} numbers, found {found}")]
    Length { name: String, expected: usize, found: usize },
    #[error("there is no {what} '{name}'")]
    Unknown { what: &'static str, name: String },
    #[error("the name '{name}' is taken")]
    Taken { name: String },
    #[error("{node}: {op} has no gradient with respect to its input {input}")]
    NoAdjoint { node: String, op: &'static str, input: usize },
    #[error("{node}: this device runs {op} only with {needs}")]
    Unsupported { node: String, op: &'static str, needs: String },
    #[error("{node}: a gradient starts at a scalar, found {found}")]
    NotScalar { node: String, found: Shape },
}

fn list(shapes: &[Shape]) -> String {
    if shapes.is_empty() {
        return "no inputs".to_owned();
    }
    shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
