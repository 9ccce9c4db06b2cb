//! From a stranger's bytes to named tensors, or to a network.
//!
//! - [`Checkpoint`]: named `f32` tensors and text metadata, read from safetensors, from PyTorch's zip, legacy
//!   and tar state dicts, or from Keras' HDF5 weights. The [`Format`] is told by the bytes, never by the name.
//! - [`Onnx`]: a network of other people's making, added to a graph's builder.
//! - [`Limits`]: what a file may claim. Every claim is checked before memory is taken for it.
//! - [`Loader`]: strict access for whoever builds a network. What is missing, unused, mis-shaped or not finite is
//!   collected, and [`Loader::finish`] lists all of it.
//! - [`Error`]: the file, the place in it, what was expected and what was found.
//!
//! Nothing in a file is ever run: the pickles of PyTorch are read by a machine that knows what state dicts need,
//! and refuses to call anything else, by its name. Of a whole pickled module the tensors are read.
//!
//! ```
//! use moire_formats::{Checkpoint, Limits, Loader};
//! use moire_tensor::Tensor;
//!
//! let weights = Checkpoint::new([("fc.weight".to_owned(), Tensor::full([2, 3], 0.5))])?;
//! let bytes = weights.write_safetensors();
//!
//! let checkpoint = Checkpoint::read(&bytes, "tiny.safetensors", &Limits::default())?;
//! assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["fc.weight"]);
//!
//! let mut loader = Loader::new(checkpoint, "tiny.safetensors");
//! let weight = loader.tensor("fc.weight", [2, 3]);
//! loader.finish()?;
//! assert_eq!(weight.data()[0], 0.5);
//! # Ok::<(), moire_formats::Error>(())
//! ```

#![forbid(unsafe_code)]

mod checkpoint;
mod dtype;
mod error;
mod h5;
mod limits;
mod loader;
mod onnx;
mod pytorch;
mod random;
mod safetensors;

pub use checkpoint::{Checkpoint, Format};
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use loader::Loader;
pub use onnx::{Extent, Onnx, OnnxInput};
