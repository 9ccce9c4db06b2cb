//! What comes with the program, as bytes: networks that the project trained itself, and faces that are nobody's.
//!
//! - [`Embedded`]: a network's weights, a file that says itself which network it is, and its model card.
//! - [`SampleFace`]: a face that is the mean of many people's, forged in every way that the detectors know.
//!
//! Both come from the recipes in `train/`. The weights, and whatever is made with them, are for non-commercial research:
//! see `LICENCE.md` beside this crate's sources.
//!
//! ```
//! let stargan = moire_embedded::find("stargan").expect("it comes with the program");
//! assert!(stargan.card.contains("# stargan"));
//! ```
#![forbid(unsafe_code)]

mod faces;
mod networks;

pub use faces::{ATTRIBUTES, Forged, SampleFace, faces};
pub use networks::{Embedded, all, detectors, editors, find};
