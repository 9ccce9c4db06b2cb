//! What the answers of an experiment add up to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moire_metric::opinion::{
    Mos, Ratings, Score, SubjectModel, condition_mos, krippendorff_alpha, mos, screen,
};
use moire_metric::{pearson, spearman};
use moire_study::{
    CLEAN, OPINION, Opinion, OpinionCondition, OpinionCorrelation, OpinionCounted, OpinionImage,
    OpinionRater, OpinionScore, Record, files,
};

use crate::design::Purpose;
use crate::error::Error;
use crate::quality::Quality;
use crate::store::{Answers, Deck, Experiment, FOLDER};

/// Adds up the answers of an experiment.
///
/// Counted are the answers of finished sets in which neither trap nor golden pair was missed. Quality, bias and
/// inconsistency are fitted to all of these; mean scores and agreement leave out the raters whom BT.500 rejects.
///
/// # Errors
/// The database or the study's records cannot be read.
pub fn analyse(experiment: &Experiment) -> Result<Opinion, Error> {
    let sql = |e| experiment.sql(e);
    let deck = Deck::read(&experiment.db).map_err(sql)?;
    let answers = Answers::read(&experiment.db).map_err(sql)?;
    let records = crate::records(&experiment.study)?;
    Ok(opinion(experiment, &deck, &answers, &records))
}

/// Answers that count, with stimuli and raters numbered without gaps.
struct Kept {
    scores: Vec<Score>,
    /// The pair of each stimulus.
    pairs: Vec<usize>,
    /// The person of each rater.
    people: Vec<usize>,
}

fn opinion(experiment: &Experiment, deck: &Deck, answers: &Answers, records: &[Record]) -> Opinion {
    let quality = Quality::of(deck, answers);
    let mut counted = OpinionCounted {
        traps_missed: quality.traps_missed,
        golden_missed: quality.golden_missed,
        ..OpinionCounted::default()
    };
    let mut conditions: Vec<OpinionCondition> = experiment
        .plan
        .condition
        .iter()
        .enumerate()
        .map(|(index, c)| OpinionCondition {
            name: c.name.clone(),
            network: c.network.clone(),
            attack: c.attack.clone(),
            eps: c.eps.clone(),
            images: deck.pairs.iter().filter(|p| p.purpose == Purpose::Rated(index)).count(),
            score: None,
        })
        .collect();
    let mut opinion = Opinion { format: 1, ..Opinion::default() };
    let kept = kept(deck, answers, &quality, &mut counted);
    if !kept.scores.is_empty() {
        let ratings = Ratings::new(kept.scores.iter().copied());
        let model = SubjectModel::fit(&ratings);
        let screened = screen(&ratings);
        let left: Vec<Score> = kept.scores.iter().filter(|s| !screened[s.rater].rejected).copied().collect();
        counted.rejected = kept.scores.len() - left.len();
        counted.scores = left.len();
        counted.raters = screened.iter().filter(|s| !s.rejected).count();
        opinion.agreement = agreement(&left);
        opinion.raters = (0..kept.people.len())
            .map(|i| OpinionRater {
                rater: kept.people[i] + 1,
                scores: screened[i].scores,
                bias: model.bias[i],
                inconsistency: model.inconsistency[i],
                rejected: screened[i].rejected,
            })
            .collect();
        let of = |stimulus: usize| match deck.pairs[kept.pairs[stimulus]].purpose {
            Purpose::Rated(condition) => condition,
            _ => usize::MAX,
        };
        for (index, condition) in conditions.iter_mut().enumerate() {
            let scores: Vec<Score> = left.iter().filter(|s| of(s.stimulus) == index).copied().collect();
            let seen: Vec<f64> =
                (0..kept.pairs.len()).filter(|&s| of(s) == index).map(|s| model.quality[s]).collect();
            let modelled = seen.iter().sum::<f64>() / seen.len() as f64;
            condition.score = condition_mos(&scores).map(|m| score(m, modelled));
        }
        opinion.images = images(experiment, deck, &kept, &left, &model, records);
        opinion.correlations = correlations(&conditions, &opinion.images);
    }
    Opinion { conditions, counted, ..opinion }
}

fn score(mos: Mos, modelled: f64) -> OpinionScore {
    OpinionScore { mos: mos.value, interval: mos.interval, scores: mos.scores, modelled }
}

fn kept(deck: &Deck, answers: &Answers, quality: &Quality, counted: &mut OpinionCounted) -> Kept {
    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    for row in &answers.rows {
        let work = &answers.works[row.work];
        let Some(slot) = deck.sets.get(work.deck).and_then(|s| s.get(row.position)) else { continue };
        if !matches!(deck.pairs[slot.pair].purpose, Purpose::Rated(_)) {
            continue;
        }
        counted.answers += 1;
        if quality.counts[row.work] {
            found.push((slot.pair, work.rater, f64::from(row.score)));
        } else if work.finished {
            counted.careless += 1;
        } else {
            counted.unfinished += 1;
        }
    }
    let numbered = |key: fn(&(usize, usize, f64)) -> usize| {
        let mut of: Vec<usize> = found.iter().map(key).collect();
        of.sort_unstable();
        of.dedup();
        of
    };
    let (pairs, people) = (numbered(|f| f.0), numbered(|f| f.1));
    let number = |of: &[usize], value| of.binary_search(&value).expect("every value was numbered");
    let scores = found
        .iter()
        .map(|&(pair, person, value)| Score {
            stimulus: number(&pairs, pair),
            rater: number(&people, person),
            value,
        })
        .collect();
    Kept { scores, pairs, people }
}

/// Agreement of what is left, whose stimuli and raters may have gaps by now.
fn agreement(scores: &[Score]) -> Option<f64> {
    let renumbered = |key: fn(&Score) -> usize| {
        let mut of: Vec<usize> = scores.iter().map(key).collect();
        of.sort_unstable();
        of.dedup();
        of.into_iter().enumerate().map(|(i, v)| (v, i)).collect::<BTreeMap<_, _>>()
    };
    let (stimuli, raters) = (renumbered(|s| s.stimulus), renumbered(|s| s.rater));
    (!scores.is_empty())
        .then(|| {
            Ratings::new(scores.iter().map(|s| Score {
                stimulus: stimuli[&s.stimulus],
                rater: raters[&s.rater],
                value: s.value,
            }))
        })
        .and_then(|ratings| krippendorff_alpha(&ratings))
}

fn images(
    experiment: &Experiment,
    deck: &Deck,
    kept: &Kept,
    left: &[Score],
    model: &SubjectModel,
    records: &[Record],
) -> Vec<OpinionImage> {
    let mut by_stimulus: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    left.iter().for_each(|s| by_stimulus.entry(s.stimulus).or_default().push(s.value));
    let by_key: BTreeMap<_, &Record> = records
        .iter()
        .map(|r| {
            let eps = r.eps.as_ref().map(moire_study::Budget::text);
            ((r.network.as_str(), r.attack.as_str(), eps, r.image.as_str()), r)
        })
        .collect();
    let image = |(stimulus, values): (usize, Vec<f64>)| {
        let pair = &deck.pairs[kept.pairs[stimulus]];
        let Purpose::Rated(condition) = pair.purpose else { return None };
        let c = experiment.plan.condition.get(condition)?;
        let record = by_key.get(&(&c.network, &c.attack, c.eps.as_deref(), pair.image.as_str()));
        let distance = record.and_then(|r| r.measured()).map(|m| m.distance);
        Some(OpinionImage {
            condition,
            image: pair.image.clone(),
            score: score(mos(&values)?, model.quality[stimulus]),
            psnr: distance.and_then(|d| d.psnr),
            ssim: distance.and_then(|d| d.ssim),
            rmse_255: distance.map(|d| d.rmse_255),
        })
    };
    by_stimulus.into_iter().filter_map(image).collect()
}

fn correlations(conditions: &[OpinionCondition], images: &[OpinionImage]) -> Vec<OpinionCorrelation> {
    let one = |measure: &str, of: fn(&OpinionImage) -> Option<f64>| {
        // An unchanged image has no finite PSNR, and its other measures are all the same.
        let changed = images.iter().filter(|i| conditions[i.condition].attack != CLEAN);
        let (values, scores): (Vec<f64>, Vec<f64>) =
            changed.filter_map(|i| Some((of(i)?, i.score.mos))).unzip();
        OpinionCorrelation {
            measure: measure.to_owned(),
            pearson: pearson(&values, &scores),
            spearman: spearman(&values, &scores),
            images: values.len(),
        }
    };
    vec![one("psnr", |i| i.psnr), one("ssim", |i| i.ssim), one("rmse_255", |i| i.rmse_255)]
}

/// Writes `opinion.json`, and its conditions, images and raters as CSV, into the experiment's folder.
///
/// # Errors
/// The disk is full, or the folder cannot be written to.
pub fn write_opinion(study: &Path, opinion: &Opinion) -> Result<Vec<PathBuf>, Error> {
    let digits = |v: f64| format!("{v:.4}");
    let maybe = |v: Option<f64>| v.map_or(String::new(), digits);
    let scored = |s: &OpinionScore| {
        [
            digits(s.mos),
            maybe(s.interval.map(|i| i.0)),
            maybe(s.interval.map(|i| i.1)),
            s.scores.to_string(),
            digits(s.modelled),
        ]
    };
    let heads = ["mos", "low_95", "high_95", "scores", "modelled_mos"];
    let conditions = opinion.conditions.iter().map(|c| {
        let names = [&c.name, &c.network, &c.attack].map(Clone::clone).into_iter();
        let numbers = c.score.as_ref().map_or([const { String::new() }; 5], scored);
        names.chain([c.eps.clone().unwrap_or_default(), c.images.to_string()]).chain(numbers).collect()
    });
    let images = opinion.images.iter().map(|i| {
        let names = [opinion.conditions[i.condition].name.clone(), i.image.clone()].into_iter();
        names.chain(scored(&i.score)).chain([i.psnr, i.ssim, i.rmse_255].map(maybe)).collect()
    });
    let raters = opinion.raters.iter().map(|r| {
        vec![
            r.rater.to_string(),
            r.scores.to_string(),
            digits(r.bias),
            digits(r.inconsistency),
            r.rejected.to_string(),
        ]
    });
    let folder = study.join(FOLDER);
    let mut paths = Vec::new();
    let mut put = |name: &str, bytes: &[u8]| {
        paths.push(folder.join(name));
        files::write(&folder.join(name), bytes)
    };
    let with = |first: &[&'static str], last: &[&'static str]| [first, &heads, last].concat();
    let head = with(&["condition", "network", "attack", "eps", "images"], &[]);
    put("opinion-conditions.csv", &table(&head, conditions)?)?;
    put(
        "opinion-images.csv",
        &table(&with(&["condition", "image"], &["psnr", "ssim", "rmse_255"]), images)?,
    )?;
    let head = ["rater", "scores", "bias", "inconsistency", "rejected"];
    put("opinion-raters.csv", &table(&head, raters)?)?;
    files::write(&study.join(OPINION), &serde_json::to_vec_pretty(opinion)?)?;
    paths.push(study.join(OPINION));
    Ok(paths)
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|e| csv::Error::from(e.into_error()).into())
}
