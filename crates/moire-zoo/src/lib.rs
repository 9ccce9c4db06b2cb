//! Networks by name.
//!
//! - [`Entry`]: an architecture with its source, licence, input and label meaning; [`entries`] lists them.
//! - [`Network`]: a [`Graph`](moire_graph::Graph) with what makes it usable: its [`Preprocess`] and its [`Role`], a
//!   detector with its [`Decision`] or an editor with what its [`Condition`] means.
//! - [`Weights`]: a checkpoint's tensors, in any layout in which its authors publish it; a file that
//!   [`Weights::describe`] wrote says itself which network it is.
//! - [`Attribute`], [`Attributes`], [`Table`]: what a face has, by hand or from `CelebA`'s table, from which a
//!   [`Condition`] writes the numbers that ask an editor for an edit.
//! - [`Form`]: what the user of an architecture chooses, the size of images and how many edits run together. All else
//!   (widths, depth, variants) is read from the checkpoint.
//!
//! - [`Reading`]: a network of other people's making, from an ONNX file and what its owner knows of it.
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
//! A finder of faces gives `boxes` `[n, 4]` (left, top, right, bottom), `landmarks` `[n, 5, 2]` (x and y of the left and
//! the right eye as a viewer sees them, the nose, the left and the right corner of the mouth), both in pixels of `x`
//! whose corner is 0, and `scores` `[n]` in `[0, 1]`, for the same n boxes whatever the image shows.
//!
//! ```
//! let entry = moire_zoo::find("meso4")?;
//! let network = entry.random(0, &entry.form())?;
//! assert_eq!(network.preprocess.size, [256, 256]);
//! assert!(network.graph.output("margin").is_ok());
//!
//! let editor = moire_zoo::find("stargan")?.outline()?;
//! let moire_zoo::Role::Editor(editing) = editor.role else { unreachable!() };
//! let condition = editing.condition.expect("StarGAN takes one");
//! let blond = condition.of_edit(&"Black_Hair,Young".parse()?, moire_zoo::Attribute::BlondHair)?;
//! assert_eq!(blond, [0.0, 1.0, 0.0, 0.0, 1.0]);
//! # Ok::<(), moire_zoo::Error>(())
//! ```

mod attgan;
mod attribute;
mod celeba;
mod condition;
mod conditioning;
mod convnext;
mod efficientnet;
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
mod onnx;
mod resnet;
mod retinaface;
mod stargan;
mod stgan;
mod ugatit;
mod vit;
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
pub use onnx::{Meaning, PixelRange, Reading};
pub use weights::{Config, Weights};
