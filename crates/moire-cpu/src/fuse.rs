//! Which nodes one kernel computes together.

use moire_graph::{Binary, Graph, Node, Op, ValueId};

use crate::product::Leak;

/// Nodes that one kernel computes, named by the last of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    /// The node that does the work.
    pub(crate) root: ValueId,
    /// After a normalisation, or before its adjoint: a factor for each channel.
    pub(crate) scale: Option<ValueId>,
    /// After a normalisation: a summand for each channel.
    pub(crate) shift: Option<ValueId>,
    /// A summand of the result's shape; after a convolution perhaps of one row that serves all.
    pub(crate) add: Option<ValueId>,
    pub(crate) act: Option<Leak>,
    /// What passes where this value is positive: after a convolution, or before a normalisation's adjoint.
    pub(crate) gate: Option<(ValueId, Leak)>,
    /// What a normalisation's adjoint is given in place of its node's cotangent.
    pub(crate) dy: Option<ValueId>,
}

/// The units of a graph.
pub(crate) struct Fused {
    /// By value: what computes it, unless a later unit does.
    pub(crate) units: Vec<Option<Unit>>,
}

impl Unit {
    fn alone(root: ValueId) -> Self {
        Self { root, scale: None, shift: None, add: None, act: None, gate: None, dy: None }
    }

    /// The values that its kernel reads, in the kernel's order.
    pub(crate) fn operands(&self, graph: &Graph) -> Vec<ValueId> {
        let node = graph.node(self.root);
        let mut operands = match node.op {
            // Weights are packed.
            Op::Conv2d(_) | Op::ConvTranspose2d(_) => node.inputs[..1].to_vec(),
            Op::NormaliseGrad(_) => vec![node.inputs[0], self.dy.unwrap_or(node.inputs[1])],
            _ => node.inputs.clone(),
        };
        operands.extend(self.add);
        operands.extend(self.gate.map(|(v, _)| v));
        operands
    }
}

/// Finds, for every node in order, what it can be computed together with.
pub(crate) fn fuse(graph: &Graph) -> Fused {
    let uses = graph.uses();
    let mut units: Vec<Option<Unit>> = Vec::with_capacity(graph.nodes().len());
    for (value, node) in graph.values() {
        // The unit of an operand that nothing else reads.
        let own = |v: ValueId| units[v.index()].filter(|_| uses[v.index()] == 1);
        let mut taken: Vec<ValueId> = Vec::new();
        let unit = match &node.op {
            Op::Input | Op::Constant(_) => None,
            Op::NormaliseGrad(_) => Some(before_grad(graph, &units, &uses, value, &mut taken)),
            op => {
                let joined = node.inputs.iter().rev().enumerate().find_map(|(i, &v)| {
                    let unit = own(v)?;
                    // The last operand comes first here.
                    let other = (node.inputs.len() == 2).then(|| node.inputs[i]);
                    Some((v, join(graph, unit, node, op, v, other)?))
                });
                taken.extend(joined.iter().map(|(v, _)| *v));
                Some(joined.map_or(Unit::alone(value), |(_, unit)| unit))
            }
        };
        taken.iter().for_each(|v| units[v.index()] = None);
        units.push(unit);
    }
    Fused { units }
}

/// `unit`, which computes operand `v` of `node`, with `node` at its end; `other` is the node's other operand.
fn join(graph: &Graph, unit: Unit, node: &Node, op: &Op, v: ValueId, other: Option<ValueId>) -> Option<Unit> {
    let convolves = matches!(graph.node(unit.root).op, Op::Conv2d(_) | Op::ConvTranspose2d(_));
    let normalises =
        matches!(&graph.node(unit.root).op, Op::Normalise(n) if n.axes == [2, 3]) && node.shape.len() == 4;
    let multiplies = by_weights(graph, unit.root);
    if !convolves && !normalises && !multiplies || unit.gate.is_some() {
        return None;
    }
    let by_channel = |v: ValueId| {
        let constant = matches!(graph.node(v).op, Op::Constant(_));
        constant && graph.shape(v)[..] == [1, node.shape[1], 1, 1]
    };
    let by_column = |v: ValueId| {
        let constant = matches!(graph.node(v).op, Op::Constant(_));
        constant && Some(&graph.shape(v)[..]) == node.shape.last().map(std::slice::from_ref)
    };
    match (op, other) {
        (Op::Act(act), None) if unit.act.is_none() => Some(Unit { act: Some(Leak::of(*act)?), ..unit }),
        (Op::ActGrad(grad), Some(saved)) if !normalises && node.inputs[1] == v => {
            Some(Unit { gate: Some((saved, Leak::of(grad.0)?)), ..unit })
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
            let computed = !matches!(graph.node(add).op, Op::Constant(_));
            (whole && computed && add != v).then_some(Unit { add: Some(add), ..unit })
        }
        _ => None,
    }
}

/// Whether a node multiplies by one constant matrix into rows that lie one after another.
fn by_weights(graph: &Graph, root: ValueId) -> bool {
    let node = graph.node(root);
    let constant = |v: ValueId| matches!(graph.node(v).op, Op::Constant(_)) && graph.shape(v).len() == 2;
    matches!(node.op, Op::MatMul(_)) && node.shape.len() != 4 && constant(node.inputs[1])
}

/// An instance norm's adjoint with the factor and the gate that its cotangent has come through.
fn before_grad(
    graph: &Graph,
    units: &[Option<Unit>],
    uses: &[usize],
    value: ValueId,
    taken: &mut Vec<ValueId>,
) -> Unit {
    let node = graph.node(value);
    let mut unit = Unit::alone(value);
    if !matches!(&node.op, Op::NormaliseGrad(n) if n.0.axes == [2, 3]) || node.shape.len() != 4 {
        return unit;
    }
    let mut dy = node.inputs[1];
    let alone = |v: ValueId| uses[v.index()] == 1 && units[v.index()].is_some_and(|u| u.root == v);
    let product = graph.node(dy);
    if let (Op::Binary(Binary::Mul), true) = (&product.op, alone(dy)) {
        let [dy_in, scale] = product.inputs[..] else { return unit };
        let constant = matches!(graph.node(scale).op, Op::Constant(_));
        if constant && graph.shape(scale)[..] == [1, node.shape[1], 1, 1] && *graph.shape(dy_in) == node.shape
        {
            taken.push(dy);
            (unit.scale, dy) = (Some(scale), dy_in);
        }
    }
    if let (Op::ActGrad(grad), true) = (&graph.node(dy).op, alone(dy)) {
        if let Some(leak) = Leak::of(grad.0) {
            taken.push(dy);
            let [saved, dy_in] = graph.node(dy).inputs[..] else { return unit };
            (unit.gate, dy) = (Some((saved, leak)), dy_in);
        }
    }
    unit.dy = Some(dy);
    unit
}
