use std::collections::BTreeMap;

use super::{Pair, Purpose, shuffle, stream};
use crate::plan::RatePlan;

/// On which side the clean image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// On the left.
    Left,
    /// On the right.
    Right,
}

/// One pair in its place in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Index of the pair.
    pub(crate) pair: usize,
    pub(crate) clean: Side,
    /// The answer that the page asks for, in a trap.
    pub(crate) ask: Option<u8>,
}

/// All sets: each rated pair in `ratings_per_pair` of them, some in one more to fill the last.
///
/// The first sets hold every pair once, the next every pair once more, and so on, so that whenever an experiment
/// ends, pairs have been rated by nearly the same number of people.
pub(super) fn sets(plan: &RatePlan, pairs: &[Pair]) -> Vec<Vec<Slot>> {
    let of = |purpose: fn(Purpose) -> bool| -> Vec<usize> {
        (0..pairs.len()).filter(|&i| purpose(pairs[i].purpose)).collect()
    };
    let rated = of(|p| matches!(p, Purpose::Rated(_)));
    let (golden, traps) = (of(|p| p == Purpose::Golden), of(|p| p == Purpose::Trap));
    let mut rounds = Rounds::new(plan, pairs, &rated);
    let mut sets = Vec::new();
    while !rounds.is_done() {
        let mut rng = stream(plan, sets.len() as u64, "sets");
        let mut chosen = rounds.next_set();
        for (extra, count) in [(&golden, plan.golden.get()), (&traps, plan.traps.get())] {
            let mut order = extra.clone();
            shuffle(&mut order, &mut rng);
            for _ in 0..count {
                let shown =
                    |i: usize, by: &[usize]| by.iter().any(|&c| pairs[c].identity == pairs[i].identity);
                let free = order.iter().copied().find(|&i| !shown(i, &chosen));
                chosen.push(free.expect("there are as many golden and trap images as a set is long"));
            }
        }
        shuffle(&mut chosen, &mut rng);
        let slot = |pair: usize| Slot {
            pair,
            clean: if rng.below(2) == 0 { Side::Left } else { Side::Right },
            ask: (pairs[pair].purpose == Purpose::Trap).then(|| 1 + rng.below(5) as u8),
        };
        sets.push(chosen.into_iter().map(slot).collect());
    }
    sets
}

/// Hands out each pair once a round.
struct Rounds<'a> {
    plan: &'a RatePlan,
    rated: &'a [usize],
    /// The image of each pair, numbered.
    image: Vec<usize>,
    /// Rounds that were begun.
    round: usize,
    /// Images of this round in random order, each with its pairs that are left, in random order.
    left: Vec<(usize, Vec<usize>)>,
    /// Pairs of earlier rounds whose image the last set of their round showed already, with that round.
    late: Vec<(usize, usize)>,
}

impl<'a> Rounds<'a> {
    fn new(plan: &'a RatePlan, pairs: &[Pair], rated: &'a [usize]) -> Self {
        let mut number: BTreeMap<&str, usize> = BTreeMap::new();
        let mut image = Vec::new();
        for pair in pairs {
            let next = number.len();
            image.push(*number.entry(&pair.identity).or_insert(next));
        }
        Self { plan, rated, image, round: 0, left: Vec::new(), late: Vec::new() }
    }

    /// Whether every pair was handed out as often as it has to be.
    fn is_done(&self) -> bool {
        let rounds = self.plan.ratings_per_pair.get();
        let begun = self.left.iter().any(|(_, pairs)| !pairs.is_empty());
        // What is left of a round beyond the last only filled a set.
        self.late.iter().all(|(round, _)| *round > rounds)
            && (self.round > rounds || (self.round == rounds && !begun))
    }

    /// Rated pairs of different images. Images with most pairs left go first: so at the end of a round hardly any
    /// is left over that would have to meet itself.
    fn next_set(&mut self) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < self.plan.rated() {
            let image = &self.image;
            let shown = |of: usize| chosen.iter().any(|&c: &usize| image[c] == of);
            if let Some(i) = self.late.iter().position(|&(_, pair)| !shown(image[pair])) {
                chosen.push(self.late.remove(i).1);
                continue;
            }
            let free = self.left.iter_mut().filter(|(of, pairs)| !pairs.is_empty() && !shown(*of));
            // The first of those with most, where `max_by_key` would take the last.
            match free.reduce(|a, b| if b.1.len() > a.1.len() { b } else { a }) {
                Some((_, pairs)) => chosen.extend(pairs.pop()),
                None => self.begin_round(),
            }
        }
        chosen
    }

    fn begin_round(&mut self) {
        let round = self.round;
        self.late.extend(self.left.drain(..).flat_map(|(_, pairs)| pairs).map(|pair| (round, pair)));
        let mut rng = stream(self.plan, self.round as u64, "rounds");
        let mut order = self.rated.to_vec();
        shuffle(&mut order, &mut rng);
        for pair in order {
            let of = self.image[pair];
            match self.left.iter_mut().find(|(image, _)| *image == of) {
                Some((_, pairs)) => pairs.push(pair),
                None => self.left.push((of, vec![pair])),
            }
        }
        shuffle(&mut self.left, &mut rng);
        self.round += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::{Design, Purpose};
    use crate::fixture;

    #[test]
    fn every_pair_is_rated_as_often_and_no_set_repeats_an_image() {
        for (images, each, set, ratings) in [(21, 4, 21, 3), (40, 2, 10, 7), (30, 4, 21, 1), (25, 1, 3, 2)] {
            let plan = fixture::plan(set, ratings, each);
            let design = Design::draw(&plan, &fixture::records(images, each)).unwrap();
            let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
            for slots in &design.sets {
                assert_eq!(slots.len(), set);
                let identities: BTreeSet<&str> =
                    slots.iter().map(|s| design.pairs[s.pair].identity.as_str()).collect();
                assert_eq!(identities.len(), set, "an image is shown twice in a set");
                let count = |p: Purpose| slots.iter().filter(|s| design.pairs[s.pair].purpose == p).count();
                assert_eq!(
                    (count(Purpose::Golden), count(Purpose::Trap), count(Purpose::Training)),
                    (1, 1, 0)
                );
                for slot in slots {
                    if let Purpose::Rated(_) = design.pairs[slot.pair].purpose {
                        *seen.entry(slot.pair).or_default() += 1;
                    }
                }
            }
            assert_eq!(seen.len(), images * each, "every pair is shown");
            let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
            assert!(*least == ratings && *most <= ratings + 1, "{least} to {most}, asked for {ratings}");
            let slots: usize = seen.values().sum();
            assert!(slots - images * each * ratings < plan.rated(), "no set more than it takes");
        }
    }

    #[test]
    fn sides_and_traps_are_even_and_the_seed_decides() {
        let (plan, records) = (fixture::plan(21, 10, 4), fixture::records(60, 4));
        let design = Design::draw(&plan, &records).unwrap();
        assert_eq!(design, Design::draw(&plan, &records).unwrap());
        let slots: Vec<_> = design.sets.iter().flatten().collect();
        let left = slots.iter().filter(|s| s.clean == super::Side::Left).count() as f64;
        let n = slots.len() as f64;
        assert!((left - n / 2.0).abs() < 4.0 * (n / 4.0).sqrt(), "{left} of {n} on the left");
        let asked: BTreeSet<u8> = slots.iter().filter_map(|s| s.ask).collect();
        assert_eq!(asked, BTreeSet::from([1, 2, 3, 4, 5]));
        let mut other = plan.clone();
        other.seed = 8;
        assert_ne!(design, Design::draw(&other, &records).unwrap());
    }

    #[test]
    fn too_few_images_are_said_before_anything_is_made() {
        let error = Design::draw(&fixture::plan(21, 1, 2), &fixture::records(20, 2)).unwrap_err();
        assert!(error.to_string().contains("at least 21 images"), "{error}");
        let mut plan = fixture::plan(5, 1, 1);
        plan.condition[0].attack = "cw".to_owned();
        let error = Design::draw(&plan, &fixture::records(20, 2)).unwrap_err().to_string();
        assert!(error.contains("cw") && error.contains("net urn(k=1) at 1/255"), "{error}");
    }
}
