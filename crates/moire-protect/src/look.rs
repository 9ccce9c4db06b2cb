use moire_attack::Frame;
use moire_face::{Crop, Face, FaceFinder, Framing};
use moire_graph::{Builder, Device};
use moire_image::{Picture, Rect};

use crate::error::Error;
use crate::window::Window;

/// What one editor sees of one face.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) face: usize,
    pub(crate) editor: usize,
    /// Of the photograph as it is.
    pub(crate) crop: Crop,
    /// The same of the squares of the window that the face is in.
    pub(crate) coarse: Crop,
}

/// A part of a photograph, and all that editors see of it. No part shares a pixel with another.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) window: Window,
    pub(crate) seen: Vec<Seen>,
}

/// How an editor's users show it faces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) framing: Framing,
    pub(crate) size: [usize; 2],
}

/// A face by its place, or the whole photograph.
type Shown<'f> = (usize, Option<&'f Face>);

/// Squares are at most this share of what an editor sees as one pixel, so that no freedom is lost to speak of.
const SHARE: usize = 2;

/// The faces of a photograph, and its parts with what each editor sees of each. Without a finder it is taken whole.
pub(crate) fn look(
    photograph: &Picture,
    finder: Option<&mut FaceFinder>,
    views: &[View],
) -> Result<(Vec<Face>, Vec<Part>), Error> {
    let size = [photograph.height(), photograph.width()];
    let Some(finder) = finder else {
        let part = part(&[(0, None)], views, size)?;
        return Ok((Vec::new(), vec![part]));
    };
    let faces = finder.find(photograph)?;
    let alone = faces.iter().enumerate().map(|(f, face)| vec![(f, Some(face))]);
    let mut parts: Vec<(Part, Vec<Shown>)> = Vec::new();
    for mut group in alone {
        let mut joined = part(&group, views, size)?;
        // What shares a pixel is worked on together; a part that has grown may meet another.
        while let Some(at) = parts.iter().position(|(other, _)| meet(other.window.rect, joined.window.rect)) {
            group.extend(parts.swap_remove(at).1);
            group.sort_by_key(|(f, _)| *f);
            joined = part(&group, views, size)?;
        }
        parts.push((joined, group));
    }
    parts.sort_by_key(|(_, group)| group[0].0);
    let parts = parts.into_iter().map(|(part, _)| part).collect();
    Ok((faces, parts))
}

/// The part around some faces.
fn part(faces: &[Shown], views: &[View], photograph: [usize; 2]) -> Result<Part, Error> {
    let all = || faces.iter().flat_map(|face| views.iter().enumerate().map(move |view| (face, view)));
    let crops = all()
        .map(|((_, face), (_, view))| crop(*face, view, photograph))
        .collect::<Result<Vec<Crop>, Error>>()?;
    let grain = crops.iter().map(|crop| scale(crop) / SHARE).min().unwrap_or(1).max(1);
    let small = photograph.map(|side| side.div_ceil(grain));
    let mut seen = Vec::new();
    for (((face, of), (editor, view)), crop_) in all().zip(crops) {
        let coarse = of.map(|face| shrunk(face, grain as f32));
        let coarse = crop(coarse.as_ref(), view, small)?;
        seen.push(Seen { face: *face, editor, crop: crop_, coarse });
    }
    let whole = |r: Rect| {
        let Rect { x, y, width, height } = r;
        let span = |start: usize, length: usize, extent: usize| {
            let start = (start * grain).min(extent - 1);
            (start, (length * grain).min(extent - start))
        };
        let ((x, width), (y, height)) = (span(x, width, photograph[1]), span(y, height, photograph[0]));
        Rect { x, y, width, height }
    };
    let regions = seen.iter().flat_map(|s| [s.crop.region(), whole(s.coarse.region())]);
    let region = regions.reduce(join).expect("there is an editor, and a face or the whole photograph");
    let window = Window::around(region, photograph, grain);
    for s in &mut seen {
        s.coarse = s.coarse.moved(window.rect.x / grain, window.rect.y / grain);
    }
    Ok(Part { window, seen })
}

/// What an editor is shown of a face, or of a whole photograph.
fn crop(face: Option<&Face>, view: &View, photograph: [usize; 2]) -> Result<Crop, Error> {
    let [height, width] = photograph;
    Ok(match face {
        Some(face) => view.framing.crop(face, photograph, view.size[0])?,
        None => Crop::upright(Rect { x: 0, y: 0, width, height }, view.size)?,
    })
}

/// The same face in the photograph shrunk by `grain`.
fn shrunk(face: &Face, grain: f32) -> Face {
    let mut small = *face;
    let bounds = &mut small.bounds;
    for edge in [&mut bounds.left, &mut bounds.top, &mut bounds.right, &mut bounds.bottom] {
        *edge /= grain;
    }
    small.landmarks = small.landmarks.map(|point| point.map(|v| v / grain));
    small
}

/// How many pixels of the photograph an editor sees as one, along the side that it shrinks less.
fn scale(crop: &Crop) -> usize {
    let (Rect { width, height, .. }, [rows, columns]) = (crop.region(), crop.size());
    (height / rows).min(width / columns)
}

fn meet(a: Rect, b: Rect) -> bool {
    let apart = |a: usize, along_a: usize, b: usize, along_b: usize| a + along_a <= b || b + along_b <= a;
    !apart(a.x, a.width, b.x, b.width) && !apart(a.y, a.height, b.y, b.height)
}

fn join(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let right = (a.x + a.width).max(b.x + b.width);
    let bottom = (a.y + a.height).max(b.y + b.height);
    Rect { x, y, width: right - x, height: bottom - y }
}

impl Part {
    /// The graph from the window's squares to what an editor sees.
    pub(crate) fn frame(&self, device: &dyn Device, seen: &Seen) -> Result<Frame, Error> {
        let [rows, columns] = self.window.size();
        let mut b = Builder::new();
        let photograph = b.input("photograph", [1, 3, rows, columns])?;
        let x = seen.coarse.push(&mut b, photograph)?;
        Ok(Frame::new(device, &b.finish([("x", x)])?)?)
    }
}
