//! A small study for tests: pictures made here, records of them, on the disk where wanted.

use std::fmt::Write as _;
use std::path::Path;

use moire_image::{Picture, encode_png};
use moire_study::{
    Answer, Budget, CLEAN, Cost, Criterion, Distance, Judgement, Label, Measured, Meta, Record, Store, files,
};
use moire_tensor::Eps;

use crate::plan::RatePlan;
use crate::store::Experiment;

/// A plan over the first `conditions` conditions of [`records`].
pub(crate) fn plan(set: usize, ratings: usize, conditions: usize) -> RatePlan {
    let mut text = format!(
        "title = 'Test'\nseed = 7\nset = {set}\nratings_per_pair = {ratings}\ntraining = 2\n\
         consent = {{ en = 'consent.en.txt', de = 'consent.de.txt' }}\n"
    );
    for k in 0..conditions {
        let (attack, eps) = condition(k);
        let eps = eps.map_or(String::new(), |e| format!("eps = '{e}'\n"));
        writeln!(text, "[[condition]]\nname = 'secret {k}'\nnetwork = 'net'\nattack = '{attack}'\n{eps}")
            .expect("a text");
    }
    toml::from_str(&text).expect("a plan")
}

fn condition(k: usize) -> (String, Option<String>) {
    if k == 0 { (CLEAN.to_owned(), None) } else { (format!("urn(k={k})"), Some(format!("{k}/255"))) }
}

/// Records of `images` images: clean, and `conditions - 1` others.
pub(crate) fn records(images: usize, conditions: usize) -> Vec<Record> {
    let judgement = Judgement { decided: Label::Fake, p_fake: 0.9, margin: 2.0 };
    let record = |image: usize, k: usize| {
        let (attack, eps) = condition(k);
        Record {
            network: "net".to_owned(),
            crafted_on: None,
            attack,
            eps: eps.map(|e| Budget::from(e.parse::<Eps>().expect("a budget"))),
            criterion: Criterion::Saved,
            made_of: None,
            transform: None,
            data: "faces".to_owned(),
            image: format!("fake/{image:03}.png"),
            image_sha256: format!("{image:064x}"),
            label: Label::Fake,
            seed: 7,
            answer: Answer::Measured(Box::new(Measured {
                clean: judgement,
                float: Some(judgement),
                saved: judgement,
                mask: None,
                distance: Distance {
                    p_l0: 0.5,
                    l0_positions: 1,
                    l0_values: 3,
                    l1: 1.0,
                    l2: 1.0,
                    rms: k as f64 / 255.0,
                    linf: k as f64 / 255.0,
                    rmse_255: k as f64,
                    psnr: (k > 0).then(|| 48.0 - k as f64 - image as f64 / 100.0),
                    ssim: Some(1.0 - 0.01 * k as f64 - image as f64 / 1e5),
                },
                cost: Cost { steps: 1, gradients: 0, queries: 1, seconds: 0.1 },
                file: Some(format!("images/net/{k}/{image:03}.png")),
            })),
        }
    };
    (0..images).flat_map(|i| (0..conditions).map(move |k| (i, k))).map(|(i, k)| record(i, k)).collect()
}

/// The same as a study on the disk, its pictures soft waves with noise over them.
pub(crate) fn study(folder: &Path, images: usize, conditions: usize, side: usize) {
    let records = records(images, conditions);
    let meta = Meta { plan: "seed = 7\n".to_owned(), program: "moire".to_owned(), ..Meta::default() };
    let mut store = Store::open_or_create(&folder.join("study.sqlite"), &meta).expect("a study");
    store.insert(&records).expect("records");
    for image in 0..images {
        for k in 0..conditions {
            let wave = |i: usize| {
                let (x, y, c) = ((i / 3 % side) as f64, (i / 3 / side) as f64, (i % 3) as f64);
                let noise =
                    if (i.wrapping_mul(2_654_435_761) >> 7) % 2 == 0 { k as f64 } else { -(k as f64) };
                let level = ((x * 0.05 + image as f64).sin() + (y * 0.04 + c).cos()) * 50.0 + 128.0;
                (level + noise) as u8
            };
            let rgb = (0..3 * side * side).map(wave).collect();
            let png = encode_png(&Picture::new(side, side, rgb).expect("the sizes fit"));
            files::write(&folder.join(format!("images/net/{k}/{image:03}.png")), &png).expect("a picture");
        }
    }
}

/// An experiment on that study, begun.
pub(crate) fn experiment(folder: &Path, plan: &RatePlan, images: usize) -> Experiment {
    study(folder, images, plan.condition.len(), 8);
    let text = plan.text().expect("a plan has a text");
    files::write(&Experiment::plan_path(folder), text.as_bytes()).expect("a plan");
    Experiment::open_or_begin(folder).expect("an experiment")
}
