//! The loop that the sign methods share: steps inside an L-infinity ball, images leaving as they are done.

use moire_tensor::{Eps, Images, Tensor};

use crate::ascent::{Ascent, Samples};
use crate::error::Error;
use crate::outcome::{Criterion, Found, Outcome};

/// What tells one sign method from another.
pub(crate) struct SignMethod {
    /// Starts at a uniformly random point of the ball rather than at the image; the name seeds the stream.
    pub(crate) random_start: Option<&'static str>,
    pub(crate) alpha: f32,
    pub(crate) steps: u32,
    /// Accumulates directions with this factor, each divided by its L1 norm.
    pub(crate) momentum: Option<f32>,
}

impl SignMethod {
    pub(crate) fn run(
        &self,
        ascent: &mut dyn Ascent,
        samples: &Samples<'_>,
        eps: Eps,
        criterion: Criterion,
    ) -> Result<Outcome, Error> {
        samples.check()?;
        let clean = samples.images;
        let mut x = clean.clone().into_tensor();
        if let Some(purpose) = self.random_start {
            for i in 0..clean.len() {
                let mut rng = samples.rng(i, purpose);
                let noise = |_: usize| rng.uniform(-eps.value(), eps.value());
                step_to(clean, &mut x, i, eps, noise);
            }
        }
        let size = x.data().len() / clean.len();
        let mut found = vec![Found::default(); clean.len()];
        let mut active: Vec<usize> = (0..clean.len()).collect();
        let mut momenta = vec![0.0; if self.momentum.is_some() { x.data().len() } else { 0 }];
        for _ in 0..self.steps {
            let now = Images::new(x.select(&active))?;
            let evaluation = ascent.direction(&now, &active)?;
            active.iter().for_each(|&i| found[i].gradients += 1);
            let crossed: Vec<usize> = (0..active.len()).filter(|&k| evaluation.margins[k] < 0.0).collect();
            settle(ascent, criterion, &now, &crossed, &active, &mut found)?;
            for (k, &i) in active.iter().enumerate() {
                if found[i].success {
                    continue;
                }
                let direction = evaluation.gradients.row(k);
                let length: f32 = direction.iter().map(|g| g.abs()).sum();
                found[i].zero_gradient |= length == 0.0;
                found[i].steps += 1;
                let own = i * size..(i + 1) * size;
                let direction = match self.momentum {
                    None => direction,
                    Some(mu) => {
                        let momentum = &mut momenta[own];
                        let share = if length > 0.0 { 1.0 / length } else { 0.0 };
                        momentum.iter_mut().zip(direction).for_each(|(m, g)| *m = mu * *m + g * share);
                        momentum
                    }
                };
                let offset = i * size;
                let at = x.data()[offset..offset + size].to_vec();
                let original = clean.image(i);
                step_to(clean, &mut x, i, eps, |v| at[v] - original[v] + self.alpha * sign(direction[v]));
            }
            active.retain(|&i| !found[i].success);
            if active.is_empty() {
                break;
            }
        }
        if !active.is_empty() {
            let now = Images::new(x.select(&active))?;
            let all: Vec<usize> = (0..active.len()).collect();
            settle(ascent, criterion, &now, &all, &active, &mut found)?;
        }
        Ok(Outcome { images: Images::new(x)?, found })
    }
}

/// Asks the criterion about the images `asked` of the batch `now`, and notes who is done.
fn settle(
    ascent: &mut dyn Ascent,
    criterion: Criterion,
    now: &Images,
    asked: &[usize],
    active: &[usize],
    found: &mut [Found],
) -> Result<(), Error> {
    if asked.is_empty() {
        return Ok(());
    }
    let samples: Vec<usize> = asked.iter().map(|&k| active[k]).collect();
    let done = criterion.met(ascent, &now.select(asked), &samples)?;
    for (&i, done) in samples.iter().zip(done) {
        found[i].queries += 1;
        found[i].success = done;
    }
    Ok(())
}

/// Sets image `index` to the clean one plus `change`, projected onto the ball and the box of valid images.
fn step_to(clean: &Images, x: &mut Tensor, index: usize, eps: Eps, mut change: impl FnMut(usize) -> f32) {
    let original = clean.image(index);
    let size = original.len();
    let image = &mut x.data_mut()[index * size..(index + 1) * size];
    for (v, (to, &from)) in image.iter_mut().zip(original).enumerate() {
        *to = (from + change(v).clamp(-eps.value(), eps.value())).clamp(0.0, 1.0);
    }
}

/// The sign, 0 at 0.
fn sign(v: f32) -> f32 {
    if v == 0.0 { 0.0 } else { v.signum() }
}
