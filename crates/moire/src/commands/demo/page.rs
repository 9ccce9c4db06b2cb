//! The page of the demonstration: one file, pictures and all.

use anyhow::Context;
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moire_image::{Picture, encode_png};
use moire_study::Distance;

use super::detectors::Flip;
use super::photographs::Shield;

#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    shields: &'a [Shield],
    flips: &'a [Flip],
}

impl<'a> Page<'a> {
    pub(super) fn new(shields: &'a [Shield], flips: &'a [Flip]) -> Self {
        Self { shields, flips }
    }

    pub(super) fn to_html(&self) -> anyhow::Result<String> {
        self.render().context("the page of the demonstration")
    }
}

/// A picture as an address that holds it.
fn uri(picture: &Picture) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(encode_png(picture)))
}

/// The change around mid-grey, and by what it is multiplied.
fn amplified(given: &Picture, changed: &Picture) -> (f64, String) {
    let (factor, drawn) =
        moire_study::amplified(&given.to_images(), &changed.to_images()).expect("pixels are finite");
    (factor, uri(&Picture::from_images(&drawn, 0)))
}

/// How large a change is, in words.
fn size(d: &Distance) -> String {
    let psnr = d.psnr.map_or_else(String::new, |v| format!(", PSNR {v:.1} dB"));
    format!("{:.1} % of the pixels, by at most {:.0} of 255{psnr}", 100.0 * d.p_l0, 255.0 * d.linf)
}
