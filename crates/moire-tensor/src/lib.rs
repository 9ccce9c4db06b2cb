//! Host tensors and what the whole project says in them.
//!
//! - [`Tensor`]: numbers with a [`Shape`], row-major and contiguous.
//! - [`Images`]: a batch of RGB images `[n, 3, h, w]` whose every value lies in `[0, 1]`.
//! - [`Norm`] and [`Eps`]: how a change to an image is measured, and how large it may be.
//! - [`Label`]: real or fake.
//! - [`Rng`]: randomness that depends on a seed and on a sample's own identity, never on its neighbours.
//!
//! ```
//! use moire_tensor::{Eps, Images, Tensor};
//!
//! let grey = Tensor::full([1, 3, 2, 2], 0.5);
//! let images = Images::new(grey)?;
//! assert_eq!(images.len(), 1);
//! assert_eq!(Eps::from_u8(8)?.value(), 8.0 / 255.0);
//! # Ok::<(), moire_tensor::Error>(())
//! ```

mod eps;
mod error;
mod images;
mod label;
mod norm;
mod rng;
mod shape;
mod tensor;

pub use eps::Eps;
pub use error::{Error, ErrorKind};
pub use images::Images;
pub use label::Label;
pub use norm::Norm;
pub use rng::{Rng, SampleId};
pub use shape::Shape;
pub use tensor::Tensor;
