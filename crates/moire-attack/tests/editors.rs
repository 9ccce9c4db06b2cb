//! Ascents over several editors, on editors small enough to work out by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{
    Ascent, Attack, Combination, Criterion, Editor, Editors, Frame, Loss, Regularisation, Samples, Sight,
    Strategy, shortest,
};
use moire_graph::{Act, AxisMap, Builder, Conv2d, Graph};
use moire_tensor::{Eps, Images, SampleId, Tensor};
use moire_testkit::{Reference, seeded};

const SIDE: usize = 4;
const SIZE: usize = 3 * SIDE * SIDE;
const DOMAINS: usize = 3;

/// An editor of `DOMAINS` edits: a smooth function of the image, shifted by each edit's condition.
fn editor(seed: u64, strength: f32) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, SIDE, SIDE]).unwrap();
    let c = b.input("c", [DOMAINS, 3]).unwrap();
    let copies = b.expand(x, [DOMAINS, 3, SIDE, SIDE]).unwrap();
    let shift = b.reshape(c, [DOMAINS, 3, 1, 1]).unwrap();
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

fn sights() -> Vec<Vec<Sight>> {
    let one = |model: usize| (0..DOMAINS * 3).map(|i| ((i * i + model) % 7) as f32 * 0.1).collect();
    let sight = |model| Sight { model, frame: None, condition: one(model) };
    vec![vec![sight(0), sight(1)]]
}

fn editors(strategy: Strategy) -> Editors {
    let models = [(1, 1.0), (2, 0.3)]
        .map(|(seed, strength)| Editor::new(&Reference, &editor(seed, strength)).unwrap());
    let mut editors = Editors::new(models.into(), strategy);
    editors.set_samples(&image(0.0), sights()).unwrap();
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
    let of = |regularisation| direction(Strategy { regularisation, ..Strategy::default() });
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
    let towards = direction(Strategy::default());
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
    let run = |text: &str| {
        let mut editors = editors(Strategy::default());
        let samples = Samples { images: &images, ids: &[SampleId(5)], seed: 1 };
        let attack: Attack = text.parse().unwrap();
        let outcome = attack.run(&mut editors, &samples, eps, Criterion::Spent).unwrap();
        let losses = editors.losses(outcome.images.image(0), 0).unwrap();
        (losses.into_iter().flatten().fold(f32::INFINITY, f32::min), outcome.found[0])
    };
    let (noise, _) = run("urn");
    for text in ["i_fgsm", "pgd", "mi_fgsm", "apgd(steps=20)"] {
        let (least, found) = run(text);
        assert!(least > 4.0 * noise, "{text}: {least}, noise {noise}");
        assert!(found.steps >= 10, "{text}: every step is taken");
        assert!(!found.zero_gradient, "{text} starts beside the image, where the gradient is 0");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let mut editors = editors(Strategy::default());
    assert!(editors.set_samples(&image(0.0), vec![]).is_err());
    for (model, width) in [(0, 2), (7, DOMAINS * 3)] {
        let wrong = Sight { model, frame: None, condition: vec![0.0; width] };
        assert!(editors.set_samples(&image(0.0), vec![vec![wrong]]).is_err());
    }
    editors.set_samples(&image(0.0), sights()).unwrap();
    assert!(editors.direction(&image(0.0), &[3], Loss::Margin).is_err());
    let zones = editors.direction(&image(0.0), &[0], Loss::Activation).err().unwrap().to_string();
    assert!(zones.contains("for networks with zones"), "{zones}");
}

/// A photograph of 10 x 8 pixels, of which the editor sees 4 x 4 in the middle of its right half, every other pixel.
#[test]
fn through_a_frame_the_photograph_itself_is_changed() {
    let mut b = Builder::new();
    let photograph = b.input("photograph", [1, 3, 10, 8]).unwrap();
    let rows = b.slice(photograph, 2, 1, 9).unwrap();
    let rows = b.resample(rows, 2, AxisMap::nearest(8, 4)).unwrap();
    let x = b.slice(rows, 3, 4, 8).unwrap();
    let graph = b.finish([("x", x)]).unwrap();
    let whole =
        Images::new(Tensor::from_fn([1, 3, 10, 8], |i| 0.3 + 0.4 * (i * 29 % 83) as f32 / 83.0)).unwrap();
    let sight = || {
        let frame = Some(Frame::new(&Reference, &graph).unwrap());
        vec![vec![Sight { model: 0, frame, condition: sights().remove(0).remove(0).condition }]]
    };
    let mut through =
        Editors::new(vec![Editor::new(&Reference, &editor(1, 1.0)).unwrap()], Strategy::default());
    through.set_samples(&whole, sight()).unwrap();
    let samples = Samples { images: &whole, ids: &[SampleId(2)], seed: 0 };
    let attack: Attack = "i_fgsm".parse().unwrap();
    let eps = Some(Eps::new(0.05).unwrap());
    let outcome = attack.run(&mut through, &samples, eps, Criterion::Spent).unwrap();
    let seen = |i: usize| i % 8 >= 4 && (1..9).contains(&(i / 8 % 10)) && (i / 8 % 10) % 2 == 1;
    for (i, (x, c)) in outcome.images.image(0).iter().zip(whole.image(0)).enumerate() {
        let moved = (x - c).abs();
        // What nobody sees keeps the hair by which the search began beside the image.
        assert_eq!(moved > 0.001, seen(i), "value {i} moved by {moved}");
    }
    let broken = through.losses(outcome.images.image(0), 0).unwrap();
    assert!(broken[0].iter().all(|&l| l > 0.0005), "{broken:?}");
}
