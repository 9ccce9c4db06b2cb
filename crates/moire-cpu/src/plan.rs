//! Where each value lives: values that are never alive together share a buffer.

use moire_graph::{Graph, Op};

/// For each value the buffer that holds it, and how long each buffer must be for one sample.
#[derive(Debug)]
pub(crate) struct Plan {
    /// By value; `None` for constants.
    pub(crate) slots: Vec<Option<usize>>,
    /// Numbers a sample, by buffer.
    pub(crate) sizes: Vec<usize>,
}

/// Places every value that `computed` names, in order of computation: into the free buffer that fits best, or
/// into a new one. `last_use` is the position after which a value is not read again.
pub(crate) fn plan(graph: &Graph, computed: &[bool], last_use: &[usize]) -> Plan {
    let count = graph.nodes().len();
    let mut plan = Plan { slots: vec![None; count], sizes: Vec::new() };
    // Inputs are written before the first step, so nothing may use their buffers earlier.
    for &value in graph.inputs() {
        plan.slots[value.index()] = Some(plan.sizes.len());
        plan.sizes.push(graph.shape(value).numel());
    }
    let mut free: Vec<usize> = Vec::new();
    let mut ending: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (i, &end) in last_use.iter().enumerate() {
        if end < count {
            ending[end].push(i);
        }
    }
    for (value, node) in graph.values() {
        let i = value.index();
        if computed[i] && !matches!(node.op, Op::Constant(_) | Op::Input) {
            let need = node.shape.numel();
            let fits = |&slot: &usize| plan.sizes[slot];
            // The smallest that is large enough, else the largest, which then grows.
            let best = (0..free.len())
                .filter(|&f| fits(&free[f]) >= need)
                .min_by_key(|&f| fits(&free[f]))
                .or_else(|| (0..free.len()).max_by_key(|&f| fits(&free[f])));
            let slot = best.map_or_else(
                || {
                    plan.sizes.push(0);
                    plan.sizes.len() - 1
                },
                |f| free.swap_remove(f),
            );
            plan.sizes[slot] = plan.sizes[slot].max(need);
            plan.slots[i] = Some(slot);
        }
        free.extend(ending[i].iter().filter_map(|&v| plan.slots[v]));
    }
    plan
}
