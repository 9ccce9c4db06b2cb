//! Networks by name.
//!
//! - [`Entry`]: an architecture with its source, licence, input and label meaning; [`entries`] lists them.
//! - [`Network`]: a [`Graph`](moire_graph::Graph) with what makes it usable: its [`Preprocess`] and its [`Role`], a
//!   detector with its [`Decision`] or an editor with what its [`Condition`] means.
//! - [`Form`]: what the user of an architecture chooses, the size of images and how many edits run together. All else
//!   (widths, depth, variants) is read from the checkpoint.
//!
//! A network's graph takes one image `x` `[1, 3, h, w]`, RGB in `[0, 1]`; the preprocess is part of the graph,
//! so that gradients are with respect to pixels. The outputs of a detector:
//!
//! | output | shape | meaning |
//! |---|---|---|
//! | `y` | `[1, k]` | what the network itself answers: logits, or zone energies |
//! | `margin` | scalar | how far the decision leans: fake above 0, real otherwise |
//! | `p_fake` | scalar | the network's own score that the image is fake, in `[0, 1]` |
//! | `mask` | `[1, 1, h, w]` | probability that a pixel was manipulated, where the network says |
//! | `reconstruction` | `[1, 3, h, w]` | the image as the network's decoder has it, where it has one |
//!
//! An editor takes a condition `c` `[k, n]` too, where it has one, and gives the edited images `y` `[k, 3, h, w]` in
//! `[-1, 1]`.
//!
//! ```
//! let entry = moire_zoo::find("meso4")?;
//! let network = entry.random(0, &entry.form())?;
//! assert_eq!(network.preprocess.size, [256, 256]);
//! assert!(network.graph.output("margin").is_ok());
//! # Ok::<(), moire_zoo::Error>(())
//! ```

mod attgan;
mod attribute;
mod celeba;
mod condition;
mod entry;
mod error;
mod forensictransfer;
mod inception_v3;
mod keras;
mod layers;
mod manifest;
mod meso4;
mod mesoinception4;
mod network;
mod resnet;
mod stargan;
mod stgan;
mod ugatit;
mod weights;
mod xception;
mod ynet;

pub use attribute::Attribute;
pub use celeba::{Attributes, Table};
pub use condition::{Condition, Encoding};
pub use entry::{Entry, Published, Task};
pub use error::{Error, ErrorKind};
pub use manifest::{entries, find};
pub use network::{Decision, Editing, Form, Network, Preprocess, Role, Sizes};
pub use weights::{Config, Weights};
