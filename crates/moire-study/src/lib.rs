//! Studies: records in one SQLite file, what they add up to, and a report that opens anywhere.
//!
//! - [`Plan`]: a study as a TOML file: detectors, images, attacks, budgets. Everything that changes a number, and nothing
//!   else.
//! - [`Study`] and [`Run`]: a plan made ready, and what carries it out, stops at any moment and goes on.
//! - [`ModelSpec`], [`Dataset`] and [`photographs`]: models, labelled images and photographs as users name them.
//! - [`Record`]: one image, one attack, one network: what was asked, what came out, what it cost.
//! - [`Protection`]: one photograph under one setting: what every edit by every editor comes to.
//! - [`Store`]: the records of one study, kept so that a run can be killed at any moment and go on.
//! - [`Summary`]: accuracy, success rates and distances with their intervals, and findings in plain words.
//! - [`Opinion`]: what people said they see, where a rating experiment asked them.
//! - [`Paper`]: the plans of papers' experiments, and their tables beside what was published.
//! - [`Report`]: all of it on one self-contained page; [`csv`], [`json`] and [`parquet`] for machines, [`latex`] for papers.
//!
//! ```
//! use moire_study::{Answer, Criterion, Label, Meta, Record, Report, Store};
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("study.sqlite");
//! let meta = Meta { plan: "seed = 7".into(), program: "moire 0.1.0".into(), seed: 7, ..Meta::default() };
//! let mut store = Store::open_or_create(&path, &meta)?;
//! let record = Record {
//!     network: "ynet".into(),
//!     crafted_on: None,
//!     attack: "pgd(steps=10)".into(),
//!     eps: Some("4/255".parse::<moire_tensor::Eps>()?.into()),
//!     criterion: Criterion::Saved,
//!     made_of: None,
//!     transform: None,
//!     data: "faces".into(),
//!     image: "fake/0001.png".into(),
//!     image_sha256: "0".repeat(64),
//!     label: Label::Fake,
//!     seed: 7,
//!     answer: Answer::Failed("the file ends too early".into()),
//! };
//! if !store.done_keys()?.contains(&record.key()) {
//!     store.insert(&[record])?;
//! }
//! let records = store.records()?;
//! let thumbs = Default::default();
//! let report =
//!     Report { title: "One image", meta: &meta, records: &records, panels: &[], thumbs: &thumbs, opinion: None,
//!     protections: &[], protection_panels: &[] };
//! let page = report.render()?;
//! assert!(page.contains("the file ends too early"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod amplified;
mod columns;
pub mod csv;
mod data;
mod editor;
mod error;
pub mod files;
pub mod json;
pub mod latex;
mod mask;
mod model;
mod opinion;
mod output;
pub mod parquet;
mod photographs;
mod plan;
mod portraits;
mod protection;
mod record;
mod report;
mod reproduce;
mod run;
mod store;
mod study;
mod summary;
mod table;
mod universal;
mod words;

pub use moire_attack::Criterion;
pub use moire_tensor::Label;

pub use amplified::amplified;
pub use data::{Dataset, Sample, fitted};
pub use error::{Error, ErrorKind};
pub use model::{Model, ModelSpec, Opened, Which, names as model_names};
pub use opinion::{
    OPINION, Opinion, OpinionCondition, OpinionCorrelation, OpinionCounted, OpinionImage, OpinionRater,
    OpinionScore,
};
pub use output::write_outputs;
pub use photographs::{Photograph, photographs};
pub use plan::{
    AttackPlan, Choose, DataPlan, DetectorPlan, EditorPlan, Judges, Limits, Memory, Metrics, PhotographsPlan,
    Plan, ProtectPlan, Time,
};
pub use protection::{Edit, Protected, Protection, Setting};
pub use record::{Answer, Budget, CLEAN, Cost, Distance, Judgement, Key, MaskShift, Measured, Record};
pub use report::{Extra, PANEL_SIDE, Panel, ProtectionPanel, Report, choose_panels};
pub use reproduce::{Paper, PaperTable, Results, Scale, aligned_faces};
pub use run::{Ended, Merged, Portion, Progress, Run, fitting, merge};
pub use store::{Meta, Store};
pub use study::{Count, Study, Surroundings, traits};
pub use summary::{
    Carried, Curve, Edits, Failure, Finding, Group, Guard, Kind, Masks, Network, Pace, Protections, Share,
    Summary, Sure, Survival, Tone, Transfer, Typical, Worst,
};
