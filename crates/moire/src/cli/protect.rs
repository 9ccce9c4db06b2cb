use std::path::PathBuf;

use clap::{Args, ValueEnum};
use moire_attack::{Attack, Combination, Regularisation, Strategy};
use moire_face::Framing;
use moire_study::{Memory, ModelSpec};
use moire_tensor::Eps;
use moire_zoo::Attributes;

use super::{Common, OnnxArgs};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moire protect portraits/ --attributes Young      from the editors that come with moire\n  \
                  moire protect photographs/ --editor stargan:200000-G.ckpt --editor attgan:weights.199.pth \\\n    \
                  --finder retinaface:mobilenet0.25_Final.pth --attributes Young,Brown_Hair --robust\n  \
                  moire protect photographs/ .. --craft change.safetensors      one change for all of them\n  \
                  moire protect more/ .. --universal change.safetensors         laid over others, in milliseconds\n\n\
                  Each result is a file of the photograph's own size, with its EXIF data (but for the thumbnail) and colour \
                  profile, beside a JSON record of what every edit of it comes to: as it is saved, after JPEG of quality 75, \
                  and after a resize to half and back. An edit is broken where its mean squared difference from the edit of \
                  the photograph as it was exceeds 0.05, on [-1, 1].\n\n\
                  It can be stopped at any time: the same command goes on where it was. Photographs that cannot be \
                  protected are named, the rest goes on, and the exit code is 3.\n\n\
                  No protection is claimed against editors that were not named, nor against one that is trained on protected \
                  photographs or cleans them first."
)]
pub(crate) struct ProtectArgs {
    /// Photographs, and folders of them
    #[arg(required = true, value_name = "IMAGE|DIR")]
    pub(crate) photographs: Vec<PathBuf>,
    /// An editor to protect from, once for each: NAME of one that comes with moire; as in stargan:200000-G.ckpt; or
    /// onnx:PATH, with --labels editor [default: the four that come with moire]
    #[arg(long = "editor", value_name = "MODEL")]
    pub(crate) editors: Vec<ModelSpec>,
    #[command(flatten)]
    pub(crate) onnx: OnnxArgs,
    /// The network that finds the faces, as in retinaface:mobilenet0.25_Final.pth; without one photographs are taken
    /// whole, as by an editor's user who crops nothing
    #[arg(long, value_name = "MODEL")]
    pub(crate) finder: Option<ModelSpec>,
    /// How all editors' users cut faces out: ffpp (square), celeba (aligned, 178), attgan, stgan (aligned, 170); where not
    /// given, as each editor's authors do
    #[arg(long, value_name = "KIND", requires = "finder")]
    pub(crate) framing: Option<Framing>,
    /// What the people have, as in Male,Young,Black_Hair; they have none of the others
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub(crate) attributes: Attributes,
    /// A table that says it for each photograph: CelebA's list_attr_celeba.txt, or as CSV
    #[arg(long, value_name = "FILE", conflicts_with = "attributes")]
    pub(crate) table: Option<PathBuf>,
    /// How much may change: light (4/255), normal (0.025, the literature's), strong (0.05)
    #[arg(long, value_enum, default_value = "normal")]
    pub(crate) strength: Strength,
    /// The same as a number, on pixels in [0, 1]
    #[arg(long, value_name = "EPS", conflicts_with = "strength")]
    pub(crate) eps: Option<Eps>,
    /// Craft a change that survives what photographs meet online: JPEG files of quality 60 to 95, resizing, blur, a crop
    #[arg(long)]
    pub(crate) robust: bool,
    /// The files to write; through the encoder of a JPEG file the attack goes, too
    #[arg(long, value_enum, default_value = "png")]
    pub(crate) format: Format,
    /// Quality of JPEG files
    #[arg(long, value_name = "1-100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: u8,
    /// The attack, one within a budget: more steps hold better and take longer [default: i_fgsm(steps=10,alpha=eps/5),
    /// with --robust mi_fgsm(steps=40,alpha=eps/10)]
    #[arg(long, value_name = "ATTACK")]
    pub(crate) attack: Option<Attack>,
    /// How the editors are combined: even (the mean of their directions), uniform (of their gradients), iterative (one a step,
    /// in turn), single-N, or mgda (the direction along which none of them loses)
    #[arg(long, value_name = "HOW", default_value = "even")]
    pub(crate) models: Combination,
    /// How the edits of one editor are combined, of the same five
    #[arg(long, value_name = "HOW", default_value = "uniform")]
    pub(crate) domains: Combination,
    /// What an editor's gradient is divided by before mgda: none, l2, logarithmic, penalty
    #[arg(long, value_name = "HOW", default_value = "penalty")]
    pub(crate) regularisation: Regularisation,
    /// The loss beyond which steps leave an edit to those that still stand; 4, the largest there is, leaves none out
    #[arg(long, value_name = "LOSS", default_value_t = Strategy::default().enough, value_parser = loss)]
    pub(crate) enough: f32,
    /// Craft one change for all the photographs instead, and write it to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["universal", "out", "attack"])]
    pub(crate) craft: Option<PathBuf>,
    /// Steps of --craft, each on eight photographs
    #[arg(long, value_name = "N", default_value_t = 200, requires = "craft", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) steps: u32,
    /// Lay this change over the photographs, instead of an attack on each; without --editor nothing is judged
    #[arg(long, value_name = "FILE", conflicts_with_all = ["attack", "robust", "eps", "strength"])]
    pub(crate) universal: Option<PathBuf>,
    /// Folder for the results
    #[arg(long, value_name = "DIR", default_value = "protected")]
    pub(crate) out: PathBuf,
    /// What the editors, and the finder of faces, may take together, as 900MB, 4GB (powers of 1000) or 2GiB (of 1024); where
    /// they need more, nothing is protected
    #[arg(long, value_name = "LIMIT")]
    pub(crate) memory: Option<Memory>,
    /// Fixes every random number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A loss at which an edit is broken.
fn loss(text: &str) -> Result<f32, String> {
    let strategy = format!("enough={text}").parse::<Strategy>().map_err(|e| e.to_string())?;
    Ok(strategy.enough)
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Strength {
    Light,
    Normal,
    Strong,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Lossless
    Png,
    /// Small; keeps less of the change
    Jpeg,
}
