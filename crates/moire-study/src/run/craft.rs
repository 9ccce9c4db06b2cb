//! One attack on one detector and one set of images: images enter as others are done.

use std::collections::VecDeque;

use moire_attack::{Detector, Finished, Found, Left, Ready};
use moire_image::{Picture, encode_png};
use moire_tensor::{Images, Label, Tensor};

use super::Work;
use super::bench::Bench;
use super::task::{Place, Task, Way};
use crate::data::{Sample, read_saved};
use crate::error::Error;
use crate::record::{Answer, Budget, Cost, Distance, Judgement, Measured};
use crate::study::Subject;
use crate::{files, universal};

/// Finished images wait at most so long for others to be judged with, in seconds.
const PATIENCE: f64 = 3.0;

/// Images at work are given so long when a run is stopped, in seconds; then they are left for the next run.
const GRACE: f64 = 20.0;

/// An image that there is nothing more to do to.
struct Made<'s> {
    sample: &'s Sample,
    clean: Images,
    changed: Images,
    before: Judgement,
    attacked: bool,
    found: Found,
    /// The mask that it was to get.
    wanted: Option<Vec<f32>>,
    seconds: f64,
}

/// An image at work.
struct Seated<'s> {
    sample: &'s Sample,
    clean: Images,
    before: Judgement,
    seconds: f64,
}

/// What became of images so far, not yet on the disk.
#[derive(Default)]
struct Outcomes<'s> {
    made: Vec<Made<'s>>,
    failed: Vec<(&'s Sample, String)>,
}

impl Work<'_, '_> {
    /// Does what is left of a task.
    pub(super) fn craft(
        &mut self,
        subject: &Subject,
        task: &Task<'_>,
        bench: &mut Bench<'_>,
    ) -> Result<(), Error> {
        let left = self.left(task, &Way::default());
        if left.is_empty() {
            return Ok(());
        }
        self.progress.doing = task.title();
        let Some(trial) = task.trial else { return self.as_they_are(task, &left, bench) };
        let source = self.run.study.data.iter().find(|d| Some(d.name.as_str()) == trial.made_of);
        let samples = source.map_or(&[][..], |d| &d.samples);
        let ready = universal::prepare(trial, self.seed(), &mut bench.detector, bench.size, samples)?;
        if let Some(change) = ready.universal() {
            let budget = trial.eps.map(Budget::from);
            let bytes = universal::to_bytes(
                change,
                &subject.name,
                &subject.model,
                trial.attack,
                budget.as_ref(),
                self.seed(),
                samples,
            )?;
            let place = Place::of_task(task).attack_folder();
            files::write(&self.place(&universal::place(&place)), &bytes)?;
        }
        self.attacked(task, &ready, left, bench)
    }

    /// The images as they are, saved and judged again.
    fn as_they_are(&mut self, task: &Task<'_>, left: &[&Sample], bench: &mut Bench<'_>) -> Result<(), Error> {
        for unit in left.chunks(self.batch) {
            let mut outcomes = Outcomes::default();
            for (sample, clean, before, seconds) in self.seen(unit, bench, &mut outcomes)? {
                let (changed, found) = (clean.clone(), Found::default());
                let made =
                    Made { sample, clean, changed, before, attacked: false, found, wanted: None, seconds };
                outcomes.made.push(made);
            }
            self.keep(task, outcomes, bench)?;
            if !self.goes_on() {
                break;
            }
        }
        Ok(())
    }

    /// Images that can be read, with what the detector says of them as they are and their share of the time it took.
    fn seen<'s>(
        &self,
        samples: &[&'s Sample],
        bench: &mut Bench<'_>,
        outcomes: &mut Outcomes<'s>,
    ) -> Result<Vec<(&'s Sample, Images, Judgement, f64)>, Error> {
        let start = (self.run.clock)();
        let (mut known, mut images) = (Vec::new(), Vec::new());
        for sample in samples {
            match sample.load(bench.size) {
                Ok(image) => {
                    known.push(*sample);
                    images.push(image);
                }
                Err(error) => outcomes.failed.push((sample, error.to_string())),
            }
        }
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let before = bench.before(&known, &Images::concat(&images.iter().collect::<Vec<_>>())?)?;
        let seconds = ((self.run.clock)() - start) / known.len() as f64;
        let each = known.into_iter().zip(images).zip(before);
        Ok(each.map(|((sample, image), before)| (sample, image, before, seconds)).collect())
    }

    /// Runs the attack: at any time as many images are at work as run at once.
    fn attacked<'s>(
        &mut self,
        task: &Task<'s>,
        ready: &Ready<'_>,
        left: Vec<&'s Sample>,
        bench: &mut Bench<'_>,
    ) -> Result<(), Error> {
        let trial = task.trial.expect("an attack is asked for");
        let batch = self.batch;
        let mut session = ready.session(batch, trial.criterion, self.seed());
        session = session.at_most(self.run.study.plan().limits.steps);
        let mut waiting: VecDeque<&Sample> = left.into();
        let mut seated: Vec<Option<Seated<'s>>> = (0..batch).map(|_| None).collect();
        let mut outcomes = Outcomes::default();
        let (mut kept_at, mut stops_at) = ((self.run.clock)(), None);
        loop {
            let start = (self.run.clock)();
            // Until all seats are taken: what needs no attack takes none.
            while self.ended.is_none() && !waiting.is_empty() {
                let free = session.free();
                if free.is_empty() || outcomes.made.len() + outcomes.failed.len() >= batch {
                    break;
                }
                let next: Vec<&Sample> = waiting.drain(..free.len().min(waiting.len())).collect();
                let mut entering = Vec::new();
                for (sample, clean, before, seconds) in self.seen(&next, bench, &mut outcomes)? {
                    if before.decided == sample.label && trial.attack.concerns(sample.label) {
                        entering.push(Seated { sample, clean, before, seconds });
                    } else {
                        // What is decided wrongly already is its own answer, and so is what the attack does not concern.
                        let (changed, found) = (clean.clone(), Found::default());
                        let made = Made {
                            sample,
                            clean,
                            changed,
                            before,
                            attacked: false,
                            found,
                            wanted: None,
                            seconds,
                        };
                        outcomes.made.push(made);
                    }
                }
                let seats = &free[..entering.len()];
                enter(&mut session, seats, &entering, &mut bench.detector)?;
                for (&seat, entered) in seats.iter().zip(entering) {
                    seated[seat] = Some(entered);
                }
            }
            let finished = if session.is_idle() { Vec::new() } else { session.step(&mut bench.detector)? };
            let now = (self.run.clock)();
            let at_work = seated.iter().flatten().count().max(1) as f64;
            seated.iter_mut().flatten().for_each(|s| s.seconds += (now - start) / at_work);
            for Finished { seat, result } in finished {
                let Seated { sample, clean, before, seconds } =
                    seated[seat].take().expect("somebody sat there");
                match result {
                    Ok(Left { image, found, wanted_mask: wanted }) => {
                        let changed = Images::new(Tensor::new(clean.tensor().shape().clone(), image)?)?;
                        outcomes.made.push(Made {
                            sample,
                            clean,
                            changed,
                            before,
                            attacked: true,
                            found,
                            wanted,
                            seconds,
                        });
                    }
                    Err(error) => outcomes.failed.push((sample, error.to_string())),
                }
            }
            let (idle, ready_now) = (session.is_idle(), outcomes.made.len() + outcomes.failed.len());
            let over = idle && (waiting.is_empty() || self.ended.is_some());
            if ready_now >= batch || (ready_now > 0 && (over || now - kept_at > PATIENCE)) {
                self.keep(task, std::mem::take(&mut outcomes), bench)?;
                kept_at = (self.run.clock)();
            }
            if over {
                return Ok(());
            }
            if !self.goes_on() && now > *stops_at.get_or_insert(now + GRACE) {
                return self.keep(task, outcomes, bench);
            }
        }
    }

    /// Saves, reads back, judges and records images that are done.
    fn keep(&mut self, task: &Task<'_>, outcomes: Outcomes<'_>, bench: &mut Bench<'_>) -> Result<(), Error> {
        let start = (self.run.clock)();
        let Outcomes { mut made, failed } = outcomes;
        made.sort_by(|a, b| a.sample.name.cmp(&b.sample.name));
        let mut records = Vec::new();
        let mut record =
            |sample: &Sample, answer| records.push(task.record(&Way::default(), sample, self.seed(), answer));
        failed.into_iter().for_each(|(sample, reason)| record(sample, Answer::Failed(reason)));
        if !made.is_empty() {
            let labels: Vec<Label> = made.iter().map(|m| m.sample.label).collect();
            let all = |images: Vec<&Images>| Images::concat(&images);
            let float = bench.judge.judge(&all(made.iter().map(|m| &m.changed).collect())?, &labels)?;
            let mut saved = Vec::new();
            for m in &made {
                let path = self.place(&task.file(m.sample));
                files::write(&path, &encode_png(&Picture::from_images(&m.changed, 0)))?;
                saved.push(read_saved(&path)?.to_images());
            }
            let after = bench.judge.judge(&all(saved.iter().collect())?, &labels)?;
            let mut masks = Vec::new();
            for (m, verdict) in made.iter().zip(&after) {
                masks.push(self.mask(
                    task,
                    m.sample,
                    verdict.mask.as_deref(),
                    m.wanted.as_deref(),
                    bench.size,
                )?);
            }
            let seconds = ((self.run.clock)() - start) / made.len() as f64;
            let shown: Vec<(&Sample, &Images)> =
                made.iter().filter(|m| m.attacked).map(|m| (m.sample, &m.clean)).collect();
            self.regions(task, &shown, bench)?;
            for ((((m, float), after), saved), mask) in
                made.iter().zip(float).zip(after).zip(&saved).zip(masks)
            {
                let mask = match mask {
                    Ok(mask) => mask,
                    Err(reason) => {
                        record(m.sample, Answer::Failed(reason));
                        continue;
                    }
                };
                record(
                    m.sample,
                    Answer::Measured(Box::new(Measured {
                        clean: m.before,
                        float: Some(float.judgement),
                        saved: after.judgement,
                        distance: Distance::between(
                            m.clean.image(0),
                            saved.image(0),
                            m.clean.height(),
                            m.clean.width(),
                        ),
                        mask,
                        cost: Cost {
                            steps: m.found.steps.into(),
                            gradients: m.found.gradients.into(),
                            queries: m.found.queries.into(),
                            seconds: m.seconds + seconds,
                        },
                        file: Some(task.file(m.sample)),
                    })),
                );
            }
        }
        self.commit(&records)
    }
}

/// Sets images to work, each on its seat.
fn enter(
    session: &mut moire_attack::Session<'_>,
    seats: &[usize],
    entering: &[Seated<'_>],
    detector: &mut Detector<'_>,
) -> Result<(), Error> {
    if entering.is_empty() {
        return Ok(());
    }
    for (&seat, entered) in seats.iter().zip(entering) {
        detector.set_label(seat, entered.sample.label);
    }
    let images = Images::concat(&entering.iter().map(|e| &e.clean).collect::<Vec<_>>())?;
    let ids: Vec<_> = entering.iter().map(|e| e.sample.id()).collect();
    Ok(session.enter(detector, &images, seats, &ids)?)
}
