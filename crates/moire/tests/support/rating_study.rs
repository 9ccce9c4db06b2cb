//! A study of synthetic pictures, made here, and the plan of a rating of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use moire_image::{Picture, encode_png};
use moire_study::{
    Answer, Budget, CLEAN, Cost, Criterion, Distance, Judgement, Label, Measured, Meta, Record, Store, files,
};
use moire_tensor::Eps;

/// Writes a study of synthetic pictures under `conditions` conditions, and the plan of a rating of them.
pub(crate) fn study(folder: &Path, images: usize, conditions: usize, side: usize, plan: &str) {
    let mut records = Vec::new();
    let mut text = format!(
        "title = 'What do you see?'\nseed = 7\n{plan}\nconsent = {{ en = 'consent.en.txt', de = 'consent.de.txt' }}\n"
    );
    for k in 0..conditions {
        let (attack, levels) =
            if k == 0 { (CLEAN.to_owned(), None) } else { (format!("urn(k={k})"), Some(4 * k)) };
        writeln!(text, "[[condition]]\nname = 'hush {k}'\nnetwork = 'net'\nattack = '{attack}'").unwrap();
        text += &levels.map_or(String::new(), |l| format!("eps = '{l}/255'\n"));
        for image in 0..images {
            let file = format!("images/net/{k}/{image:03}.png");
            let (clean, shown) = (picture(image, 0, side), picture(image, levels.unwrap_or(0), side));
            files::write(&folder.join(&file), &encode_png(&shown)).unwrap();
            let eps = levels.map(|l| Budget::from(format!("{l}/255").parse::<Eps>().unwrap()));
            records.push(record(image, attack.clone(), eps, &clean, &shown, file));
        }
    }
    let mut store = Store::open_or_create(&folder.join("study.sqlite"), &Meta::default()).unwrap();
    store.insert(&records).unwrap();
    let put =
        |name: &str, text: &str| files::write(&folder.join("rating").join(name), text.as_bytes()).unwrap();
    put("plan.toml", &text);
    put("consent.en.txt", "This is a test.\n\nTake part in it <b>if</b> you like.");
    put("consent.de.txt", "Einwilligungstext.");
}

/// Soft shapes, no two alike, with noise of so many levels over them.
fn picture(image: usize, levels: usize, side: usize) -> Picture {
    let value = |i: usize| {
        let (x, y, c) = ((i / 3 % side) as f64 / side as f64, (i / 3 / side) as f64 / side as f64, i % 3);
        let phase = image as f64 * 1.7;
        let hill = ((x - 0.5 - 0.3 * phase.sin()).powi(2) + (y - 0.5 - 0.3 * phase.cos()).powi(2)) * 9.0;
        let level = 60.0 + 120.0 * (-hill).exp() + 40.0 * ((3.0 + c as f64) * x + 4.0 * y + phase).sin();
        let noise = (i.wrapping_mul(2_654_435_761) >> 11) % (2 * levels + 1);
        (level + noise as f64 - levels as f64).clamp(0.0, 255.0) as u8
    };
    Picture::new(side, side, (0..3 * side * side).map(value).collect()).unwrap()
}

fn record(
    image: usize,
    attack: String,
    eps: Option<Budget>,
    clean: &Picture,
    shown: &Picture,
    file: String,
) -> Record {
    let judgement = Judgement { decided: Label::Fake, p_fake: 0.9, margin: 2.0 };
    let (a, b) = (clean.to_images(), shown.to_images());
    Record {
        network: "net".to_owned(),
        crafted_on: None,
        attack,
        eps,
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
            distance: Distance::between(a.image(0), b.image(0), clean.height(), clean.width()),
            cost: Cost { steps: 1, gradients: 0, queries: 1, seconds: 0.1 },
            file: Some(file),
        })),
    }
}
