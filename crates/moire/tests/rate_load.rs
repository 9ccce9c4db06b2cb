//! Many raters at once, a server that is killed again and again, and people who click twice: the store holds what was
//! confirmed, and no quota is broken.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use moire_tensor::{Rng, SampleId};
use support::rating::{Client, Server, asked, exported};
use support::rating_study::study;

struct Load {
    raters: usize,
    /// Longest time that a rater thinks, in milliseconds; the shortest is a fifth of it.
    think: f32,
    /// How often the server is killed.
    kills: usize,
    /// Sets a rater, images and ratings a pair.
    sets: usize,
    images: usize,
    ratings: usize,
}

/// What was confirmed: the score of each rater, set and position.
type Confirmed = BTreeMap<(u64, u64, u64), u64>;

/// Runs the load; answers with the times of answers that were confirmed at the first try.
fn run(load: &Load) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let plan = format!(
        "set = 21\nratings_per_pair = {}\ntraining = 0\nscreen_check = 'skip'\nsets_per_rater = {}",
        load.ratings, load.sets
    );
    study(folder.path(), load.images, 4, 16, &plan);
    let mut server = Server::start(folder.path());
    let links = server.links(load.raters);
    let (confirmed, times) = (Mutex::new(Confirmed::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let raters: Vec<_> = links
            .iter()
            .enumerate()
            .map(|(number, (link, _))| {
                let (client, confirmed, times) = (server.client(), &confirmed, &times);
                let rater = move || rate(load, number, link, client, confirmed, times);
                thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, rater).unwrap()
            })
            .collect();
        let mut rng = Rng::new(1, SampleId(0), "kills");
        for _ in 0..load.kills {
            thread::sleep(Duration::from_millis(600 + rng.below(900) as u64));
            server.restart();
        }
        raters.into_iter().for_each(|r| r.join().unwrap());
    });
    check(folder.path(), load, &confirmed.into_inner().unwrap());
    times.into_inner().unwrap()
}

/// One rater, who tries again whenever the server is away.
fn rate(
    load: &Load,
    number: usize,
    link: &str,
    mut client: Client,
    confirmed: &Mutex<Confirmed>,
    times: &Mutex<Vec<Duration>>,
) {
    let mut rng = Rng::new(7, SampleId(number as u64), "rater");
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(300), "a rater is stuck");
        match turn(load, number, link, &mut client, confirmed, times, &mut rng) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// One page and what this rater does with it; nothing more to do once every set is rated.
fn turn(
    load: &Load,
    number: usize,
    link: &str,
    client: &mut Client,
    confirmed: &Mutex<Confirmed>,
    times: &Mutex<Vec<Duration>>,
    rng: &mut Rng,
) -> io::Result<bool> {
    let page = client.try_send("GET", link, None)?;
    if page.status == 503 {
        return Err(io::ErrorKind::Interrupted.into());
    }
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    for step in ["consent", "instructions", "begin"] {
        if text.contains(&format!("{link}/{step}\"")) {
            let reply = client.try_post(&format!("{link}/{step}"), &[("tag", &page.field("tag"))])?;
            assert!(matches!(reply.status, 303 | 503) || reply.text().contains("no set"), "{}", reply.text());
            return Ok(reply.status != 200);
        }
    }
    let Some((place, tag, wanted)) = asked(&page) else { return Ok(false) };
    thread::sleep(Duration::from_millis(rng.uniform(load.think / 5.0, load.think) as u64));
    let score = wanted.unwrap_or_else(|| (1 + rng.below(3)).to_string());
    let form = [("place", place.as_str()), ("tag", tag.as_str()), ("score", score.as_str())];
    let start = Instant::now();
    let mut reply = client.try_post(&format!("{link}/answer"), &form);
    if reply.as_ref().is_ok_and(|r| r.status == 303) {
        times.lock().unwrap().push(start.elapsed());
    }
    // Who heard nothing sends the same again.
    while !reply.as_ref().is_ok_and(|r| r.status == 303) {
        thread::sleep(Duration::from_millis(50));
        reply = client.try_post(&format!("{link}/answer"), &form);
    }
    let numbers: Vec<u64> = place.split('-').map(|n| n.parse().unwrap()).collect();
    let key = (number as u64 + 1, numbers[1] + 1, numbers[2] + 1);
    let before = confirmed.lock().unwrap().insert(key, score.parse().unwrap());
    assert!(before.is_none(), "{key:?} was asked for after it was confirmed");
    if rng.below(5) == 0 {
        // A second click, on something else: the first counts.
        let again = [("place", place.as_str()), ("tag", tag.as_str()), ("score", "5")];
        assert!(
            client
                .try_post(&format!("{link}/answer"), &again)
                .map_or(true, |r| matches!(r.status, 303 | 503))
        );
    }
    Ok(true)
}

fn check(study: &std::path::Path, load: &Load, confirmed: &Confirmed) {
    let answers = exported(study);
    let answers = answers["answers"].as_array().unwrap();
    let number = |a: &serde_json::Value, name: &str| a[name].as_u64().unwrap();
    let held: Confirmed = answers
        .iter()
        .map(|a| ((number(a, "rater"), number(a, "set"), number(a, "position")), number(a, "score")))
        .collect();
    assert_eq!(held.len(), answers.len(), "no answer counts twice");
    assert!(held == *confirmed, "the store holds {} answers, {} were confirmed", held.len(), confirmed.len());
    assert!(answers.iter().all(|a| a["set_finished"] == true), "every set that was begun was finished");

    let (mut of_set, mut of_rater, mut of_pair) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for a in answers {
        of_set.entry(number(a, "set")).or_insert_with(BTreeSet::new).insert(number(a, "rater"));
        of_rater.entry(number(a, "rater")).or_insert_with(BTreeSet::new).insert(number(a, "set"));
        if a["purpose"] == "rated" {
            of_pair.entry(number(a, "pair")).or_insert_with(Vec::new).push(number(a, "rater"));
        }
    }
    assert!(of_set.values().all(|r| r.len() == 1), "a set has one rater");
    assert!(of_rater.values().all(|s| s.len() <= load.sets), "nobody rates more sets than one may");
    for raters in of_pair.values() {
        assert!(raters.len() <= load.ratings + 1, "a pair is rated {} times", raters.len());
        assert_eq!(raters.iter().collect::<BTreeSet<_>>().len(), raters.len(), "nobody rates a pair twice");
    }
}

#[test]
fn a_crowd_meets_a_server_that_dies() {
    // There are fewer sets than the crowd could rate: quotas are what ends it.
    run(&Load { raters: 40, think: 20.0, kills: 3, sets: 3, images: 24, ratings: 8 });
}

/// The same at the size that is promised. Run by `make rate-load`.
#[test]
#[ignore = "takes a minute, and its times want a release build on a quiet machine"]
fn five_hundred_raters_and_a_99th_percentile_under_50_ms() {
    run(&Load { raters: 500, think: 500.0, kills: 8, sets: 2, images: 30, ratings: 160 });
    let mut times = run(&Load { raters: 500, think: 1000.0, kills: 0, sets: 2, images: 30, ratings: 160 });
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    eprintln!(
        "{} answers: median {:?}, 99th percentile {:?}, slowest {:?}",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert!(at(0.99) < Duration::from_millis(50), "99th percentile {:?}", at(0.99));
}
