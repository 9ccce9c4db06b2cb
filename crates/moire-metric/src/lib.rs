//! How large a change to an image is, and what it does to a detector's decisions.
//!
//! Pure functions with results in double precision; images are `[3, h, w]` values in `[0, 1]`, as
//! [`Images::image`](moire_tensor::Images::image) gives them.
//!
//! - [`Perturbation`]: a change by L0 (positions and values), L1, L2, RMS, L∞ and RMSE.
//! - [`psnr`], [`ssim`]: how much of the image is left.
//! - [`accuracy`], [`attack_success_rate`] (ASR), [`attack_transfer_ratio`] (ATR), [`auc`], [`iou`]: decisions.
//! - [`opinion`]: what people say they see; [`pearson`], [`spearman`]: how far that goes with a measure.
//! - [`Interval`]: where a rate lies with 95 % confidence; [`wilson`] of a rate, [`asr_interval`] of an ASR.
//!
//! What is undefined is `None`, never a number that looks like one.
//!
//! ```
//! use moire_metric::{Perturbation, asr_interval, attack_success_rate, ssim};
//!
//! let clean = vec![0.5; 3 * 16 * 16];
//! let changed: Vec<f32> = clean.iter().map(|v| v + 4.0 / 255.0).collect();
//! assert_eq!(Perturbation::between(&clean, &changed).p_l0, 1.0);
//! assert!(ssim(&clean, &changed, 16, 16).is_some_and(|s| s > 0.99));
//!
//! // Of 10 images the detector had 9 right, and has 1 right under attack.
//! let asr = attack_success_rate(0.9, 0.1);
//! assert!(asr.is_some_and(|a| asr_interval(8, 9).low < a));
//! ```
#![forbid(unsafe_code)]

mod accuracy;
mod attack_success_rate;
mod attack_transfer_ratio;
mod auc;
mod correlation;
mod interval;
mod iou;
pub mod opinion;
mod perturbation;
mod psnr;
mod ssim;

pub use accuracy::accuracy;
pub use attack_success_rate::{asr_interval, attack_success_rate};
pub use attack_transfer_ratio::attack_transfer_ratio;
pub use auc::auc;
pub use correlation::{pearson, spearman};
pub use interval::{Interval, wilson};
pub use iou::iou;
pub use perturbation::Perturbation;
pub use psnr::psnr;
pub use ssim::ssim;
