//! Faces in whole photographs: where they are, and what each family of networks wants to be shown of them.
//!
//! - [`FaceFinder`]: from a photograph to its [`Face`]s, each with its [`Bounds`], a score and five landmarks, by a
//!   network of [`moire_zoo`] on any [`Device`](moire_graph::Device).
//! - [`Framing`]: how `FaceForensics++`, ClassNSeg and the editors trained on `CelebA` cut a face out.
//! - [`Crop`]: such a crop as a linear map, which cuts pixels and stands in graphs, so that a gradient reaches the
//!   photograph's own pixels.
//! - [`Placement`]: the other way round, for what is to be laid over faces.
//!
//! Places are in pixels of the photograph: its upper left corner is (0, 0), the first pixel from 0 to 1.
//!
//! Pictures in, faces and pixels out: no files, no clock, and no choice of a device.
//!
//! ```
//! use moire_face::{Face, FaceFinder, Framing, Search};
//! use moire_image::Picture;
//! # use moire_cpu::Cpu;
//!
//! // Random weights find nothing; `Entry::load` takes the published ones.
//! let entry = moire_zoo::find("retinaface")?;
//! let network = entry.random(0, &moire_zoo::Form { size: [64, 64], domains: 1 })?;
//! let search = Search { score: 1.0, ..Search::default() };
//! let mut finder = FaceFinder::new(&Cpu::new(1), &network, search)?;
//! let photograph = Picture::new(90, 60, vec![128; 90 * 60 * 3])?;
//! let faces: Vec<Face> = finder.find(&photograph)?;
//! for face in &faces {
//!     let crop = Framing::StarGan.crop(face, [60, 90], 256)?;
//!     let pixels = crop.cut(&photograph)?;
//!     assert_eq!((pixels.height(), pixels.width()), (256, 256));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod bounds;
mod crop;
mod error;
mod face;
mod finder;
mod framing;
mod placement;
mod similarity;
mod views;

pub use bounds::Bounds;
pub use crop::Crop;
pub use error::{Error, ErrorKind};
pub use face::Face;
pub use finder::{FaceFinder, Search};
pub use framing::Framing;
pub use placement::Placement;
