//! What a study leaves for people and machines beside its database.

use std::path::{Path, PathBuf};

use moire_image::{Filter, Picture, encode_png, resize};
use moire_tensor::{Images, Tensor};

use crate::data::read_saved;
use crate::error::Error;
use crate::record::{CLEAN, Record};
use crate::report::{MaskPng, PANEL_SIDE, Panel, Report, choose_panels};
use crate::runner::database;
use crate::store::Store;
use crate::summary::Summary;
use crate::{csv, files, json, mask};

/// How many images of each attack are shown.
const PANELS: usize = 3;

/// Writes `report.html`, `records.csv` and `records.json` into a study's folder, from its records and saved
/// files alone, and answers with the paths and with what the records add up to.
///
/// # Errors
/// There is no study, it is damaged, a saved file is missing, or the disk is full.
pub fn write_outputs(folder: &Path, title: &str) -> Result<(Vec<PathBuf>, Summary), Error> {
    let store = Store::open(&database(folder))?;
    let (meta, records) = (store.meta()?, store.records()?);
    let panels = choose_panels(&records, PANELS)
        .into_iter()
        .filter_map(|record| panel(folder, record, &records).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let page = Report { title, meta: &meta, records: &records, panels: &panels }.render()?;
    let (mut table, mut text) = (Vec::new(), Vec::new());
    csv::write(&mut table, &records)?;
    json::write(&mut text, &meta, &records)?;
    let mut paths = Vec::new();
    for (name, bytes) in [("records.csv", table), ("records.json", text), ("report.html", page.into_bytes())]
    {
        files::write(&folder.join(name), &bytes)?;
        paths.push(folder.join(name));
    }
    Ok((paths, Summary::new(&records)))
}

/// The pictures of one record, from its saved file and that of the image as it was given.
fn panel(folder: &Path, record: &Record, records: &[Record]) -> Result<Option<Panel>, Error> {
    let file = |r: &Record| r.measured().and_then(|m| m.file.clone());
    let original = records
        .iter()
        .find(|r| r.attack == CLEAN && r.network == record.network && r.image == record.image)
        .and_then(file);
    let (Some(given), Some(saved)) = (original, file(record)) else { return Ok(None) };
    let load = |name: &str| Ok::<_, Error>(read_saved(&folder.join(name))?.to_images());
    let (original, changed) = (load(&given)?, load(&saved)?);
    let (factor, change) = amplified(&original, &changed)?;
    let mut masks = Vec::new();
    if let Some(shift) = record.measured().and_then(|m| m.mask) {
        masks.extend([("before", mask::drawn(&given)), ("after", mask::drawn(&saved))]);
        masks.extend(shift.wanted.map(|_| ("wanted", mask::wanted(&saved))));
    }
    let masks = masks
        .into_iter()
        .map(|(what, file)| Ok(MaskPng { what, png: thumbnail(&load(&file)?)? }))
        .collect::<Result<_, Error>>()?;
    Ok(Some(Panel {
        key: record.key(),
        factor,
        clean_png: thumbnail(&original)?,
        change_png: thumbnail(&change)?,
        adversarial_png: thumbnail(&changed)?,
        masks,
    }))
}

/// The change around mid-grey, times the largest whole factor that keeps it in range.
fn amplified(original: &Images, changed: &Images) -> Result<(f64, Images), Error> {
    let (a, b) = (original.tensor().data(), changed.tensor().data());
    let largest = a.iter().zip(b).map(|(a, b)| (b - a).abs()).fold(0.0f32, f32::max);
    let factor = if largest > 0.0 { (0.5 / largest).floor().clamp(1.0, 64.0) } else { 1.0 };
    let shape = original.tensor().shape().clone();
    let change = Images::project(Tensor::from_fn(shape, |i| 0.5 + (b[i] - a[i]) * factor))?;
    Ok((f64::from(factor), change))
}

/// A PNG that fits the report.
fn thumbnail(images: &Images) -> Result<Vec<u8>, Error> {
    let side = images.height().max(images.width());
    let most = PANEL_SIDE as usize;
    if side <= most {
        return Ok(encode_png(&Picture::from_images(images, 0)));
    }
    let scaled = |extent: usize| (extent * most / side).max(1);
    let small = resize(images, scaled(images.height()), scaled(images.width()), Filter::Bilinear)?;
    Ok(encode_png(&Picture::from_images(&small, 0)))
}
