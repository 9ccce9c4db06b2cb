use moire_attack::{Attack, Criterion, Editor, Editors, Frame, Samples, Sight, Strategy};
use moire_face::{Crop, Face, FaceFinder, Framing};
use moire_graph::{Builder, Device};
use moire_image::{Picture, Rect};
use moire_tensor::{Eps, SampleId};
use moire_zoo::{Attribute, Attributes, Network, Role};

use crate::error::{Error, Repr};
use crate::window::Window;

/// How photographs are protected.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The attack; one within a budget.
    pub attack: Attack,
    /// The most that any value of a pixel may change. What of it is no whole level of 8 bits goes unused, so that the
    /// saved file keeps it too.
    pub eps: Eps,
    /// How editors and their edits are combined.
    pub strategy: Strategy,
    /// When to stop early: [`Criterion::Spent`] never does.
    pub criterion: Criterion,
    /// Fixes every random number.
    pub seed: u64,
}

impl Default for Settings {
    /// The paper's: I-FGSM in 10 steps of 0.01 within 0.05, both on the editors' scale of `[-1, 1]`, here halved.
    fn default() -> Self {
        Self {
            attack: "i_fgsm(steps=10,alpha=eps/5)".parse().expect("the attack is spelt as it is read"),
            eps: Eps::new(0.025).expect("the budget lies between 0 and 1"),
            strategy: Strategy::default(),
            criterion: Criterion::Spent,
            seed: 0,
        }
    }
}

/// What one edit of the protected photograph comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edit {
    /// Which face, surest first; 0 where the photograph was taken whole.
    pub face: usize,
    /// Which editor, by its place.
    pub editor: usize,
    /// What the edit changes; `None` for an editor that does but one thing.
    pub domain: Option<Attribute>,
    /// The mean squared difference from the same edit of the photograph as it was, both in `[-1, 1]`.
    pub loss: f32,
    /// It exceeds the threshold of the strategy.
    pub broken: bool,
}

/// A photograph that was protected.
#[derive(Debug, Clone, PartialEq)]
pub struct Protected {
    /// Its pixels.
    pub picture: Picture,
    /// The faces that were found; none where the photograph was taken whole.
    pub faces: Vec<Face>,
    /// The part that an editor looks at, and outside of which nothing changed.
    pub part: Rect,
    /// Every edit of every face by every editor, judged on [`Protected::picture`].
    pub edits: Vec<Edit>,
    /// Steps taken.
    pub steps: u32,
}

impl Protected {
    /// Whether every edit breaks.
    pub fn holds(&self) -> bool {
        self.edits.iter().all(|edit| edit.broken)
    }
}

/// Editors, and how they are to be broken.
pub struct Protector<'d> {
    device: &'d dyn Device,
    models: Vec<Model>,
    editors: Editors,
    finder: Option<FaceFinder>,
    settings: Settings,
}

/// What is to be known of an editor beside its programs.
struct Model {
    framing: Framing,
    size: [usize; 2],
    condition: Option<moire_zoo::Condition>,
}

/// What one editor sees of one face.
struct Seen {
    face: usize,
    editor: usize,
    crop: Crop,
}

/// The most pixels that are worked on at once: some 100 bytes of memory are taken for each.
const MOST: usize = 24_000_000;

impl<'d> Protector<'d> {
    /// A protector from editors, each built for as many edits at once as it has attributes. Without a finder
    /// photographs are taken whole.
    ///
    /// # Errors
    /// There is no network, one of them edits nothing, the device cannot run it, or the attack keeps within no budget.
    pub fn new(
        device: &'d dyn Device,
        networks: Vec<Network>,
        finder: Option<FaceFinder>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let (mut models, mut editors) = (Vec::new(), Vec::new());
        for network in networks {
            let Role::Editor(editing) = network.role else {
                return Err(Repr::NotAnEditor { name: network.name }.into());
            };
            let framing = framing(&network.name);
            models.push(Model { framing, size: network.preprocess.size, condition: editing.condition });
            editors.push(Editor::new(device, &network.graph)?);
        }
        if editors.is_empty() {
            return Err(Repr::NoEditor.into());
        }
        if !settings.attack.takes_budget() {
            return Err(Repr::Unbounded { attack: settings.attack.name() }.into());
        }
        Ok(Self { device, models, editors: Editors::new(editors, settings.strategy), finder, settings })
    }

    /// Protects a photograph of someone with these attributes. `id` fixes its random numbers.
    ///
    /// # Errors
    /// No face was found, the part to be changed is too large, an editor needs an attribute that is not known, or a
    /// network cannot run.
    pub fn protect(
        &mut self,
        photograph: &Picture,
        attributes: &Attributes,
        id: SampleId,
    ) -> Result<Protected, Error> {
        let (faces, seen) = self.look(photograph)?;
        let window = Window::around(seen.iter().map(|s| s.crop.region())).ok_or(Repr::NoFace)?;
        let Rect { width, height, .. } = window.0;
        if width * height > MOST {
            return Err(Repr::Large { width, height, most: MOST }.into());
        }
        let part = window.cut(photograph).to_images();
        let mut sights = Vec::new();
        for Seen { editor, crop, .. } in &seen {
            let condition = match &self.models[*editor].condition {
                Some(condition) => condition.of_edits(attributes, &condition.attributes)?.into_data(),
                None => Vec::new(),
            };
            let frame = Some(self.frame(crop, window)?);
            sights.push(Sight { model: *editor, frame, condition });
        }
        self.editors.set_samples(&part, vec![sights])?;
        let samples = Samples { images: &part, ids: &[id], seed: self.settings.seed };
        let Settings { attack, eps, criterion, .. } = &self.settings;
        let eps = Eps::from_u8((eps.levels() + 1e-3).floor() as u8)?;
        let outcome = attack.run(&mut self.editors, &samples, Some(eps), *criterion)?;

        let picture = window.paste(photograph, &Picture::from_images(&outcome.images, 0));
        let kept = window.cut(&picture).to_images();
        let losses = self.editors.losses(kept.image(0), 0)?;
        let mut edits = Vec::new();
        for (&Seen { face, editor, .. }, losses) in seen.iter().zip(losses) {
            let domains = self.models[editor].condition.as_ref().map(|c| &c.attributes);
            edits.extend(losses.into_iter().enumerate().map(|(i, loss)| Edit {
                face,
                editor,
                domain: domains.map(|d| d[i]),
                loss,
                broken: loss > self.settings.strategy.tau,
            }));
        }
        Ok(Protected { picture, faces, part: window.0, edits, steps: outcome.found[0].steps })
    }

    /// The faces, and what each editor sees of each.
    fn look(&mut self, photograph: &Picture) -> Result<(Vec<Face>, Vec<Seen>), Error> {
        let (width, height) = (photograph.width(), photograph.height());
        let mut seen = Vec::new();
        let Some(finder) = &mut self.finder else {
            let whole = Rect { x: 0, y: 0, width, height };
            for (editor, model) in self.models.iter().enumerate() {
                seen.push(Seen { face: 0, editor, crop: Crop::upright(whole, model.size)? });
            }
            return Ok((Vec::new(), seen));
        };
        let faces = finder.find(photograph)?;
        for (f, face) in faces.iter().enumerate() {
            for (editor, model) in self.models.iter().enumerate() {
                let crop = model.framing.crop(face, [height, width], model.size[0])?;
                seen.push(Seen { face: f, editor, crop });
            }
        }
        Ok((faces, seen))
    }

    /// The graph from the window's pixels to a crop.
    fn frame(&self, crop: &Crop, window: Window) -> Result<Frame, Error> {
        let Rect { x, y, width, height } = window.0;
        let mut b = Builder::new();
        let photograph = b.input("photograph", [1, 3, height, width])?;
        let seen = crop.moved(x, y).push(&mut b, photograph)?;
        let graph = b.finish([("x", seen)])?;
        Ok(Frame::new(self.device, &graph)?)
    }
}

/// How the users of an editor cut faces out: as the data that it was trained on.
fn framing(editor: &str) -> Framing {
    match editor {
        "stargan" => Framing::StarGan,
        "attgan" => Framing::AttGan,
        "stgan" => Framing::StGan,
        _ => Framing::FaceForensics,
    }
}
