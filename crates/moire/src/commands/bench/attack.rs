//! A whole attack on a batch, run as an audit runs it, without files.

use std::fmt;
use std::time::Instant;

use anyhow::ensure;
use moire_attack::{Ascent, Attack, Criterion, Detector, Found, Needs, Samples};
use moire_cpu::Cpu;
use moire_study::traits;
use moire_tensor::{Eps, Images, Label, Rng, SampleId, Tensor};
use moire_zoo::{Network, Role};

use super::Load;

/// What an attack on a batch costs and does.
pub(super) struct Attacked {
    /// Milliseconds for the whole batch.
    pub(super) ms: f64,
    /// Looks at the network that an image took, with a gradient and without one; the most where they differ.
    pub(super) gradients: u32,
    pub(super) queries: u32,
    /// How sure the network is of its answers before and after, on average.
    pub(super) margins: [f64; 2],
    /// The greatest change of any value, on pixels in `[0, 1]`.
    pub(super) change: f32,
}

impl fmt::Display for Attacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, [before, after]) = (self.ms / 1e3, self.margins);
        write!(f, "{seconds:.3} s, {} gradients and {} queries an image; ", self.gradients, self.queries)?;
        write!(f, "the largest change {:.5}, margin {before:.3} to {after:.3}", self.change)
    }
}

/// Every step of an attack on a batch of noise, each image labelled as the network sees it. `None` where the network is no
/// detector, or has nothing that the attack looks at.
pub(super) fn attacked(
    network: &Network,
    device: &Cpu,
    Load { batch, part, runs }: Load,
    attack: &Attack,
    eps: Eps,
) -> anyhow::Result<Option<Attacked>> {
    ensure!(attack.needs() == Needs::Nothing, "{attack} is made of images or of a file, which bench has not");
    let traits = traits(network);
    if !matches!(network.role, Role::Detector(_)) || !attack.fits(&network.graph, &traits) {
        return Ok(None);
    }
    let shape = network.graph.shape(network.graph.input("x")?).with(0, batch);
    let mut rng = Rng::new(0, SampleId(0), "bench");
    let images = Images::new(Tensor::from_fn(shape, |_| rng.unit()))?;
    let ids: Vec<SampleId> = (0..batch as u64).map(SampleId).collect();
    let seats: Vec<usize> = (0..batch).collect();
    let samples = Samples { images: &images, ids: &ids, seed: 0 };
    let mut detector = Detector::new(device, &network.graph, traits, part)?;
    detector.set_labels(&vec![Label::Fake; batch]);
    let labels: Vec<Label> = Ascent::margins(&mut detector, &images, &seats)?
        .into_iter()
        .map(|m| Label::of_margin(m.into()))
        .collect();
    detector.set_labels(&labels);
    let mut run = || attack.run(&mut detector, &samples, Some(eps), Criterion::Spent);
    // One that does not count: programs are compiled when they are first asked for.
    let mut outcome = run()?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        outcome = run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let mut margin = |x: &Images| -> anyhow::Result<f64> {
        let margins = Ascent::margins(&mut detector, x, &seats)?;
        Ok(margins.into_iter().map(f64::from).sum::<f64>() / batch as f64)
    };
    let margins = [margin(&images)?, margin(&outcome.images)?];
    let changes =
        outcome.images.tensor().data().iter().zip(images.tensor().data()).map(|(a, b)| (a - b).abs());
    let most = |looks: fn(&Found) -> u32| outcome.found.iter().map(looks).max().unwrap_or(0);
    Ok(Some(Attacked {
        ms: times[times.len() / 2],
        gradients: most(|f| f.gradients),
        queries: most(|f| f.queries),
        margins,
        change: changes.fold(0.0, f32::max),
    }))
}
