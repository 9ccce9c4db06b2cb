//! Arguments. Their comments are the help texts.

#![allow(clippy::doc_markdown, reason = "backticks would show in help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use moire_attack::{Attack, Criterion};
use moire_study::{ModelSpec, Paper, Scale};
use moire_tensor::Eps;
use moire_zoo::{Attribute, Attributes};

/// How little does it take to fool a deepfake detector, and does it survive being saved?
///
/// For testing detectors that are yours or that you may test, and for research. Exit codes: 0 done, 1 failed,
/// 2 wrong usage, 3 done with findings that you asked to fail on.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what moire does, on networks of its own
    Demo,
    /// Attack detectors on a folder of images, and write a study with a report
    Audit(AuditArgs),
    /// Make a paper's tables again, on detectors and images of your own
    Reproduce(ReproduceArgs),
    /// What a network answers on given images, and its input gradient, as safetensors
    Eval(EvalArgs),
    /// Write a study's report and tables again, from its records
    Report(ReportArgs),
    /// Networks, their sources, licences and checksums
    Zoo(ZooArgs),
    /// Time forward passes and attack steps
    Bench(BenchArgs),
}

const MODEL_HELP: &str = "NAME:PATH, as in ynet:checkpoints/ or meso4:Meso4_DF.h5, with a name of `moire zoo list`; or \
                          a safetensors file that says itself which network it is";

/// The end of `moire audit --help`.
fn attacks() -> String {
    let line = |(name, what): &(&str, &str)| format!("  {name:<12}{what}");
    let list = Attack::ALL.iter().map(line).collect::<Vec<_>>().join("\n");
    format!(
        "Attacks:\n{list}\n\nExample:\n  moire audit ynet:classnseg/ mesoinception4:MesoInception_F2F.h5 \
         --data faces/ \\\n    --attack kra,kra:deepfool,pgd,urn --eps 1/255,2/255,4/255\n\n\
         It can be stopped at any time: the same command goes on where it was."
    )
}

#[derive(Debug, Args)]
#[command(
    after_help = attacks()
)]
pub(crate) struct AuditArgs {
    /// Detectors, each NAME:PATH, as in ynet:checkpoints/ or meso4:Meso4_DF.h5
    #[arg(required = true, value_name = "MODEL")]
    pub(crate) models: Vec<ModelSpec>,
    /// Folder with the folders real and fake (or 0_real and 1_fake)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Attacks with parameters, as in kra,kra:deepfool,pgd(steps=40,alpha=1/255),urn; all of them stand below
    #[arg(long, value_name = "LIST", default_value = "fgsm,pgd,urn", value_parser = Attack::parse_list)]
    pub(crate) attack: AttackList,
    /// L-infinity budgets on pixels in [0, 1], for the attacks that take one
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1/255,2/255,4/255,8/255")]
    pub(crate) eps: Vec<Eps>,
    /// Folder for the study: records, saved images, report
    #[arg(long, value_name = "DIR", default_value = "moire-study")]
    pub(crate) out: PathBuf,
    /// At most so many images of each label, in the order of their names
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// When an image counts as done
    #[arg(long, value_enum, default_value = "saved")]
    pub(crate) criterion: CriterionArg,
    /// Show every saved file to the other detectors too: what fools one may fool another
    #[arg(long)]
    pub(crate) transfer: bool,
    /// Fixes every random number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Images that run at once; no result depends on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    /// End with exit code 3 where an attack leaves a detector less than this accuracy, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) fail_below: Option<f64>,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// clap reads one value into one field: the list as a whole.
pub(crate) type AttackList = Vec<Attack>;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  moire eval ynet:classnseg/ --input face.png --grad --out answers.safetensors"
)]
pub(crate) struct EvalArgs {
    #[arg(help = MODEL_HELP)]
    pub(crate) model: ModelSpec,
    /// A safetensors file with x [n, 3, h, w] in [0, 1], and c [n, k] for an editor that takes conditions; or an image,
    /// resized if need be
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Add grad, the gradient of mean(y^2) over all of y with respect to x
    #[arg(long)]
    pub(crate) grad: bool,
    /// Take this output as y
    #[arg(long, value_name = "NAME", default_value = "y")]
    pub(crate) output: String,
    /// What the face in an image has, of CelebA's attributes, as in Male,Young: an editor then makes all of its edits
    #[arg(long, value_name = "LIST", conflicts_with = "table")]
    pub(crate) attributes: Option<Attributes>,
    /// The same from the row of CelebA's table (list_attr_celeba.txt, or CSV) that has the image's file name
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
    /// Where to write every output
    #[arg(long, value_name = "FILE", default_value = "eval.safetensors")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moire report moire-study")]
pub(crate) struct ReportArgs {
    /// Folder of the study
    pub(crate) study: PathBuf,
    /// Print what the records add up to as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ZooArgs {
    #[command(subcommand)]
    pub(crate) command: ZooCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ZooCommand {
    /// All architectures
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One architecture: source, licence, input, labels, conditions, known checkpoints
    Show {
        /// Its name
        name: String,
        /// Every layer that an attack can name, with its shape
        #[arg(long)]
        layers: bool,
    },
    /// Load a checkpoint strictly, compare its checksum with what is known, and its answer to a ramp with what is stored
    Check {
        #[arg(help = MODEL_HELP)]
        model: ModelSpec,
    },
    /// Write a checkpoint as a safetensors file that says itself which network it is, what it sees and what it answers
    Convert(ConvertArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moire zoo convert stargan:200000-G.ckpt --out stargan.safetensors --f16")]
pub(crate) struct ConvertArgs {
    #[arg(help = MODEL_HELP)]
    pub(crate) model: ModelSpec,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Numbers of 16 bits
    #[arg(long)]
    pub(crate) f16: bool,
    /// Height and width of the images that it was trained for, where they are not the architecture's own
    #[arg(long, value_name = "PIXELS")]
    pub(crate) size: Option<usize>,
    /// Slope of AttGAN's encoder, which no checkpoint holds: 0.01 in its PyTorch port, 0.2 in TensorFlow
    #[arg(long)]
    pub(crate) slope: Option<f32>,
    /// What the numbers of a condition are about, in their order, as in Black_Hair,Male
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) attributes: Option<Vec<Attribute>>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moire bench ynet meso4 --batch 8 --json")]
pub(crate) struct BenchArgs {
    /// Architectures, with random weights; all of them if none is named
    #[arg(value_name = "NET")]
    pub(crate) nets: Vec<String>,
    /// Images that run at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    /// Edits of each image that run at once, for editors that take conditions
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) domains: u16,
    /// Timed runs, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(5..))]
    pub(crate) runs: u16,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  moire reproduce kra --models ynet:classnseg/,mesoinception4:MesoInception_F2F.h5 --data faces/ \
                  --scale smoke\n\nIt can be stopped at any time: the same command goes on where it was."
)]
pub(crate) struct ReproduceArgs {
    /// The paper
    #[arg(value_enum)]
    pub(crate) paper: PaperArg,
    /// Detectors, each NAME:PATH as for audit, with commas between them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) models: Vec<ModelSpec>,
    /// Folder with the folders real and fake (or 0_real and 1_fake), and mask where the data has masks of its fakes
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How much of it
    #[arg(long, value_enum, default_value = "smoke")]
    pub(crate) scale: ScaleArg,
    /// Folder for the study; moire-kra or moire-ffm where none is given
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// At most so many images of each label, in the order of their names
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Fixes every random number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Images that run at once; no result depends on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PaperArg {
    /// The Key Region Attack (arXiv 2106.01615)
    Kra,
    /// The attacks on facial forensics models (arXiv 1911.00660)
    Ffm,
}

impl From<PaperArg> for Paper {
    fn from(arg: PaperArg) -> Self {
        match arg {
            PaperArg::Kra => Self::Kra,
            PaperArg::Ffm => Self::Ffm,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScaleArg {
    /// Three images of each label and few steps, to see that all of it works
    Smoke,
    /// All images and the attacks' own parameters
    Full,
}

impl From<ScaleArg> for Scale {
    fn from(arg: ScaleArg) -> Self {
        match arg {
            ScaleArg::Smoke => Self::Smoke,
            ScaleArg::Full => Self::Full,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Threads; 0 takes one for each core. No result depends on it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CriterionArg {
    /// Once it is fooled by the 8-bit file
    Saved,
    /// Once it is fooled as computed, before any saving
    Float,
    /// As saved, and the attack itself only ever sees 8-bit images
    Grid,
}

impl From<CriterionArg> for Criterion {
    fn from(arg: CriterionArg) -> Self {
        match arg {
            CriterionArg::Saved => Self::Saved,
            CriterionArg::Float => Self::Float,
            CriterionArg::Grid => Self::Grid,
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim_end_matches('%').parse().map_err(|_| "expected a number".to_owned())?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("expected 0 to 100".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
