//! Arguments. Their comments are the help texts.

#![allow(clippy::doc_markdown, reason = "backticks would show in help texts")]

mod protect;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use moire_attack::{Attack, Criterion};
use moire_face::Framing;
use moire_image::Transform;
use moire_study::{Memory, ModelSpec, Paper, Plan, Portion, Scale};
use moire_tensor::Eps;
use moire_zoo::{Attribute, Attributes, Meaning, PixelRange, Reading};

/// How little does it take to fool a deepfake detector, and does it survive being saved?
///
/// For testing detectors that are yours or that you may test, and for research. Exit codes: 0 done, 1 failed,
/// 2 wrong usage, 3 done with findings that you asked to fail on or with files that could not be read.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

pub(crate) use protect::{Format, ProtectArgs, Strength};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what moire does, on networks and faces of its own
    Demo(DemoArgs),
    /// Write the faces that come with moire, which are nobody's, and their forgeries, to try things on
    Samples(SamplesArgs),
    /// Attack detectors on a folder of images, and write a study with a report
    Audit(AuditArgs),
    /// Carry out a study that a plan file describes
    Run(RunArgs),
    /// Join the shares of a study that ran apart
    Merge(MergeArgs),
    /// Make a paper's tables again, on detectors and images of your own
    Reproduce(ReproduceArgs),
    /// What a network answers on given images, and its input gradient, as safetensors
    Eval(EvalArgs),
    /// Find the faces in photographs, and cut them out as networks expect them
    Faces(FacesArgs),
    /// Change photographs imperceptibly, so that the edits of deepfake editors break
    Protect(ProtectArgs),
    /// Write a study's report and tables again, from its records
    Report(ReportArgs),
    /// Ask people whether they see the changes, and add up what they say
    Rate(RateArgs),
    /// Networks, their sources, licences and checksums
    Zoo(ZooArgs),
    /// Time forward passes and attack steps
    Bench(BenchArgs),
}

const MODEL_HELP: &str = "NAME of a network that comes with moire, as in ynet-swap; NAME:PATH, as in ynet:checkpoints/ or meso4:Meso4_DF.h5, with a name of `moire zoo list`; onnx:PATH; \
                           or a safetensors file that says itself which network it is";

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder to write: report.html, the protected photographs, and the study of the audit
    #[arg(long, value_name = "DIR", default_value = "moire-demo")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moire samples faces\n  moire audit ynet-swap xception --data faces/swap")]
pub(crate) struct SamplesArgs {
    /// The folder to write: faces, and for each kind of forgery a folder with real, fake and mask
    #[arg(value_name = "DIR", default_value = "moire-samples")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The end of `moire audit --help`.
fn attacks() -> String {
    let line = |(name, what): &(&str, &str)| format!("  {name:<12}{what}");
    let list = Attack::ALL.iter().map(line).collect::<Vec<_>>().join("\n");
    format!(
        "Attacks:\n{list}\n\nThe standard set, where no attack is named, is {}: at each budget, and for the smallest change \
         that does.\n\nExample:\n  moire audit ynet:classnseg/ mesoinception4:MesoInception_F2F.h5 \
         --data faces/ \\\n    --attack kra,kra:deepfool,pgd,urn --eps 1/255,2/255,4/255\n\n\
         It can be stopped at any time: the same command goes on where it was. The plan that it writes into the folder can be \
         run again, changed, and shared (`moire run`).",
        Plan::STANDARD
    )
}

#[derive(Debug, Args)]
#[command(
    after_help = attacks()
)]
pub(crate) struct AuditArgs {
    /// Detectors, each NAME of one that comes with moire, as in ynet-swap; NAME:PATH, as in ynet:checkpoints/ or
    /// meso4:Meso4_DF.h5; or onnx:PATH, with --labels
    #[arg(required = true, value_name = "MODEL")]
    pub(crate) models: Vec<ModelSpec>,
    #[command(flatten)]
    pub(crate) onnx: OnnxArgs,
    /// Folder with the folders real and fake (or 0_real and 1_fake)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Attacks with parameters, as in kra,kra:deepfool,pgd(steps=40,alpha=1/255),urn, with | between several values:
    /// pgd(steps=10|40); all of them stand below. Where none is named, the standard set: see below too
    #[arg(long, value_name = "LIST", value_parser = Attack::parse_list)]
    pub(crate) attack: Option<AttackList>,
    /// L-infinity budgets on pixels in [0, 1], for the attacks that take one
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1/255,2/255,4/255,8/255")]
    pub(crate) eps: Vec<Eps>,
    /// Folder for the study: plan, records, saved images, report
    #[arg(long, value_name = "DIR", default_value = "moire-study")]
    pub(crate) out: PathBuf,
    /// At most so many images of each label, in the order of their names
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: Option<usize>,
    /// When an image counts as done
    #[arg(long, value_enum, default_value = "saved")]
    pub(crate) criterion: CriterionArg,
    /// Show every saved file to the other detectors too: what fools one may fool another
    #[arg(long)]
    pub(crate) transfer: bool,
    /// Judge every saved file once more after what happens to files: jpeg(75), resize(0.5), crop(0.9), blur(1)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) after: Vec<Transform>,
    /// Fixes every random number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) how: How,
}

/// How a study is carried out: nothing here changes a number.
#[derive(Debug, Args)]
#[command(next_help_heading = "How it runs")]
pub(crate) struct How {
    /// Images that are at work at once; no result depends on it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    /// What compiled networks may take, as 900MB, 4GB (powers of 1000) or 2GiB (of 1024): fewer images are then at work at
    /// once. It stands above the plan's limits
    #[arg(long, value_name = "LIMIT")]
    pub(crate) memory: Option<Memory>,
    /// Do the K-th of N shares of the images alone, as in 2/8; `moire merge` joins the folders of all shares
    #[arg(long, value_name = "K/N")]
    pub(crate) jobs_of: Option<Portion>,
    /// End with exit code 3 where an attack leaves a detector less than this accuracy, in percent
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) fail_below: Option<f64>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moire run plans/audit.toml --check         what it would do\n  moire run plans/audit.toml                 \
                  a study in the folder audit/\n  moire run audit/plan.toml                  the same study again, as far as it is \
                  not done\n  moire run plans/audit.toml --jobs-of 1/4 --out share1\n\nIt can be stopped at any time: the same \
                  command goes on where it was. The folder plans/ has examples, with every key explained."
)]
pub(crate) struct RunArgs {
    /// The plan, a TOML file
    #[arg(required_unless_present = "schema")]
    pub(crate) plan: Option<PathBuf>,
    /// Folder for the study; the plan's own where it is called plan.toml, else one that is called as the plan is, here
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Read the plan, its networks and its images, say what the study would be, and do nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// Print the JSON schema of plans, for editors that check as you type
    #[arg(long, exclusive = true)]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moire merge audit share1 share2 share3 share4")]
pub(crate) struct MergeArgs {
    /// Folder for the whole study; made where it is missing
    pub(crate) out: PathBuf,
    /// Folders of shares, of the same plan, program, networks and images
    #[arg(required = true)]
    pub(crate) shares: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    #[command(flatten)]
    pub(crate) onnx: OnnxArgs,
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
#[command(
    after_help = "Example:\n  moire faces holiday/ --finder retinaface:mobilenet0.25_Final.pth --crop celeba --out crops/\n\n\
                        A photograph without faces is a result. One that cannot be read is named, the rest goes on, and \
                        the exit code is 3."
)]
pub(crate) struct FacesArgs {
    /// Photographs, and folders of them
    #[arg(required = true, value_name = "IMAGE|DIR")]
    pub(crate) photographs: Vec<PathBuf>,
    /// The network that finds them, as in retinaface:mobilenet0.25_Final.pth
    #[arg(long, value_name = "MODEL")]
    pub(crate) finder: ModelSpec,
    /// Cut out each face: ffpp (square, x 1.3), classnseg (x 1.3), celeba (aligned, 178), attgan, stgan (aligned, 170)
    #[arg(long, value_name = "KIND", requires = "out")]
    pub(crate) crop: Option<Framing>,
    /// Height and width of the crops
    #[arg(long, value_name = "N", default_value_t = 256, requires = "crop", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) size: u16,
    /// Folder for the crops: NAME-1.png for the surest face of NAME, NAME-2.png for the next
    #[arg(long, value_name = "DIR", requires = "crop")]
    pub(crate) out: Option<PathBuf>,
    /// The least score of a face
    #[arg(long, value_name = "SCORE", default_value_t = 0.7)]
    pub(crate) score: f32,
    /// Height in pixels of the smallest face that has to be found; where not given, 38, or 1/53 of a larger photograph
    #[arg(long, value_name = "N")]
    pub(crate) smallest: Option<f32>,
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
#[command(
    after_help = "Example:\n  moire rate plan moire-study            then edit moire-study/rating/plan.toml and the consent \
                        texts\n  moire rate serve moire-study           the pages, on this machine\n  moire rate links \
                        moire-study --count 50 --address https://rate.example > links.csv\n  moire rate analyse \
                        moire-study"
)]
pub(crate) struct RateArgs {
    #[command(subcommand)]
    pub(crate) command: RateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RateCommand {
    /// Write a plan to begin with: every attack and budget of a study, and texts to fill in
    #[command(after_help = "Example:\n  moire rate plan moire-study")]
    Plan {
        /// Folder of the study
        study: PathBuf,
    },
    /// Serve the pages, for raters and for the administrator
    ///
    /// It speaks plain HTTP: on the internet, put a proxy before it that speaks TLS, and say so with --address and
    /// --proxies. Every answer is on the disk before its page says so: the server may be stopped at any time.
    #[command(
        after_help = "Examples:\n  moire rate serve moire-study\n  moire rate serve moire-study --listen \
                            127.0.0.1:8080 --address https://rate.example --proxies 1"
    )]
    Serve {
        /// Folder of the study
        study: PathBuf,
        /// Where to listen
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// The address that raters use, without a path; where to listen if it is not given
        #[arg(long, value_name = "URL", value_parser = address)]
        address: Option<String>,
        /// How many proxies stand before the server and write X-Forwarded-For
        #[arg(long, value_name = "N", default_value_t = 0)]
        proxies: usize,
    },
    /// Make personal links with completion codes, as CSV; they cannot be shown again
    #[command(
        after_help = "Example:\n  moire rate links moire-study --count 50 --address https://rate.example > links.csv"
    )]
    Links {
        /// Folder of the study
        study: PathBuf,
        /// How many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
        /// The address that raters use, without a path
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = address)]
        address: String,
    },
    /// Write every answer as answers.csv and answers.json, also while the server runs
    #[command(after_help = "Example:\n  moire rate export moire-study --out answers/")]
    Export {
        /// Folder of the study
        study: PathBuf,
        /// Folder to write to; the study's folder rating if it is not given
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Mean opinion scores with intervals, raters, agreement; also of a table that another tool wrote
    #[command(
        after_help = "Examples:\n  moire rate analyse moire-study\n  moire rate analyse scores.csv --json"
    )]
    Analyse {
        /// Folder of the study, or a CSV without a head: a row for each stimulus, a column for each rater
        #[arg(value_name = "STUDY|CSV")]
        source: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ZooArgs {
    #[command(subcommand)]
    pub(crate) command: ZooCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ZooCommand {
    /// The networks that come with moire, and all architectures
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// One architecture (source, licence, input, labels, conditions, known checkpoints), or the card of a network that
    /// comes with moire
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
#[command(
    after_help = "Examples:\n  moire bench ynet meso4 --batch 8 --json\n  moire bench resnet50 --batch 8 --attack 'pgd(steps=10)'"
)]
pub(crate) struct BenchArgs {
    /// Architectures, with random weights, or onnx:PATH; all architectures if none is named
    #[arg(value_name = "NET")]
    pub(crate) nets: Vec<String>,
    #[command(flatten)]
    pub(crate) onnx: OnnxArgs,
    /// Images that run at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: u16,
    /// Edits of each image that run together; as many as an editor's authors publish if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) domains: Option<u16>,
    /// Time one step of `moire protect` against all of them at once, which have to be editors of images of one size
    #[arg(long, conflicts_with_all = ["batch", "profile"], requires = "nets")]
    pub(crate) together: bool,
    /// Show as well where a step's time goes, by kernel and shape
    #[arg(long, conflicts_with = "json")]
    pub(crate) profile: bool,
    /// Time this attack on the batch as well, as in pgd(steps=10): every step of it, on noise that each detector sees as
    /// what it is labelled
    #[arg(long, value_name = "ATTACK")]
    pub(crate) attack: Option<Attack>,
    /// Its L-infinity budget on pixels in [0, 1], where it takes one
    #[arg(long, value_name = "EPS", default_value = "8/255")]
    pub(crate) eps: Eps,
    /// Run a batch in parts where its step would take more than this, as 900MB, 4GB (powers of 1000) or 2GiB (of 1024)
    #[arg(long, value_name = "LIMIT")]
    pub(crate) memory: Option<Memory>,
    /// Timed runs, of which the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(5..))]
    pub(crate) runs: u16,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What an ONNX file does not say of itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "For onnx:PATH")]
pub(crate) struct OnnxArgs {
    /// Height and width, for a network of images of any size
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub(crate) size: Option<[usize; 2]>,
    /// What its pixels are: 0..1, -1..1 or 0..255
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub(crate) range: Option<PixelRange>,
    /// Subtracted from pixels in that range: one number, or three for R, G, B
    #[arg(long, value_name = "R,G,B", allow_hyphen_values = true, value_parser = triple)]
    pub(crate) mean: Option<[f32; 3]>,
    /// What the difference is divided by
    #[arg(long, value_name = "R,G,B", value_parser = divisors)]
    pub(crate) std: Option<[f32; 3]>,
    /// What its answers mean, by index: real,fake or fake,real for two logits; fake or real for one; editor for an image
    #[arg(long, value_name = "LIST")]
    pub(crate) labels: Option<Meaning>,
}

impl From<&OnnxArgs> for Reading {
    fn from(args: &OnnxArgs) -> Self {
        let OnnxArgs { size, range, mean, std, labels } = args;
        Self { size: *size, range: *range, mean: *mean, std: *std, meaning: labels.clone() }
    }
}

fn size(text: &str) -> Result<[usize; 2], String> {
    let sides = text.split_once('x').and_then(|(h, w)| Some([h.parse().ok()?, w.parse().ok()?]));
    sides.filter(|s: &[usize; 2]| !s.contains(&0)).ok_or_else(|| "expected HxW, as in 224x224".to_owned())
}

fn triple(text: &str) -> Result<[f32; 3], String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|n| n.trim().parse::<f32>()).collect();
    let finite = |n: &Vec<f32>| n.iter().all(|v| v.is_finite());
    match numbers.ok().filter(finite).as_deref() {
        Some([one]) => Ok([*one; 3]),
        Some([r, g, b]) => Ok([*r, *g, *b]),
        _ => Err("expected one number or three".to_owned()),
    }
}

fn divisors(text: &str) -> Result<[f32; 3], String> {
    let positive = |t: &[f32; 3]| t.iter().all(|&v| v > 0.0);
    triple(text).ok().filter(positive).ok_or_else(|| "expected one number or three, above 0".to_owned())
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moire reproduce kra      on what comes with moire\n  moire reproduce kra --models ynet:classnseg/,mesoinception4:MesoInception_F2F.h5 --data faces/ \
                  --scale smoke\n\nIt can be stopped at any time: the same command goes on where it was."
)]
pub(crate) struct ReproduceArgs {
    /// The paper
    #[arg(value_enum)]
    pub(crate) paper: PaperArg,
    /// Detectors, for cdmaa editors, each as for audit, with commas between them [default: those that come with moire]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) models: Vec<ModelSpec>,
    /// Folder with the folders real and fake (or 0_real and 1_fake), and mask where the data has masks of its fakes; for
    /// cdmaa one of aligned faces, as CelebA's, with their table of attributes, list_attr* [default: sample faces, which
    /// are nobody's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// For cdmaa: the table of attributes, where it is not beside the faces
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
    /// How much of it
    #[arg(long, value_enum, default_value = "smoke")]
    pub(crate) scale: ScaleArg,
    /// Folder for the study; moire-kra, moire-ffm or moire-cdmaa where none is given
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// At most so many images of each label, in the order of their names; for cdmaa so many faces
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Fixes every random number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PaperArg {
    /// The Key Region Attack (arXiv 2106.01615)
    Kra,
    /// The attacks on facial forensics models (arXiv 1911.00660)
    Ffm,
    /// The attack on editors across domains and models (doi 10.3390/fi14020046)
    Cdmaa,
}

impl From<PaperArg> for Paper {
    fn from(arg: PaperArg) -> Self {
        match arg {
            PaperArg::Kra => Self::Kra,
            PaperArg::Ffm => Self::Ffm,
            PaperArg::Cdmaa => Self::Cdmaa,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ScaleArg {
    /// Two images of each label and few steps, to see that all of it works
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
    /// Never: every step is taken, whatever they do
    Spent,
}

impl From<CriterionArg> for Criterion {
    fn from(arg: CriterionArg) -> Self {
        match arg {
            CriterionArg::Saved => Self::Saved,
            CriterionArg::Float => Self::Float,
            CriterionArg::Grid => Self::Grid,
            CriterionArg::Spent => Self::Spent,
        }
    }
}

/// An address to which paths are added.
fn address(text: &str) -> Result<String, String> {
    let bare = text.trim_end_matches('/');
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => Ok(bare.to_owned()),
        _ => Err("expected https://HOST or http://HOST, without a path".to_owned()),
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
