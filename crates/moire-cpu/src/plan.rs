//! Where each value lives: values that are never alive together share a buffer.

/// A value that needs a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    /// Numbers a sample.
    pub(crate) size: usize,
    /// The step that makes it.
    pub(crate) birth: usize,
    /// The last step that reads it.
    pub(crate) death: usize,
}

/// For each item the buffer that holds it, and how long each buffer must be for one sample.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<usize>,
    pub(crate) sizes: Vec<usize>,
}

/// Places items, which come in the order of their birth: into the free buffer that fits best, or into a new one.
pub(crate) fn plan(items: &[Item]) -> Plan {
    let mut plan = Plan { slots: Vec::with_capacity(items.len()), sizes: Vec::new() };
    let mut free: Vec<usize> = Vec::new();
    let mut held: Vec<usize> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        held.retain(|&h| {
            let over = items[h].death < item.birth;
            if over {
                free.push(plan.slots[h]);
            }
            !over
        });
        let fits = |&slot: &usize| plan.sizes[slot];
        // The smallest that is large enough, else the largest, which then grows.
        let best = (0..free.len())
            .filter(|&f| fits(&free[f]) >= item.size)
            .min_by_key(|&f| fits(&free[f]))
            .or_else(|| (0..free.len()).max_by_key(|&f| fits(&free[f])));
        let slot = best.map_or_else(
            || {
                plan.sizes.push(0);
                plan.sizes.len() - 1
            },
            |f| free.swap_remove(f),
        );
        plan.sizes[slot] = plan.sizes[slot].max(item.size);
        plan.slots.push(slot);
        held.push(i);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::{Item, plan};

    #[test]
    fn a_buffer_serves_one_value_after_another() {
        let item = |size, birth, death| Item { size, birth, death };
        // The third may take the first's place, not the second's, which its own step still reads.
        let plan = plan(&[item(10, 0, 1), item(20, 1, 2), item(5, 2, 9), item(30, 3, 9)]);
        assert_eq!(plan.slots, [0, 1, 0, 1]);
        assert_eq!(plan.sizes, [10, 30]);
    }
}
