//! Asks people whether they see a change: a rating experiment as a web application.
//!
//! The method is degradation category rating (ITU-T P.910): an image beside a version of it, five choices from
//! "imperceptible" to "very annoying".
//!
//! - [`RatePlan`]: an experiment as a TOML file: which conditions of a study, how many pairs, sets and raters.
//! - [`Experiment`]: one that was begun: its design, its raters' links, every answer, in one SQLite file.
//! - [`Server`]: the pages, for raters and for the administrator.
//! - [`analyse`] and [`analyse_matrix`]: mean opinion scores with intervals, bias and inconsistency of raters,
//!   screening, agreement; [`export`]: every answer.
//!
//! ```no_run
//! use moire_rate::{Experiment, analyse};
//!
//! // `moire-study/rating/plan.toml` says what is rated.
//! let mut experiment = Experiment::open_or_begin("moire-study".as_ref())?;
//! for link in experiment.links(50)? {
//!     println!("https://rate.example{}, {}", link.path, link.code);
//! }
//! let opinion = analyse(&experiment)?;
//! # Ok::<(), moire_rate::Error>(())
//! ```
#![forbid(unsafe_code)]

mod analysis;
mod design;
mod error;
mod export;
#[cfg(test)]
mod fixture;
mod matrix;
mod plan;
mod plate;
mod quality;
mod secret;
mod store;
mod web;
mod words;

pub use analysis::{analyse, write_opinion};
pub use error::{Error, ErrorKind};
pub use export::export;
pub use matrix::{MatrixOpinion, MatrixRater, MatrixStimulus, analyse_matrix};
pub use plan::{Condition, RatePlan, ScreenCheck, Shown, Within};
pub use store::{Experiment, FOLDER, Link};
pub use web::{Server, Settings};
pub use words::consent_templates;

/// The records of a study that people can be asked about: of images on the network that they were made against. What other
/// networks said of the same files changes nothing that a person sees.
///
/// # Errors
/// The study cannot be read.
pub fn records(study: &std::path::Path) -> Result<Vec<moire_study::Record>, Error> {
    let records = moire_study::Store::open(&study.join("study.sqlite"))?.records()?;
    Ok(records.into_iter().filter(moire_study::Record::is_own).collect())
}
