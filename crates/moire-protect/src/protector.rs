use moire_attack::{
    Ascent, Criterion, Editor, Editors, Evaluation, Frame, Look, Loss, Samples, Sight, Strategy,
};
use moire_face::{Face, FaceFinder, Framing};
use moire_graph::{Device, Footprint};
use moire_image::{Picture, Rect};
use moire_tensor::{Eps, Images, SampleId, Tensor};
use moire_zoo::{Attribute, Attributes, Condition, Network, Role};

use crate::error::{Error, Repr};
use crate::judge::{Verdict, judge};
use crate::look::{Part, Seen, View, look};
use crate::passage::passage;
use crate::settings::Settings;
use crate::universal::Universal;

/// What one edit of the protected photograph comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Which face, surest first; 0 where the photograph was taken whole.
    pub face: usize,
    /// Which editor, by its place.
    pub editor: usize,
    /// What the edit changes; `None` for an editor that does but one thing.
    pub domain: Option<Attribute>,
    /// The mean squared difference from the same edit of the photograph as it was, both in `[-1, 1]`, both saved as
    /// [`Settings::saving`] says.
    pub loss: f32,
    /// The same over the pixels that the edit of the photograph as it was changes by more than 0.5, summed over channels
    /// (CMUA-Watermark's measure, arXiv 2105.10872); `None` where it changes none so much.
    pub masked: Option<f32>,
    /// The same as `loss` after each of [`Settings::after`], which both photographs went through.
    pub after: Vec<f32>,
    /// The loss before each step and after the last, as far as the search could see; empty unless
    /// [`Settings::curve`] asks for it.
    pub curve: Vec<f32>,
}

/// A photograph that was protected.
#[derive(Debug, Clone, PartialEq)]
pub struct Protected {
    /// Its pixels, to be saved as [`Settings::saving`] says.
    pub picture: Picture,
    /// What the saved file holds: the same but for what saving does.
    pub kept: Picture,
    /// The faces that were found; none where the photograph was taken whole.
    pub faces: Vec<Face>,
    /// The parts that editors look at, and outside of which nothing changed.
    pub parts: Vec<Rect>,
    /// Every edit of every face by every editor, judged on [`Protected::kept`].
    pub edits: Vec<Edit>,
    /// Steps taken for each part.
    pub steps: u32,
}

/// Editors, made ready to be broken on any number of photographs.
pub struct Protector<'d> {
    device: &'d dyn Device,
    views: Vec<View>,
    conditions: Vec<Option<Condition>>,
    editors: Editors,
    finder: Option<FaceFinder>,
}

/// The most squares that are worked on at once: some 100 bytes of memory are taken for each.
const MOST: usize = 24_000_000;

/// How the users of an editor cut faces out, unless they say otherwise: as the data that it was trained on, which is what
/// its file says, or else its authors' code.
///
/// # Errors
/// Its file says something that is no [`Framing`].
pub fn usual_framing(editor: &Network) -> Result<Framing, Error> {
    Ok(match (&editor.crop, editor.name.as_str()) {
        (Some(crop), _) => crop.parse()?,
        (None, "stargan") => Framing::StarGan,
        (None, "attgan") => Framing::AttGan,
        (None, "stgan") => Framing::StGan,
        (None, _) => Framing::FaceForensics,
    })
}

impl<'d> Protector<'d> {
    /// A protector from editors, each with how its users cut faces out. An editor is built for all its edits at once, or for
    /// one at a time where [`Strategy::domains`] asks for single ones. Without a finder
    /// photographs are taken whole.
    ///
    /// # Errors
    /// There is no network, one of them edits nothing, or the device cannot run it.
    pub fn new(
        device: &'d dyn Device,
        networks: Vec<(Network, Framing)>,
        finder: Option<FaceFinder>,
    ) -> Result<Self, Error> {
        let (mut views, mut conditions, mut editors) = (Vec::new(), Vec::new(), Vec::new());
        for (network, framing) in networks {
            let Role::Editor(editing) = network.role else {
                return Err(Repr::NotAnEditor { name: network.name }.into());
            };
            views.push(View { framing, size: network.preprocess.size });
            conditions.push(editing.condition);
            editors.push(Editor::new(device, &network.graph)?);
        }
        if editors.is_empty() {
            return Err(Repr::NoEditor.into());
        }
        let editors = Editors::new(editors, Strategy::default());
        Ok(Self { device, views, conditions, editors, finder })
    }

    /// The bytes that the programs of its editors and its finder need. What a photograph takes comes on top.
    pub fn memory(&self) -> Footprint {
        self.editors.memory() + self.finder.as_ref().map(FaceFinder::memory).unwrap_or_default()
    }

    /// Protects a photograph of someone with these attributes. `id` fixes its random numbers.
    ///
    /// # Errors
    /// The settings are none, no face was found, the part to be changed is too large, an editor needs an attribute that is
    /// not known, or a network cannot run.
    pub fn protect(
        &mut self,
        photograph: &Picture,
        attributes: &Attributes,
        id: SampleId,
        settings: &Settings,
    ) -> Result<Protected, Error> {
        settings.check()?;
        let (faces, parts) = self.look(photograph)?;
        let conditions = self.conditions(attributes)?;
        let (mut picture, mut steps, mut curves) = (photograph.clone(), 0, Vec::new());
        for part in &parts {
            let found = self.attack(photograph, part, &conditions, id, settings)?;
            picture = part.window.change(&picture, &found.change);
            steps = steps.max(found.steps);
            curves.push(found.curve);
        }
        let laid = Laid { photograph, picture, faces, parts, curves, steps };
        self.judged(laid, &conditions, settings)
    }

    /// The same by a change that was crafted beforehand: of `settings`, only what happens afterwards counts.
    ///
    /// # Errors
    /// As [`Protector::protect`].
    pub fn lay(
        &mut self,
        universal: &Universal,
        photograph: &Picture,
        attributes: &Attributes,
        settings: &Settings,
    ) -> Result<Protected, Error> {
        settings.check()?;
        let (faces, parts) = self.look(photograph)?;
        let conditions = self.conditions(attributes)?;
        let picture = universal.lay(photograph, &faces)?;
        let laid = Laid { photograph, picture, faces, parts, curves: Vec::new(), steps: 0 };
        self.judged(laid, &conditions, settings)
    }

    /// The edits of a photograph by one editor, by its place: of the surest face, as the editor sees it.
    ///
    /// # Errors
    /// No face was found, the editor needs an attribute that is not known, or it cannot run.
    ///
    /// # Panics
    /// There is no such editor.
    pub fn edits(
        &mut self,
        photograph: &Picture,
        attributes: &Attributes,
        editor: usize,
    ) -> Result<Vec<Picture>, Error> {
        let (_, parts) = self.look(photograph)?;
        let conditions = self.conditions(attributes)?;
        let seen = parts[0].seen.iter().find(|s| s.editor == editor).expect("every editor sees every face");
        let (x, [height, width]) = (seen.crop.cut(photograph)?, seen.crop.size());
        let edits = self.editors.edit(editor, x.image(0), &conditions[editor])?;
        let picture = |edit: &[f32]| {
            let pixels = edit.iter().map(|v| f32::midpoint(*v, 1.0)).collect();
            let images = Images::project(Tensor::new([1, 3, height, width], pixels)?)?;
            Ok(Picture::from_images(&images, 0))
        };
        edits.chunks_exact(3 * height * width).map(picture).collect()
    }

    /// What of a photograph editors look at.
    fn look(&mut self, photograph: &Picture) -> Result<(Vec<Face>, Vec<Part>), Error> {
        let (faces, parts) = look(photograph, self.finder.as_mut(), &self.views)?;
        if parts.is_empty() {
            return Err(Repr::NoFace.into());
        }
        if let Some(large) = parts.iter().find(|p| p.window.size().iter().product::<usize>() > MOST) {
            let Rect { width, height, .. } = large.window.rect;
            return Err(Repr::Large { width, height, most: MOST }.into());
        }
        Ok((faces, parts))
    }

    /// The conditions of all edits of each editor.
    pub(crate) fn conditions(&self, attributes: &Attributes) -> Result<Vec<Vec<f32>>, Error> {
        let all = |condition: &Option<Condition>| match condition {
            Some(c) => Ok(c.of_edits(attributes, &c.attributes)?.into_data()),
            None => Ok(Vec::new()),
        };
        self.conditions.iter().map(all).collect()
    }

    pub(crate) fn device(&self) -> &'d dyn Device {
        self.device
    }

    pub(crate) fn finder_mut(&mut self) -> Option<&mut FaceFinder> {
        self.finder.as_mut()
    }

    /// Height and width of what each editor sees.
    pub fn sizes(&self) -> Vec<[usize; 2]> {
        self.views.iter().map(|view| view.size).collect()
    }

    /// How each editor is shown faces, and at which height and width.
    pub(crate) fn framings(&self) -> impl Iterator<Item = (Framing, [usize; 2])> {
        self.views.iter().map(|view| (view.framing, view.size))
    }

    pub(crate) fn editors_under(&mut self, strategy: Strategy) -> &mut Editors {
        self.editors.set_strategy(strategy);
        &mut self.editors
    }

    /// The change of one part.
    fn attack(
        &mut self,
        photograph: &Picture,
        part: &Part,
        conditions: &[Vec<f32>],
        id: SampleId,
        settings: &Settings,
    ) -> Result<Changed, Error> {
        let pixels = part.window.means(photograph);
        let mut frames = Vec::new();
        for seen in &part.seen {
            frames.push(part.frame(self.device, seen)?);
        }
        let mut looks: Vec<Look> = Vec::new();
        let eps = Eps::from_u8(settings.levels())?;
        self.editors.set_nudge(settings.nudge());
        for way in settings.passages(id) {
            let through: Vec<usize> = (frames.len()..).take(way.len()).collect();
            for transform in way {
                let graph = passage(transform, part.window.size(), part.window.zoom())?;
                frames.push(Frame::new(self.device, &graph)?);
            }
            let sight = |(crop, seen): (usize, &Seen)| Sight {
                model: seen.editor,
                frames: through.iter().copied().chain([crop]).collect(),
                condition: conditions[seen.editor].clone(),
            };
            looks.push(part.seen.iter().enumerate().map(sight).collect());
        }
        self.editors.set_strategy(settings.strategy);
        self.editors.set_samples(&pixels, frames, vec![looks])?;
        let samples = Samples { images: &pixels, ids: &[id], seed: settings.seed };
        let mut watched = Watched { editors: &mut self.editors, curve: settings.curve.then(Vec::new) };
        let outcome = settings.attack.run(&mut watched, &samples, Some(eps), Criterion::Spent)?;
        let most = f32::from(settings.levels());
        let level = |(to, from): (&f32, &f32)| (255.0 * (to - from)).round().clamp(-most, most) as i16;
        let change = outcome.images.image(0).iter().zip(pixels.image(0)).map(level).collect();
        let curve = watched.curve.unwrap_or_default();
        Ok(Changed { change, steps: outcome.found[0].steps, curve })
    }

    /// What every edit of a changed photograph comes to.
    fn judged(
        &mut self,
        laid: Laid<'_>,
        conditions: &[Vec<f32>],
        settings: &Settings,
    ) -> Result<Protected, Error> {
        let Laid { photograph, picture, faces, parts, curves, steps } = laid;
        let saving = settings.saving;
        let pictures = [&saving.apply(photograph)?, &saving.apply(&picture)?];
        let mut edits = Vec::new();
        for (p, part) in parts.iter().enumerate() {
            let plain = pictures.map(|picture| part.window.cut(picture));
            let mut ways = vec![plain.clone()];
            for transform in &settings.after {
                let [before, after] = &plain;
                ways.push([transform.apply(before)?, transform.apply(after)?]);
            }
            for (s, seen) in part.seen.iter().enumerate() {
                let condition = &conditions[seen.editor];
                let mut verdicts: Vec<Vec<Verdict>> = Vec::new();
                for [before, after] in &ways {
                    verdicts.push(judge(&mut self.editors, part, seen, condition, [before, after])?);
                }
                let domains = self.conditions[seen.editor].as_ref().map(|c| &c.attributes);
                let curve =
                    |i: usize| curves.get(p).map_or(vec![], |c| c.iter().map(|step| step[s][i]).collect());
                edits.extend(verdicts[0].iter().enumerate().map(|(i, verdict)| Edit {
                    face: seen.face,
                    editor: seen.editor,
                    domain: domains.map(|d| d[i]),
                    loss: verdict.loss,
                    masked: verdict.masked,
                    after: verdicts[1..].iter().map(|v| v[i].loss).collect(),
                    curve: curve(i),
                }));
            }
        }
        edits.sort_by_key(|e| (e.face, e.editor));
        let [_, kept] = pictures;
        let parts = parts.iter().map(|part| part.window.rect).collect();
        Ok(Protected { kept: kept.clone(), picture, faces, parts, edits, steps })
    }
}

/// A changed photograph that has still to be judged.
struct Laid<'p> {
    photograph: &'p Picture,
    picture: Picture,
    faces: Vec<Face>,
    parts: Vec<Part>,
    /// By part, by step, by sight, by domain; none where nobody asked.
    curves: Vec<Vec<Vec<Vec<f32>>>>,
    steps: u32,
}

/// What an attack on a part found.
struct Changed {
    /// By how many levels each square changes, `[3, h, w]`.
    change: Vec<i16>,
    steps: u32,
    /// By step, by sight, by domain.
    curve: Vec<Vec<Vec<f32>>>,
}

/// The editors, and the losses of every image that a search asks about.
struct Watched<'e> {
    editors: &'e mut Editors,
    curve: Option<Vec<Vec<Vec<f32>>>>,
}

impl Watched<'_> {
    fn watch(&mut self, x: &Images) -> Result<(), moire_attack::Error> {
        if let Some(curve) = &mut self.curve {
            curve.push(self.editors.losses(x.quantised().image(0), 0)?);
        }
        Ok(())
    }
}

impl Ascent for Watched<'_> {
    fn direction(
        &mut self,
        x: &Images,
        samples: &[usize],
        loss: Loss<'_>,
    ) -> Result<Evaluation, moire_attack::Error> {
        self.watch(x)?;
        self.editors.direction(x, samples, loss)
    }

    fn margins(&mut self, x: &Images, samples: &[usize]) -> Result<Vec<f32>, moire_attack::Error> {
        self.watch(x)?;
        self.editors.margins(x, samples)
    }

    fn nudge(&self) -> f32 {
        self.editors.nudge()
    }
}
