//! Where each value lives: values that are never alive together share memory.

use std::cmp::Reverse;
use std::ops::Range;

use crate::aligned::LINE_NUMBERS;

/// A value that needs a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    /// Numbers.
    pub(crate) size: usize,
    /// The step that makes it.
    pub(crate) birth: usize,
    /// The last step that reads it.
    pub(crate) death: usize,
}

impl Item {
    fn meets(&self, other: &Self) -> bool {
        self.birth <= other.death && other.birth <= self.death
    }
}

/// For each item where it starts, and how many numbers there are in all.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) starts: Vec<usize>,
    pub(crate) size: usize,
}

/// Places items, the largest first, each on a cache line in the first gap between those that are alive with it.
pub(crate) fn plan(items: &[Item]) -> Plan {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&i| Reverse(items[i].size));
    let mut starts = vec![0; items.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(items.len());
    let mut size = 0;
    for i in order {
        let taken = |&p: &usize| starts[p]..starts[p] + items[p].size.next_multiple_of(LINE_NUMBERS);
        let mut beside: Vec<Range<usize>> =
            placed.iter().filter(|&&p| items[p].meets(&items[i])).map(taken).collect();
        beside.sort_by_key(|range| range.start);
        let mut start = 0;
        for range in beside {
            if range.start >= start + items[i].size {
                break;
            }
            start = start.max(range.end);
        }
        starts[i] = start;
        size = size.max((start + items[i].size).next_multiple_of(LINE_NUMBERS));
        placed.push(i);
    }
    Plan { starts, size }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Item, LINE_NUMBERS, plan};

    #[test]
    fn a_place_serves_one_value_after_another() {
        let item = |size, birth, death| Item { size, birth, death };
        // The last takes the places of the first two, which are dead; the third lives beside all.
        let plan = plan(&[item(16, 0, 1), item(20, 1, 2), item(5, 2, 9), item(50, 3, 9)]);
        assert_eq!(plan.starts, [32, 0, 64, 0]);
        assert_eq!(plan.size, 80);
    }

    proptest! {
        #[test]
        fn what_is_alive_at_once_lies_apart(items in prop::collection::vec((0..100usize, 0..20usize, 0..8usize), 0..40)) {
            let items: Vec<Item> =
                items.into_iter().map(|(size, birth, life)| Item { size, birth, death: birth + life }).collect();
            let plan = plan(&items);
            for (i, a) in items.iter().enumerate() {
                let (start, end) = (plan.starts[i], plan.starts[i] + a.size);
                prop_assert!(start % LINE_NUMBERS == 0 && end <= plan.size);
                for (j, b) in items.iter().enumerate().skip(i + 1).filter(|(_, b)| a.meets(b)) {
                    prop_assert!(end <= plan.starts[j] || plan.starts[j] + b.size <= start);
                }
            }
        }
    }
}
