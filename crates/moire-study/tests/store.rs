//! The store keeps what it is given, and refuses what it should.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::PathBuf;

use moire_study::{Budget, ErrorKind, Key, MaskShift, Record, Store};
use moire_tensor::Eps;
use proptest::prelude::*;
use support::{failed, meta, record, study, transferred};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.sqlite");
    (folder, path)
}

fn filled(path: &std::path::Path) -> Vec<Record> {
    let mut records = study("ynet");
    for (image, truth) in [(0, Some([0.25, 0.5])), (1, None)] {
        let mut masked = record("ynet", "iap_seg", 0, image, [1.0; 3]);
        if let moire_study::Answer::Measured(m) = &mut masked.answer {
            m.mask = Some(MaskShift { kept: 0.75, truth, wanted: truth.map(|_| 1.0) });
        }
        records.push(masked);
    }
    records.push(failed("ynet", "fgsm", 4, 0, "no such file"));
    records.push(transferred("ynet", "meso4", &record("meso4", "urn", 1, 0, [1.0; 3]), [1.0, -1.0]));
    Store::open_or_create(path, &meta()).unwrap().insert(&records).unwrap();
    records
}

#[test]
fn records_come_back_to_the_bit_in_an_order_of_their_own() {
    let (_folder, path) = place();
    let mut written = filled(&path);
    let store = Store::open(&path).unwrap();
    let read = store.records().unwrap();
    let order = |r: &Record| {
        (
            r.network.clone(),
            r.crafted_on.clone(),
            r.attack.clone(),
            r.eps.as_ref().map_or(0, |b| b.eps().levels() as u8),
            r.image.clone(),
        )
    };
    written.sort_by_key(order);
    assert_eq!(read, written);
    assert_eq!(store.meta().unwrap(), meta());
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let (_folder, path) = place();
    let all = study("ynet");
    for unit in all.chunks(7) {
        let mut store = Store::open_or_create(&path, &meta()).unwrap();
        assert!(unit.iter().all(|r| !store.done_keys().unwrap().contains(&r.key())));
        store.insert(unit).unwrap();
    }
    let store = Store::open(&path).unwrap();
    assert_eq!(store.done_keys().unwrap(), all.iter().map(Record::key).collect());
    let key = Key {
        network: "ynet".to_owned(),
        attack: "urn".to_owned(),
        eps: Some("2/255".to_owned()),
        criterion: "saved".to_owned(),
        made_of: None,
        transform: None,
        data: "faces".to_owned(),
        image: "real/001.png".to_owned(),
        crafted_on: None,
    };
    assert!(store.done_keys().unwrap().contains(&key));
}

#[test]
fn a_unit_is_kept_whole_or_not_at_all() {
    let (_folder, path) = place();
    let mut store = Store::open_or_create(&path, &meta()).unwrap();
    let (a, b) = (record("ynet", "urn", 1, 0, [1.0; 3]), record("ynet", "urn", 1, 1, [1.0; 3]));
    store.insert(std::slice::from_ref(&a)).unwrap();
    let error = store.insert(&[b.clone(), a]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert!(error.to_string().contains("ynet, urn, budget 1/255, image 'fake/000.png'"), "{error}");
    let mut broken = b.clone();
    broken.image = "../000.png".to_owned();
    assert_eq!(store.insert(&[b.clone(), broken]).unwrap_err().kind(), ErrorKind::Record);
    assert_eq!(store.records().unwrap().len(), 1);
    store.insert(&[b]).unwrap();
}

#[test]
fn what_breaks_a_promise_is_named() {
    let good = record("ynet", "urn", 1, 0, [1.0; 3]);
    let measured = |change: &dyn Fn(&mut moire_study::Measured)| {
        let mut m = good.measured().unwrap().clone();
        change(&mut m);
        Record { answer: moire_study::Answer::Measured(Box::new(m)), ..good.clone() }
    };
    let cases = [
        ("network", Record { network: String::new(), ..good.clone() }),
        ("crafted_on", Record { crafted_on: Some("ynet".to_owned()), ..good.clone() }),
        ("float", Record { crafted_on: Some("meso4".to_owned()), ..good.clone() }),
        ("image", Record { image: "/etc/passwd".to_owned(), ..good.clone() }),
        ("image_sha256", Record { image_sha256: "FF".repeat(32), ..good.clone() }),
        ("p_fake", measured(&|m| m.saved.p_fake = f64::NAN)),
        ("margin", measured(&|m| m.saved.decided = moire_study::Label::Real)),
        ("linf", measured(&|m| m.distance.linf = 1.5)),
        ("psnr", measured(&|m| m.distance.psnr = Some(f64::INFINITY))),
        ("ssim", measured(&|m| m.distance.ssim = Some(-2.0))),
        ("mask", measured(&|m| m.mask = Some(MaskShift { kept: 2.0, truth: None, wanted: None }))),
        ("file", measured(&|m| m.file = Some("javascript:alert(1)".to_owned()))),
    ];
    good.check().unwrap();
    for (field, record) in cases {
        let error = record.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Record);
        assert!(error.to_string().contains(&format!(" {field} = ")), "{error}");
    }
}

#[test]
fn a_changed_plan_is_refused_and_the_difference_shown() {
    let (_folder, path) = place();
    filled(&path);
    let mut other = meta();
    other.plan = other.plan.replace("faces", "places");
    let error = Store::open_or_create(&path, &other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    let text = error.to_string();
    assert!(text.ends_with("\n  - folder = 'faces'\n  + folder = 'places'"), "{text}");
    let mut longer = meta();
    longer.plan += "more = 1\n";
    let text = Store::open_or_create(&path, &longer).unwrap_err().to_string();
    assert!(text.ends_with("\n  + more = 1"), "{text}");
    let mut weights = meta();
    weights.checksums.insert("ynet".to_owned(), "00fe".to_owned());
    let text = Store::open_or_create(&path, &weights).unwrap_err().to_string();
    assert!(text.contains("checksum of ynet: it was '00ff' and is now '00fe'"), "{text}");
    let moved = moire_study::Meta { environment: [].into(), command: String::new(), ..meta() };
    Store::open_or_create(&path, &moved).unwrap();
}

#[test]
fn a_second_run_is_refused_and_a_reader_is_not() {
    let (_folder, path) = place();
    let mut first = Store::open_or_create(&path, &meta()).unwrap();
    let error = Store::open_or_create(&path, &meta()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("another run holds this study"), "{error}");
    let mut reader = Store::open(&path).unwrap();
    first.insert(&study("ynet")).unwrap();
    assert_eq!(reader.records().unwrap().len(), 50);
    assert_eq!(reader.insert(&[]).unwrap_err().kind(), ErrorKind::Database);
    drop(first);
    Store::open_or_create(&path, &meta()).unwrap();
}

#[test]
fn damage_is_an_error_wherever_it_is() {
    let (folder, path) = place();
    filled(&path);
    let whole = fs::read(&path).unwrap();
    let broken = folder.path().join("broken.sqlite");
    let mut kinds = Vec::new();
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5a;
        fs::write(&broken, &bytes).unwrap();
        // Whatever it is, it is no panic; what still reads has kept its promises.
        match Store::open(&broken).and_then(|s| Ok((s.meta()?, s.records()?))) {
            Ok((_, records)) => assert!(records.iter().all(|r| r.check().is_ok())),
            Err(e) => kinds.push(e.kind()),
        }
    }
    assert!(kinds.contains(&ErrorKind::Corrupt), "{kinds:?}");
    fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(Store::open(&broken).unwrap_err().kind(), ErrorKind::Corrupt);
    fs::write(&broken, "just text, but long enough to be looked at as if it were a database".repeat(20))
        .unwrap();
    assert_eq!(Store::open(&broken).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(Store::open(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_hostile_database_is_refused() {
    let cases = [
        ("PRAGMA user_version = 99", "format 99"),
        ("PRAGMA user_version = 1", "a study of format 1, this program reads format 4"),
        ("PRAGMA application_id = 1", "not a study"),
        ("CREATE VIEW x AS SELECT 1", "its tables"),
        ("CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM record; END", "its tables"),
        ("UPDATE record SET label = 'maybe'", "neither real nor fake"),
        ("UPDATE record SET image = '../../' || image", "a path inside"),
        ("UPDATE record SET eps_value = 0.5 WHERE eps <> ''", "budget '"),
        ("UPDATE record SET saved_p_fake = 9e999 WHERE failure IS NULL", "p_fake"),
        ("UPDATE record SET saved_p_fake = NULL WHERE failure IS NULL", "Null"),
        ("DELETE FROM meta WHERE name = 'plan'", "no plan"),
        ("UPDATE meta SET value = 'x' WHERE name = 'seed'", "its seed"),
        ("INSERT INTO meta VALUES ('study', 'other', '')", "unknown study 'other'"),
    ];
    for (sql, says) in cases {
        let (_folder, path) = place();
        filled(&path);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = Store::open(&path).and_then(|s| Ok((s.meta()?, s.records()?))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{sql}: {error}");
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
}

#[test]
fn what_a_killed_run_left_half_is_rolled_back() {
    let (folder, path) = place();
    let written = filled(&path).len();
    let before = fs::read(&path).unwrap();
    let sql = rusqlite::Connection::open(&path).unwrap();
    // A cache of one page makes SQLite write into the file before the commit, as a large unit would.
    sql.execute_batch(
        "PRAGMA cache_size = 1; BEGIN; DELETE FROM record; UPDATE meta SET value = value || '!';",
    )
    .unwrap();
    let mut insert = sql.prepare("INSERT INTO meta VALUES ('environment', ?, ?)").unwrap();
    for i in 0..200 {
        insert.execute([i.to_string(), "x".repeat(2000)]).unwrap();
    }
    let (half, journal) = (folder.path().join("half.sqlite"), folder.path().join("half.sqlite-journal"));
    fs::copy(&path, &half).unwrap();
    fs::copy(folder.path().join("study.sqlite-journal"), &journal).unwrap();
    assert_ne!(fs::read(&half).unwrap(), before, "the file holds half a unit, or this test shows nothing");
    let store = Store::open(&half).unwrap();
    assert_eq!((store.records().unwrap().len(), store.meta().unwrap()), (written, meta()));
}

#[test]
fn a_budget_is_spelt_as_people_do() {
    assert_eq!(Budget::from(Eps::from_u8(4).unwrap()).text(), "4/255");
    assert_eq!(Budget::from(Eps::new(0.05).unwrap()).text(), "0.05");
    // Close to a whole step, but not it.
    assert_eq!(Budget::from(Eps::new(0.015_686).unwrap()).text(), "0.015686");
}

proptest! {
    #[test]
    fn a_budget_reads_back_to_the_bit(value in 0.0f32..=1.0) {
        let budget = Budget::from(Eps::new(value).unwrap());
        prop_assert_eq!(budget.text().parse::<Eps>().unwrap().value(), value);
    }
}
