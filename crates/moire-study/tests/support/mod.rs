//! Records for tests: small, and every number chosen by hand.
#![allow(dead_code, reason = "each test file uses some of these")]

use std::collections::BTreeMap;

use moire_study::{Answer, Budget, Cost, Criterion, Distance, Judgement, Label, Measured, Meta, Record};
use moire_tensor::Eps;

pub(crate) fn judgement(label: Label, margin: f64) -> Judgement {
    let other = if label == Label::Fake { Label::Real } else { Label::Fake };
    let right = 1.0 / (1.0 + (-margin).exp());
    Judgement {
        decided: if margin > 0.0 { label } else { other },
        p_fake: if label == Label::Fake { right } else { 1.0 - right },
        margin,
    }
}

/// A record whose margins are given before the attack, before saving, and after saving.
pub(crate) fn record(network: &str, attack: &str, levels: u8, image: u32, margins: [f64; 3]) -> Record {
    let label = if image % 2 == 0 { Label::Fake } else { Label::Real };
    let change = f64::from(levels) / 255.0;
    Record {
        network: network.to_owned(),
        crafted_on: None,
        attack: attack.to_owned(),
        eps: (levels > 0).then(|| Budget::from(Eps::from_u8(levels).unwrap())),
        criterion: Criterion::Saved,
        made_of: None,
        transform: None,
        data: "faces".to_owned(),
        image: format!("{label}/{image:03}.png"),
        image_sha256: format!("{image:064x}"),
        label,
        seed: u64::MAX - 1,
        answer: Answer::Measured(Box::new(Measured {
            clean: judgement(label, margins[0]),
            float: Some(judgement(label, margins[1])),
            saved: judgement(label, margins[2]),
            distance: Distance {
                p_l0: if levels > 0 { 0.25 } else { 0.0 },
                l0_positions: u64::from(levels) * 16,
                l0_values: u64::from(levels) * 48,
                l1: 48.0 * change,
                l2: 48f64.sqrt() * change,
                rms: change / 2.0,
                linf: change,
                rmse_255: f64::from(levels) / 2.0,
                psnr: (levels > 0).then_some(40.0 + f64::from(image)),
                ssim: Some(0.99),
            },
            mask: None,
            cost: Cost {
                steps: 10,
                gradients: if attack.starts_with("pgd") { 10 } else { 0 },
                queries: 3,
                seconds: 0.5,
            },
            file: (levels > 0).then(|| format!("images/{network}/{image:03}_{levels}.png")),
        })),
    }
}

/// What `network` says of a file that was made on `origin`.
pub(crate) fn transferred(network: &str, origin: &str, of: &Record, margins: [f64; 2]) -> Record {
    let mut record = of.clone();
    network.clone_into(&mut record.network);
    record.crafted_on = Some(origin.to_owned());
    if let Answer::Measured(m) = &mut record.answer {
        m.clean = judgement(record.label, margins[0]);
        m.float = None;
        m.saved = judgement(record.label, margins[1]);
        m.cost = Cost { steps: 0, gradients: 0, queries: 0, seconds: 0.1 };
    }
    record
}

pub(crate) fn failed(network: &str, attack: &str, levels: u8, image: u32, reason: &str) -> Record {
    let mut record = record(network, attack, levels, image, [1.0; 3]);
    record.answer = Answer::Failed(reason.to_owned());
    record
}

/// Ten images; PGD flips 3 of 9 at 1/255 (one more before saving) and all at 2/255, noise flips none.
pub(crate) fn study(network: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for image in 0..10 {
        let clean = if image == 9 { -1.0 } else { 2.0 };
        records.push(record(network, "clean", 0, image, [clean; 3]));
        for levels in [1, 2] {
            let (float, saved) = match (clean < 0.0, levels, image) {
                (true, ..) => (clean, clean),
                (_, 2, _) | (_, 1, 0..3) => (-1.0, -1.0),
                (_, _, 3) => (-0.1, 0.1),
                _ => (1.0, 1.0),
            };
            records.push(record(network, "pgd(steps=10)", levels, image, [clean, float, saved]));
            records.push(record(network, "urn", levels, image, [clean; 3]));
        }
    }
    records
}

pub(crate) fn meta() -> Meta {
    let pair = |a: &str, b: &str| BTreeMap::from([(a.to_owned(), b.to_owned())]);
    Meta {
        plan: "seed = 7\n[data]\nfolder = 'faces'\n".to_owned(),
        program: "moire 0.1.0".to_owned(),
        command: "moire audit ynet --data faces".to_owned(),
        title: String::new(),
        expected: 0,
        seed: 7,
        checksums: pair("ynet", "00ff"),
        environment: pair("Threads", "2"),
    }
}

/// A PNG of one grey pixel, its size as the header has it.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![128; (width * height) as usize]).unwrap();
    drop(writer);
    bytes
}
