//! Intervals keep their promise: on simulated raters whose truth is known, they cover it 95 times in 100.

use moire_tensor::{Rng, SampleId};

use super::{Ratings, Score, SubjectModel, condition_mos, mos};

fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (f64::from(rng.unit()), f64::from(rng.unit()));
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A grade of the five-point scale.
fn grade(value: f64) -> f64 {
    value.round().clamp(1.0, 5.0)
}

/// So many hits of so many tries are what a chance of 95 % gives, within four standard deviations.
fn is_95_percent(hits: usize, tries: usize) {
    let (n, k) = (tries as f64, hits as f64);
    let deviation = (n * 0.95 * 0.05).sqrt();
    assert!((k - 0.95 * n).abs() < 4.0 * deviation, "{hits} of {tries}: {:.4}", k / n);
}

/// Raters of one experiment, drawn at random: bias and inconsistency.
fn raters(rng: &mut Rng, n: usize) -> Vec<(f64, f64)> {
    (0..n).map(|_| (0.4 * normal(rng), f64::from(rng.uniform(0.4, 1.2)))).collect()
}

/// The expected grade of a score of this mean and deviation.
fn expected_grade(mean: f64, deviation: f64) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    let score = Normal::new(mean, deviation).expect("a deviation");
    1.0 + [1.5, 2.5, 3.5, 4.5].map(|edge| 1.0 - score.cdf(edge)).iter().sum::<f64>()
}

#[test]
fn of_one_stimulus_for_any_raters() {
    let mut rng = Rng::new(1, SampleId(0), "coverage of one stimulus");
    // The truth is the mean grade over all raters that there might be.
    let quality = 3.4;
    let steps = 2000;
    let truth = (0..steps)
        .map(|i| {
            // Bias and noise together are normal, given the inconsistency.
            let inconsistency = 0.4 + 0.8 * (f64::from(i) + 0.5) / f64::from(steps);
            expected_grade(quality, inconsistency.hypot(0.4))
        })
        .sum::<f64>()
        / f64::from(steps);
    let tries = 4000;
    let hits = (0..tries).filter(|_| {
        let scores: Vec<f64> =
            raters(&mut rng, 25).iter().map(|(b, v)| grade(quality + b + v * normal(&mut rng))).collect();
        let (low, high) = mos(&scores).unwrap().interval.unwrap();
        (low..=high).contains(&truth)
    });
    is_95_percent(hits.count(), tries);
}

#[test]
fn of_a_condition_for_any_images_and_raters() {
    let mut rng = Rng::new(2, SampleId(0), "coverage of a condition");
    let (images, people, each) = (80, 60, 40);
    // Images differ by 0.5 about 3.2, raters by 0.4, what is left by 0.7: one normal deviate in all.
    let truth = expected_grade(3.2, (0.25f64 + 0.16 + 0.49).sqrt());
    let tries = 1000;
    let hits = (0..tries).filter(|_| {
        let quality: Vec<f64> = (0..images).map(|_| 3.2 + 0.5 * normal(&mut rng)).collect();
        let bias: Vec<f64> = (0..people).map(|_| 0.4 * normal(&mut rng)).collect();
        let mut scores = Vec::new();
        for (rater, bias) in bias.iter().enumerate() {
            // Every rater sees half of the images, each image is seen by half of the raters.
            for k in 0..each {
                let stimulus = (rater + 2 * k) % images;
                scores.push(Score {
                    stimulus,
                    rater,
                    value: grade(quality[stimulus] + bias + 0.7 * normal(&mut rng)),
                });
            }
        }
        let (low, high) = condition_mos(&scores).unwrap().interval.unwrap();
        (low..=high).contains(&truth)
    });
    is_95_percent(hits.count(), tries);
}

/// Shares of qualities that the model's intervals cover, in designs where everybody sees everything and where
/// people see one to five sets of nineteen.
#[test]
fn of_the_subject_model_for_these_raters() {
    for (seed, stimuli, people, sets) in [(3, 60, 24, None), (4, 95, 100, Some(19))] {
        let mut rng = Rng::new(seed, SampleId(0), "coverage of the subject model");
        let (mut hits, mut tries) = (0, 0);
        for _ in 0..60 {
            let quality: Vec<f64> = (0..stimuli).map(|_| f64::from(rng.uniform(1.5, 4.5))).collect();
            let raters = raters(&mut rng, people);
            let mut scores = Vec::new();
            for (rater, (bias, inconsistency)) in raters.iter().enumerate() {
                let mut order: Vec<usize> = (0..stimuli).collect();
                (1..stimuli).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
                let seen = sets.map_or(stimuli, |set| set * (1 + rng.below(5)));
                for &stimulus in &order[..seen] {
                    let value = quality[stimulus] + bias + inconsistency * normal(&mut rng);
                    scores.push(Score { stimulus, rater, value });
                }
            }
            let model = SubjectModel::fit(&Ratings::new(scores));
            // Only differences are known to these raters: quality is what their mean bias makes of it.
            let mean = raters.iter().map(|r| r.0).sum::<f64>() / people as f64;
            for (i, q) in quality.iter().enumerate() {
                let (low, high) = model.interval(i).unwrap();
                hits += usize::from((low..=high).contains(&(q + mean)));
                tries += 1;
            }
        }
        is_95_percent(hits, tries);
    }
}
