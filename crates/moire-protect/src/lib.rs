//! Photographs on which deepfake editors break.
//!
//! - [`Protector`]: editors, and how they are to be broken, made ready for any number of photographs.
//! - [`Protected`]: a photograph after that, and what each [`Edit`] of it comes to.
//!
//! A photograph keeps its own size. Its faces are found, and each editor sees the crop of each face that its users would
//! feed it, through a differentiable map; the change lives on the photograph's own pixels, within its budget, and nowhere
//! but where an editor looks. The result is rounded to the 8 bits of a file and shown to every editor again: what is
//! reported is about that.
//!
//! Pictures in, pictures out: no files, no clock, and no choice of a device.
//!
//! ```
//! use moire_protect::{Protector, Settings};
//! # use moire_cpu::Cpu;
//! use moire_image::Picture;
//! use moire_tensor::{Eps, SampleId};
//! use moire_zoo::{Form, find};
//!
//! let editor = find("stargan")?.random(0, &Form { size: [32, 32], domains: 5 })?;
//! let settings = Settings { attack: "i_fgsm(steps=2)".parse()?, ..Settings::default() };
//! let device = Cpu::new(1);
//! let mut protector = Protector::new(&device, vec![editor], None, settings)?;
//! let photograph = Picture::new(40, 30, (0..40 * 30 * 3).map(|i| (i % 251) as u8).collect())?;
//! let protected = protector.protect(&photograph, &"Male,Young,Black_Hair".parse()?, SampleId(1))?;
//! assert_eq!(protected.edits.len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod protector;
mod window;

pub use error::{Error, ErrorKind};
pub use protector::{Edit, Protected, Protector, Settings};
