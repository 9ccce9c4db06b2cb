//! Attacks as searches: each is written for one image, and one loop ([`Session`](crate::Session)) runs many at once.
//!
//! What an image's search does depends on that image's answers alone, so no attack can let samples mix.

/// What a search wants to know of its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Margin and direction, and whether the point meets the criterion.
    Gradient,
    /// Only whether it meets the criterion.
    Verdict,
}

/// What the network said of a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// How far the point is from being decided wrongly; below 0 it is.
    pub(crate) margin: f32,
    /// Whether the point meets the criterion.
    pub(crate) met: bool,
    /// The direction in which the loss falls, `[3, h, w]`; empty where only a verdict was asked for.
    pub(crate) direction: &'a [f32],
    /// How fast the margin falls along it, to first order; 0 where that is not known.
    pub(crate) slope: f32,
}

impl Answer<'_> {
    /// What a forward pass alone says.
    pub(crate) fn verdict(margin: f32) -> Self {
        Self { margin, met: margin < 0.0, direction: &[], slope: 0.0 }
    }
}

/// The search for one image's adversarial version.
pub(crate) trait Search {
    /// The point to ask about next and what to ask, or `None` when the search has ended. Values lie in `[0, 1]`.
    fn ask(&self) -> Option<(Ask, &[f32])>;
    /// Takes the answer to what was asked, and goes on.
    fn tell(&mut self, answer: &Answer<'_>);
    /// The image that the search ended with, and whether it meets the criterion.
    fn end(self: Box<Self>) -> (Vec<f32>, bool);
}

/// Makes the search of one attack for any image.
pub(crate) type Searcher = Box<dyn Fn(&Start) -> Box<dyn Search>>;

/// Where the search for one image starts and may go.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// The image as it is, `[3, h, w]`.
    pub(crate) clean: Vec<f32>,
    /// Where to begin; a change is measured from `clean` all the same.
    pub(crate) from: Vec<f32>,
    /// The positions `[h * w]` where a random start may draw; all of them where this is `None`.
    pub(crate) fresh: Option<Vec<bool>>,
    /// Height and width.
    pub(crate) size: [usize; 2],
    /// The random numbers of this image.
    pub(crate) rng: moire_tensor::Rng,
}

impl Start {
    /// Whether a random start may move element `at` of the image.
    pub(crate) fn is_fresh(&self, at: usize) -> bool {
        self.fresh.as_ref().is_none_or(|fresh| fresh[at % fresh.len()])
    }
}

/// Stays where it starts, and only asks for the verdict.
pub(crate) fn fixed(start: &Start) -> Box<dyn Search> {
    Box::new(Fixed { x: start.from.clone(), met: None })
}

struct Fixed {
    x: Vec<f32>,
    met: Option<bool>,
}

impl Search for Fixed {
    fn ask(&self) -> Option<(Ask, &[f32])> {
        self.met.is_none().then_some((Ask::Verdict, &self.x[..]))
    }

    fn tell(&mut self, answer: &Answer<'_>) {
        self.met = Some(answer.met);
    }

    fn end(self: Box<Self>) -> (Vec<f32>, bool) {
        (self.x, self.met == Some(true))
    }
}
