use moire_graph::{Device, Footprint, Program};
use moire_image::Picture;
use moire_zoo::{Network, Role};

use crate::bounds::Bounds;
use crate::crop::Crop;
use crate::error::{Error, Repr};
use crate::face::{Face, suppress};
use crate::views::View;

/// What counts as a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// The least score, in `[0, 1]`.
    pub score: f32,
    /// The most that the boxes of two faces may overlap, intersection over union, in `[0, 1]`.
    pub overlap: f32,
    /// The height, in pixels of the photograph, of the smallest face that has to be found. `None` asks for 38, or for a
    /// fifty-third of the photograph's longer side where that is more, which is one look at a photograph of up to 1024
    /// pixels and about seven at any larger one. Each halving of this number takes about four times as long.
    pub smallest: Option<f32>,
}

impl Default for Search {
    fn default() -> Self {
        Self { score: 0.7, overlap: 0.4, smallest: None }
    }
}

/// As many boxes of one photograph are looked at, the surest, as the official code looks at.
const MOST: usize = 5000;
/// Pixels of a tile at its inner edges: a face that reaches there may be cut off, and its neighbour shows it whole.
const EDGE: f32 = 4.0;

/// Finds the faces of photographs of any size, with one network compiled once.
///
/// The whole photograph is shrunk into the network's image, and looked at again in overlapping tiles at twice the scale,
/// at four times, .. until the smallest face asked for is large enough to be seen. What remains of the image beside a
/// photograph of other proportions is the network's mean colour, which is what its convolutions pad with.
///
/// The same photograph gives the same faces, whatever was looked at before.
pub struct FaceFinder {
    program: Box<dyn Program>,
    /// Height and width of the network's image.
    canvas: [usize; 2],
    mean: [f32; 3],
    search: Search,
}

impl FaceFinder {
    /// A finder from a network whose role is [`Role::Faces`], with [`Form::size`](moire_zoo::Form) as its working size.
    ///
    /// # Errors
    /// The network does not find faces, the device cannot run it, or a number of `search` is out of range.
    pub fn new(device: &dyn Device, network: &Network, search: Search) -> Result<Self, Error> {
        if network.role != Role::Faces {
            return Err(Repr::NotAFinder { name: network.name.clone() }.into());
        }
        for (what, value) in [("a score", search.score), ("an overlap", search.overlap)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Repr::Search { what, expected: "from 0 to 1", found: value }.into());
            }
        }
        if let Some(found) = search.smallest.filter(|s| !(s.is_finite() && *s >= 1.0)) {
            let (what, expected) = ("the smallest face", "1 pixel or more");
            return Err(Repr::Search { what, expected, found }.into());
        }
        let program = device.compile(&network.graph, 1)?;
        let (canvas, mean) = (network.preprocess.size, network.preprocess.mean);
        Ok(Self { program, canvas, mean, search })
    }

    /// The bytes that its program needs.
    pub fn memory(&self) -> Footprint {
        self.program.memory()
    }

    /// The faces of a photograph, surest first; none where there are none.
    ///
    /// # Errors
    /// The device cannot run the network.
    pub fn find(&mut self, photograph: &Picture) -> Result<Vec<Face>, Error> {
        let size = [photograph.height(), photograph.width()];
        let usual = (size[0].max(size[1]) as f32 / 53.0).max(38.4);
        let smallest = self.search.smallest.unwrap_or(usual);
        let mut faces = Vec::new();
        for view in View::all(size, self.canvas, smallest.into()) {
            let seen = self.look(photograph, &view)?;
            faces.extend(seen.into_iter().filter_map(|face| accept(face, &view, size)));
        }
        faces.sort_by(|a, b| b.score.total_cmp(&a.score));
        faces.truncate(MOST);
        Ok(suppress(faces, self.search.overlap))
    }

    /// What the network says of one view, in pixels of that view.
    fn look(&mut self, photograph: &Picture, view: &View) -> Result<Vec<Face>, Error> {
        let pixels = Crop::upright(view.region, view.to)?.cut(photograph)?;
        let [height, width] = self.canvas;
        let mut image: Vec<f32> = self.mean.iter().flat_map(|&m| vec![m; height * width]).collect();
        let lines = pixels.tensor().data().chunks_exact(view.to[1]).enumerate();
        for (i, line) in lines {
            let (channel, row) = (i / view.to[0], i % view.to[0]);
            image[(channel * height + row) * width..][..view.to[1]].copy_from_slice(line);
        }
        self.program.run(1, &[("x", &image)])?;
        let scores = self.program.output("scores")?;
        let boxes = self.program.output("boxes")?.chunks_exact(4);
        let landmarks = self.program.output("landmarks")?.chunks_exact(10);
        let seen =
            scores.iter().zip(boxes).zip(landmarks).filter(|((score, _), _)| **score >= self.search.score);
        let face = |((&score, b), l): ((&f32, &[f32]), &[f32])| {
            let bounds = Bounds { left: b[0], top: b[1], right: b[2], bottom: b[3] };
            let landmarks = [0, 1, 2, 3, 4].map(|i| [l[2 * i], l[2 * i + 1]]);
            let finite = b.iter().chain(l).all(|v| v.is_finite());
            (finite && bounds.area() > 0.0).then_some(Face { bounds, score, landmarks })
        };
        Ok(seen.filter_map(face).collect())
    }
}

/// A face that a view answers for, in pixels of the photograph.
fn accept(face: Face, view: &View, photograph: [usize; 2]) -> Option<Face> {
    let (b, region) = (face.bounds, view.region);
    if view.largest(photograph).is_some_and(|most| b.width().max(b.height()) > most) {
        return None;
    }
    let [height, width] = view.to.map(|n| n as f32);
    let cut_off = (region.x > 0 && b.left < EDGE)
        || (region.y > 0 && b.top < EDGE)
        || (region.x + region.width < photograph[1] && b.right > width - EDGE)
        || (region.y + region.height < photograph[0] && b.bottom > height - EDGE);
    // Beside the photograph there is nothing to find.
    let [x, y] = b.centre();
    if cut_off || !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
        return None;
    }
    let across = |v: f32| region.x as f32 + v * (region.width as f32 / width);
    let down = |v: f32| region.y as f32 + v * (region.height as f32 / height);
    Some(Face {
        bounds: Bounds {
            left: across(b.left),
            top: down(b.top),
            right: across(b.right),
            bottom: down(b.bottom),
        },
        score: face.score,
        landmarks: face.landmarks.map(|[x, y]| [across(x), down(y)]),
    })
}
