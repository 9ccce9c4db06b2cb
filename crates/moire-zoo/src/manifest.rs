use moire_tensor::Label;

use crate::entry::{Architecture, Entry, Published};
use crate::error::{Error, Repr};
use crate::network::{Decision, Preprocess, Sizes};
use crate::{
    attgan, forensictransfer, inception_v3, meso4, mesoinception4, resnet, stargan, stgan, ugatit, xception,
    ynet,
};

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
const MESONET_DECISION: Decision = Decision::Logit { positive: Label::Real };
const CLASSES_LABELS: &str = "y holds two logits: class 0 is real, class 1 is fake";
const CLASSES: Decision = Decision::Classes { real: 0, fake: 1 };
const ZONES_LABELS: &str = "y holds the energies of the fake zone and of the real zone";
const YOURS: &str = "none are published: for checkpoints of your own";
const OWN: &str = "your own";
const STATE: &str = "one PyTorch state dict";
const ANY: Sizes = Sizes { least: 64, multiple: 1 };
const WRAPPED: &[&str] = &["state_dict", "model"];

const ENTRIES: &[Entry] = &[
    Entry {
        name: "attgan",
        summary: "AttGAN: changes thirteen attributes of a face (hair, glasses, beard, age, ..)",
        source: "https://github.com/elvisyjlin/AttGAN-PyTorch (Pretrained models)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'G': .., 'D': ..} (weights.N.pth)",
        labels: "y is the edited image; c is 0.5 for what the face shall have and -0.5 for the rest, 1 or -1 for what changes",
        published: &[],
        parameters: 43_352_707,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 64, multiple: 32 },
        inside: &["G"],
        architecture: Architecture::Editor { build: attgan::build },
    },
    Entry {
        name: "cnndetection",
        summary: "CNNDetection: ResNet-50 that knows images of generators from photographs",
        source: "https://github.com/PeterWang512/CNNDetection (weights/download_weights.sh)",
        licence: "CC BY-NC-SA 4.0",
        files: "one PyTorch checkpoint (blur_jpg_prob0.5.pth)",
        labels: "y is one logit; sigmoid(y) is the probability that the image is synthetic",
        published: &[],
        parameters: 23_510_081,
        preprocess: Preprocess::imagenet(224),
        sizes: ANY,
        inside: &["model"],
        architecture: Architecture::Detector {
            decision: Decision::Logit { positive: Label::Fake },
            build: resnet::cnndetection,
        },
    },
    Entry {
        name: "forensictransfer",
        summary: "ForensicTransfer: an autoencoder whose latent zones say whether a face is forged",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: ZONES_LABELS,
        published: &[],
        parameters: 197_379,
        preprocess: Preprocess::imagenet(256),
        sizes: Sizes { least: 32, multiple: 16 },
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: Decision::Zones, build: forensictransfer::build },
    },
    Entry {
        name: "inception_v3",
        summary: "Inception-v3 with two classes",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 21_789_666,
        preprocess: Preprocess::signed(299),
        sizes: Sizes { least: 80, multiple: 1 },
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: inception_v3::build },
    },
    Entry {
        name: "meso4",
        summary: "Meso-4: four convolutions, two dense layers; a small detector of forged faces",
        source: MESONET,
        licence: "Apache-2.0",
        files: "one Keras weight file (.h5)",
        labels: MESONET_LABELS,
        published: &[Published {
            file: "Meso4_DF.h5",
            sha256: Some("036ed30d04ffd9c7506f825b97c86aa64915f5818931da96817b169aad790af5"),
            about: "the authors' Deepfake data set",
            ramp: &[-0.187_001],
        }],
        parameters: 27_977,
        preprocess: Preprocess::plain(256),
        sizes: Sizes { least: 32, multiple: 1 },
        inside: &[],
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
                sha256: Some("234586d40058e76ef8b6f27ca4b63c06e31c2a5a69c0d8ba6f30b1468ab7bafa"),
                about: "the authors' Deepfake data set",
                ramp: &[-37.8226],
            },
            Published {
                file: "MesoInception_F2F.h5",
                sha256: Some("d4533ac8a3197dc35c47405d23d99e888c1d0135e267e03540c7451feaccff3f"),
                about: "Face2Face forgeries of FaceForensics",
                ramp: &[0.439_016],
            },
        ],
        parameters: 28_615,
        preprocess: Preprocess::plain(256),
        sizes: Sizes { least: 32, multiple: 1 },
        inside: &[],
        architecture: Architecture::Detector { decision: MESONET_DECISION, build: mesoinception4::build },
    },
    Entry {
        name: "resnet101",
        summary: "ResNet-101 with two classes",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 42_504_258,
        preprocess: Preprocess::imagenet(224),
        sizes: ANY,
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: resnet::resnet101 },
    },
    Entry {
        name: "resnet50",
        summary: "ResNet-50 with two classes",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 23_512_130,
        preprocess: Preprocess::imagenet(224),
        sizes: ANY,
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: resnet::resnet50 },
    },
    Entry {
        name: "stargan",
        summary: "StarGAN: changes hair colour, sex and age of a face, one generator for all",
        source: "https://github.com/yunjey/stargan (download.sh pretrained-celeba-256x256)",
        licence: "MIT",
        files: "one PyTorch state dict, the generator's (200000-G.ckpt)",
        labels: "y is the edited image; c is 1 for what the face shall have, else 0",
        published: &[Published {
            file: "200000-G.ckpt",
            sha256: None,
            about: "CelebA, 256 x 256: black, blond and brown hair, male, young",
            ramp: &[],
        }],
        parameters: 8_430_528,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, multiple: 4 },
        inside: &["G"],
        architecture: Architecture::Editor { build: stargan::build },
    },
    Entry {
        name: "stgan",
        summary: "STGAN: changes ten or thirteen attributes of a face, told only what differs",
        source: "https://github.com/csmliu/STGAN (TensorFlow), https://github.com/bluestyle97/STGAN-pytorch (code)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'state_dict': .., 'optimizer': ..} (G_N.pth.tar)",
        labels: "y is the edited image; c is what the face shall have minus what it has: 1, 0 or -1",
        published: &[],
        parameters: 74_379_600,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 64, multiple: 32 },
        inside: &["state_dict"],
        architecture: Architecture::Editor { build: stgan::build },
    },
    Entry {
        name: "ugatit",
        summary: "U-GAT-IT: turns a portrait into an anime face; its full form, for 256 x 256 alone",
        source: "https://github.com/znxlwm/UGATIT-pytorch (code), https://github.com/taki0112/UGATIT (TensorFlow)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'genA2B': .., 'genB2A': .., ..}",
        labels: "y is the edited image; there is no condition",
        published: &[],
        parameters: 278_959_808,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, multiple: 4 },
        inside: &["genA2B"],
        architecture: Architecture::Translator { build: ugatit::full },
    },
    Entry {
        name: "ugatit_light",
        summary: "U-GAT-IT: turns a portrait into an anime face; its light form, for any size",
        source: "https://github.com/znxlwm/UGATIT-pytorch (code), https://github.com/taki0112/UGATIT (TensorFlow)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'genA2B': .., 'genB2A': .., ..}",
        labels: "y is the edited image; there is no condition",
        published: &[],
        parameters: 10_589_888,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, multiple: 4 },
        inside: &["genA2B"],
        architecture: Architecture::Translator { build: ugatit::light },
    },
    Entry {
        name: "xception",
        summary: "Xception as FaceForensics++ trains it: the usual strong detector of forged faces",
        source: "https://github.com/ondyari/FaceForensics (classification/README.md)",
        licence: "FaceForensics++ terms: research only",
        files: "one PyTorch file, a state dict or a whole module (full_c23.p, ..)",
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 20_811_050,
        preprocess: Preprocess::signed(299),
        sizes: ANY,
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: xception::build },
    },
    Entry {
        name: "ynet",
        summary: "Y-shaped autoencoder: says whether a face is forged, and where",
        source: "https://github.com/nii-yamagishilab/ClassNSeg (checkpoints/full)",
        licence: "BSD-3-Clause",
        files: "two PyTorch state dicts, the encoder's and the decoder's (encoder_N.pt, decoder_N.pt)",
        labels: "y holds the energies of the fake zone and of the real zone; mask is the probability that a pixel was manipulated",
        published: &[
            Published {
                file: "encoder_46.pt",
                sha256: Some("ffb23169bf325217a9319a304992735b9da882027883ae0d09517a8ff2223dbf"),
                about: "Face2Face forgeries of FaceForensics++",
                ramp: &[0.942_774, 0.048_253_3],
            },
            Published {
                file: "decoder_46.pt",
                sha256: Some("0c4e45cdc9e1edbad4f0cc72eed1f1a97f7308bf8ad0227b439d020ead15ca2d"),
                about: "Face2Face forgeries of FaceForensics++",
                ramp: &[],
            },
        ],
        parameters: 304_949,
        preprocess: Preprocess::imagenet(256),
        sizes: Sizes { least: 16, multiple: 16 },
        inside: &[],
        architecture: Architecture::Detector { decision: Decision::Zones, build: ynet::build },
    },
];

#[cfg(test)]
mod tests {
    use moire_formats::{Checkpoint, Loader};

    use super::{entries, find};
    use crate::weights::Config;

    /// The numbers that are trained: all but running statistics.
    fn trained(name: &str) -> usize {
        let entry = find(name).unwrap();
        // Every tensor is missing here, so each is asked for at its published width, and nothing is drawn.
        let mut loader = Loader::new(Checkpoint::new([]).unwrap(), "nothing");
        entry.build(&mut loader, Config::default(), entry.preprocess, &entry.form()).unwrap();
        let statistics = ["running_mean", "running_var", "moving_mean:0", "moving_variance:0"];
        let trained = loader.asked().filter(|(name, _)| !statistics.iter().any(|s| name.ends_with(s)));
        trained.map(|(_, shape)| shape.numel()).sum()
    }

    #[test]
    fn parameters_are_those_that_are_published() {
        let mut wrong = Vec::new();
        for entry in entries() {
            let found = trained(entry.name);
            if found != entry.parameters {
                wrong.push(format!("{}: {found}, not {}", entry.name, entry.parameters));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // With the thousand classes of ImageNet instead of two, as their authors count.
        let classes = |name: &str, features: usize| trained(name) + 998 * (features + 1);
        assert_eq!(classes("xception", 2048), 22_855_952);
        assert_eq!(classes("inception_v3", 2048), 23_834_568);
        assert_eq!(classes("resnet50", 2048), 25_557_032);
        assert_eq!(classes("resnet101", 2048), 44_549_160);
    }
}
