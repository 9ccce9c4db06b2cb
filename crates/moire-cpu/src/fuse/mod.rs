//! Which nodes one kernel computes together, and what it keeps beside its result for the way back.

mod kept;

use moire_graph::{Act, Binary, Graph, Node, Op, Reduce, ReduceKind, ValueId};
use moire_tensor::Shape;

use crate::product::{Beside, Gate, Leak, Smooth};

pub(crate) use kept::Link;

/// Nodes that one kernel computes, named by the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// The node that does the work.
    pub(crate) root: ValueId,
    /// After an elementwise root: more of them, each on the result of the one before.
    pub(crate) links: Vec<ValueId>,
    /// After a normalisation, or before its adjoint: a factor for each channel.
    pub(crate) scale: Option<ValueId>,
    /// After a normalisation or a dense layer: a summand for each channel.
    pub(crate) shift: Option<ValueId>,
    /// A summand of the result's shape; after a convolution perhaps of one row that serves all.
    pub(crate) add: Option<ValueId>,
    pub(crate) act: Option<Act>,
    /// What was saved of an activation that the result's way back leads through: after a convolution, or before a
    /// normalisation's adjoint.
    pub(crate) gate: Option<(ValueId, Act)>,
    /// What a normalisation's adjoint is given in place of its node's cotangent.
    pub(crate) dy: Option<ValueId>,
    /// What a sum over pixels multiplies, in place of its node's operand.
    pub(crate) factors: Option<[ValueId; 2]>,
}

/// What a kernel reads: a value, or what was kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    Value(ValueId),
    Beside(ValueId),
}

impl Read {
    /// The value that it is of.
    pub(crate) fn value(self) -> ValueId {
        match self {
            Self::Value(v) | Self::Beside(v) => v,
        }
    }
}

/// The units of a graph.
pub(crate) struct Fused<'a> {
    graph: &'a Graph,
    /// By value: what computes it, unless a later unit does.
    pub(crate) units: Vec<Option<Unit>>,
    /// By value: what is kept beside it.
    pub(crate) beside: Vec<Option<Beside>>,
    /// By value: the activation of it whose derivative can be kept in its place, since nothing else reads it.
    activated: Vec<Option<ValueId>>,
    uses: Vec<usize>,
}

impl Unit {
    fn alone(root: ValueId) -> Self {
        Self {
            root,
            links: Vec::new(),
            scale: None,
            shift: None,
            add: None,
            act: None,
            gate: None,
            dy: None,
            factors: None,
        }
    }
}

/// Finds, for every node in order, what it can be computed together with.
pub(crate) fn fuse(graph: &Graph) -> Fused<'_> {
    let count = graph.nodes().len();
    let mut fused = Fused {
        graph,
        units: Vec::with_capacity(count),
        beside: vec![None; count],
        activated: kept::activated(graph),
        uses: graph.uses(),
    };
    for (value, node) in graph.values() {
        let (unit, taken) = match &node.op {
            Op::Input | Op::Constant(_) => (None, Vec::new()),
            Op::NormaliseGrad(_) => {
                let (unit, taken) = fused.before_grad(value);
                (Some(unit), taken)
            }
            _ => match fused.joined(value, node) {
                Some((unit, taken)) => (Some(unit), vec![taken]),
                None => (Some(Unit::alone(value)), Vec::new()),
            },
        };
        taken.iter().for_each(|v| fused.units[v.index()] = None);
        fused.units.push(unit);
    }
    fused.keep();
    fused
}

impl Fused<'_> {
    /// The unit of an operand that nothing reads but `reader`, and ways back that need its derivative alone.
    fn own(&self, v: ValueId, reader: ValueId) -> Option<&Unit> {
        let only = self.uses[v.index()] == 1 || self.activated[v.index()] == Some(reader);
        self.units[v.index()].as_ref().filter(|_| only)
    }

    /// `node` at the end of the unit that computes one of its operands, and that operand.
    fn joined(&self, value: ValueId, node: &Node) -> Option<(Unit, ValueId)> {
        node.inputs.iter().rev().enumerate().find_map(|(i, &v)| {
            let unit = self.own(v, value)?;
            // The last operand comes first here.
            let other = (node.inputs.len() == 2).then(|| node.inputs[i]);
            Some((self.join(unit, value, v, other)?, v))
        })
    }

    /// `unit`, which computes operand `v` of `node`, with `value` at its end; `other` is its node's other operand.
    fn join(&self, unit: &Unit, value: ValueId, v: ValueId, other: Option<ValueId>) -> Option<Unit> {
        let graph = self.graph;
        let node = graph.node(value);
        let root = graph.node(unit.root);
        if elementwise(&root.op) {
            return self.lengthened(unit, value, v);
        }
        let convolves = matches!(root.op, Op::Conv2d(_) | Op::ConvTranspose2d(_));
        let normalises = matches!(&root.op, Op::Normalise(n) if n.axes == [2, 3]) && node.shape.len() == 4;
        let multiplies = by_weights(graph, unit.root);
        if !convolves && !normalises && !multiplies || unit.gate.is_some() {
            return None;
        }
        let constant = |v: ValueId| matches!(graph.node(v).op, Op::Constant(_));
        let by_channel = |v: ValueId| constant(v) && graph.shape(v)[..] == [1, node.shape[1], 1, 1];
        let by_column = |v: ValueId| {
            let shape = graph.shape(v);
            constant(v) && shape.last() == node.shape.last() && shape.numel() == shape[shape.len() - 1]
        };
        let unit = unit.clone();
        match (&node.op, other) {
            (Op::Act(act), None) if unit.act.is_none() => {
                let rides = Leak::of(*act).is_some() || !normalises && Smooth::of(*act).is_some();
                rides.then_some(Unit { act: Some(*act), ..unit })
            }
            (Op::ActGrad(grad), Some(saved)) if !normalises && node.inputs[1] == v && unit.act.is_none() => {
                self.passes(saved, grad.0).then_some(Unit { gate: Some((saved, grad.0)), ..unit })
            }
            _ if unit.act.is_some() || unit.add.is_some() => None,
            (Op::Binary(Binary::Mul), Some(scale))
                if normalises && unit.scale.is_none() && unit.shift.is_none() && by_channel(scale) =>
            {
                Some(Unit { scale: Some(scale), ..unit })
            }
            (Op::Binary(Binary::Add), Some(shift))
                if unit.shift.is_none()
                    && (normalises && by_channel(shift) || multiplies && by_column(shift)) =>
            {
                Some(Unit { shift: Some(shift), ..unit })
            }
            (Op::Binary(Binary::Add), Some(add)) => {
                let summand = graph.shape(add);
                let fits = *summand == node.shape || (convolves && *summand == node.shape.with(0, 1));
                let whole = fits && *graph.shape(v) == node.shape;
                (whole && !constant(add) && add != v).then_some(Unit { add: Some(add), ..unit })
            }
            _ => None,
        }
    }

    /// An elementwise unit with one more such op, or in the sum over pixels that reads it.
    fn lengthened(&self, unit: &Unit, value: ValueId, v: ValueId) -> Option<Unit> {
        let graph = self.graph;
        let node = graph.node(value);
        let last = *unit.links.last().unwrap_or(&unit.root);
        // What is kept for the way back belongs to the end of a unit.
        let ends = matches!(graph.node(last).op, Op::Act(act) if self.is_saved(last, act));
        if ends {
            return None;
        }
        if let Op::Reduce(reduce) = &node.op {
            let product = graph.node(unit.root);
            let whole = |v: &ValueId| graph.shape(*v) == &product.shape;
            let sums = sums_pixels(reduce, &product.shape) && unit.links.is_empty();
            let multiplies =
                matches!(product.op, Op::Binary(Binary::Mul)) && product.inputs.iter().all(whole);
            let [a, b] = product.inputs[..] else { return None };
            return (sums && multiplies).then(|| Unit { factors: Some([a, b]), ..Unit::alone(value) });
        }
        let follows = match &node.op {
            Op::ActGrad(_) => node.inputs[1] == v && node.inputs[0] != v,
            op => elementwise(op) && node.inputs.iter().filter(|&&i| i == v).count() == 1,
        };
        (follows && *graph.shape(v) == node.shape).then(|| {
            let mut unit = unit.clone();
            unit.links.push(value);
            unit
        })
    }

    /// An instance norm's adjoint with the factor and the gate that its cotangent has come through.
    fn before_grad(&self, value: ValueId) -> (Unit, Vec<ValueId>) {
        let graph = self.graph;
        let node = graph.node(value);
        let (mut unit, mut taken) = (Unit::alone(value), Vec::new());
        if !matches!(&node.op, Op::NormaliseGrad(n) if n.0.axes == [2, 3]) || node.shape.len() != 4 {
            return (unit, taken);
        }
        // The elementwise ops on the cotangent's way, the last first, and what they were given.
        let mut dy = node.inputs[1];
        let mut ops: Vec<ValueId> = match self.own(dy, value) {
            Some(before) if elementwise(&graph.node(before.root).op) => {
                [&[before.root], &before.links[..]].concat()
            }
            _ => Vec::new(),
        };
        let all = ops.len();
        if let Some(&product) = ops.last().filter(|&&v| matches!(graph.node(v).op, Op::Binary(Binary::Mul))) {
            let [from, scale] = graph.node(product).inputs[..] else { return (unit, taken) };
            let constant = matches!(graph.node(scale).op, Op::Constant(_));
            let by_channel = graph.shape(scale)[..] == [1, node.shape[1], 1, 1];
            if constant && by_channel && *graph.shape(from) == node.shape {
                (unit.scale, dy) = (Some(scale), from);
                ops.pop();
            }
        }
        if let Some(&gate) = ops.last() {
            if let (Op::ActGrad(grad), [saved, from]) = (&graph.node(gate).op, &graph.node(gate).inputs[..]) {
                if Leak::of(grad.0).is_some() {
                    (unit.gate, dy) = (Some((*saved, grad.0)), *from);
                    ops.pop();
                }
            }
        }
        // A unit is taken whole or not at all.
        if all > 0 && ops.is_empty() {
            taken.push(node.inputs[1]);
            unit.dy = Some(dy);
            (unit, taken)
        } else {
            (Unit::alone(value), Vec::new())
        }
    }

    /// Whether a cotangent's way back through an activation can ride on the kernel that computes it.
    fn passes(&self, saved: ValueId, act: Act) -> bool {
        match Smooth::of(act) {
            Some(smooth) => !smooth.keeps_slope() || self.activated[saved.index()].is_some(),
            None => Leak::of(act).is_some(),
        }
    }

    /// How a cotangent goes back through an activation, and what it reads for that; `None` where that is computed from
    /// the activation's operand.
    pub(crate) fn gate(&self, saved: ValueId, act: Act) -> Option<(Gate, Read)> {
        if let Some(leak) = Leak::of(act) {
            return Some(match self.beside[saved.index()] {
                Some(Beside::Signs) => (Gate::Signs(leak), Read::Beside(saved)),
                _ => (Gate::Values(leak), Read::Value(saved)),
            });
        }
        match Smooth::of(act)? {
            Smooth::Sigmoid => Some((Gate::Sigmoid, Read::Value(saved))),
            Smooth::Tanh => Some((Gate::Tanh, Read::Value(saved))),
            Smooth::Gelu | Smooth::Silu => {
                self.activated[saved.index()].map(|a| (Gate::Slope, Read::Beside(a)))
            }
        }
    }

    /// What a unit's kernel reads, in the kernel's order.
    pub(crate) fn reads(&self, unit: &Unit) -> Vec<Read> {
        let node = self.graph.node(unit.root);
        let value = |&v: &ValueId| Read::Value(v);
        let mut reads: Vec<Read> = match &node.op {
            op if elementwise(op) => return self.chain(unit).1,
            // Weights are packed.
            Op::Conv2d(_) | Op::ConvTranspose2d(_) => vec![value(&node.inputs[0])],
            Op::NormaliseGrad(_) => {
                vec![value(&node.inputs[0]), Read::Value(unit.dy.unwrap_or(node.inputs[1]))]
            }
            Op::MaxPoolGrad(_) => match self.winners(unit.root) {
                Some(pool) => vec![Read::Beside(pool), value(&node.inputs[1])],
                None => node.inputs.iter().map(value).collect(),
            },
            Op::Reduce(_) if unit.factors.is_some() => unit.factors.iter().flatten().map(value).collect(),
            _ => node.inputs.iter().map(value).collect(),
        };
        reads.extend(unit.add.iter().map(value));
        reads.extend(unit.gate.and_then(|(saved, act)| self.gate(saved, act)).map(|(_, read)| read));
        reads
    }
}

/// Ops that compute each number from numbers at the same place.
fn elementwise(op: &Op) -> bool {
    matches!(op, Op::Act(_) | Op::ActGrad(_) | Op::Binary(_))
}

/// A sum or mean over the pixels of images.
pub(crate) fn sums_pixels(reduce: &Reduce, shape: &Shape) -> bool {
    shape.len() == 4 && reduce.axes == [2, 3] && reduce.kind != ReduceKind::Max
}

/// Whether a node multiplies by one constant matrix into rows that lie one after another.
fn by_weights(graph: &Graph, root: ValueId) -> bool {
    let node = graph.node(root);
    let constant = |v: ValueId| matches!(graph.node(v).op, Op::Constant(_)) && graph.shape(v).len() == 2;
    matches!(node.op, Op::MatMul(_)) && node.shape.len() != 4 && constant(node.inputs[1])
}
