//! Arguments. Their comments are the help texts.

#![allow(clippy::doc_markdown, reason = "backticks would show in help texts")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use moire_attack::{Attack, Criterion};
use moire_study::ModelSpec;
use moire_tensor::Eps;

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
    /// What a network answers on given images, and its input gradient, as safetensors
    Eval(EvalArgs),
    /// Write a study's report and tables again, from its records
    Report(ReportArgs),
    /// Networks, their sources, licences and checksums
    Zoo(ZooArgs),
    /// Time forward passes and attack steps
    Bench(BenchArgs),
}

const MODEL_HELP: &str =
    "NAME:PATH, as in ynet:checkpoints/ or meso4:Meso4_DF.h5; `moire zoo list` has the names";

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  moire audit ynet:classnseg/ mesoinception4:MesoInception_F2F.h5 --data faces/ \\\n    \
                        --attack fgsm,pgd,urn --eps 1/255,2/255,4/255\n\nIt can be stopped at any time: the same \
                        command goes on where it was."
)]
pub(crate) struct AuditArgs {
    /// Detectors, each NAME:PATH, as in ynet:checkpoints/ or meso4:Meso4_DF.h5
    #[arg(required = true, value_name = "MODEL")]
    pub(crate) models: Vec<ModelSpec>,
    /// Folder with the folders real and fake (or 0_real and 1_fake)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Attacks: fgsm, i_fgsm, pgd, mi_fgsm, and urn (noise, the control); pgd(steps=40,alpha=1/255) sets parameters
    #[arg(long, value_name = "LIST", default_value = "fgsm,pgd,urn", value_parser = Attack::parse_list)]
    pub(crate) attack: AttackList,
    /// L-infinity budgets on pixels in [0, 1]
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1/255,2/255,4/255,8/255")]
    pub(crate) eps: Vec<Eps>,
    /// Folder for the study: records, saved images, report
    #[arg(long, value_name = "DIR", default_value = "moire-study")]
    pub(crate) out: PathBuf,
    /// At most so many images of each label, in the order of their names
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// When an image counts as done: fooled as an 8-bit file, or as computed
    #[arg(long, value_enum, default_value = "saved")]
    pub(crate) criterion: CriterionArg,
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
    /// A safetensors file with x [n, 3, h, w] in [0, 1] at the network's size, or an image, resized if need be
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Add grad, the gradient of mean(y^2) over all of y with respect to x
    #[arg(long)]
    pub(crate) grad: bool,
    /// Take this output as y
    #[arg(long, value_name = "NAME", default_value = "y")]
    pub(crate) output: String,
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
    /// One architecture: source, licence, input, labels, known checkpoints
    Show {
        /// Its name
        name: String,
    },
    /// Load a checkpoint strictly, compare it with what is known, and run it once
    Check {
        #[arg(help = MODEL_HELP)]
        model: ModelSpec,
    },
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
    /// Edits of each image that run together; as many as an editor's authors publish if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) domains: Option<u16>,
    /// Show as well where a step's time goes, by kernel and shape
    #[arg(long, conflicts_with = "json")]
    pub(crate) profile: bool,
    /// Timed runs, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(5..))]
    pub(crate) runs: u16,
    #[command(flatten)]
    pub(crate) common: Common,
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
    Saved,
    Float,
}

impl From<CriterionArg> for Criterion {
    fn from(arg: CriterionArg) -> Self {
        match arg {
            CriterionArg::Saved => Self::Saved,
            CriterionArg::Float => Self::Float,
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
