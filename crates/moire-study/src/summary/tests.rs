use super::{Kind, Share, Summary, Tone, group};
use crate::record::{Answer, Budget, Cost, Distance, Judgement, MaskShift, Measured, Record};
use moire_attack::Criterion;
use moire_tensor::{Eps, Label};

fn record(network: &str, attack: &str, levels: u8, image: u32, margins: [f64; 3]) -> Record {
    let label = if image % 2 == 0 { Label::Fake } else { Label::Real };
    let judge = |margin: f64| {
        let decided = match (label, margin > 0.0) {
            (Label::Fake, true) | (Label::Real, false) => Label::Fake,
            _ => Label::Real,
        };
        let right = 1.0 / (1.0 + (-margin).exp());
        Judgement { decided, p_fake: if label == Label::Fake { right } else { 1.0 - right }, margin }
    };
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
        image: format!("{image:03}.png"),
        image_sha256: format!("{image:064x}"),
        label,
        seed: 7,
        answer: Answer::Measured(Box::new(Measured {
            clean: judge(margins[0]),
            float: Some(judge(margins[1])),
            saved: judge(margins[2]),
            distance: Distance {
                p_l0: 0.25,
                l0_positions: u64::from(levels),
                l0_values: u64::from(levels),
                l1: change,
                l2: change,
                rms: change,
                linf: change,
                rmse_255: f64::from(levels),
                psnr: (levels > 0).then_some(40.0 + f64::from(image)),
                ssim: Some(0.99),
            },
            mask: None,
            cost: Cost {
                steps: 10,
                gradients: u64::from(attack.starts_with("pgd")),
                queries: 3,
                seconds: 0.5,
            },
            file: None,
        })),
    }
}

/// Ten images of which one is wrong from the start; `flips` more are flipped by PGD at each budget of 1 and 2.
fn network(name: &str, flips: [u32; 2], noise: u32) -> Vec<Record> {
    let mut records = Vec::new();
    for image in 0..10 {
        let clean = if image == 9 { -1.0 } else { 2.0 };
        for (levels, flips) in [1, 2].into_iter().zip(flips) {
            let hit = |n: u32| if clean > 0.0 && image < n { -1.0 } else { clean };
            records.push(record(name, "pgd", levels, image, [clean, hit(flips), hit(flips)]));
            records.push(record(name, "urn", levels, image, [clean, hit(noise), hit(noise)]));
        }
    }
    records
}

fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[test]
fn shares_are_counted_by_hand() {
    let mut records = network("a", [3, 9], 0);
    // One success that saving undoes, and one image that fails.
    let lost = records.iter_mut().find(|r| r.attack == "pgd" && r.image == "005.png").unwrap();
    *lost = record("a", "pgd", 1, 5, [2.0, -0.1, 0.1]);
    records.push(Record { answer: Answer::Failed("gone".to_owned()), ..record("a", "pgd", 1, 10, [0.0; 3]) });
    let summary = Summary::new(&records);
    let g = &summary.groups[0];
    assert_eq!((g.attack.as_str(), g.label.as_str(), g.kind), ("pgd", "PGD", Kind::Gradient));
    assert_eq!(g.before, Share { hits: 9, of: 10 });
    assert_eq!(g.after, Share { hits: 6, of: 10 });
    assert_eq!(g.success, Share { hits: 3, of: 9 });
    assert_eq!((g.flipped_float, g.lost_by_saving, g.failed, g.untouched), (4, 1, 1, 0));
    let interval = g.success.interval();
    assert!((interval.low - 0.1206).abs() < 1e-4 && (interval.high - 0.6458).abs() < 1e-4, "{interval:?}");
    // Of the nine that were attacked.
    let (median, mean) = (g.median.unwrap(), g.mean.unwrap());
    assert_eq!((median.p_l0, median.psnr, mean.psnr), (0.25, Some(44.0), Some(44.0)));
    assert_eq!((g.steps, g.gradients, g.queries, g.seconds), (10.0, 1.0, 3.0, 5.0));
    assert_eq!((summary.images, summary.fakes, summary.seconds), (11, 6, 20.0));
    assert_eq!(summary.failures.len(), 1);
    // At 2/255 the nine that were right are flipped: fakes score below reals, but for the one wrong from the start.
    let g = &summary.groups[1];
    assert_eq!((g.after, g.success), (Share { hits: 0, of: 10 }, Share { hits: 9, of: 9 }));
    assert_eq!(g.auc, Some(0.0));
    assert_eq!(summary.groups[2].kind, Kind::Noise);
    assert_eq!(summary.curves.len(), 2);
    assert_eq!(summary.curves[0].points.len(), 2);
}

#[test]
fn the_breaking_point_is_the_first_half_lost() {
    let mut records = network("meso", [8, 9], 0);
    records.extend(network("ynet", [1, 6], 0));
    let summary = Summary::new(&records);
    let at = |i: usize| {
        summary.networks[i].breaks.map(|g| summary.groups[g].eps.as_ref().unwrap().text().to_owned())
    };
    assert_eq!((at(0).as_deref(), at(1).as_deref()), (Some("1/255"), Some("2/255")));
    let texts: Vec<String> = summary.findings.iter().map(|f| plain(&f.text)).collect();
    assert_eq!(
        texts,
        [
            "`meso` breaks at 1/255: PGD takes its accuracy from 90 % to 10 %, while random noise of the same size leaves 90 %.",
            "`ynet` breaks at 2/255: PGD takes its accuracy from 90 % to 30 %, while random noise of the same size leaves 90 %.",
            "The weakest detector is `meso`: 1/255 is enough; `ynet` takes 2/255.",
            "The changes survive saving: all 24 successes of attacks hold when the 8-bit PNG is read back.",
            "Only 10 images an attack: the intervals are wide, and small differences mean little.",
        ]
    );
    let detail = plain(&summary.findings[0].detail);
    assert!(detail.starts_with("Accuracy left: 1 of 10 images, 95 % interval 2 % to 40 %."), "{detail}");
    assert!(summary.guards.iter().all(|g| g.raised.is_empty()));
}

#[test]
fn a_network_that_holds_is_said_to() {
    let summary = Summary::new(&network("ynet", [0, 2], 0));
    assert_eq!(summary.findings[0].tone, Tone::Holds);
    assert_eq!(
        plain(&summary.findings[0].text),
        "`ynet` holds up to 2/255, the largest budget tried: PGD, the strongest attack there, takes its accuracy \
         from 90 % to 70 %."
    );
}

#[test]
fn equal_budgets_are_told_apart_only_when_intervals_are() {
    let mut records = network("a", [8, 9], 0);
    records.extend(network("b", [7, 9], 0));
    let texts = |r: &[Record]| Summary::new(r).findings.iter().map(|f| plain(&f.text)).collect::<Vec<_>>();
    assert_eq!(
        texts(&records)[2],
        "`a` and `b` break at the same budget, 1/255, with 10 % and 20 % left; these images cannot tell which is \
         weakest: the intervals overlap."
    );
}

#[test]
fn guards_are_raised_by_what_they_guard_against() {
    let raised = |records: &[Record], name: &str| {
        let summary = Summary::new(records);
        let guard = summary.guards.iter().find(|g| g.name.starts_with(name)).unwrap();
        assert!(
            guard.raised.is_empty()
                || summary.findings.iter().any(|f| f.tone == Tone::Guard && f.text.starts_with(name))
        );
        guard.raised.iter().map(|s| plain(s)).collect::<Vec<_>>()
    };
    let blind = "What sees no gradient";
    let mut beaten = network("a", [1, 2], 6);
    let found = [
        "Random noise on `a` at 1/255 flips 67 %, PGD only 11 %.",
        "Random noise on `a` at 2/255 flips 67 %, PGD only 22 %.",
    ];
    assert_eq!(raised(&beaten, blind), found);
    beaten.iter_mut().filter(|r| r.attack == "urn").for_each(|r| r.attack = "square".to_owned());
    assert_eq!(raised(&beaten, blind), found.map(|f| f.replace("Random noise", "Square")));
    assert_eq!(
        raised(&network("a", [6, 2], 0), "An accuracy that rises"),
        ["PGD on `a`: 30 % at 1/255, but 70 % at 2/255."]
    );
    let mut still = network("a", [0, 0], 0);
    still.iter_mut().for_each(|r| {
        if let Answer::Measured(m) = &mut r.answer {
            m.distance.l0_values = 0;
        }
    });
    assert_eq!(
        raised(&still, "Zero gradients")[0],
        "9 images came back without any change from PGD on `a` at 1/255."
    );
    let lost: Vec<Record> =
        (0..10).map(|i| record("a", "pgd", 1, i, [1.0, -1.0, if i < 4 { 1.0 } else { -1.0 }])).collect();
    assert_eq!(
        raised(&lost, "Success that vanishes"),
        ["Saving undoes 4 of 10 successes of PGD on `a` at 1/255."]
    );
    let chance: Vec<Record> =
        (0..10).map(|i| record("a", "pgd", 1, i, [if i < 6 { 1.0 } else { -1.0 }; 3])).collect();
    assert_eq!(
        raised(&chance, "A detector no better"),
        ["`a` calls 60 % of 10 images correctly before any attack."]
    );
    let failed = Record { answer: Answer::Failed("gone".to_owned()), ..record("a", "pgd", 1, 0, [1.0; 3]) };
    assert_eq!(raised(&[failed], "Images that failed"), ["1 image of PGD on `a` at 1/255."]);
}

/// What `target` says of the file of `of`, before and after the change.
fn transferred(target: &str, of: &Record, margins: [f64; 2]) -> Record {
    let mut judged =
        record(target, &of.attack, 0, of.image[..3].parse().unwrap(), [margins[0], 0.0, margins[1]]);
    (judged.crafted_on, judged.eps) = (Some(of.network.clone()), of.eps.clone());
    if let Answer::Measured(m) = &mut judged.answer {
        m.float = None;
    }
    judged
}

#[test]
fn transfers_are_counted_apart() {
    let mut records = network("a", [6, 9], 0);
    records.extend(network("b", [1, 9], 0));
    let own = Summary::new(&records);
    assert!(own.transfers.is_empty());
    let carried = |r: &&Record| r.network == "a" && r.attack == "pgd";
    // `b` calls the first wrongly before, and the next four once they are changed at 1/255; `a` calls 009 wrongly.
    let margins = |r: &Record| match (&r.image[..3], r.eps.as_ref().unwrap().text()) {
        ("000", _) => [-1.0, -1.0],
        ("001" | "002" | "003" | "004", "1/255") => [1.0, -1.0],
        _ => [1.0, 1.0],
    };
    let guests: Vec<Record> =
        records.iter().filter(carried).map(|r| transferred("b", r, margins(r))).collect();
    records.extend(guests);
    let summary = Summary::new(&records);
    assert_eq!(
        (&summary.groups, &summary.curves, &summary.networks),
        (&own.groups, &own.curves, &own.networks)
    );
    assert_eq!(summary.transfers.len(), 2);
    let (transfer, cell) = (&summary.transfers[0], &summary.transfers[0].cells[0]);
    assert_eq!((transfer.label.as_str(), transfer.eps.as_ref().unwrap().text()), ("PGD", "1/255"));
    assert_eq!((cell.origin.as_str(), cell.target.as_str()), ("a", "b"));
    assert_eq!((cell.before, cell.after), (Share { hits: 9, of: 10 }, Share { hits: 5, of: 10 }));
    assert_eq!((cell.success, cell.at_home), (Share { hits: 4, of: 8 }, Share { hits: 6, of: 9 }));
    assert_eq!(cell.ratio(), Some(0.75));
    let texts: Vec<String> = summary.findings.iter().map(|f| plain(&f.text)).collect();
    let furthest = "A detector that nobody looked into breaks: PGD at 1/255, made on `a`, flips 50 % of what `b` \
                    called correctly, against 67 % at home (transfer ratio 0.75).";
    assert!(texts.iter().any(|t| t == furthest), "{texts:?}");
    let guard = summary.guards.iter().find(|g| g.name.starts_with("A transfer that beats")).unwrap();
    let raised: Vec<String> = guard.raised.iter().map(|s| plain(s)).collect();
    assert_eq!(raised, ["PGD on `b` at 1/255 flips 11 %; made on `a`, it flips 50 %."]);
}

#[test]
fn a_forged_mask_fools_nobody_and_is_said_in_words() {
    let mut records = network("a", [0, 0], 0);
    for image in (0..10).step_by(2) {
        // The last one is called real afterwards, so what its mask shows does not count.
        let after = if image == 8 { -1.0 } else { 0.1 };
        let mut forged = record("a", "iap_seg(steps=100)", 0, image, [2.0, after, after]);
        if let Answer::Measured(m) = &mut forged.answer {
            let wanted = if image == 8 { 0.0 } else { 0.9 };
            m.mask = Some(MaskShift { kept: 0.1, truth: Some([0.8, 0.2]), wanted: Some(wanted) });
            m.distance.rmse_255 = 1.5;
        }
        records.push(forged);
    }
    let summary = Summary::new(&records);
    let g = summary.groups.iter().find(|g| g.attack.starts_with("iap_seg")).unwrap();
    let masks = g.masks.unwrap();
    assert_eq!((g.kind, masks.stayed), (Kind::Mask, Share { hits: 4, of: 5 }));
    assert!((masks.wanted.unwrap() - 0.9).abs() < 1e-12 && (masks.rmse_255 - 1.5).abs() < 1e-12);
    let texts: Vec<String> = summary.findings.iter().map(|f| plain(&f.text)).collect();
    let said = "The masks of `a` can be forged: IAP on the mask brings them to an overlap of 0.90 with the wanted \
                ones, while 4 of 5 fakes are called fake still.";
    assert!(texts.iter().any(|t| t == said), "{texts:?}");
    assert!(!texts.iter().any(|t| t.contains("free to choose")), "{texts:?}");
    assert_eq!(summary.networks[0].breaks, None);
}

#[test]
fn one_name_with_two_settings_shows_them() {
    let summary = Summary::new(&[
        record("a", "pgd(steps=10)", 1, 0, [1.0; 3]),
        record("a", "pgd(steps=40)", 1, 0, [1.0; 3]),
        record("a", "urn", 1, 0, [1.0; 3]),
    ]);
    let labels: Vec<&str> = summary.groups.iter().map(|g| g.label.as_str()).collect();
    assert_eq!(labels, ["PGD (steps=10)", "PGD (steps=40)", "random noise"]);
}

#[test]
fn medians_of_even_and_odd() {
    assert_eq!(group::median(&mut [3.0, 1.0, 2.0].into_iter()), Some(2.0));
    assert_eq!(group::median(&mut [4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    assert_eq!(group::median(&mut [].into_iter()), None);
}
