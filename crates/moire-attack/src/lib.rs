//! Attacks on frozen networks, one a file.
//!
//! - [`Objective`]: a scalar of an image, for each sample, with its gradient. [`Detector`] makes one of a
//!   detector's graph.
//! - [`Ascent`]: where an iterative attack gets its direction from. Every objective is one.
//! - [`Samples`]: the images of a call with what fixes their randomness.
//! - [`Attack`]: any attack with its parameters, as text and back: `pgd(steps=10,alpha=eps/4)`.
//! - [`Criterion`]: when an image counts as done; it then leaves the batch.
//! - [`Outcome`]: what came out, and what it cost.
//!
//! Nothing here knows a network, a file, a clock or a device. A sample's result depends on that sample, its
//! identity and the seed alone.
//!
//! ```
//! use moire_attack::{Attack, Criterion, Detector, Samples};
//! use moire_tensor::{Eps, Images, Label, SampleId, Tensor};
//! use moire_testkit::{Reference, linear};
//!
//! let network = linear(4, 1, 0.2);
//! # let mut b = moire_graph::Builder::from(network.graph.clone());
//! # let margin = b.reshape(network.graph.output("logits")?, [])?;
//! # let graph = b.finish([("margin", margin)])?;
//! let grey = Images::new(Tensor::full([1, 3, 4, 4], 0.5))?;
//! let mut detector = Detector::new(&Reference, &graph, 8)?;
//! detector.set_labels(&[Label::Fake]);
//!
//! let samples = Samples { images: &grey, ids: &[SampleId(7)], seed: 0 };
//! let attack: Attack = "pgd(steps=5)".parse()?;
//! let outcome = attack.run(&mut detector, &samples, Eps::from_u8(8)?, Criterion::Saved)?;
//! assert!(outcome.found[0].success);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ascent;
mod attack;
mod detector;
mod error;
mod fgsm;
mod i_fgsm;
mod linf;
mod mi_fgsm;
mod outcome;
mod params;
mod pgd;
mod urn;

pub use ascent::{Ascent, Evaluation, Objective, Samples};
pub use attack::Attack;
pub use detector::Detector;
pub use error::{Error, ErrorKind};
pub use fgsm::fgsm;
pub use i_fgsm::i_fgsm;
pub use mi_fgsm::{MiFgsm, mi_fgsm};
pub use outcome::{Criterion, Found, Outcome};
pub use params::{Alpha, Walk};
pub use pgd::pgd;
pub use urn::urn;
