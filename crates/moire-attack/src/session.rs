//! Images on their way through an attack: finished ones leave, and others take their seats.

use moire_tensor::{Images, Rng, SampleId, Shape, Tensor};

use crate::ascent::Ascent;
use crate::attack::{Attack, Ready};
use crate::error::{Error, ErrorKind};
use crate::kra::{self, KeyRegions};
use crate::outcome::{Criterion, Found};
use crate::search::{Answer, Ask, Search, Start};
use crate::triangle::triangle;

/// One attack on any number of images, of which as many are at work at once as there are seats.
///
/// A seat is what the ascent calls a sample: its label is set before an image enters. What becomes of an image does not
/// depend on who sits beside it, nor on when it entered.
pub struct Session<'r> {
    ready: &'r Ready<'r>,
    criterion: Criterion,
    seed: u64,
    /// The most looks at the network that an image may take.
    most: Option<u32>,
    seats: Vec<Option<Box<dyn Search>>>,
    found: Vec<Found>,
    /// The masks to be forged, by seat.
    masks: Vec<Vec<f32>>,
    /// Images that failed before or while they were at work, to be handed out with the next step.
    failed: Vec<(usize, Error)>,
    shape: Option<Shape>,
}

/// What came of one image.
#[derive(Debug)]
pub struct Finished {
    /// Where it sat; the seat is free again.
    pub seat: usize,
    /// The image and what it cost, or why there is none: the network's answer to this image is no number.
    pub result: Result<Left, Error>,
}

/// An image that an attack is done with.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The image, `[3 * h * w]`.
    pub image: Vec<f32>,
    /// What came of it, and what that cost.
    pub found: Found,
    /// The mask `[h * w]` that it was to get, from an attack that forges one.
    pub wanted_mask: Option<Vec<f32>>,
}

impl<'r> Session<'r> {
    pub(crate) fn new(ready: &'r Ready<'r>, seats: usize, criterion: Criterion, seed: u64) -> Self {
        Self {
            ready,
            criterion,
            seed,
            most: None,
            seats: (0..seats).map(|_| None).collect(),
            found: vec![Found::default(); seats],
            masks: vec![Vec::new(); seats],
            failed: Vec::new(),
            shape: None,
        }
    }

    /// The same, but no image takes more than `most` looks at the network, gradients and queries together; what it has
    /// found by then is its result.
    #[must_use]
    pub fn at_most(mut self, most: Option<u32>) -> Self {
        self.most = most;
        self
    }

    /// The seats that nobody sits on.
    pub fn free(&self) -> Vec<usize> {
        (0..self.seats.len()).filter(|&seat| self.is_free(seat)).collect()
    }

    /// Whether nobody is at work.
    pub fn is_idle(&self) -> bool {
        (0..self.seats.len()).all(|seat| self.is_free(seat))
    }

    fn is_free(&self, seat: usize) -> bool {
        self.seats[seat].is_none() && self.failed.iter().all(|(failed, _)| *failed != seat)
    }

    /// Sets `images` to work on free `seats`, one each; `ids` fix their randomness.
    ///
    /// # Errors
    /// A budget is missing, or the network has nothing that the attack needs or cannot run.
    ///
    /// # Panics
    /// There are not as many seats and identities as images, or a seat is taken.
    pub fn enter(
        &mut self,
        ascent: &mut dyn Ascent,
        images: &Images,
        seats: &[usize],
        ids: &[SampleId],
    ) -> Result<(), Error> {
        assert!(seats.len() == images.len() && ids.len() == images.len(), "one seat and identity an image");
        assert!(seats.iter().all(|&seat| self.is_free(seat)), "one image a seat");
        self.shape.get_or_insert_with(|| images.tensor().shape().clone());
        let regions = self.regions(ascent, images)?;
        for (i, ((&seat, &id), regions)) in seats.iter().zip(ids).zip(regions).enumerate() {
            match regions {
                Ok(regions) => self.seat(ascent, seat, images.image(i), id, regions)?,
                Err(error) => self.failed.push((seat, error)),
            }
        }
        if let Attack::IapSeg(_) = self.ready.attack {
            let mask =
                |id| triangle(&mut Rng::new(self.seed, id, "triangle"), images.height(), images.width());
            seats.iter().zip(ids).for_each(|(&seat, &id)| self.masks[seat] = mask(id));
        }
        Ok(())
    }

    /// Where each image's decision hangs, for an attack that asks.
    fn regions(
        &self,
        ascent: &mut dyn Ascent,
        images: &Images,
    ) -> Result<Vec<Result<Option<KeyRegions>, Error>>, Error> {
        let Attack::Kra(kra) = self.ready.attack else {
            return Ok((0..images.len()).map(|_| Ok(None)).collect());
        };
        match ascent.key_regions(images, &kra.layers) {
            Err(error) if error.kind() == ErrorKind::NotFinite => {
                // One of them spoils it for the others: each is asked about alone.
                let one =
                    |i| ascent.key_regions(&images.select(&[i]), &kra.layers).map(|mut all| all.remove(0));
                Ok((0..images.len()).map(one).collect())
            }
            regions => Ok(regions?.into_iter().map(Ok).collect()),
        }
    }

    fn seat(
        &mut self,
        ascent: &mut dyn Ascent,
        seat: usize,
        image: &[f32],
        id: SampleId,
        regions: Option<KeyRegions>,
    ) -> Result<(), Error> {
        let (attack, clean) = (self.ready.attack, image.to_vec());
        let rng = Rng::new(self.seed, id, attack.stream());
        let [.., height, width] = self.shape.as_ref().expect("an image has entered")[..] else {
            unreachable!("images have a height and a width")
        };
        let mut start = Start { from: clean.clone(), clean, fresh: None, size: [height, width], rng };
        let nudge = ascent.nudge();
        if nudge > 0.0 {
            let mut rng = Rng::new(self.seed, id, "nudge");
            start.from.iter_mut().for_each(|x| *x = (*x + rng.uniform(-nudge, nudge)).clamp(0.0, 1.0));
        }
        if let Some(universal) = &self.ready.universal {
            let change = universal.of(ascent.label(seat)?);
            start.from = start.clean.iter().zip(change).map(|(x, v)| (x + v).clamp(0.0, 1.0)).collect();
        }
        self.found[seat] = Found::default();
        self.seats[seat] = Some(match attack {
            Attack::Kra(params) => {
                self.found[seat].zero_gradient = regions.is_none();
                kra::search(start, params, regions, params.attack.searcher(self.ready.eps)?)
            }
            attack => attack.searcher(self.ready.eps)?(&start),
        });
        Ok(())
    }

    /// Asks the network once about every image at work, and answers with those that are done by it, in the order of
    /// their seats.
    ///
    /// # Errors
    /// The images are not the network's, or it cannot run. What is wrong with one image alone is its own result.
    pub fn step(&mut self, ascent: &mut dyn Ascent) -> Result<Vec<Finished>, Error> {
        let (gradients, verdicts) = (self.asking(Ask::Gradient), self.asking(Ask::Verdict));
        self.each(gradients, |session, seats| session.ask_gradients(ascent, seats))?;
        self.each(verdicts, |session, seats| session.ask_verdicts(ascent, seats))?;
        let mut finished: Vec<Finished> =
            self.failed.drain(..).map(|(seat, error)| Finished { seat, result: Err(error) }).collect();
        for seat in 0..self.seats.len() {
            let spent = self.found[seat].gradients + self.found[seat].queries;
            let is_done = |search: &mut Box<dyn Search>| {
                search.ask().is_none() || self.most.is_some_and(|most| spent >= most)
            };
            let Some(search) = self.seats[seat].take_if(is_done) else { continue };
            let (mut image, success) = search.end();
            if self.criterion == Criterion::Grid {
                image = self.images(&[&image])?.quantised().image(0).to_vec();
            }
            let found = Found { success, ..self.found[seat] };
            let wanted_mask = Some(std::mem::take(&mut self.masks[seat])).filter(|mask| !mask.is_empty());
            finished.push(Finished { seat, result: Ok(Left { image, found, wanted_mask }) });
        }
        finished.sort_by_key(|f| f.seat);
        Ok(finished)
    }

    /// Asks for the seats; one whose answer is no number leaves, and the others are asked for again.
    fn each(
        &mut self,
        mut seats: Vec<usize>,
        mut ask: impl FnMut(&mut Self, &[usize]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while !seats.is_empty() {
            let Err(error) = ask(self, &seats) else { break };
            let culprit = error.sample().and_then(|sample| seats.iter().position(|&seat| seat == sample));
            let Some(at) = culprit else { return Err(error) };
            let seat = seats.remove(at);
            self.seats[seat] = None;
            self.failed.push((seat, error));
        }
        Ok(())
    }

    fn asking(&self, wanted: Ask) -> Vec<usize> {
        let asks = |seat: &Option<Box<dyn Search>>| {
            seat.as_ref().and_then(|search| search.ask()).is_some_and(|(ask, _)| ask == wanted)
        };
        (0..self.seats.len()).filter(|&seat| asks(&self.seats[seat])).collect()
    }

    fn images(&self, points: &[&[f32]]) -> Result<Images, Error> {
        let shape = self.shape.as_ref().expect("an image has entered");
        Ok(Images::new(Tensor::new(shape.with(0, points.len()), points.concat())?)?)
    }

    /// The points that the searches on these seats ask about, as the network is to see them.
    fn points(&self, seats: &[usize]) -> Result<Images, Error> {
        let points: Vec<&[f32]> =
            seats.iter().filter_map(|&seat| Some(self.seats[seat].as_ref()?.ask()?.1)).collect();
        let images = self.images(&points)?;
        Ok(if self.criterion == Criterion::Grid { images.quantised() } else { images })
    }

    fn ask_gradients(&mut self, ascent: &mut dyn Ascent, seats: &[usize]) -> Result<(), Error> {
        let x = self.points(seats)?;
        let loss = self.ready.loss(&self.masks);
        let seen = ascent.direction(&x, seats, loss)?;
        let met = self.criterion.met(ascent, &x, seats, &seen.margins, &mut self.found)?;
        for (row, &seat) in seats.iter().enumerate() {
            let (Some(search), found) = (&mut self.seats[seat], &mut self.found[seat]) else { continue };
            let direction = seen.descent.row(row);
            found.gradients += 1;
            found.zero_gradient |= direction.iter().all(|&g| g == 0.0);
            let (margin, slope) = (seen.margins[row], seen.slopes[row]);
            search.tell(&Answer { margin, met: met[row], direction, slope });
            // What follows the last look at an image is no step.
            found.steps += u32::from(search.ask().is_some());
        }
        Ok(())
    }

    fn ask_verdicts(&mut self, ascent: &mut dyn Ascent, seats: &[usize]) -> Result<(), Error> {
        let margins = self.criterion.margins(ascent, &self.points(seats)?, seats)?;
        for (&seat, margin) in seats.iter().zip(margins) {
            let (Some(search), found) = (&mut self.seats[seat], &mut self.found[seat]) else { continue };
            found.queries += 1;
            search.tell(&Answer::verdict(margin));
        }
        Ok(())
    }
}
