//! What the way back needs of the way there, in as few bytes as hold it: of a rectifier the signs, of a smooth activation
//! the derivative, of a maximum the place that it came from.

use moire_graph::{Act, Binary, Graph, Op, ValueId};

use super::{Fused, Read, Unit, by_weights, elementwise};
use crate::product::{Beside, Gate, Leak, Smooth};

/// One op of an elementwise kernel, on the number so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Link {
    Act(Act),
    /// An activation, and whether its derivative is kept.
    Smooth(Smooth, bool),
    /// With the operand at this place of the kernel's; `true` where the operand comes first.
    Binary(Binary, usize, bool),
    /// Back through an activation, by what was kept of it.
    Gate(usize, Gate),
    /// Back through an activation, by its operand or its result as the op says.
    Grad(usize, Act),
}

/// By value: the activation whose derivative can be kept in its place, since only it and its way back read it.
pub(super) fn activated(graph: &Graph) -> Vec<Option<ValueId>> {
    let count = graph.nodes().len();
    let mut found = vec![None; count];
    let mut other = vec![false; count];
    graph.outputs().iter().for_each(|(_, v)| other[v.index()] = true);
    for (value, node) in graph.values() {
        let keeps = |act: Act| Smooth::of(act).is_some_and(Smooth::keeps_slope);
        match (&node.op, &node.inputs[..]) {
            (Op::Act(act), [x]) if keeps(*act) && found[x.index()].is_none() => {
                found[x.index()] = Some((value, *act));
            }
            (Op::ActGrad(grad), [saved, dy]) => {
                let same = found[saved.index()].is_some_and(|(_, act)| act == grad.0);
                other[saved.index()] |= !same;
                other[dy.index()] = true;
            }
            (_, inputs) => inputs.iter().for_each(|v| other[v.index()] = true),
        }
    }
    found.into_iter().zip(other).map(|(found, other)| found.filter(|_| !other).map(|(v, _)| v)).collect()
}

impl Fused<'_> {
    /// Decides, once all units are known, what is kept beside each value.
    pub(super) fn keep(&mut self) {
        let graph = self.graph;
        let mut by_signs = vec![true; graph.nodes().len()];
        for unit in self.units.iter().flatten() {
            if let Some((saved, _)) = unit.gate.filter(|_| !self.is_in_bytes(unit.root)) {
                by_signs[saved.index()] = false;
            }
        }
        for (value, node) in graph.values() {
            match (&node.op, &node.inputs[..]) {
                (Op::ActGrad(grad), [saved, _]) => {
                    let signs = by_signs[saved.index()] && self.gives_signs(*saved);
                    if Leak::of(grad.0).is_some() && signs {
                        self.beside[saved.index()] = Some(Beside::Signs);
                    } else if let Some(act) = self.activated[saved.index()] {
                        self.beside[act.index()] = Some(Beside::Slope);
                    }
                }
                (Op::MaxPoolGrad(_), _) => {
                    if let Some(pool) = self.winners(value) {
                        self.beside[pool.index()] = Some(Beside::Winners);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the unit that computes `value` can write signs beside it.
    fn gives_signs(&self, value: ValueId) -> bool {
        self.units[value.index()].as_ref().is_some_and(|unit| {
            let smooth = unit.act.is_some_and(|act| Smooth::of(act).is_some());
            !smooth && unit.gate.is_none() && self.is_in_bytes(unit.root)
        })
    }

    /// Whether the kernel of `root` goes over its result in whole groups of eight numbers, which no two tasks share: only
    /// so can it write signs, or read them.
    fn is_in_bytes(&self, root: ValueId) -> bool {
        let node = self.graph.node(root);
        let shape = &node.shape;
        let columns = if shape.len() == 4 { shape[1] } else { shape.last().copied().unwrap_or(1) };
        let in_bytes = |columns: usize| columns % 8 == 0 && columns > 8;
        let by_group = |groups: usize| in_bytes(columns / if groups == columns { 1 } else { groups });
        match &node.op {
            op if elementwise(op) => shape.numel() % 8 == 0,
            Op::Conv2d(op) => by_group(op.groups),
            Op::ConvTranspose2d(op) => by_group(op.groups),
            Op::Normalise(op) => op.axes == [2, 3] && shape.len() == 4 && in_bytes(columns),
            Op::NormaliseGrad(op) => op.0.axes == [2, 3] && shape.len() == 4 && in_bytes(columns),
            Op::MatMul(_) => by_weights(self.graph, root) && in_bytes(columns),
            _ => false,
        }
    }

    /// Whether what an activation gave, or its operand, is read on a way back.
    pub(super) fn is_saved(&self, value: ValueId, act: Act) -> bool {
        let [x] = self.graph.node(value).inputs[..] else { return false };
        Smooth::of(act).is_some_and(Smooth::keeps_slope) && self.activated[x.index()] == Some(value)
    }

    /// The pooling whose winners a `MaxPoolGrad` needs.
    pub(crate) fn winners(&self, grad: ValueId) -> Option<ValueId> {
        let node = self.graph.node(grad);
        let Op::MaxPoolGrad(op) = &node.op else { return None };
        let same = |v: &ValueId| {
            let pool = self.graph.node(*v);
            matches!(&pool.op, Op::MaxPool2d(p) if *p == op.0) && pool.inputs[0] == node.inputs[0]
        };
        let places = op.0.kernel[0] * op.0.kernel[1];
        let earlier = self.graph.values().map(|(v, _)| v).take_while(|&v| v != grad);
        (places <= 255).then(|| earlier.into_iter().find(same)).flatten()
    }

    /// The ops of an elementwise unit and what they read; the first operand is where it starts.
    pub(crate) fn chain(&self, unit: &Unit) -> (Vec<Link>, Vec<Read>) {
        let graph = self.graph;
        let root = graph.node(unit.root);
        let mut reads = vec![Read::Value(match root.op {
            Op::ActGrad(_) => root.inputs[1],
            _ => root.inputs[0],
        })];
        let mut links = Vec::new();
        let mut so_far = match reads[0] {
            Read::Value(v) | Read::Beside(v) => v,
        };
        for &value in &[&[unit.root], &unit.links[..]].concat() {
            let node = graph.node(value);
            links.push(match (&node.op, &node.inputs[..]) {
                (Op::Act(act), _) => match Smooth::of(*act) {
                    Some(smooth) => Link::Smooth(smooth, self.beside[value.index()] == Some(Beside::Slope)),
                    None => Link::Act(*act),
                },
                (Op::ActGrad(grad), [saved, _]) => {
                    let (link, read) = match self.gate(*saved, grad.0) {
                        Some((gate, read)) => (Link::Gate(reads.len(), gate), read),
                        None => (Link::Grad(reads.len(), grad.0), Read::Value(*saved)),
                    };
                    reads.push(read);
                    link
                }
                (Op::Binary(op), &[a, b]) => {
                    let first = value != unit.root && b == so_far || a != so_far;
                    reads.push(Read::Value(if first { a } else { b }));
                    Link::Binary(*op, reads.len() - 1, first)
                }
                _ => unreachable!("elementwise units hold such ops alone"),
            });
            so_far = value;
        }
        (links, reads)
    }
}
