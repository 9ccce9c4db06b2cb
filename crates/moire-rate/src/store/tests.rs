use moire_tensor::{Rng, SampleId};
use rusqlite::Connection;

use super::{Begun, Deck, Given, Heard, Open, Rater, Step};
use crate::design::Purpose;
use crate::fixture;
use crate::{Experiment, analyse};

/// A rater who has taken every step before the first set.
fn ready(db: &Connection) -> String {
    let token = Rater::join(db, 1000).unwrap().unwrap();
    let rater = Rater::find(db, &token).unwrap().unwrap();
    for step in [
        Step::Consent,
        Step::Instructions,
        Step::Screen { vision: true, contrast: true },
        Step::Training(0),
        Step::Training(1),
    ] {
        rater.step(db, step, 0).unwrap();
    }
    token
}

fn find(db: &Connection, token: &str) -> Rater {
    Rater::find(db, token).unwrap().unwrap()
}

fn begin(db: &Connection, token: &str, most: usize, now: i64) -> Begun {
    find(db, token).begin(db, most, now, now - 60).unwrap()
}

fn answer(db: &Connection, token: &str, place: Open, score: u8, length: usize, now: i64) -> Heard {
    let given = Given { place, score, milliseconds: Some(2000), fits: Some(true), pixel_ratio: Some(1.0) };
    find(db, token).answer(db, &given, length, now).unwrap()
}

fn open(begun: Begun) -> Open {
    let Begun::Open(open) = begun else { panic!("{begun:?}") };
    open
}

#[test]
fn a_set_that_rests_goes_to_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    // Two sets of six: one pair a condition, of twelve images, once.
    let mut plan = fixture::plan(8, 1, 1);
    plan.pairs = 12.try_into().unwrap();
    let experiment = fixture::experiment(folder.path(), &plan, 12);
    let db = &experiment.db;
    let [anna, ben, cleo] = [(); 3].map(|()| ready(db));
    let first = open(begin(db, &anna, 5, 0));
    assert_eq!(begin(db, &anna, 5, 1), Begun::Open(first), "asked twice, it is one set");
    let second = open(begin(db, &ben, 5, 0));
    assert_ne!(first.deck, second.deck);
    assert_eq!(begin(db, &cleo, 5, 30), Begun::Nothing, "both are being rated");
    assert_eq!(answer(db, &ben, second, 4, 8, 50), Heard::Now);

    // Anna has rested longer than a minute, Ben has not.
    let passed_on = open(begin(db, &cleo, 5, 100));
    assert_eq!(passed_on.deck, first.deck);
    assert_eq!(begin(db, &ready(db), 5, 100), Begun::Nothing);
    assert_eq!(answer(db, &anna, first, 4, 8, 101), Heard::Late, "her set has gone");
    assert_eq!(answer(db, &ben, second, 1, 8, 101), Heard::Before, "the first answer counts");
    assert!(find(db, &anna).open.is_none() && find(db, &ben).open.unwrap().position == 1);
    assert_eq!(begin(db, &anna, 5, 102), Begun::Nothing, "she has seen that set, and the other is Ben's");
}

#[test]
fn an_answer_is_taken_back_once_and_forms_that_went_stale_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(folder.path(), &fixture::plan(8, 1, 2), 12);
    let (db, anna) = (&experiment.db, ready(&experiment.db));
    let first = open(begin(db, &anna, 5, 0));
    assert!(!first.may_undo());
    answer(db, &anna, first, 4, 8, 0);
    let second = find(db, &anna).open.unwrap();
    for _ in 0..2 {
        find(db, &anna).undo(db, second, 0).unwrap();
        assert_eq!(find(db, &anna).open.unwrap(), Open { attempt: 1, ..first });
    }
    assert!(!find(db, &anna).open.unwrap().may_undo(), "one answer, not a whole set");
    assert_eq!(
        answer(db, &anna, first, 5, 8, 0),
        Heard::Before,
        "the form of the answer that was taken back"
    );
    assert_eq!(answer(db, &anna, find(db, &anna).open.unwrap(), 2, 8, 0), Heard::Now);
    let kept: Vec<u8> = db
        .prepare("SELECT score FROM answer WHERE undone = 0")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(kept, [2]);
}

#[test]
fn the_schema_holds_what_the_program_promises() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(folder.path(), &fixture::plan(8, 1, 2), 12);
    let db = &experiment.db;
    let (anna, ben) = (find(db, &ready(db)).id, find(db, &ready(db)).id);
    let work = |deck: i64, rater: i64| {
        db.execute("INSERT INTO work (deck, rater, begun, touched) VALUES (?, ?, 0, 0)", (deck, rater))
    };
    work(0, anna).unwrap();
    assert!(work(0, ben).is_err(), "one person a set");
    assert!(work(1, anna).is_err(), "one set a person");
    let answer = |attempt: i64, score: i64| {
        db.execute(
            "INSERT INTO answer (work, position, attempt, score) VALUES (1, 0, ?, ?)",
            (attempt, score),
        )
    };
    answer(0, 3).unwrap();
    assert!(answer(1, 3).is_err(), "one answer that counts");
    assert!(answer(2, 6).is_err() && answer(2, 0).is_err(), "a score of the scale");
    assert!(Rater::join(db, 2).unwrap().is_none(), "no more people than the plan has");
}

#[test]
fn another_plan_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = fixture::plan(8, 1, 2);
    drop(fixture::experiment(folder.path(), &plan, 12));
    plan.seed = 8;
    std::fs::write(Experiment::plan_path(folder.path()), plan.text().unwrap()).unwrap();
    let error = Experiment::open_or_begin(folder.path()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Changed);
    assert!(error.to_string().contains("was 'seed = 7' and is now 'seed = 8'"), "{error}");
}

/// Raters whose truth is known: one condition is worse by one and a half, one rater ignores traps, one is strict.
#[test]
fn an_analysis_finds_what_raters_were_made_to_see() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = fixture::experiment(folder.path(), &fixture::plan(16, 12, 3), 20);
    let (db, deck) = (&experiment.db, Deck::read(&experiment.db).unwrap());
    let mut rng = Rng::new(5, SampleId(0), "simulated raters");
    let normal = |rng: &mut Rng| (0..12).map(|_| f64::from(rng.unit())).sum::<f64>() - 6.0;
    let truth = [4.4, 4.2, 2.7];
    for number in 0..25 {
        let token = ready(db);
        let bias = if number == 3 { -1.0 } else { 0.2 * normal(&mut rng) };
        for _ in 0..2 {
            while let Begun::Open(place) = begin(db, &token, 2, 0) {
                let slot = deck.sets[place.deck][place.position];
                let score = match (deck.pairs[slot.pair].purpose, slot.ask) {
                    (Purpose::Rated(c), _) => {
                        (truth[c] + bias + 0.6 * normal(&mut rng)).round().clamp(1.0, 5.0) as u8
                    }
                    (_, Some(ask)) if number == 7 => 1 + ask % 5,
                    (_, Some(ask)) => ask,
                    _ => 1,
                };
                assert_eq!(answer(db, &token, place, score, 16, 0), Heard::Now);
            }
        }
    }
    let opinion = analyse(&experiment).unwrap();
    let counted = opinion.counted;
    assert_eq!(counted.careless, 2 * 14, "who ignores traps is left out");
    assert_eq!((counted.traps_missed, counted.golden_missed, counted.unfinished), (2, 0, 0));
    assert_eq!(counted.answers, counted.scores + counted.careless + counted.rejected);
    for (condition, truth) in opinion.conditions.iter().zip(truth) {
        let score = condition.score.unwrap();
        let (low, high) = score.interval.unwrap();
        // Grades stop at 5, which costs the best conditions a little.
        assert!(low - 0.15 < truth && truth < high + 0.15, "{truth}: {score:?}");
        assert!((score.modelled - score.mos).abs() < 0.2, "{score:?}");
    }
    let strict = opinion.raters.iter().find(|r| r.rater == 4).unwrap();
    assert!(opinion.raters.iter().all(|r| r.rater == 4 || r.bias > strict.bias), "{:?}", opinion.raters);
    assert!(opinion.agreement.unwrap() > 0.3);
    let psnr = opinion.correlations.iter().find(|c| c.measure == "psnr").unwrap();
    assert!(psnr.pearson.unwrap() > 0.8 && psnr.images == 40, "{psnr:?}");
}
