use moire_attack::{Cmua, Frame, Look, Samples, Sight};
use moire_face::{Crop, Face, FaceFinder, Framing, Placement};
use moire_graph::{AxisMap, Builder};
use moire_image::{Picture, Rect};
use moire_tensor::{Eps, Images, SampleId};
use moire_zoo::Attributes;

use crate::error::{Error, Repr};
use crate::passage::passage;
use crate::protector::Protector;
use crate::settings::Settings;

/// One change for many photographs: a square that is laid over each of their faces as `CelebA` aligns them, or over each
/// photograph whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Universal {
    /// The change of each value, on pixels in `[0, 1]`, `[3, size, size]`.
    pub change: Vec<f32>,
    /// Height and width.
    pub size: usize,
    /// It is laid over photographs whole.
    pub whole: bool,
}

/// A face, or a photograph, as a universal change is to be crafted on it.
#[derive(Debug, Clone)]
pub struct Specimen {
    /// Who it is.
    id: SampleId,
    /// What the change is laid over, `[1, 3, size, size]`.
    image: Images,
    /// The conditions of each editor's edits.
    conditions: Vec<Vec<f32>>,
}

impl Universal {
    /// A change from its values.
    ///
    /// # Errors
    /// They are not as many as the size says, or one of them is not in `[-1, 1]`.
    pub fn new(change: Vec<f32>, size: usize, whole: bool) -> Result<Self, Error> {
        let fits = size > 0 && Some(change.len()) == size.checked_mul(size).and_then(|n| n.checked_mul(3));
        if !fits || change.iter().any(|v| !(-1.0..=1.0).contains(v)) {
            return Err(Repr::Universal { size, found: change.len() }.into());
        }
        Ok(Self { change, size, whole })
    }

    /// The photograph with the change on each of these faces, or on all of it. Where two faces overlap the surer one has
    /// its way.
    ///
    /// # Errors
    /// A face cannot be aligned.
    pub fn lay(&self, photograph: &Picture, faces: &[Face]) -> Result<Picture, Error> {
        let (height, width) = (photograph.height(), photograph.width());
        let over = |place: Result<Placement, moire_face::Error>| Ok::<_, Error>(place?);
        let places = if self.whole {
            vec![over(Placement::over_all([height, width], self.size))?]
        } else {
            let place = |face| over(Placement::over_face(face, [height, width], self.size));
            faces.iter().map(place).collect::<Result<_, _>>()?
        };
        let mut rgb = photograph.rgb().to_vec();
        // From the least sure: what comes later stays.
        for place in places.iter().rev() {
            let Rect { x, y, width: wide, height: tall } = place.region();
            for (row, column) in (y..y + tall).flat_map(|r| (x..x + wide).map(move |c| (r, c))) {
                let Some(levels) = self.levels(place.at(column, row)) else { continue };
                let at = 3 * (row * width + column);
                for (channel, level) in levels.into_iter().enumerate() {
                    let to = i32::from(photograph.rgb()[at + channel]) + level;
                    rgb[at + channel] = to.clamp(0, 255) as u8;
                }
            }
        }
        Ok(Picture::new(width, height, rgb)?)
    }

    /// By how many levels of 8 bits a pixel changes whose middle lies at (u, v): between the four nearest values, linearly.
    fn levels(&self, [u, v]: [f64; 2]) -> Option<[i32; 3]> {
        let side = self.size as f64;
        if !(0.0..side).contains(&u) || !(0.0..side).contains(&v) {
            return None;
        }
        let along = |at: f64| {
            let at = (at - 0.5).clamp(0.0, side - 1.0);
            let low = at as usize;
            (low, (low + 1).min(self.size - 1), at - low as f64)
        };
        let ((left, right, across), (top, bottom, down)) = (along(u), along(v));
        let value = |channel: usize, row: usize, column: usize| {
            f64::from(self.change[(channel * self.size + row) * self.size + column])
        };
        Some([0, 1, 2].map(|c| {
            let row = |r: usize| (1.0 - across) * value(c, r, left) + across * value(c, r, right);
            (255.0 * ((1.0 - down) * row(top) + down * row(bottom))).round() as i32
        }))
    }
}

impl Protector<'_> {
    /// The faces of a photograph, or the photograph itself where there is no finder, as a universal change of `size` x
    /// `size` is crafted on them.
    ///
    /// # Errors
    /// No face was found, or an editor needs an attribute that is not known.
    pub fn specimens(
        &mut self,
        photograph: &Picture,
        attributes: &Attributes,
        id: SampleId,
        size: usize,
    ) -> Result<Vec<Specimen>, Error> {
        let conditions = self.conditions(attributes)?;
        let [height, width] = [photograph.height(), photograph.width()];
        let crops = match self.finder_mut() {
            Some(finder) => aligned(finder, photograph, size)?,
            None => vec![Crop::upright(Rect { x: 0, y: 0, width, height }, [size; 2])?],
        };
        let specimen = |(i, crop): (usize, &Crop)| {
            let id = SampleId(id.0.wrapping_add(i as u64));
            Ok(Specimen { id, image: crop.cut(photograph)?, conditions: conditions.clone() })
        };
        crops.iter().enumerate().map(specimen).collect()
    }

    /// Crafts one change for all of these; `told` hears of each step.
    ///
    /// # Errors
    /// The settings are none, there is no specimen, they differ in size, or a network cannot run.
    pub fn craft(
        &mut self,
        specimens: &[Specimen],
        cmua: &Cmua,
        settings: &Settings,
        told: impl FnMut(u32),
    ) -> Result<Universal, Error> {
        settings.check()?;
        let images: Vec<&Images> = specimens.iter().map(|s| &s.image).collect();
        if images.is_empty() {
            return Err(Repr::NoFace.into());
        }
        let images = Images::concat(&images)?;
        let size = images.width();
        let whole = self.finder_mut().is_none();
        let (mut frames, mut ways) = (Vec::new(), Vec::new());
        for way in settings.passages(SampleId(0)) {
            ways.push((frames.len()..).take(way.len()).collect::<Vec<usize>>());
            for transform in way {
                frames.push(Frame::new(self.device(), &passage(transform, [size; 2], 1)?)?);
            }
        }
        let mut shown = Vec::new();
        for (framing, seen) in self.framings() {
            let region = if whole { [0.0, 0.0, 1.0] } else { share(framing) };
            let crop = part(size, region, seen);
            shown.push(crop.is_some().then_some(frames.len()));
            if let Some((rows, columns)) = crop {
                let mut b = Builder::new();
                let square = b.input("photograph", [1, 3, size, size])?;
                let x = b.resample(square, 3, columns)?;
                let x = b.resample(x, 2, rows)?;
                frames.push(Frame::new(self.device(), &b.finish([("x", x)])?)?);
            }
        }
        let looks = |specimen: &Specimen| -> Vec<Look> {
            let sight = |way: &Vec<usize>, model: usize| Sight {
                model,
                frames: way.iter().copied().chain(shown[model]).collect(),
                condition: specimen.conditions[model].clone(),
            };
            ways.iter().map(|way| (0..shown.len()).map(|model| sight(way, model)).collect()).collect()
        };
        let ids: Vec<SampleId> = specimens.iter().map(|s| s.id).collect();
        let editors = self.editors_under(settings.strategy);
        editors.set_nudge(settings.nudge());
        editors.set_samples(&images, frames, specimens.iter().map(looks).collect())?;
        let samples = Samples { images: &images, ids: &ids, seed: settings.seed };
        let change = cmua.craft(editors, &samples, Eps::from_u8(settings.levels())?, told)?;
        Universal::new(change, size, whole)
    }
}

/// The square over each face of a photograph.
fn aligned(finder: &mut FaceFinder, photograph: &Picture, size: usize) -> Result<Vec<Crop>, Error> {
    let faces = finder.find(photograph)?;
    if faces.is_empty() {
        return Err(Repr::NoFace.into());
    }
    let crop = |face| Ok(Framing::StarGan.crop(face, [photograph.height(), photograph.width()], size)?);
    faces.iter().map(crop).collect()
}

/// The part of the square that an editor sees: left, top and side, as shares of its side. Upright crops are taken as all
/// of it.
fn share(framing: Framing) -> [f64; 3] {
    let of = |x: f64, y: f64| [x / 178.0, y / 178.0, 170.0 / 178.0];
    match framing {
        Framing::AttGan => of(4.0, 4.0),
        Framing::StGan => of(3.0, 6.0),
        _ => [0.0, 0.0, 1.0],
    }
}

/// The maps of rows and of columns from a square of `size` to what is seen of a part of it; `None` where that is the
/// square itself.
fn part(size: usize, [left, top, side]: [f64; 3], seen: [usize; 2]) -> Option<(AxisMap, AxisMap)> {
    if seen == [size; 2] && side == 1.0 {
        return None;
    }
    let map = |start: f64, to: usize| {
        let scale = side * size as f64 / to as f64;
        let (radius, held) = (scale.max(1.0), |i: i64| i.clamp(0, size as i64 - 1) as usize);
        let row = |o: usize| {
            let centre = start * size as f64 + (o as f64 + 0.5) * scale - 0.5;
            let (first, last) = ((centre - radius).ceil() as i64, (centre + radius).floor() as i64);
            let weight = |i: i64| (1.0 - (i as f64 - centre).abs() / radius).max(0.0);
            let total: f64 = (first..=last).map(weight).sum();
            (first..=last).map(|i| (held(i), (weight(i) / total) as f32)).collect::<Vec<_>>()
        };
        AxisMap::new(size, (0..to).map(row))
    };
    Some((map(top, seen[0]), map(left, seen[1])))
}

#[cfg(test)]
mod tests {
    use moire_image::Picture;

    use super::{Universal, part, share};
    use moire_face::Framing;

    #[test]
    fn over_a_photograph_of_its_size_the_change_is_itself() {
        let change: Vec<f32> = (0..48).map(|i| (i as f32 - 24.0) / 255.0).collect();
        let universal = Universal::new(change, 4, true).unwrap();
        let grey = Picture::new(4, 4, vec![100; 48]).unwrap();
        let changed = universal.lay(&grey, &[]).unwrap();
        for (i, &byte) in changed.rgb().iter().enumerate() {
            let (pixel, channel) = (i / 3, i % 3);
            assert_eq!(i32::from(byte), 100 + (channel * 16 + pixel) as i32 - 24);
        }
        let white = Picture::new(8, 4, vec![250; 96]).unwrap();
        assert!(universal.lay(&white, &[]).unwrap().rgb().iter().all(|&b| b >= 226));
        for (change, size) in [(vec![0.0; 47], 4), (vec![2.0; 48], 4), (vec![], 0), (vec![f32::NAN; 3], 1)] {
            assert!(Universal::new(change, size, false).is_err());
        }
    }

    #[test]
    fn parts_of_the_square_are_what_editors_see() {
        assert!(part(64, share(Framing::StarGan), [64, 64]).is_none());
        let (rows, columns) = part(178, share(Framing::StGan), [170, 170]).unwrap();
        assert_eq!((rows.outputs(), columns.outputs()), (170, 170));
        let near = |row: &[(usize, f32)], at: usize| row.iter().any(|&(i, w)| i == at && w > 0.999);
        assert!(near(rows.row(0), 6) && near(columns.row(0), 3) && near(rows.row(169), 175));
        let (half, _) = part(64, [0.0, 0.0, 1.0], [32, 32]).unwrap();
        for o in 0..32 {
            let middle: f32 = half.row(o).iter().map(|&(i, w)| w * i as f32).sum();
            assert!((middle - (2.0 * o as f32 + 0.5)).abs() < 0.6 && half.row(o).len() >= 3);
        }
    }
}
