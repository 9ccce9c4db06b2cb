//! Writes a study of synthetic pictures with the plan of a rating, to try it on: `cargo run --example rating_study --
//! FOLDER`, then `moire rate serve FOLDER`.

#[path = "../tests/support/rating_study.rs"]
mod rating_study;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: rating_study FOLDER");
    let plan = "set = 7\nratings_per_pair = 3\ntraining = 3\nsets_per_rater = 2";
    rating_study::study(folder.as_ref(), 12, 4, 256, plan);
}
