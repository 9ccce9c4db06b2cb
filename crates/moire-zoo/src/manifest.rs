use moire_tensor::Label;

use crate::entry::{Architecture, Entry, Published};
use crate::error::{Error, Repr};
use crate::network::{Decision, Preprocess, Sizes};
use crate::{
    attgan, convnext, efficientnet, forensictransfer, inception_v3, meso4, mesoinception4, resnet,
    retinaface, stargan, stgan, ugatit, vit, xception, ynet,
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
const ANY: Sizes = Sizes { least: 64, most: LARGEST, multiple: 1 };
/// More than anybody's memory will hold.
const LARGEST: usize = 8192;
const WRAPPED: &[&str] = &["state_dict", "model"];

/// A checkpoint whose checksum is not known here.
const fn known(file: &'static str, about: &'static str) -> Published {
    Published { file, sha256: None, about, ramp: &[] }
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "attgan",
        summary: "AttGAN: changes thirteen attributes of a face (hair, glasses, beard, age, ..)",
        source: "https://github.com/elvisyjlin/AttGAN-PyTorch (Pretrained models)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'G': .., 'D': ..} (weights.N.pth)",
        labels: "y is the edited image; c is 0.5 for what the face shall have and -0.5 for the rest, 1 or -1 for what changes",
        published: &[
            known("128_shortcut1_inject0_none: weights.N.pth", "CelebA, 128 x 128"),
            known(
                "128_shortcut1_inject1_none: weights.N.pth",
                "CelebA, 128 x 128, the condition beside the first layer too",
            ),
            known("256_shortcut1_inject0_none: weights.N.pth", "CelebA, 256 x 256"),
            known(
                "256_shortcut1_inject1_none: weights.N.pth",
                "CelebA, 256 x 256, the condition beside the first layer too",
            ),
            known("256_shortcut1_inject0_none_hq: weights.N.pth", "CelebA-HQ, 256 x 256"),
            known(
                "256_shortcut1_inject1_none_hq: weights.N.pth",
                "CelebA-HQ, 256 x 256, the condition beside the first layer too",
            ),
        ],
        parameters: 43_352_707,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 64, most: LARGEST, multiple: 32 },
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
        published: &[
            known("blur_jpg_prob0.5.pth", "LSUN and ProGAN, half of it blurred and compressed"),
            known("blur_jpg_prob0.1.pth", "LSUN and ProGAN, a tenth of it blurred and compressed"),
        ],
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
        name: "convnext_tiny",
        summary: "ConvNeXt-T with two classes, under timm's names",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 27_821_666,
        preprocess: Preprocess::imagenet(224),
        sizes: ANY,
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: convnext::build },
    },
    Entry {
        name: "efficientnet_b4",
        summary: "EfficientNet-B4 with two classes, under timm's names",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 17_552_202,
        preprocess: Preprocess::imagenet(380),
        sizes: ANY,
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: efficientnet::build },
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
        sizes: Sizes { least: 32, most: LARGEST, multiple: 16 },
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
        sizes: Sizes { least: 80, most: LARGEST, multiple: 1 },
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
        sizes: Sizes { least: 32, most: LARGEST, multiple: 1 },
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
        sizes: Sizes { least: 32, most: LARGEST, multiple: 1 },
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
        name: "retinaface",
        summary: "RetinaFace on MobileNet 0.25: finds faces, with their eyes, nose and corners of the mouth",
        source: "https://github.com/biubug6/Pytorch_Retinaface (weights/)",
        licence: "MIT",
        files: "one PyTorch state dict (mobilenet0.25_Final.pth)",
        labels: "boxes holds left, top, right, bottom, landmarks the eyes, the nose and the corners of the mouth, in \
                 pixels of x; scores is the probability that a box holds a face",
        published: &[Published {
            file: "mobilenet0.25_Final.pth",
            sha256: Some("2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220"),
            about: "WIDER FACE, whose photographs are for non-commercial research",
            ramp: &[-2.133_15, -1.125_66, 9.903_90, 12.590_7],
        }],
        parameters: 426_608,
        preprocess: Preprocess {
            size: [640, 640],
            mean: [123.0 / 255.0, 117.0 / 255.0, 104.0 / 255.0],
            std: [1.0 / 255.0; 3],
        },
        sizes: Sizes { least: 32, most: LARGEST, multiple: 1 },
        inside: WRAPPED,
        architecture: Architecture::Faces { build: retinaface::build },
    },
    Entry {
        name: "stargan",
        summary: "StarGAN: changes hair colour, sex and age of a face, one generator for all",
        source: "https://github.com/yunjey/stargan (download.sh pretrained-celeba-256x256)",
        licence: "MIT",
        files: "one PyTorch state dict, the generator's (200000-G.ckpt)",
        labels: "y is the edited image; c is 1 for what the face shall have, else 0",
        published: &[
            known("celeba-256x256-5attrs.zip: 200000-G.ckpt", "CelebA, 256 x 256"),
            known("celeba-128x128-5attrs.zip: 200000-G.ckpt", "CelebA, 128 x 128"),
        ],
        parameters: 8_430_528,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, most: LARGEST, multiple: 4 },
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
        sizes: Sizes { least: 64, most: LARGEST, multiple: 32 },
        inside: &["state_dict"],
        architecture: Architecture::Editor { build: stgan::build },
    },
    Entry {
        name: "ugatit",
        summary: "U-GAT-IT: turns a portrait into an anime face; its full form, for one size",
        source: "https://github.com/znxlwm/UGATIT-pytorch (code), https://github.com/taki0112/UGATIT (TensorFlow)",
        licence: "MIT",
        files: "one PyTorch checkpoint, {'genA2B': .., 'genB2A': .., ..}",
        labels: "y is the edited image; there is no condition",
        published: &[],
        parameters: 278_959_808,
        preprocess: Preprocess::signed(256),
        sizes: Sizes { least: 16, most: 256, multiple: 4 },
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
        sizes: Sizes { least: 16, most: LARGEST, multiple: 4 },
        inside: &["genA2B"],
        architecture: Architecture::Translator { build: ugatit::light },
    },
    Entry {
        name: "vit_b16",
        summary: "ViT-B/16 with two classes, under timm's names",
        source: YOURS,
        licence: OWN,
        files: STATE,
        labels: CLASSES_LABELS,
        published: &[],
        parameters: 85_800_194,
        preprocess: Preprocess::signed(224),
        sizes: Sizes { least: 16, most: 512, multiple: 16 },
        inside: WRAPPED,
        architecture: Architecture::Detector { decision: CLASSES, build: vit::build },
    },
    Entry {
        name: "xception",
        summary: "Xception as FaceForensics++ trains it: the usual strong detector of forged faces",
        source: "https://github.com/ondyari/FaceForensics (classification/README.md)",
        licence: "FaceForensics++ terms: research only",
        files: "one PyTorch file, a state dict or a whole module (all_c23.p, ..)",
        labels: CLASSES_LABELS,
        published: &[
            known(
                "faceforensics++_models_subset/face_detection/xception/all_c23.p",
                "FaceForensics++, all methods, light compression",
            ),
            known(
                "faceforensics++_models_subset/face_detection/xception/all_raw.p",
                "FaceForensics++, all methods, uncompressed",
            ),
        ],
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
        sizes: Sizes { least: 16, most: LARGEST, multiple: 16 },
        inside: &[],
        architecture: Architecture::Detector { decision: Decision::Zones, build: ynet::build },
    },
];
