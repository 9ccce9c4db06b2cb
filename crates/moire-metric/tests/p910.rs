//! The subject model, its screening and its agreement against numbers that others computed, on scores of the VQEG.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use moire_metric::opinion::{Ratings, Score, SubjectModel, krippendorff_alpha, screen};
use moire_testkit::shared;

/// Rows are stimuli, columns raters; one score is missing.
fn ratings(text: &str) -> Ratings {
    Ratings::new(text.lines().enumerate().flat_map(|(stimulus, line)| {
        let cell = move |(rater, cell): (usize, &str)| {
            let value: f64 = cell.parse().unwrap();
            value.is_finite().then_some(Score { stimulus, rater, value })
        };
        line.split(',').enumerate().filter_map(cell).collect::<Vec<_>>()
    }))
}

#[test]
fn agrees_with_the_reference_implementation() {
    let Some(root) = shared() else { return };
    let read = |name: &str| fs::read_to_string(root.join("oracles/mos").join(name)).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&read("p910_expected.json")).unwrap();
    let ratings = ratings(&read("ratings.csv"));
    let model = SubjectModel::fit(&ratings);
    for (name, found) in [
        ("mos_j", &model.quality),
        ("sos_j", &model.standard_error),
        ("bias_i", &model.bias),
        ("inconsistency_i", &model.inconsistency),
    ] {
        let expected: Vec<f64> =
            expected[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-6, "{name} differs by {worst}");
    }
    // The `krippendorff` package, 0.8.
    assert!((krippendorff_alpha(&ratings).unwrap() - 0.495_286_008_059_189_3).abs() < 1e-9);
    let rejected: Vec<usize> =
        screen(&ratings).iter().enumerate().filter(|(_, s)| s.rejected).map(|(i, _)| i).collect();
    assert_eq!(rejected, [1]);
}
