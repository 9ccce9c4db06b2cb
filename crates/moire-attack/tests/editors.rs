//! Ascents over several editors, on editors small enough to work out by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{
    Ascent, Attack, Cmua, Combination, Criterion, Editor, Editors, Frame, Look, Loss, Regularisation,
    Samples, Sight, Strategy, shortest,
};
use moire_graph::{Act, AxisMap, Builder, Conv2d, Graph, ValueId};
use moire_tensor::{Eps, Images, SampleId, Tensor};
use moire_testkit::{Reference, seeded};

const SIDE: usize = 4;
const SIZE: usize = 3 * SIDE * SIDE;
const DOMAINS: usize = 3;

/// An editor of `DOMAINS` edits: a smooth function of the image, shifted by each edit's condition.
fn editor(seed: u64, strength: f32) -> Graph {
    editor_of(DOMAINS, seed, strength)
}

/// The same, `rows` edits at a time.
fn editor_of(rows: usize, seed: u64, strength: f32) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, SIDE, SIDE]).unwrap();
    let c = b.input("c", [rows, 3]).unwrap();
    let copies = b.expand(x, [rows, 3, SIDE, SIDE]).unwrap();
    let shift = b.reshape(c, [rows, 3, 1, 1]).unwrap();
    let shifted = b.add(copies, shift).unwrap();
    let w = b.literal(seeded(&[3, 3, 3, 3], seed, "w").map(|v| strength * v));
    let y = b.conv2d(shifted, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() }).unwrap();
    let y = b.act(y, Act::Tanh).unwrap();
    b.finish([("y", y)]).unwrap()
}

fn image(nudge: f32) -> Images {
    let value =
        |i: usize| 0.4 + 0.2 * (i * 37 % 101) as f32 / 101.0 + nudge * if i % 2 == 0 { 1.0 } else { -1.0 };
    Images::new(Tensor::from_fn([1, 3, SIDE, SIDE], value)).unwrap()
}

fn sight(model: usize) -> Sight {
    let condition = (0..DOMAINS * 3).map(|i| ((i * i + model) % 7) as f32 * 0.1).collect();
    Sight { model, condition, ..Sight::default() }
}

/// One sample, of which every step looks at both models.
fn looks() -> Vec<Vec<Look>> {
    vec![vec![vec![sight(0), sight(1)]]]
}

fn editors(strategy: Strategy) -> Editors {
    editors_of(DOMAINS, strategy)
}

fn editors_of(rows: usize, strategy: Strategy) -> Editors {
    let models = [(1, 1.0), (2, 0.3)]
        .map(|(seed, strength)| Editor::new(&Reference, &editor_of(rows, seed, strength)).unwrap());
    let mut editors = Editors::new(models.into(), strategy);
    editors.set_samples(&image(0.0), vec![], looks()).unwrap();
    editors
}

fn direction(strategy: Strategy) -> Vec<f32> {
    let seen = editors(strategy).direction(&image(0.01), &[0], Loss::Margin).unwrap();
    seen.descent.data().to_vec()
}

fn close(a: &[f32], b: &[f64]) {
    let size = b.iter().map(|v| v.abs()).fold(0.0, f64::max);
    for (a, b) in a.iter().zip(b) {
        assert!((f64::from(*a) - b).abs() < 1e-6 * size, "{a} and {b} of {size}");
    }
}

/// The gradient and the loss of each model.
fn parts() -> (Vec<Vec<f64>>, Vec<f64>) {
    let single = |j: usize| Strategy { models: Combination::Single(j), ..Strategy::default() };
    let gradients: Vec<Vec<f64>> =
        (0..2).map(|j| direction(single(j)).iter().map(|&v| f64::from(v)).collect()).collect();
    let losses = editors(Strategy::default()).losses(image(0.01).image(0), 0).unwrap();
    let mean = |l: &Vec<f32>| l.iter().map(|&v| f64::from(v)).sum::<f64>() / DOMAINS as f64;
    (gradients, losses.iter().map(mean).collect())
}

/// MGDA on `gradients`, each times its scale.
fn mgda(gradients: &[Vec<f64>], scales: &[f64]) -> Vec<f64> {
    let scaled: Vec<Vec<f64>> =
        gradients.iter().zip(scales).map(|(g, s)| g.iter().map(|v| v * s).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum();
    let gram: Vec<Vec<f64>> = scaled.iter().map(|a| scaled.iter().map(|b| dot(a, b)).collect()).collect();
    let weights = shortest(&gram);
    (0..SIZE).map(|i| scaled.iter().zip(&weights).map(|(g, w)| w * g[i]).sum()).collect()
}

/// The mean of unit vectors.
fn even(gradients: &[Vec<f64>]) -> Vec<f64> {
    let unit = |g: &Vec<f64>| {
        let length = g.iter().map(|v| v * v).sum::<f64>().sqrt();
        g.iter().map(|v| v / length).collect::<Vec<f64>>()
    };
    let units: Vec<Vec<f64>> = gradients.iter().map(unit).collect();
    (0..SIZE).map(|i| units.iter().map(|u| u[i]).sum::<f64>() / units.len() as f64).collect()
}

/// However steep a model is, its direction counts alike: the sum leans to neither.
#[test]
fn even_models_count_alike() {
    let strategy = Strategy { models: Combination::Even, ..Strategy::default() };
    let towards = direction(strategy);
    let gradients = parts().0;
    close(&towards, &even(&gradients));
    let dot = |g: &Vec<f64>| g.iter().zip(&towards).map(|(a, &b)| a * f64::from(b)).sum::<f64>();
    let slopes: Vec<f64> =
        gradients.iter().map(|g| dot(g) / g.iter().map(|v| v * v).sum::<f64>().sqrt()).collect();
    assert!((slopes[0] - slopes[1]).abs() < 1e-6 * slopes[0].abs(), "{slopes:?}");
}

#[test]
fn gradients_are_those_of_the_losses() {
    let (gradients, _) = parts();
    let towards: Vec<f32> = seeded(&[SIZE], 4, "direction").data().to_vec();
    let moved = |h: f32| {
        let at = image(0.01).image(0).iter().zip(&towards).map(|(x, d)| x + h * d).collect::<Vec<f32>>();
        let losses = editors(Strategy::default()).losses(&at, 0).unwrap();
        losses.iter().map(|l| l.iter().map(|&v| f64::from(v)).sum::<f64>() / 3.0).collect::<Vec<f64>>()
    };
    let (up, down) = (moved(1e-3), moved(-1e-3));
    for j in 0..2 {
        let slope: f64 = gradients[j].iter().zip(&towards).map(|(g, &d)| g * f64::from(d)).sum();
        let numeric = (up[j] - down[j]) / 2e-3;
        assert!(
            (slope - numeric).abs() < 1e-3 * numeric.abs(),
            "model {j}: {slope}, {numeric} by differences"
        );
    }
}

/// Penalty is MGDA on half the squared losses, logarithmic MGDA on their logarithms: d(L^2 / 2) = L dL, d(log L) = dL / L.
#[test]
fn regularisations_are_mgda_on_functions_of_the_losses() {
    let (gradients, losses) = parts();
    let of = |regularisation| direction(Strategy { regularisation, ..Strategy::cdmaa() });
    close(&of(Regularisation::None), &mgda(&gradients, &[1.0; 2]));
    close(&of(Regularisation::Penalty), &mgda(&gradients, &[losses[0] + 1e-6, losses[1] + 1e-6]));
    close(&of(Regularisation::Logarithmic), &mgda(&gradients, &[1.0 / losses[0], 1.0 / losses[1]]));
    let length = |g: &Vec<f64>| g.iter().map(|v| v * v).sum::<f64>().sqrt();
    close(
        &of(Regularisation::L2),
        &mgda(&gradients, &[1.0 / length(&gradients[0]), 1.0 / length(&gradients[1])]),
    );
}

#[test]
fn no_loss_falls_along_the_shortest_vector() {
    let (gradients, losses) = parts();
    let towards = direction(Strategy::cdmaa());
    for (gradient, loss) in gradients.iter().zip(&losses) {
        let slope: f64 = gradient.iter().zip(&towards).map(|(g, &d)| g * f64::from(d)).sum();
        let square: f64 = towards.iter().map(|&d| f64::from(d) * f64::from(d)).sum();
        // w . g_j is at least |w|^2 / (L_j + delta).
        assert!(slope * (loss + 1e-6) >= square * (1.0 - 1e-5), "{slope} {square}");
    }
}

#[test]
fn domains_combine_as_models_do() {
    let with =
        |domains| direction(Strategy { domains, models: Combination::Single(0), ..Strategy::default() });
    let each: Vec<Vec<f64>> =
        (0..DOMAINS).map(|i| with(Combination::Single(i)).iter().map(|&v| f64::from(v)).collect()).collect();
    let mean: Vec<f64> = (0..SIZE).map(|i| each.iter().map(|g| g[i]).sum::<f64>() / DOMAINS as f64).collect();
    close(&with(Combination::Uniform), &mean);
    close(&with(Combination::Mgda), &mgda(&each, &[1.0; DOMAINS]));
    close(&with(Combination::Even), &even(&each));
    let mut turns = editors(Strategy {
        domains: Combination::Iterative,
        models: Combination::Single(0),
        ..Strategy::default()
    });
    for turn in 0..2 * DOMAINS {
        let seen = turns.direction(&image(0.01), &[0], Loss::Margin).unwrap();
        close(seen.descent.data(), &each[turn % DOMAINS]);
    }
}

#[test]
fn in_turn_every_edit_of_every_model_has_its_step() {
    let both =
        Strategy { domains: Combination::Iterative, models: Combination::Iterative, ..Strategy::default() };
    let mut turns = editors(both);
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for _ in 0..2 * DOMAINS {
        seen.push(turns.direction(&image(0.01), &[0], Loss::Margin).unwrap().descent.data().to_vec());
    }
    for i in 0..seen.len() {
        assert!(seen[..i].iter().all(|earlier| *earlier != seen[i]), "step {i} repeats an earlier one");
    }
    assert_eq!(turns.direction(&image(0.01), &[0], Loss::Margin).unwrap().descent.data(), seen[0]);
}

#[test]
fn every_base_attack_breaks_every_edit_where_noise_breaks_none() {
    let images = image(0.0);
    let eps = Some(Eps::new(0.1).unwrap());
    let run = |strategy: Strategy, text: &str| {
        let mut editors = editors(strategy);
        let samples = Samples { images: &images, ids: &[SampleId(5)], seed: 1 };
        let attack: Attack = text.parse().unwrap();
        let outcome = attack.run(&mut editors, &samples, eps, Criterion::Spent).unwrap();
        let losses = editors.losses(outcome.images.image(0), 0).unwrap();
        (losses.into_iter().flatten().fold(f32::INFINITY, f32::min), outcome.found[0])
    };
    // MGDA serves the edit that stands highest, and so moves the least loss further.
    for (strategy, times) in [(Strategy::cdmaa(), 4.0), (Strategy::default(), 3.0)] {
        let (noise, _) = run(strategy, "urn");
        for text in ["i_fgsm", "pgd", "mi_fgsm", "apgd(steps=20)"] {
            let (least, found) = run(strategy, text);
            assert!(least > times * noise, "{text}: {least}, noise {noise}");
            assert!(found.steps >= 10, "{text}: every step is taken");
            assert!(!found.zero_gradient, "{text} starts beside the image, where the gradient is 0");
        }
    }
}

/// Of three edits that stand at L1 < L2 < L3, what is beyond L2 leaves the mean of two; beyond L1 the gradient of one;
/// beyond none nothing to do. A model all of whose edits have enough does not hold the others back.
#[test]
fn edits_that_have_enough_are_left_to_rest() {
    let losses = editors(Strategy::default()).losses(image(0.01).image(0), 0).unwrap();
    let mut order: Vec<usize> = (0..DOMAINS).collect();
    order.sort_by(|&a, &b| losses[0][a].total_cmp(&losses[0][b]));
    let loss = |place: usize| losses[0][order[place]];
    let first = Strategy { models: Combination::Single(0), ..Strategy::default() };
    let alone = |place: usize| {
        let domains = Combination::Single(order[place]);
        direction(Strategy { domains, ..first }).iter().map(|&v| f64::from(v)).collect::<Vec<f64>>()
    };
    let (least, middle) = (alone(0), alone(1));
    for domains in [Combination::Uniform, Combination::Mgda] {
        let up_to = |enough: f32| direction(Strategy { domains, enough, ..first });
        let mean: Vec<f64> = least.iter().zip(&middle).map(|(a, b)| f64::midpoint(*a, *b)).collect();
        let both = if domains == Combination::Uniform {
            mean
        } else {
            mgda(&[least.clone(), middle.clone()], &[1.0; 2])
        };
        close(&up_to(f32::midpoint(loss(1), loss(2))), &both);
        close(&up_to(f32::midpoint(loss(0), loss(1))), &least);
        assert_eq!(up_to(loss(0) / 2.0), [0.0; SIZE], "all of them rest");
    }
    // The first model rests as a whole, the second in part at most.
    let enough = 0.99 * loss(0);
    assert!(losses[1].iter().any(|&l| l < enough), "the second model is the one that holds out: {losses:?}");
    let both = Strategy { regularisation: Regularisation::None, enough, ..Strategy::cdmaa() };
    let second = direction(Strategy { models: Combination::Single(1), ..both });
    close(&direction(both), &second.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>());
    let mut editors = editors(Strategy { enough: 0.0, ..both });
    let seen = editors.direction(&image(0.01), &[0], Loss::Margin).unwrap();
    assert!(seen.descent.data().iter().all(|&v| v == 0.0));
    let smallest = losses.iter().flatten().copied().fold(f32::INFINITY, f32::min);
    assert!((seen.margins[0] - (0.05 - smallest)).abs() < 1e-6);
}

#[test]
fn edits_one_at_a_time_are_the_edits_all_at_once() {
    use Combination::{Even, Iterative, Mgda, Single, Uniform};
    for domains in [Single(1), Iterative, Uniform, Even, Mgda] {
        let strategy = Strategy { domains, ..Strategy::default() };
        let seen = |rows: usize| {
            let mut editors = editors_of(rows, strategy);
            let seen = editors.direction(&image(0.01), &[0], Loss::Margin).unwrap();
            (seen.descent, seen.margins, editors.losses(image(0.01).image(0), 0).unwrap())
        };
        let ((together, margins, losses), (alone, margins_alone, losses_alone)) = (seen(DOMAINS), seen(1));
        let together: Vec<f64> = together.data().iter().map(|&v| f64::from(v)).collect();
        close(alone.data(), &together);
        assert!((margins[0] - margins_alone[0]).abs() < 1e-6, "{domains}");
        assert_eq!(losses, losses_alone, "{domains}");
    }
}

#[test]
fn steps_take_the_looks_of_a_sample_in_turn() {
    let mut editors = editors(Strategy { models: Combination::Uniform, ..Strategy::default() });
    let mut step = |looks: Vec<Look>, steps: usize| {
        editors.set_samples(&image(0.0), vec![], vec![looks]).unwrap();
        let one = |_| editors.direction(&image(0.01), &[0], Loss::Margin).unwrap().descent;
        (0..steps).map(one).collect::<Vec<Tensor>>()
    };
    let (first, second) = (vec![sight(0)], vec![sight(1)]);
    let alone = [step(vec![first.clone()], 1).remove(0), step(vec![second.clone()], 1).remove(0)];
    assert_ne!(alone[0], alone[1]);
    let turns = step(vec![first, second], 4);
    assert_eq!(turns, [alone.clone(), alone].concat());
}

#[test]
fn one_change_breaks_every_image_where_noise_breaks_none() {
    let value = |i: usize| 0.3 + 0.4 * ((i * 37 + i / SIZE * 11) % 101) as f32 / 101.0;
    let images = Images::new(Tensor::from_fn([5, 3, SIDE, SIDE], value)).unwrap();
    let ids: Vec<SampleId> = (10..15).map(SampleId).collect();
    let eps = Eps::new(0.1).unwrap();
    let mut editors = editors(Strategy::default());
    let mut craft = |order: &[usize], steps: u32| {
        let (images, ids) = (images.select(order), order.iter().map(|&i| ids[i]).collect::<Vec<_>>());
        editors.set_samples(&images, vec![], vec![looks().remove(0); order.len()]).unwrap();
        let samples = Samples { images: &images, ids: &ids, seed: 3 };
        let mut told = 0;
        let cmua = Cmua { steps, batch: 2, ..Cmua::default() };
        let change = cmua.craft(&mut editors, &samples, eps, |step| told = step).unwrap();
        assert_eq!(told, steps);
        change
    };
    let order = [0, 1, 2, 3, 4];
    let change = craft(&order, 40);
    assert!(change.iter().all(|v| v.abs() <= 0.1));
    assert_eq!(change, craft(&[3, 1, 4, 0, 2], 40), "the order of the images changes nothing");
    let noise: Vec<f32> = seeded(&[SIZE], 9, "noise").data().iter().map(|v| 0.1 * v.signum()).collect();
    craft(&order, 1);
    let mut least = |change: &[f32]| {
        let losses = (0..5).flat_map(|i| {
            let x: Vec<f32> = images.image(i).iter().zip(change).map(|(x, v)| x + v).collect();
            editors.losses(&x, i).unwrap().into_iter().flatten()
        });
        losses.fold(f32::INFINITY, f32::min)
    };
    assert!(least(&change) > 2.0 * least(&noise), "{}, noise {}", least(&change), least(&noise));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let mut editors = editors(Strategy::default());
    assert!(editors.set_samples(&image(0.0), vec![], vec![]).is_err());
    assert!(editors.set_samples(&image(0.0), vec![], vec![vec![]]).is_err(), "a sample without a look");
    let short = Sight { condition: vec![0.0; 2], ..Sight::default() };
    let unknown = Sight { model: 7, ..sight(0) };
    let unseen = Sight { frames: vec![0], ..sight(0) };
    for (wrong, why) in [(short, "a condition of 2"), (unknown, "no model 7"), (unseen, "no frame 0")] {
        let error = editors.set_samples(&image(0.0), vec![], vec![vec![vec![wrong]]]).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    editors.set_samples(&image(0.0), vec![], looks()).unwrap();
    assert!(editors.direction(&image(0.0), &[3], Loss::Margin).is_err());
    let zones = editors.direction(&image(0.0), &[0], Loss::Activation).err().unwrap().to_string();
    assert!(zones.contains("for networks with zones"), "{zones}");
}

/// A photograph of 10 x 8 pixels, of which the editor sees 4 x 4 in the middle of its right half, every other pixel.
#[test]
fn through_frames_the_photograph_itself_is_changed() {
    let whole =
        Images::new(Tensor::from_fn([1, 3, 10, 8], |i| 0.3 + 0.4 * (i * 29 % 83) as f32 / 83.0)).unwrap();
    let frame = |shape: [usize; 2], crop: fn(&mut Builder, ValueId) -> ValueId| {
        let mut b = Builder::new();
        let photograph = b.input("photograph", [1, 3, shape[0], shape[1]]).unwrap();
        let x = crop(&mut b, photograph);
        Frame::new(&Reference, &b.finish([("x", x)]).unwrap()).unwrap()
    };
    let frames = vec![
        frame([8, 8], |b, x| b.slice(x, 3, 4, 8).unwrap()),
        frame([10, 8], |b, x| b.slice(x, 2, 1, 9).unwrap()),
        frame([8, 4], |b, x| b.resample(x, 2, AxisMap::nearest(8, 4)).unwrap()),
    ];
    let through = Sight { frames: vec![1, 0, 2], ..sight(0) };
    let mut editors =
        Editors::new(vec![Editor::new(&Reference, &editor(1, 1.0)).unwrap()], Strategy::default());
    editors.set_samples(&whole, frames, vec![vec![vec![through]]]).unwrap();
    let samples = Samples { images: &whole, ids: &[SampleId(2)], seed: 0 };
    let attack: Attack = "i_fgsm".parse().unwrap();
    let eps = Some(Eps::new(0.05).unwrap());
    let outcome = attack.run(&mut editors, &samples, eps, Criterion::Spent).unwrap();
    let seen = |i: usize| i % 8 >= 4 && (1..9).contains(&(i / 8 % 10)) && (i / 8 % 10) % 2 == 1;
    for (i, (x, c)) in outcome.images.image(0).iter().zip(whole.image(0)).enumerate() {
        let moved = (x - c).abs();
        // What nobody sees keeps the hair by which the search began beside the image.
        assert_eq!(moved > 0.001, seen(i), "value {i} moved by {moved}");
    }
    let broken = editors.losses(outcome.images.image(0), 0).unwrap();
    assert!(broken[0].iter().all(|&l| l > 0.0005), "{broken:?}");
}
