//! Photographs in and out: bytes to pixels and back, at eight bits.
//!
//! - [`decode`]: a PNG, JPEG or WebP file to a [`Picture`], within [`Limits`] that hold before any pixel is
//!   allocated. Whole files only: what is cut off or damaged is an error, never part of a picture.
//! - [`Picture`]: one RGB image of eight bits a value, as a file holds it.
//! - [`encode_png`] (lossless) and [`encode_jpeg`]: a picture to a file.
//! - [`Metadata`]: EXIF data and the colour profile, from one file to another.
//! - [`Transform`]: what a picture goes through on its way: JPEG, resizing, blur, a crop.
//! - [`resize`] with a [`Filter`], whose [`Taps`] say what each new pixel is made of; [`crop`] to a [`Rect`].
//!
//! Bytes in, bytes out: no files, no threads, no clock. The same input gives the same bits on every machine.
//!
//! # The 8-bit round trip
//! A byte b is the pixel b / 255, and a pixel v is the byte nearest to 255 · v, halves upwards. With that,
//! `decode(encode_png(p)) == p` for every picture, and what it holds is [`Images::quantised`](moire_tensor::Images::quantised).
//! Judge an attack on quantised images: no file holds any others.
//!
//! ```
//! use moire_image::{Limits, Picture, decode, encode_png};
//! use moire_tensor::{Images, Tensor};
//!
//! let images = Images::new(Tensor::from_fn([1, 3, 4, 5], |i| i as f32 / 60.0))?;
//! let saved = encode_png(&Picture::from_images(&images, 0));
//! let read = decode(&saved, "ramp.png", &Limits::default())?;
//! assert_eq!((read.width(), read.height()), (5, 4));
//! assert_eq!(read.to_images(), images.quantised());
//!
//! let error = decode(b"not an image", "notes.png", &Limits::default()).unwrap_err();
//! assert_eq!(error.to_string(), "notes.png: expected a PNG, JPEG or WebP image, found text");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod crop;
mod decode;
mod encode_jpeg;
mod encode_png;
mod error;
mod exif;
mod filter;
mod limits;
mod metadata;
mod picture;
mod resize;
mod transform;

pub use crop::{Rect, crop};
pub use decode::{decode, decode_with_metadata};
pub use encode_jpeg::{Subsampling, encode_jpeg, encode_jpeg_with};
pub use encode_png::{encode_png, encode_png_with};
pub use error::{Error, ErrorKind};
pub use filter::{Filter, Taps};
pub use limits::Limits;
pub use metadata::Metadata;
pub use picture::Picture;
pub use resize::resize;
pub use transform::Transform;
