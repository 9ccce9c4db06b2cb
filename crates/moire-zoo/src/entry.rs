use moire_formats::{Checkpoint, Limits, Loader};
use moire_graph::{Graph, simplify};

use crate::error::{Error, Repr};
use crate::network::{Decision, Network, Preprocess};
use crate::{meso4, mesoinception4, ynet};

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
    /// What it does to pixels.
    pub preprocess: Preprocess,
    /// How its answer is read.
    pub decision: Decision,
    graph: fn(&mut Loader) -> Result<Graph, moire_graph::Error>,
}

impl Entry {
    /// The network with the weights in `files`, pairs of a name (for messages) and bytes, which together make
    /// up one checkpoint.
    ///
    /// # Errors
    /// A file cannot be read, or the tensors are not exactly those of this network: all that are missing,
    /// unused or mis-shaped are listed.
    pub fn load(&self, files: &[(String, Vec<u8>)], limits: &Limits) -> Result<Network, Error> {
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
        self.build(Loader::new(checkpoint, &names.join(" + ")))
    }

    /// The network with plausible random weights, for timing and tests of shape.
    ///
    /// # Errors
    /// Never, unless this crate has a defect.
    pub fn random(&self, seed: u64) -> Result<Network, Error> {
        self.build(Loader::random(seed))
    }

    fn build(&self, mut loader: Loader) -> Result<Network, Error> {
        let graph = (self.graph)(&mut loader)?;
        loader.finish()?;
        let (preprocess, decision) = (self.preprocess, self.decision);
        Ok(Network { name: self.name, graph: simplify(&graph)?, preprocess, decision })
    }
}

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
        preprocess: mesoinception4::PREPROCESS,
        decision: mesoinception4::DECISION,
        graph: meso4::graph,
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
        preprocess: mesoinception4::PREPROCESS,
        decision: mesoinception4::DECISION,
        graph: mesoinception4::graph,
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
        preprocess: ynet::PREPROCESS,
        decision: ynet::DECISION,
        graph: ynet::graph,
    },
];
