//! What a study leaves for people and machines beside its database.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use moire_attack::Universal;
use moire_image::{Filter, Picture, Subsampling, encode_jpeg, encode_png, resize};
use moire_tensor::{Images, Tensor};

use crate::amplified::{amplified, around_grey};
use crate::data::read_saved;
use crate::error::Error;
use crate::opinion::Opinion;
use crate::plan::Plan;
use crate::protection::{Protected, Protection};
use crate::record::{CLEAN, Record};
use crate::report::{Extra, PANEL_SIDE, Panel, ProtectionPanel, Report, Thumbs, choose_panels};
use crate::run::{PANELS, Place, database};
use crate::store::Store;
use crate::summary::{Protections, Summary};
use crate::{csv, files, json, latex, mask, parquet, universal};

/// How many layers of a key region are looked for at most.
const LAYERS: usize = 64;

/// Writes `report.html`, `records.csv`, `records.json`, `records.parquet` and `tables.tex` into a study's folder, from its records and saved
/// files alone, and answers with the paths and with what the records add up to.
///
/// # Errors
/// There is no study, it is damaged, a saved file is missing, or the disk is full.
pub fn write_outputs(folder: &Path) -> Result<(Vec<PathBuf>, Summary), Error> {
    let store = Store::open(&database(folder))?;
    let (meta, records) = (store.meta()?, store.records()?);
    let protections = store.protections()?;
    let title = match &*meta.title {
        "" if records.is_empty() && !protections.is_empty() => "Protected photographs",
        "" => "Detector audit",
        title => title,
    };
    let mut panels = Vec::new();
    let mut textured = BTreeSet::new();
    for record in choose_panels(&records, PANELS) {
        let Some(mut panel) = panel(folder, record, &records)? else { continue };
        // A universal perturbation is shown once.
        let place = universal::place(&Place::of_record(record).attack_folder());
        if textured.insert(place.clone()) && folder.join(&place).is_file() {
            panel.extras.extend(textures(&folder.join(place))?);
        }
        panels.push(panel);
    }
    let opinion = Opinion::read(folder)?;
    let thumbs = thumbs(folder, &records)?;
    let page = Report {
        title,
        meta: &meta,
        records: &records,
        panels: &panels,
        thumbs: &thumbs,
        opinion: opinion.as_ref(),
        protections: &protections,
        protection_panels: &protection_panels(folder, &protections)?,
    }
    .render()?;
    let (mut table, mut text, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    csv::write(&mut table, &records)?;
    json::write(&mut text, &meta, &records)?;
    parquet::write(&mut columns, &records)?;
    let mut summary = Summary::of(&records, Plan::metrics_of(&meta));
    summary.protections = Protections::of(&protections);
    let latex = latex::tables(&summary).into_bytes();
    let mut paths = Vec::new();
    if !protections.is_empty() {
        let mut edits = Vec::new();
        csv::write_edits(&mut edits, &protections)?;
        files::write(&folder.join("edits.csv"), &edits)?;
        paths.push(folder.join("edits.csv"));
    }
    for (name, bytes) in [
        ("records.csv", table),
        ("records.json", text),
        ("records.parquet", columns),
        ("tables.tex", latex),
        ("report.html", page.into_bytes()),
    ] {
        files::write(&folder.join(name), &bytes)?;
        paths.push(folder.join(name));
    }
    Ok((paths, summary))
}

/// The pictures of one record, from its saved file and that of the image as it was given.
fn panel(folder: &Path, record: &Record, records: &[Record]) -> Result<Option<Panel>, Error> {
    let file = |r: &Record| r.measured().and_then(|m| m.file.clone());
    let original = records
        .iter()
        .find(|r| {
            r.attack == CLEAN
                && r.is_own()
                && (&r.network, &r.data, &r.image) == (&record.network, &record.data, &record.image)
        })
        .and_then(file);
    let (Some(given), Some(saved)) = (original, file(record)) else { return Ok(None) };
    let load = |name: &str| Ok::<_, Error>(read_saved(&folder.join(name))?.to_images());
    let (original, changed) = (load(&given)?, load(&saved)?);
    let (factor, change) = amplified(&original, &changed)?;
    let mut maps = Vec::new();
    if let Some(shift) = record.measured().and_then(|m| m.mask) {
        maps.push(("mask before".to_owned(), mask::drawn(&given)));
        maps.push(("mask after".to_owned(), mask::drawn(&saved)));
        maps.extend(shift.wanted.map(|_| ("mask wanted".to_owned(), mask::wanted(&saved))));
    }
    let regions: Vec<String> = (0..LAYERS)
        .map(|layer| mask::region(&saved, layer))
        .take_while(|file| folder.join(file).is_file())
        .collect();
    if let [layers @ .., all] = &regions[..] {
        let title = |(n, file): (usize, &String)| (format!("key region, layer {}", n + 1), file.clone());
        maps.extend(layers.iter().enumerate().map(title));
        maps.push(("where all layers agree".to_owned(), all.clone()));
    }
    let mut extras = Vec::new();
    for (what, file) in maps {
        extras.push(Extra { what, picture: thumbnail(&load(&file)?, PANEL)? });
    }
    Ok(Some(Panel {
        key: record.key(),
        factor,
        clean: thumbnail(&original, PANEL)?,
        change: thumbnail(&change, PANEL)?,
        adversarial: thumbnail(&changed, PANEL)?,
        given: Some(given),
        extras,
    }))
}

/// The most protected photographs that are shown, and how large their edits are.
const SHOWN: usize = 12;
const EDIT: (usize, u8) = (112, 85);

/// The pictures of the first photographs under each setting, in turn until enough are shown.
fn protection_panels(folder: &Path, protections: &[Protection]) -> Result<Vec<ProtectionPanel>, Error> {
    let kept: Vec<(usize, &Protected)> = protections
        .iter()
        .enumerate()
        .filter_map(|(place, p)| Some((place, p.protected().filter(|p| p.given.is_some())?)))
        .collect();
    let settings: BTreeSet<usize> = kept.iter().map(|(place, _)| protections[*place].setting.place).collect();
    let each = (SHOWN / settings.len().max(1)).clamp(1, PANELS);
    let mut shown: Vec<ProtectionPanel> = Vec::new();
    for setting in settings {
        let of_setting = kept.iter().filter(|(place, _)| protections[*place].setting.place == setting);
        for (place, made) in of_setting.take(each) {
            shown.push(protection_panel(folder, *place, made)?);
        }
    }
    shown.truncate(2 * SHOWN);
    Ok(shown)
}

fn protection_panel(folder: &Path, place: usize, made: &Protected) -> Result<ProtectionPanel, Error> {
    let load = |name: &str| Ok::<_, Error>(read_saved(&folder.join(name))?.to_images());
    let (given, changed) = (load(made.given.as_deref().unwrap_or(&made.file))?, load(&made.file)?);
    let (factor, change) = amplified(&given, &changed)?;
    let mut edits = Vec::new();
    for (at, edit) in made.edits.iter().enumerate() {
        let Some([before, after]) = &edit.files else { continue };
        edits.push((at, [thumbnail(&load(before)?, EDIT)?, thumbnail(&load(after)?, EDIT)?]));
    }
    Ok(ProtectionPanel {
        place,
        given: thumbnail(&given, PANEL)?,
        change: thumbnail(&change, PANEL)?,
        factor,
        protected: thumbnail(&changed, PANEL)?,
        edits,
    })
}

/// Both changes of a universal perturbation, amplified.
fn textures(path: &Path) -> Result<[Extra; 2], Error> {
    let Universal { size: [height, width], of_fakes, of_reals } = universal::from_file(path)?;
    let texture = |what: &str, change: Vec<f32>| {
        let (factor, image) = around_grey(&Tensor::new([1, 3, height, width], change)?)?;
        Ok::<_, Error>(Extra { what: format!("{what} × {factor}"), picture: thumbnail(&image, PANEL)? })
    };
    Ok([texture("change of all fakes", of_fakes)?, texture("change of all reals", of_reals)?])
}

/// The longest side of a picture in the report, and the quality of its JPEG file; the files beside it are whole.
const PANEL: (usize, u8) = (PANEL_SIDE as usize * 3 / 4, 88);
/// The same for one image of many.
const THUMB: (usize, u8) = (48, 60);

/// A picture of at most so many pixels a side. What is small is a PNG, exactly as it is.
fn thumbnail(images: &Images, (most, quality): (usize, u8)) -> Result<Vec<u8>, Error> {
    let side = images.height().max(images.width());
    if side <= SMALL {
        return Ok(encode_png(&Picture::from_images(images, 0)));
    }
    let scaled = |extent: usize| if side <= most { extent } else { (extent * most / side).max(1) };
    let small = resize(images, scaled(images.height()), scaled(images.width()), Filter::Bilinear)?;
    Ok(encode_jpeg(&Picture::from_images(&small, 0), quality, Subsampling::Yuv444)?)
}

/// Below this a PNG is no larger than a JPEG.
const SMALL: usize = 32;

/// Small pictures of all images, from the files as they were given.
fn thumbs(folder: &Path, records: &[Record]) -> Result<Thumbs, Error> {
    let mut thumbs = Thumbs::new();
    for record in records.iter().filter(|r| r.attack == CLEAN && r.is_own()) {
        let key = (record.data.clone(), record.image.clone());
        let Some(file) = record.measured().and_then(|m| m.file.as_ref()) else { continue };
        if let Entry::Vacant(place) = thumbs.entry(key) {
            place.insert(thumbnail(&read_saved(&folder.join(file))?.to_images(), THUMB)?);
        }
    }
    Ok(thumbs)
}
