//! Attacks on frozen networks, one a file.
//!
//! - [`Objective`]: a scalar of an image, for each sample, with its gradient. [`Detector`] makes one of a
//!   detector's graph.
//! - [`Ascent`]: where an iterative attack gets its direction from. Every objective is one.
//! - [`Editors`]: many editors and their edits as one ascent, under a [`Strategy`].
//! - [`Samples`]: the images of a call with what fixes their randomness.
//! - [`Attack`]: any attack with its parameters, as text and back: `pgd(steps=10,alpha=eps/4)`.
//! - [`Kra`]: the Key Region Attack, which holds any other; [`KeyRegions`], [`KeyLayers`]: where it goes and why.
//! - [`Session`]: one attack on a stream of images; [`Finished`] ones leave, others take their seats.
//! - [`Universal`]: one change for all images, crafted once, which a file can keep.
//! - [`Criterion`]: when an image counts as done; it then leaves the batch.
//! - [`Outcome`]: what came out, and what it cost.
//!
//! Nothing here knows a network, a file, a clock or a device. A sample's result depends on that sample, its
//! identity and the seed alone.
//!
//! ```
//! use moire_attack::{Attack, Criterion, Detector, Samples, Traits};
//! use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
//! use moire_testkit::{Reference, linear};
//!
//! let network = linear(4, 1, 0.2);
//! # let mut b = moire_graph::Builder::from(network.graph.clone());
//! # let margin = b.reshape(network.graph.output("logits")?, [])?;
//! # let graph = b.finish([("margin", margin)])?;
//! let grey = Images::new(Tensor::full([1, 3, 4, 4], 0.5))?;
//! let mut detector = Detector::new(&Reference, &graph, Traits::default(), 8)?;
//! detector.set_labels(&[Label::Fake]);
//!
//! let samples = Samples { images: &grey, ids: &[SampleId(7)], seed: 0 };
//! let attack: Attack = "pgd(steps=5)".parse()?;
//! let outcome = attack.run(&mut detector, &samples, Some(Eps::from_u8(8)?), Criterion::Saved)?;
//! assert!(outcome.found[0].success);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod apgd;
mod ascent;
mod attack;
mod ball;
mod cf_l0;
mod cmua;
mod cw;
mod deepfool;
mod detector;
mod editor;
mod editors;
mod error;
mod fgsm;
mod fmn;
mod frame;
mod gd_uap;
mod grid;
mod i_fgsm;
mod iap;
mod jsma;
mod kra;
mod layers;
mod loss;
mod measure;
mod mgda;
mod mi_fgsm;
mod outcome;
mod params;
mod pgd;
mod search;
mod session;
mod sigma_zero;
mod sign;
mod sparsefool;
mod spelling;
mod square;
mod strategy;
mod tanh_box;
mod triangle;
mod uap;
mod uap_overfire;
mod universal;
mod urn;

pub use apgd::Apgd;
pub use ascent::{Ascent, Evaluation, Objective, Samples};
pub use attack::{Attack, Ready};
pub use cf_l0::CfL0;
pub use cmua::Cmua;
pub use cw::Cw;
pub use deepfool::DeepFool;
pub use detector::{Detector, Traits};
pub use editor::Editor;
pub use editors::{Editors, Look, Sight};
pub use error::{Error, ErrorKind};
pub use fmn::Fmn;
pub use frame::Frame;
pub use gd_uap::GdUap;
pub use iap::{Factor, Iap, IapSeg};
pub use jsma::Jsma;
pub use kra::{KeyRegions, Kra, Masking};
pub use layers::{KeyLayers, key_layers};
pub use loss::{Hold, Loss, OverfireForm};
pub use measure::Measure;
pub use mgda::shortest;
pub use mi_fgsm::MiFgsm;
pub use outcome::{Criterion, Found, Outcome};
pub use params::{Alpha, Walk};
pub use session::{Finished, Left, Session};
pub use sigma_zero::SigmaZero;
pub use sparsefool::SparseFool;
pub use square::Square;
pub use strategy::{Combination, Regularisation, Strategy};
pub use uap::Uap;
pub use uap_overfire::UapOverfire;
pub use universal::{Needs, Universal};
