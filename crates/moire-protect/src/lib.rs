//! Photographs on which deepfake editors break.
//!
//! - [`Protector`]: editors, made ready to be broken on any number of photographs.
//! - [`Settings`]: how: the attack, its budget, what the change has to survive, the file that it is saved in.
//! - [`Protected`]: a photograph after that, and what each [`Edit`] of it comes to.
//! - [`Universal`]: one change for many photographs, crafted once on [`Specimen`]s and laid over any photograph.
//!
//! A photograph keeps its own size. Its faces are found, and each editor sees the crop of each face that its users would
//! feed it, through a differentiable map; the change lives on the photograph's own pixels, within its budget, and nowhere
//! but around what an editor looks at. Where editors see a face at a fraction of its size, small squares of pixels change
//! together, so that work and memory hang on what editors see, not on the camera. The result is rounded to the 8 bits
//! of a file and shown to every editor again, as it is saved and after what may happen to it online: what is reported is
//! about that.
//!
//! Pictures in, pictures out: no files, no clock, and no choice of a device.
//!
//! ```
//! use moire_protect::{Protector, Settings, usual_framing};
//! # use moire_cpu::Cpu;
//! use moire_image::Picture;
//! use moire_tensor::{Eps, SampleId};
//! use moire_zoo::{Form, find};
//!
//! let editor = find("stargan")?.random(0, &Form { size: [32, 32], domains: 5 })?;
//! let settings = Settings { attack: "i_fgsm(steps=2)".parse()?, ..Settings::default() };
//! let device = Cpu::new(1);
//! let framing = usual_framing(&editor)?;
//! let mut protector = Protector::new(&device, vec![(editor, framing)], None)?;
//! let photograph = Picture::new(40, 30, (0..40 * 30 * 3).map(|i| (i % 251) as u8).collect())?;
//! let face = "Male,Young,Black_Hair".parse()?;
//! let protected = protector.protect(&photograph, &face, SampleId(1), &settings)?;
//! assert_eq!(protected.edits.len(), 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod jpeg;
mod judge;
mod look;
mod passage;
mod protector;
mod settings;
mod universal;
mod window;

pub use error::{Error, ErrorKind};
pub use protector::{Edit, Protected, Protector, usual_framing};
pub use settings::{Saving, Settings};
pub use universal::{Specimen, Universal};
