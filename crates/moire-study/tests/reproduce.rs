//! The papers' tables hold what was published and what the records say, each in its column.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use moire_study::{Answer, MaskShift, Paper, PaperTable, Record, Results, Summary};
use support::{record, study, transferred};

fn cell<'a>(table: &'a PaperTable, row: &[&str], column: &str) -> &'a str {
    let at = table.head.iter().position(|h| *h == column).unwrap();
    let rows: Vec<_> = table.rows.iter().filter(|r| row.iter().all(|c| r.iter().any(|x| x == c))).collect();
    assert_eq!(rows.len(), 1, "{row:?} in {:?}", table.rows);
    &rows[0][at]
}

#[test]
fn the_key_region_attack_stands_beside_the_paper() {
    let mut records = study("ynet");
    let made: Vec<Record> = records.iter().filter(|r| r.attack.starts_with("pgd")).cloned().collect();
    records.extend(study("meso4"));
    records.extend(made.iter().map(|r| transferred("meso4", "ynet", r, [1.0, -1.0])));
    for (attack, rms) in [("kra:pgd", 0.25), ("cf_l2", 0.5)] {
        let text = attack.parse::<moire_attack::Attack>().unwrap().to_string();
        let mut one = record("ynet", &text, 0, 0, [1.0, -1.0, -1.0]);
        if let Answer::Measured(m) = &mut one.answer {
            m.distance.rms = rms;
        }
        records.push(one);
    }
    let tables =
        Paper::Kra.tables(&Results { records: &records, summary: &Summary::new(&records), protections: &[] });
    let [white, claims, black] = &tables[..] else { panic!("three tables") };
    assert_eq!(cell(white, &["paper", "KRA-DeepFool"], "P_L0"), "21 %");
    let row = ["here", "PGD", "ynet", "1/255"];
    assert_eq!(cell(white, &row, "accuracy"), "0.900");
    assert_eq!((cell(white, &row, "ASR"), cell(white, &row, "ASR unsaved")), ("0.333", "0.444"));
    assert_eq!(cell(claims, &["here", "ynet"], "P_L2: L2 attack over KRA-PGD"), "2.00");
    assert_eq!(cell(claims, &["here", "meso4"], "P_L2: L2 attack over KRA-PGD"), "–");
    assert_eq!(cell(black, &["paper", "Xception", "Inception-v3"], "ATR"), "0.63");
    let rows: Vec<_> = black.rows.iter().filter(|r| r[0] == "here").collect();
    assert_eq!((rows.len(), rows[0][6].as_str(), rows[1][6].as_str()), (2, "3.00", "1.00"));
}

#[test]
fn iterations_and_masks_are_in_their_order() {
    let mut records = Vec::new();
    for (attack, wanted) in
        [("iap(steps=20)", None), ("iap(steps=3)", None), ("iap_seg(steps=100)", Some(0.9))]
    {
        let text = attack.parse::<moire_attack::Attack>().unwrap().to_string();
        let mut one = record("ynet", &text, 0, 0, [1.0; 3]);
        if let Answer::Measured(m) = &mut one.answer {
            m.mask = Some(MaskShift { kept: 0.25, truth: Some([0.75, 0.125]), wanted });
        }
        records.push(one);
    }
    let tables =
        Paper::Ffm.tables(&Results { records: &records, summary: &Summary::new(&records), protections: &[] });
    let steps: Vec<&str> = tables[0].rows.iter().filter(|r| r[0] == "here").map(|r| r[2].as_str()).collect();
    assert_eq!(steps, ["3", "20"]);
    assert_eq!(cell(&tables[0], &["here", "3"], "IoU after"), "0.12");
    let row = ["here", "100"];
    assert_eq!(
        (cell(&tables[1], &row, "IoU wanted"), cell(&tables[1], &row, "called fake still")),
        ("0.90", "1 of 1")
    );
    assert!(tables[3].rows.iter().any(|r| r.contains(&"24.06".to_owned())));
}
