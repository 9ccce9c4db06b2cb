//! The page shows what is in the records, as text, and loads nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use moire_study::{Meta, Panel, Record, Report, Summary, choose_panels};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use support::{failed, meta, png, study, transferred};

const HOSTILE: &str = "<script>alert(\"1\")</script>&<img src=x onerror='alert(2)'>";

fn records() -> Vec<Record> {
    let mut records = study("ynet");
    records.extend(study("meso4"));
    records.push(failed("meso4", "pgd(steps=10)", 1, 77, "truncated <b>PNG</b>"));
    records
}

fn panels(records: &[Record]) -> Vec<Panel> {
    let panel = |r: &Record| Panel {
        key: r.key(),
        factor: 16.0,
        clean: png(64, 48),
        change: png(64, 48),
        adversarial: png(64, 48),
        given: Some("images/given.png".to_owned()),
        extras: Vec::new(),
    };
    choose_panels(records, 1).into_iter().map(panel).collect()
}

fn page(title: &str, meta: &Meta, records: &[Record]) -> String {
    let panels = panels(records);
    let thumbs = [(("faces".to_owned(), "fake/000.png".to_owned()), png(8, 8))].into();
    Report {
        title,
        meta,
        records,
        panels: &panels,
        thumbs: &thumbs,
        opinion: None,
        protections: &[],
        protection_panels: &[],
    }
    .render()
    .unwrap()
}

#[test]
fn the_page_has_every_part_in_order() {
    let html = page("Two detectors", &meta(), &records());
    let mut at = 0;
    for part in [
        "<!DOCTYPE html>",
        "<html lang=\"en\">",
        "Content-Security-Policy",
        "<title>Two detectors</title>",
        "<h1>Two detectors</h1>",
        "<nav aria-label=\"Sections\">",
        "id=\"findings\"",
        "<article class=\"card breaks\">",
        "Breaks at 2/255",
        "id=\"curves\"",
        "<svg class=\"chart\"",
        "id=\"paces\"",
        "<svg class=\"chart\"",
        "id=\"images\"",
        "data:image/png;base64,",
        "id=\"perceptibility\"",
        "id=\"results\"",
        "id=\"index\"",
        "id=\"guards\"",
        "id=\"cost\"",
        "id=\"repeat\"",
        "moire audit ynet --data faces",
        "pgd(steps=10)",
        "18446744073709551614",
        "id=\"method\"",
        "</html>",
    ] {
        at += html[at..].find(part).unwrap_or_else(|| panic!("'{part}' is not there, or not in its place"));
    }
    assert_eq!(html.matches("<svg class=\"chart\"").count(), 4);
    assert_eq!(html.matches("<figure class=\"panel\"").count(), 4);
    for network in ["ynet", "meso4"] {
        assert!(html.contains(&format!("<h3><code>{network}</code></h3>")));
    }
    // 2 networks: unchanged, two attacks at two budgets each.
    let table = html.split("<table id=\"results-table\">").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(table.matches("<tr>").count(), 1 + 2 * 5);
    assert!(html.contains("truncated &#60;b&#62;PNG"));
}

#[test]
fn transfers_have_a_place_of_their_own() {
    let own = records();
    let mut all = own.clone();
    for record in own.iter().filter(|r| r.network == "ynet" && r.attack != "clean") {
        all.push(transferred(
            "meso4",
            "ynet",
            record,
            [1.0, if record.attack == "urn" { 1.0 } else { -1.0 }],
        ));
    }
    let section = |html: &str, id: &str| {
        let at = html.find(&format!("<section id=\"{id}\"")).unwrap();
        html[at..].split("</section>").next().unwrap().to_owned()
    };
    let (without, with) = (page("t", &meta(), &own), page("t", &meta(), &all));
    assert!(!without.contains("id=\"transfer\""));
    for same in ["curves", "results", "perceptibility", "images", "cost"] {
        let seconds = |text: String| text.lines().filter(|l| !l.contains("of computing")).collect::<String>();
        assert_eq!(seconds(section(&without, same)), seconds(section(&with, same)), "{same}");
    }
    let transfer = section(&with, "transfer");
    assert_eq!(transfer.matches("<table class=\"matrix\"").count(), 4, "two attacks at two budgets");
    // PGD at 1/255: a third at home, everything away.
    let first = transfer.split("<table").nth(1).unwrap().replace('\u{a0}', " ");
    for part in ["PGD · 1/255", "<code>meso4</code>", "<b>33 %</b>", "<b>100 %</b>", "ratio 3.00", "h10"] {
        assert!(first.contains(part), "{part}: {first}");
    }
}

#[test]
fn the_page_needs_no_network() {
    let html = page("Two detectors", &meta(), &records());
    // The one address is SVG's name of itself.
    let html = html.replace("http://www.w3.org/2000/svg", "");
    for outside in
        ["http:", "https:", "//", "<link", "<iframe", "<object", "@import", "url(", "fetch(", "XMLHttp"]
    {
        let lines: Vec<&str> =
            html.lines().filter(|l| l.contains(outside) && !l.trim_start().starts_with("// ")).collect();
        let lines: Vec<&&str> = lines.iter().filter(|l| !l.contains("base64,")).collect();
        assert!(lines.is_empty(), "{outside}: {lines:?}");
    }
    for source in html.split("src=\"").skip(1) {
        assert!(source.starts_with("data:image/png;base64,"));
    }
    for target in html.split("href=\"").skip(1) {
        assert!(target.starts_with('#') || target.starts_with("./images/"), "{target:.40}");
    }
    assert!(
        html.contains(
            "default-src &#39;none&#39;; img-src data: &#39;self&#39; file:; style-src &#39;sha256-"
        )
    );
    assert!(!html.contains(" style=\"") && !html.contains(" onclick"));
}

#[test]
fn names_are_text_and_never_run() {
    let mut records = records();
    for record in &mut records {
        record.image = format!("{}/{HOSTILE}", record.image);
        record.network = format!("{}`{HOSTILE}`", record.network);
        record.attack = format!("{}{HOSTILE}", record.attack);
    }
    let mut meta = meta();
    meta.command = HOSTILE.to_owned();
    meta.plan = format!("</code></pre>{HOSTILE}");
    meta.environment.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    meta.checksums.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    meta.program = format!("\"{HOSTILE}");
    let html = page(HOSTILE, &meta, &records);
    assert_eq!(html.matches("<script").count(), 1, "only the page's own");
    assert_eq!(html.matches("</script").count(), 1);
    assert!(!html.contains("<img src=x"));
    assert!(html.contains("&#60;script&#62;alert(&#34;1&#34;)"));
}

#[test]
fn links_are_paths_beside_the_page() {
    let mut records = study("ynet");
    for record in &mut records {
        if let moire_study::Answer::Measured(m) = &mut record.answer {
            m.file = Some("images/a b\"<>%.png".to_owned());
        }
    }
    assert!(page("", &meta(), &records).contains("href=\"./images/a%20b%22%3C%3E%25.png\""));
}

#[test]
fn the_same_records_give_the_same_bytes_in_any_order() {
    let (mut records, meta) = (records(), meta());
    let first = page("t", &meta, &records);
    assert_eq!(first, page("t", &meta, &records));
    records.reverse();
    assert_eq!(first, page("t", &meta, &records));
}

#[test]
fn a_study_without_records_is_a_page() {
    let html = page("Nothing yet", &meta(), &[]);
    assert!(html.contains("No attack has been measured yet."));
    let failures = [failed("ynet", "pgd", 1, 0, "gone")];
    assert!(page("t", &meta(), &failures).contains("gone"));
}

#[test]
fn pictures_are_small_and_of_this_study() {
    let (records, meta) = (study("ynet"), meta());
    let panel = panels(&records).remove(0);
    let render = |panel: Panel| {
        let thumbs = [].into();
        let panels = [panel];
        Report {
            title: "t",
            meta: &meta,
            records: &records,
            panels: &panels,
            thumbs: &thumbs,
            opinion: None,
            protections: &[],
            protection_panels: &[],
        }
        .render()
    };
    assert!(render(panel.clone()).is_ok());
    for wrong in [
        Panel { clean: b"GIF89a".to_vec(), ..panel.clone() },
        Panel { change: Vec::new(), ..panel.clone() },
        Panel { change: b"\xff\xd8\xff\xe0\xff\xff".to_vec(), ..panel.clone() },
        Panel { adversarial: png(257, 1), ..panel.clone() },
        Panel { key: moire_study::Key { image: "other.png".to_owned(), ..panel.key.clone() }, ..panel },
    ] {
        assert_eq!(render(wrong).unwrap_err().kind(), moire_study::ErrorKind::Panel);
    }
}

#[test]
fn panels_show_the_smallest_success_and_noise_on_the_same_image() {
    let records = study("ynet");
    let chosen: Vec<_> = choose_panels(&records, 2)
        .into_iter()
        .map(|r| (r.attack.as_str(), r.eps.as_ref().unwrap().text(), r.image.as_str()))
        .collect();
    assert_eq!(
        chosen,
        [
            ("pgd(steps=10)", "1/255", "fake/000.png"),
            ("pgd(steps=10)", "1/255", "real/001.png"),
            ("urn", "2/255", "fake/000.png"),
            ("urn", "2/255", "real/001.png"),
        ]
    );
}

#[test]
fn exports_hold_every_record() {
    let records = records();
    let mut table = Vec::new();
    moire_study::csv::write(&mut table, &records).unwrap();
    let mut reader = csv::Reader::from_reader(&table[..]);
    let columns = reader.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|c| c == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        assert_eq!(&row[column("image")], record.image);
        assert_eq!(&row[column("failure")], record.failure().unwrap_or_default());
        let saved = record.measured().map_or_else(String::new, |m| m.saved.p_fake.to_string());
        assert_eq!(row[column("saved_p_fake")], saved);
    }
    let mut file = Vec::new();
    moire_study::parquet::write(&mut file, &records).unwrap();
    let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        let cell =
            |name: &str| row.get_column_iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap();
        assert_eq!(cell("image"), Field::Str(record.image.clone()));
        assert_eq!(cell("seed"), Field::ULong(record.seed));
        assert_eq!(cell("crafted_on"), Field::Null);
        let saved = record.measured().map_or(Field::Null, |m| Field::Double(m.saved.p_fake));
        assert_eq!(cell("saved_p_fake"), saved);
        let flipped = record.measured().map_or(Field::Null, |_| Field::Bool(record.flipped()));
        assert_eq!(cell("flipped"), flipped);
    }

    let latex = moire_study::latex::tables(&Summary::new(&records));
    assert_eq!(latex.matches("\\toprule").count(), 1);
    assert!(latex.contains("ynet & PGD & $1/255$ & 90.0 & 60.0 "), "{latex}");

    let mut json = Vec::new();
    moire_study::json::write(&mut json, &meta(), &records).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["format"], 3);
    assert_eq!(value["meta"]["program"], "moire 0.1.0");
    assert_eq!(value["records"].as_array().unwrap().len(), records.len());
    let back: Vec<Record> = serde_json::from_value(value["records"].clone()).unwrap();
    assert_eq!(back[3].key(), records[3].key());
}
