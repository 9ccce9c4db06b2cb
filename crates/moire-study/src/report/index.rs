//! Every image of the study in one table: what it took to flip it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moire_tensor::Label;

use super::{link, picture_type};
use crate::error::{Error, Repr};
use crate::record::Record;
use crate::summary::Summary;
use crate::words::{percent, short_levels};

/// The most images that are listed.
const MOST: usize = 2000;

pub(super) struct Index<'a> {
    pub(super) subjects: Vec<&'a str>,
    pub(super) rows: Vec<Row<'a>>,
    /// How many images are not listed.
    pub(super) more: usize,
}

pub(super) struct Row<'a> {
    pub(super) thumb: Option<String>,
    pub(super) image: &'a str,
    pub(super) data: Option<&'a str>,
    pub(super) label: Label,
    pub(super) cells: Vec<Cell<'a>>,
}

/// What it took to flip one image on one detector.
pub(super) struct Cell<'a> {
    pub(super) text: String,
    pub(super) attack: &'a str,
    pub(super) sort: String,
    pub(super) link: Option<String>,
    pub(super) class: &'static str,
}

/// Small pictures of images, by data set and image.
pub(crate) type Thumbs = BTreeMap<(String, String), Vec<u8>>;

/// The records of one image.
type ByNetwork<'a> = BTreeMap<&'a str, Vec<&'a Record>>;

pub(super) fn index<'a>(
    records: &'a [Record],
    summary: &'a Summary,
    thumbs: &Thumbs,
) -> Result<Option<Index<'a>>, Error> {
    let subjects: Vec<(&str, &str, &str)> =
        summary.networks.iter().map(|n| (n.name.as_str(), n.data.as_str(), n.subject.as_str())).collect();
    let mut networks: Vec<&str> = subjects.iter().map(|(name, ..)| *name).collect();
    networks.dedup();
    let several = subjects.iter().any(|(_, data, _)| *data != subjects[0].1);
    let mut rows: BTreeMap<(&str, &str), (Label, ByNetwork<'_>)> = BTreeMap::new();
    for r in records.iter().filter(|r| r.is_own()) {
        let (_, by_network) = rows.entry((&r.data, &r.image)).or_insert((r.label, BTreeMap::new()));
        by_network.entry(&r.network).or_default().push(r);
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let more = rows.len().saturating_sub(MOST);
    let row = |((data, image), (label, by_network)): ((&'a str, &'a str), (Label, ByNetwork<'a>))| {
        let thumb = thumbs.get(&(data.to_owned(), image.to_owned()));
        let thumb = thumb.map(|bytes| {
            let kind = picture_type(bytes).ok_or_else(|| Repr::Panel {
                title: image.to_owned(),
                which: "small".to_owned(),
                expected: "a PNG or JPEG file",
            })?;
            Ok::<_, Error>(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
        });
        Ok(Row {
            thumb: thumb.transpose()?,
            image,
            data: several.then_some(data),
            label,
            cells: networks
                .iter()
                .map(|n| by_network.get(n).map_or_else(Cell::nothing, |records| Cell::of(records, summary)))
                .collect(),
        })
    };
    let rows = rows.into_iter().take(MOST).map(row).collect::<Result<_, Error>>()?;
    Ok(Some(Index { subjects: networks, rows, more }))
}

impl<'a> Cell<'a> {
    fn nothing() -> Self {
        Self { text: "–".to_owned(), attack: "", sort: "9".to_owned(), link: None, class: "" }
    }

    /// From the records of one image on one detector.
    fn of(records: &[&'a Record], summary: &'a Summary) -> Self {
        let plain = |text: &str, sort: &str, class| Self {
            text: text.to_owned(),
            attack: "",
            sort: sort.to_owned(),
            link: None,
            class,
        };
        let Some(first) = records.iter().find(|r| r.measured().is_some()) else {
            return plain("failed", "9", "wrong");
        };
        if !first.correct_before() {
            return plain("wrong before", "8", "wrong");
        }
        let size = |r: &Record| {
            r.eps
                .as_ref()
                .map_or_else(|| r.measured().map_or(0.0, |m| m.distance.linf), |b| b.eps().value().into())
        };
        let group = |r: &Record| summary.groups.iter().find(|g| g.is_of(r)).filter(|g| g.kind.is_attack());
        let flips = records.iter().filter(|r| r.flipped()).filter_map(|r| Some((*r, group(r)?)));
        let least = flips.reduce(|a, b| if size(b.0) < size(a.0) { b } else { a });
        let Some((record, group)) = least else { return plain("not flipped", "7", "good") };
        let size = size(record);
        Self {
            text: short_levels(size),
            attack: &group.label,
            sort: format!("{size:.6}"),
            link: record.measured().and_then(|m| m.file.as_deref()).map(link),
            class: "flip",
        }
    }
}

/// What the table says, in a sentence.
pub(super) fn lede(summary: &Summary) -> String {
    let flipped: u64 = summary.networks.iter().map(|n| n.worst.sizes.len() as u64).sum();
    let of: u64 = summary.networks.iter().map(|n| n.worst.correct).sum();
    let share = if of == 0 {
        String::new()
    } else {
        format!(" {} of what was called correctly flips at some size.", percent(flipped as f64 / of as f64))
    };
    format!(
        "For each image and detector the smallest change that flips it, by whatever attack, as the largest change of any \
         value in steps of 255, and the attack that found it.{share} A size leads to the file."
    )
}
