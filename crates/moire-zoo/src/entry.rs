use moire_formats::{Checkpoint, Limits, Loader};
use moire_graph::{ValueId, simplify};
use moire_tensor::Label;

use crate::error::{Error, Repr};
use crate::layers::Layers;
use crate::network::{Decision, Editing, Form, Network, Preprocess, Role, Sizes};
use crate::{Condition, meso4, mesoinception4, stargan, ynet};

/// A checkpoint that somebody published.
#[derive(Debug)]
pub struct Published {
    /// Its file name.
    pub file: &'static str,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// What it was trained on.
    pub about: &'static str,
}

/// What an architecture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Saying whether an image is forged.
    Detect,
    /// Editing an image.
    Edit,
}

/// The outputs of a graph.
pub(crate) type Outputs = Vec<(&'static str, ValueId)>;

/// From the image as the network sees it to its answers.
#[derive(Debug)]
pub(crate) enum Architecture {
    /// Gives `y`, and what else there is.
    Detector {
        decision: Decision,
        build: fn(&mut Layers<'_>, ValueId) -> Result<Outputs, moire_graph::Error>,
    },
    /// Gives `y` for the conditions of [`Form::domains`] edits, and what a condition means.
    Editor { build: fn(&mut Layers<'_>, ValueId, usize) -> Result<Edited, moire_graph::Error> },
}

/// What an editor's graph ends with.
pub(crate) struct Edited {
    pub(crate) y: ValueId,
    pub(crate) condition: Option<Condition>,
}

/// An architecture that can be asked for by name.
#[derive(Debug)]
pub struct Entry {
    /// The name, as in `ynet:PATH`.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where its checkpoints are published.
    pub source: &'static str,
    /// The licence of those checkpoints.
    pub licence: &'static str,
    /// Which files make up a checkpoint.
    pub files: &'static str,
    /// What its answers mean.
    pub labels: &'static str,
    /// Known checkpoints.
    pub published: &'static [Published],
    /// What it does to pixels, and the size that it was made for.
    pub preprocess: Preprocess,
    /// The sizes that it takes.
    pub sizes: Sizes,
    architecture: Architecture,
}

impl Entry {
    /// The network with the weights in `files`, pairs of a name (for messages) and bytes, which together make
    /// up one checkpoint.
    ///
    /// # Errors
    /// A file cannot be read, the tensors are not exactly those of this network (all that are missing, unused or
    /// mis-shaped are listed), or the architecture has no such form.
    pub fn load(&self, files: &[(String, Vec<u8>)], limits: &Limits, form: &Form) -> Result<Network, Error> {
        let mut names = Vec::new();
        let mut whole: Option<Checkpoint> = None;
        for (name, bytes) in files {
            let mut part = Checkpoint::read(bytes, name, limits)?;
            part.strip_prefix("module.");
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => whole.merge(part, "")?,
            }
            names.push(name.as_str());
        }
        let checkpoint = whole.ok_or(Repr::NoFile { name: self.name, expected: self.files })?;
        self.build(Loader::new(checkpoint, &names.join(" + ")), form)
    }

    /// The network with plausible random weights of the published widths, for timing and tests of shape.
    ///
    /// # Errors
    /// The architecture has no such form.
    pub fn random(&self, seed: u64, form: &Form) -> Result<Network, Error> {
        self.build(Loader::random(seed), form)
    }

    /// The size that it was made for, and one edit.
    pub fn form(&self) -> Form {
        Form { size: self.preprocess.size, domains: 1 }
    }

    /// What it is for.
    pub fn task(&self) -> Task {
        match self.architecture {
            Architecture::Detector { .. } => Task::Detect,
            Architecture::Editor { .. } => Task::Edit,
        }
    }

    fn build(&self, mut loader: Loader, form: &Form) -> Result<Network, Error> {
        self.check(form)?;
        let preprocess = Preprocess { size: form.size, ..self.preprocess };
        let mut net = Layers::new(&mut loader);
        let x = preprocess.input(&mut net.b)?;
        let (role, outputs) = match self.architecture {
            Architecture::Detector { decision, build } => {
                let mut outputs = build(&mut net, x)?;
                let (_, y) = outputs[0];
                outputs.splice(1..1, decision.outputs(&mut net.b, y)?);
                (Role::Detector(decision), outputs)
            }
            Architecture::Editor { build } => {
                let Edited { y, condition } = build(&mut net, x, form.domains)?;
                (Role::Editor(Editing { condition, domains: form.domains }), vec![("y", y)])
            }
        };
        let graph = net.b.finish(outputs)?;
        loader.finish()?;
        Ok(Network { name: self.name.to_owned(), graph: simplify(&graph)?, preprocess, role })
    }

    fn check(&self, form: &Form) -> Result<(), Error> {
        let Sizes { least, multiple } = self.sizes;
        let fits = |&n: &usize| (least..=LARGEST).contains(&n) && n % multiple == 0;
        if !form.size.iter().all(fits) {
            let [h, w] = form.size;
            let of = if multiple == 1 { String::new() } else { format!(", in multiples of {multiple}") };
            let expected = format!("height and width from {least} to {LARGEST}{of}");
            return Err(Repr::Form { name: self.name, expected, found: format!("{h} x {w}") }.into());
        }
        let most = if self.task() == Task::Edit { MOST_DOMAINS } else { 1 };
        if !(1..=most).contains(&form.domains) {
            let expected = format!("1 to {most} edits at once");
            return Err(Repr::Form { name: self.name, expected, found: form.domains.to_string() }.into());
        }
        Ok(())
    }
}

/// The largest height and width, and the most edits at once: far more than anybody's memory will hold.
const LARGEST: usize = 8192;
const MOST_DOMAINS: usize = 1024;

/// All architectures, by name.
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

/// The architecture called `name`.
///
/// # Errors
/// There is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static Entry, Error> {
    let found = ENTRIES.iter().find(|e| e.name == name);
    let known = || ENTRIES.iter().map(|e| e.name).collect();
    found.ok_or_else(|| Repr::Unknown { name: name.to_owned(), known: known() }.into())
}

const MESONET: &str = "https://github.com/DariusAf/MesoNet (weights/)";
const MESONET_LABELS: &str = "y is one logit; sigmoid(y) is the probability that the image is real";

/// sigmoid(y) is the probability that the image is real.
const MESONET_DECISION: Decision = Decision::Logit { positive: Label::Real };

const ENTRIES: &[Entry] = &[
    Entry {
        name: "meso4",
        summary: "Meso-4: four convolutions, two dense layers; a small detector of forged faces",
        source: MESONET,
        licence: "Apache-2.0",
        files: "one Keras weight file (.h5)",
        labels: MESONET_LABELS,
        published: &[Published {
            file: "Meso4_DF.h5",
            sha256: "036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5",
            about: "the authors' Deepfake data set",
        }],
        preprocess: Preprocess::plain(256),
        sizes: Sizes { least: 32, multiple: 1 },
        architecture: Architecture::Detector { decision: MESONET_DECISION, build: meso4::build },
    },
    Entry {
        name: "mesoinception4",
        summary: "MesoInception-4: Meso-4 with two dilated inception modules in front",
        source: MESONET,
        licence: "Apache-2.0",
        files: "one Keras weight file (.h5)",
        labels: MESONET_LABELS,
        published: &[
            Published {
                file: "MesoInception_DF.h5",
                sha256: "234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa",
                about: "the authors' Deepfake data set",
            },
            Published {
                file: "MesoInception_F2F.h5",
                sha256: "d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f",
                about: "Face2Face forgeries of FaceForensics",
            },
        ],
        preprocess: Preprocess::plain(256),
        sizes: Sizes { least: 32, multiple: 1 },
        architecture: Architecture::Detector { decision: MESONET_DECISION, build: mesoinception4::build },
    },
    Entry {
        name: "stargan",
        summary: "StarGAN: changes hair colour, sex and age of a face, one generator for all",
        source: "https://github.com/yunjey/stargan (download.sh)",
        licence: "MIT",
        files: "one PyTorch state dict, the generator's (200000-G.ckpt)",
        labels: "y is the edited image; c says what the face shall have: black, blond, brown hair, male, young",
        published: &[],
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, multiple: 4 },
        architecture: Architecture::Editor { build: stargan::build },
    },
    Entry {
        name: "ynet",
        summary: "Y-shaped autoencoder: says whether a face is forged, and where",
        source: "https://github.com/nii-yamagishilab/ClassNSeg (checkpoints/full)",
        licence: "BSD-3-Clause",
        files: "two PyTorch state dicts, the encoder's and the decoder's (encoder_N.pt, decoder_N.pt)",
        labels: "y holds the energies of the fake zone and of the real zone; mask is the probability that a pixel \
                 was manipulated",
        published: &[
            Published {
                file: "encoder_46.pt",
                sha256: "ffb23169bf325217a9319a304992735b9da882027883ae0d09517a8ff2223dbf",
                about: "Face2Face forgeries of FaceForensics++",
            },
            Published {
                file: "decoder_46.pt",
                sha256: "0c4e45cdc9e1edbad4f0cc72eed1f1a97f7308bf8ad0227b439d020ead15ca2d",
                about: "Face2Face forgeries of FaceForensics++",
            },
        ],
        preprocess: Preprocess::imagenet(256),
        sizes: Sizes { least: 16, multiple: 16 },
        architecture: Architecture::Detector { decision: Decision::Zones, build: ynet::build },
    },
];
