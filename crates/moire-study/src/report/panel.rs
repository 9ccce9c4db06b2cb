use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moire_tensor::Label;

use crate::error::{Error, Repr};
use crate::record::{Key, Record};
use crate::summary::{Kind, Summary};

/// The longest side of a picture on the page, in pixels.
pub const PANEL_SIDE: u32 = 256;

/// Three pictures of one record, for people to look at: PNG or JPEG files of at most [`PANEL_SIDE`] pixels a side.
///
/// Everything that is said about them comes from the record itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The record that they show.
    pub key: Key,
    /// By what the change is multiplied before it is drawn around mid-grey.
    pub factor: f64,
    /// The image as it was given.
    pub clean: Vec<u8>,
    /// The change, amplified, grey where nothing changed.
    pub change: Vec<u8>,
    /// The saved file.
    pub adversarial: Vec<u8>,
    /// The file of the image as it was given, relative to the study's folder, when it was kept.
    pub given: Option<String>,
    /// What else belongs to them, in the order in which it is shown: masks, key regions, universal perturbations.
    pub extras: Vec<Extra>,
}

/// One more picture of a [`Panel`], like its others.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// What it is, for people.
    pub what: String,
    /// The file, PNG or JPEG.
    pub picture: Vec<u8>,
}

/// The records worth looking at, at most `each` for one network and attack: successes at the smallest budget
/// first; for an attack without a success, what it did at its largest budget, on images chosen before if any.
///
/// The choice depends on the records alone, not on their order.
pub fn choose_panels(records: &[Record], each: usize) -> Vec<&Record> {
    let summary = Summary::new(records);
    let mut by_attack: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    for r in records.iter().filter(|r| r.measured().is_some() && r.is_own()) {
        let key = (&r.network, &r.data, &r.attack, r.criterion.to_string(), &r.made_of);
        by_attack.entry(key).or_default().push(r);
    }
    let mut chosen: Vec<&Record> = Vec::new();
    let mut seen: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    // The summary's order: attacks before noise, so that noise can show the images that an attack broke.
    for group in &summary.groups {
        let g = group;
        let key = (&g.network, &g.data, &g.attack, g.criterion.to_string(), &g.made_of);
        let Some(candidates) = by_attack.remove(&key) else { continue };
        if group.kind == Kind::Clean {
            continue;
        }
        // What a mask was not forged on shows nothing.
        let shows = |r: &&Record| {
            group.kind != Kind::Mask
                || r.measured().is_some_and(|m| m.mask.is_some_and(|s| s.wanted.is_some()))
        };
        let candidates: Vec<&Record> = candidates.into_iter().filter(shows).collect();
        let flipped = label_by_label(candidates.iter().copied().filter(|r| r.flipped()).collect());
        let picks = if flipped.is_empty() {
            let largest = candidates.iter().map(|r| size(r)).fold(0.0, f32::max);
            let rest = candidates.into_iter().filter(|r| size(r) == largest).collect();
            let mut rest = label_by_label(rest);
            // Stable: images known from an attack that broke them, then what could still be broken.
            rest.sort_by_key(|r| (!seen.contains(&(&*r.network, &*r.data, &*r.image)), !r.correct_before()));
            rest
        } else {
            flipped
        };
        let mut images: BTreeSet<&str> = BTreeSet::new();
        for record in picks {
            if images.len() < each && images.insert(&record.image) {
                seen.insert((&record.network, &record.data, &record.image));
                chosen.push(record);
            }
        }
    }
    chosen
}

fn size(record: &Record) -> f32 {
    record.eps.as_ref().map_or(0.0, |b| b.eps().value())
}

/// By budget, and at one budget a forgery and a photograph in turn, each in the order of their names.
fn label_by_label(mut records: Vec<&Record>) -> Vec<&Record> {
    records.sort_by(|a, b| size(a).total_cmp(&size(b)).then_with(|| a.image.cmp(&b.image)));
    let mut met: BTreeMap<(u32, Label), usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, &Record)> = Vec::new();
    for record in records {
        let turn = met.entry((size(record).to_bits(), record.label)).or_default();
        ranked.push((*turn, record));
        *turn += 1;
    }
    ranked.sort_by(|a, b| size(a.1).total_cmp(&size(b.1)).then(a.0.cmp(&b.0)));
    ranked.into_iter().map(|(_, record)| record).collect()
}

/// A picture as the page embeds it, with its size so that nothing moves while it loads.
pub(super) struct Picture {
    pub(super) uri: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The picture of `which` kind of something called `title`.
pub(super) fn picture(title: &str, which: &str, bytes: &[u8]) -> Result<Picture, Error> {
    let fail = |expected| Repr::Panel { title: title.to_owned(), which: which.to_owned(), expected };
    let kind = picture_type(bytes).ok_or_else(|| fail("a PNG or JPEG file"))?;
    let size = if kind == "png" { dimensions(bytes) } else { jpeg_dimensions(bytes) };
    let (width, height) = size.ok_or_else(|| fail("a PNG or JPEG file"))?;
    if !(1..=PANEL_SIDE).contains(&width) || !(1..=PANEL_SIDE).contains(&height) {
        return Err(fail("1 to 256 pixels a side").into());
    }
    Ok(Picture { uri: format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)), width, height })
}

/// What a picture file is, as browsers call it.
pub(super) fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("png");
    }
    bytes.starts_with(b"\xff\xd8\xff").then_some("jpeg")
}

/// Width and height as the frame header of a JPEG file has them (ITU-T T.81, B.2.2).
fn jpeg_dimensions(jpeg: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from(u16::from_be_bytes(jpeg.get(at..at + 2)?.try_into().ok()?)));
    let mut at = 2;
    loop {
        let [0xff, marker] = *jpeg.get(at..at + 2)? else { return None };
        if matches!(marker, 0xc0..=0xc2) {
            return number(at + 7).zip(number(at + 5));
        }
        at += 2 + number(at + 2)? as usize;
    }
}

/// Width and height as the first chunk of a PNG file has them.
fn dimensions(png: &[u8]) -> Option<(u32, u32)> {
    let header = png.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let number = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    number(0).zip(number(4))
}
