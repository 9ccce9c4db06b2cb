//! The half that attacks.

use std::path::Path;

use moire_attack::Attack;
use moire_embedded::detectors;
use moire_image::{Limits, Picture, decode};
use moire_study::{
    AttackPlan, CLEAN, DataPlan, DetectorPlan, Distance, Label, ModelSpec, Plan, Record, Store, files,
};
use moire_tensor::Eps;

use crate::cli::{Common, How};
use crate::commands::report;
use crate::commands::study::carry_out;

/// Detectors of three kinds.
const DETECTORS: [&str; 3] = ["ynet-swap", "mesoinception4-swap", "xception"];
/// Images of each label.
const IMAGES: usize = 6;
/// One that may change every pixel a little, one that changes few, and the control.
const ATTACKS: &str = "pgd,kra,urn";
/// Of 255.
const BUDGETS: [u8; 3] = [1, 2, 4];

/// A forgery that a detector takes for real after an attack.
pub(super) struct Flip {
    pub(super) detector: String,
    pub(super) attack: String,
    pub(super) image: String,
    pub(super) decided: Label,
    /// What it gives for "fake", before and after.
    pub(super) p_fake: [f64; 2],
    pub(super) distance: Distance,
    pub(super) given: Picture,
    pub(super) changed: Picture,
}

/// Audits the detectors on sample faces with swaps, and writes a study; what to show of it, two flips of each detector.
pub(super) fn attack(out: &Path) -> anyhow::Result<Vec<Flip>> {
    println!("\nattacking {}", DETECTORS.join(", "));
    let shown = detectors().iter().filter(|d| DETECTORS.contains(&d.name));
    let budgets = BUDGETS.map(Eps::from_u8).into_iter().collect::<Result<_, _>>()?;
    let plan = Plan {
        title: Some("moire demo".to_owned()),
        detectors: shown.map(|d| DetectorPlan::from(ModelSpec::from(d))).collect(),
        data: vec![DataPlan { limit: Some(IMAGES), ..DataPlan::new(out.join("samples/swap")) }],
        attacks: vec![AttackPlan::from(Attack::parse_list(ATTACKS)?)],
        budgets,
        ..Plan::default()
    };
    let study = out.join("audit");
    let how = How {
        batch: 8,
        memory: None,
        jobs_of: None,
        fail_below: None,
        common: Common { threads: 0, json: false },
    };
    carry_out(&plan, &study, &how)?;
    report::write(&study)?;
    let records = Store::open(&study.join("study.sqlite"))?.records()?;
    let mut flips = Vec::new();
    for detector in DETECTORS {
        for attack in ["pgd", "kra"] {
            let of = |r: &&Record| r.network == detector && r.attack.split(['(', ':']).next() == Some(attack);
            let turned = |r: &&Record| r.is_own() && r.label == Label::Fake && r.flipped();
            let least = records.iter().filter(of).filter(turned).min_by(|a, b| rms(a).total_cmp(&rms(b)));
            if let Some(record) = least {
                flips.extend(flip(&study, record, &records)?);
            }
        }
    }
    Ok(flips)
}

fn rms(record: &Record) -> f64 {
    record.measured().map_or(f64::INFINITY, |m| m.distance.rms)
}

/// None where the study kept no files of it.
fn flip(study: &Path, record: &Record, records: &[Record]) -> anyhow::Result<Option<Flip>> {
    let clean = records.iter().find(|r| {
        r.attack == CLEAN && (&r.network, &r.image) == (&record.network, &record.image) && r.is_own()
    });
    let file = |r: &Record| r.measured().and_then(|m| m.file.clone());
    let (Some(given), Some(changed), Some(m)) = (clean.and_then(file), file(record), record.measured())
    else {
        return Ok(None);
    };
    let open = |name: &str| -> anyhow::Result<Picture> {
        let limits = Limits::default();
        Ok(decode(&files::read(&study.join(name), limits.max_bytes)?, name, &limits)?)
    };
    let budget = record.eps.as_ref().map_or_else(String::new, |e| format!(" at {}", e.text()));
    let attack = if record.attack.starts_with("kra") { "the Key Region Attack" } else { "PGD" };
    Ok(Some(Flip {
        detector: record.network.clone(),
        attack: format!("{attack}{budget}"),
        image: record.image.clone(),
        decided: m.saved.decided,
        p_fake: [m.clean.p_fake, m.saved.p_fake],
        distance: m.distance,
        given: open(&given)?,
        changed: open(&changed)?,
    }))
}
