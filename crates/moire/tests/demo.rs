//! `moire demo`, the first thing that a new user sees.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;

use support::{run, text};

#[test]
fn the_demonstration_shows_broken_edits_and_fooled_detectors() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let told = run(&["demo", "--out", &out.display().to_string()]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(">broken</span>"), "no edit breaks");
    for detector in ["ynet-swap", "mesoinception4-swap", "xception"] {
        assert!(page.contains(&format!("<h3>{detector}, PGD at")), "{detector} holds");
    }
    // Two faces with a photograph, what is protected, the change, and 24 edits twice; and flips of three pictures.
    assert!(page.matches("src=\"data:image/png;base64,").count() >= 2 * (3 + 48) + 9, "pictures are missing");
    assert!(!page.contains("src=\"http"), "it needs no network");
    assert!(out.join("audit/report.html").exists() && out.join("protected/00.png").exists());
}
