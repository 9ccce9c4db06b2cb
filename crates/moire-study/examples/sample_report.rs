//! Writes a report of made-up but likely records, to look at: `cargo run --example sample_report -- FOLDER`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use moire_study::{
    Answer, Budget, Cost, Criterion, Distance, Judgement, Label, Measured, Meta, Panel, Record, Report,
    Store, choose_panels,
};
use moire_tensor::{Eps, Rng, SampleId};

const SIDE: usize = 96;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: sample_report FOLDER")?);
    fs::create_dir_all(&folder)?;
    let meta = meta();
    let records = records();

    let path = folder.join("study.sqlite");
    let mut store = Store::open_or_create(&path, &meta)?;
    let done = store.done_keys()?;
    let left: Vec<Record> = records.into_iter().filter(|r| !done.contains(&r.key())).collect();
    store.insert(&left)?;
    let records = store.records()?;

    let panels: Vec<Panel> = choose_panels(&records, 2).into_iter().map(panel).collect();
    let title = "Face2Face detectors under small changes";
    let thumbs = BTreeMap::new();
    let report = Report {
        title,
        meta: &meta,
        records: &records,
        panels: &panels,
        thumbs: &thumbs,
        opinion: None,
        protections: &[],
        protection_panels: &[],
    };
    fs::write(folder.join("report.html"), report.render()?)?;
    moire_study::csv::write(fs::File::create(folder.join("records.csv"))?, &records)?;
    moire_study::json::write(fs::File::create(folder.join("records.json"))?, &meta, &records)?;
    Ok(())
}

fn meta() -> Meta {
    let pair = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
    Meta {
        plan: "seed = 7\n\n[data]\nfolder = \"face2face\"\n\n[[network]]\nname = \"mesoinception4\"\n"
            .to_owned(),
        program: "moire 0.1.0".to_owned(),
        command: "moire audit ynet:classnseg mesoinception4:MesoInception_F2F.h5 --data face2face \
                  --attack fgsm,pgd,urn --eps 1/255,2/255,4/255 --seed 7"
            .to_owned(),
        title: String::new(),
        seed: 7,
        expected: 0,
        checksums: BTreeMap::from([
            pair(("ynet", "3f0e1d5c9bb58a7c2a7be8bb6ce8f43b8dc33ab86a4e0a2ff5ad8e9ffee4a8b1")),
            pair(("mesoinception4", "9a1cdd7f3ac1fa83cf9f90a2e3e1d02e19ab5e9a7fc0b1c6ce1a4a6e95e2b3d4")),
        ]),
        environment: BTreeMap::from([
            pair(("Processor", "2 cores, AVX2")),
            pair(("Threads", "2")),
            pair(("System", "Linux x86_64")),
        ]),
    }
}

/// How much of the margin each attack eats at 1/255, for each network.
const ATTACKS: [(&str, [f64; 2], u64); 4] = [
    ("clean", [0.0, 0.0], 0),
    ("fgsm", [1.1, 0.5], 1),
    ("pgd(steps=10,alpha=1/255)", [3.0, 1.05], 10),
    ("urn", [0.06, 0.03], 0),
];

fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for (network_index, network) in ["mesoinception4", "ynet"].into_iter().enumerate() {
        for image in 0..64_u64 {
            let label = if image % 2 == 0 { Label::Fake } else { Label::Real };
            let mut rng = Rng::new(7, SampleId(image), network);
            let margin = 2.2 * f64::from(rng.unit() + rng.unit() + rng.unit()) / 1.5 - 0.35;
            for (attack, strength, gradients) in ATTACKS {
                for levels in if gradients == 0 && attack == "clean" { vec![0] } else { vec![1, 2, 4] } {
                    let eats = strength[network_index] * f64::from(levels) * f64::from(rng.uniform(0.6, 1.4));
                    let failed = network == "ynet" && attack == "urn" && levels == 4 && image == 63;
                    records.push(Record {
                        network: network.to_owned(),
                        crafted_on: None,
                        attack: attack.to_owned(),
                        eps: (levels > 0).then(|| Budget::from(Eps::from_u8(levels).expect("a budget"))),
                        criterion: Criterion::Saved,
                        made_of: None,
                        transform: None,
                        data: "faces".to_owned(),
                        image: format!("{label}/{image:04}_<script>alert(1)</script>.png"),
                        image_sha256: format!("{image:064x}"),
                        label,
                        seed: 7,
                        answer: if failed {
                            Answer::Failed("the PNG ended after 812 of 9,214 bytes".to_owned())
                        } else {
                            Answer::Measured(Box::new(measured(
                                label, margin, eats, levels, gradients, image,
                            )))
                        },
                    });
                }
            }
        }
    }
    records
}

fn measured(label: Label, margin: f64, eats: f64, levels: u8, gradients: u64, image: u64) -> Measured {
    let judge = |margin: f64| {
        let right = 1.0 / (1.0 + (-2.0 * margin).exp());
        let other = if label == Label::Fake { Label::Real } else { Label::Fake };
        Judgement {
            decided: if margin > 0.0 { label } else { other },
            p_fake: if label == Label::Fake { right } else { 1.0 - right },
            margin,
        }
    };
    let rms = 0.86 * f64::from(levels) / 255.0;
    let values = (3 * SIDE * SIDE) as f64;
    let share = if levels == 0 { 0.0 } else { 0.985 };
    Measured {
        clean: judge(margin),
        float: Some(judge(margin - eats)),
        saved: judge(margin - eats + if eats > 1.0 { 0.04 } else { 0.0 }),
        distance: Distance {
            p_l0: share,
            l0_positions: (share * (SIDE * SIDE) as f64) as u64,
            l0_values: (share * values) as u64,
            l1: rms * values * 0.9,
            l2: rms * values.sqrt(),
            rms,
            linf: f64::from(levels) / 255.0,
            rmse_255: 255.0 * rms,
            psnr: (levels > 0).then(|| -20.0 * rms.log10()),
            ssim: Some(1.0 - 0.0006 * f64::from(levels).powi(2)),
        },
        mask: None,
        cost: Cost { steps: gradients, gradients, queries: 2, seconds: 0.05 + 0.09 * gradients as f64 },
        file: (levels > 0).then(|| format!("images/{image:04}_{levels}_{gradients}.png")),
    }
}

/// Pictures that stand for real ones: soft light, and a change that looks like an attack's or like noise.
fn panel(record: &Record) -> Panel {
    let mut rng = Rng::new(7, SampleId(record.image.len() as u64), &record.image);
    let (cx, cy) = (rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.6));
    let levels = record.eps.as_ref().map_or(0.0, |b| b.eps().levels());
    let aims = record.measured().is_some_and(|m| m.cost.gradients > 0);
    let (mut clean, mut change, mut saved) = (Vec::new(), Vec::new(), Vec::new());
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (u, v) = (x as f32 / SIDE as f32, y as f32 / SIDE as f32);
            let light = (-8.0 * ((u - cx).powi(2) + 1.6 * (v - cy).powi(2))).exp();
            let sign = if aims {
                ((9.0 * u + 3.0 * (7.0 * v).sin()).sin() * (8.0 * v).cos()).signum()
            } else {
                rng.uniform(-1.0, 1.0)
            };
            for (base, gain) in [(60.0, 150.0), (50.0, 110.0), (48.0, 85.0)] {
                let value = base + gain * light - 30.0 * v;
                clean.push(value as u8);
                change.push((128.0 + 16.0 * levels * sign).clamp(0.0, 255.0) as u8);
                saved.push((value + levels * sign).clamp(0.0, 255.0) as u8);
            }
        }
    }
    Panel {
        key: record.key(),
        factor: 16.0,
        clean: png(&clean),
        change: png(&change),
        adversarial: png(&saved),
        given: None,
        extras: Vec::new(),
    }
}

fn png(rgb: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a small header");
    writer.write_image_data(rgb).expect("as many bytes as the header says");
    drop(writer);
    bytes
}
