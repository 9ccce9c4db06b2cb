//! Studies: records in one SQLite file, what they add up to, and a report that opens anywhere.
//!
//! - [`AuditPlan`] and [`Audit`]: detectors, images, attacks and budgets, and the run that asks one of the other.
//! - [`ModelSpec`], [`scan`] and [`photographs`]: models, labelled images and photographs as users name them.
//! - [`Record`]: one image, one attack, one network: what was asked, what came out, what it cost.
//! - [`Store`]: the records of one study, kept so that a run can be killed at any moment and go on.
//! - [`Summary`]: accuracy, success rates and distances with their intervals, and findings in plain words.
//! - [`Opinion`]: what people said they see, where a rating experiment asked them.
//! - [`Paper`]: the plan of a paper's experiments, and its tables beside what was published.
//! - [`Report`]: all of it on one self-contained page; [`csv`] and [`json`] for machines.
//!
//! ```
//! use moire_study::{Answer, Label, Meta, Record, Report, Store};
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
//! let page = Report { title: "One image", meta: &meta, records: &records, panels: &[], opinion: None }.render()?;
//! assert!(page.contains("the file ends too early"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod csv;
mod data;
mod error;
pub mod files;
pub mod json;
mod judge;
mod mask;
mod model;
mod opinion;
mod output;
mod photographs;
mod plan;
mod record;
mod report;
mod reproduce;
mod runner;
mod store;
mod summary;
mod transfer;
mod universal;
mod words;

pub use moire_tensor::Label;

pub use data::{Sample, fitted, scan};
pub use error::{Error, ErrorKind};
pub use model::{Model, ModelSpec, Opened, Which};
pub use opinion::{
    OPINION, Opinion, OpinionCondition, OpinionCorrelation, OpinionCounted, OpinionImage, OpinionRater,
    OpinionScore,
};
pub use output::write_outputs;
pub use photographs::{Photograph, photographs};
pub use plan::{AuditPlan, Judges, Surroundings};
pub use record::{Answer, Budget, CLEAN, Cost, Distance, Judgement, Key, MaskShift, Measured, Record};
pub use report::{Extra, PANEL_SIDE, Panel, Report, choose_panels};
pub use reproduce::{Paper, PaperTable, Scale};
pub use runner::{Audit, Progress};
pub use store::{Meta, Store};
pub use summary::{
    Carried, Curve, Finding, Group, Guard, Kind, Masks, Network, Share, Summary, Tone, Transfer, Typical,
};
