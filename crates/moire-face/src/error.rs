use moire_image::Rect;

/// Why faces could not be looked for, or cut out.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] pub(crate) Repr);

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The network does not find faces.
    Network,
    /// A threshold, a size or a name that cannot be.
    Parameter,
    /// A face has no crop of this kind: it lies outside the photograph, or its landmarks are one point.
    Face,
    /// A crop was made for another photograph.
    Photograph,
    /// The network's graph cannot be run.
    Graph,
}

impl Error {
    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        match self.0 {
            Repr::NotAFinder { .. } => ErrorKind::Network,
            Repr::Search { .. } | Repr::Size | Repr::Framing { .. } => ErrorKind::Parameter,
            Repr::Outside { .. } | Repr::Landmarks { .. } => ErrorKind::Face,
            Repr::Photograph { .. } => ErrorKind::Photograph,
            Repr::Graph(_) => ErrorKind::Graph,
        }
    }
}

impl From<moire_graph::Error> for Error {
    fn from(error: moire_graph::Error) -> Self {
        Self(Repr::Graph(error))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Repr {
    #[error("{name} does not find faces")]
    NotAFinder { name: String },
    #[error("{what} is {expected}, found {found}")]
    Search { what: &'static str, expected: &'static str, found: f32 },
    #[error("a crop has at least 1 x 1 pixels")]
    Size,
    #[error("there is no crop '{name}': there are {known}")]
    Framing { name: String, known: String },
    #[error("a face at ({x:.0}, {y:.0}) has no pixels in a photograph of {width} x {height}")]
    Outside { x: f32, y: f32, width: usize, height: usize },
    #[error("the eyes and the mouth of the face at ({x:.0}, {y:.0}) are one point, which aligns nothing")]
    Landmarks { x: f32, y: f32 },
    #[error("a crop that reads {region} was given a photograph of {width} x {height}")]
    Photograph { region: Rect, width: usize, height: usize },
    #[error(transparent)]
    Graph(moire_graph::Error),
}
