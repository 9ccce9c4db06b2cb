//! From nodes to a graph: values by name, what is known of them, what may still be spent.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use moire_graph::{self as graph, Builder, Op, ValueId};
use moire_tensor::{Shape, Tensor};
use prost::bytes::Bytes;

use super::fault::{Fault, Refusals};
use super::node::{Node, Value};
use super::ops;
use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto};
use super::tensor::{External, decode};
use crate::error::{Repr, malformed, shown};
use crate::limits::{Budget, at_most};

/// Numbers that may be computed while a network is read: shape arithmetic, masks, tables of indices. One more for each
/// byte of the file, up to [`MORE_WORK`]: the masks of a large network are large too.
const WORK: usize = 1 << 22;
const MORE_WORK: usize = 1 << 24;
/// Numbers in the largest value whose content is followed while a network is read.
const KNOWN: usize = 1 << 20;
/// Attributes of one node.
const ATTRIBUTES: usize = 64;

/// A network on its way into a graph.
pub(crate) struct Import<'m, 'b> {
    pub(crate) b: &'b mut Builder,
    pub(crate) opset: i64,
    pub(crate) external: &'m External,
    pub(crate) budget: Budget<'m>,
    pub(crate) refusals: Refusals,
    values: HashMap<String, Option<Value>>,
    stored: HashMap<String, TensorProto>,
    /// By value of the graph: whether its numbers can be known now.
    fixed: Vec<bool>,
    /// Those that somebody asked for.
    known: HashMap<ValueId, Rc<Tensor<f64>>>,
    work: usize,
    bearable: usize,
    nodes: usize,
    depth: usize,
}

impl<'m, 'b> Import<'m, 'b> {
    pub(crate) fn new(b: &'b mut Builder, opset: i64, external: &'m External, budget: Budget<'m>) -> Self {
        let bearable = WORK + budget.file_bytes().min(MORE_WORK);
        Self {
            b,
            opset,
            external,
            budget,
            refusals: Refusals::default(),
            values: HashMap::new(),
            stored: HashMap::new(),
            fixed: Vec::new(),
            known: HashMap::new(),
            work: 0,
            bearable,
            nodes: 0,
            depth: 0,
        }
    }

    pub(crate) fn bind(&mut self, name: &str, value: Option<Value>) {
        self.values.insert(name.to_owned(), value);
    }

    /// The value called `name`: `None` where the node that gives it could not be read.
    pub(crate) fn value(&mut self, place: &str, name: &str) -> Result<Option<Value>, Repr> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let Some(proto) = self.stored.remove(name) else {
            return Err(malformed(
                place,
                "values that a node before it gives",
                format!("'{name}', which none gives"),
            ));
        };
        let value = self.stored(&proto)?;
        self.bind(name, Some(value.clone()));
        Ok(Some(value))
    }

    /// Takes numbers that are computed now from what may be.
    pub(crate) fn spend(&mut self, numbers: usize) -> Result<(), Repr> {
        self.work = self.work.saturating_add(numbers);
        at_most("network", "numbers computed while it is read", self.bearable as u64, self.work as u64)
    }

    /// A shape within the limits.
    pub(crate) fn check(&self, place: &str, shape: &Shape) -> Result<(), Repr> {
        let limits = self.budget.limits;
        at_most(&shown(place), "its rank", limits.rank as u64, shape.len() as u64)?;
        let count = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d.max(1) as u64)).unwrap_or(u64::MAX);
        at_most(&shown(place), "numbers in its result", limits.value as u64, count)
    }

    /// What a value holds, if it depends on no input and is small.
    pub(crate) fn known(&mut self, value: ValueId) -> Option<Rc<Tensor<f64>>> {
        while self.fixed.len() < self.b.nodes().len() {
            let fixed = self.is_fixed(&self.b.nodes()[self.fixed.len()]);
            self.fixed.push(fixed);
        }
        if !self.fixed[value.index()] {
            return None;
        }
        // Operands come before what is made of them, so that numbers sort them.
        let mut wanted = BTreeSet::new();
        let mut stack = vec![value];
        while let Some(value) = stack.pop() {
            if !self.known.contains_key(&value) && wanted.insert(value) {
                stack.extend(&self.b.node(value).inputs);
            }
        }
        for value in wanted {
            let node = self.b.node(value);
            let operands: Vec<_> = node.inputs.iter().map(|v| Rc::clone(&self.known[v])).collect();
            self.work += node.shape.numel() + operands.iter().map(|t| t.data().len()).sum::<usize>();
            if self.work > self.bearable {
                return None;
            }
            let known = match &node.op {
                Op::Constant(tensor) => tensor.to_f64(),
                _ => node.eval(&operands.iter().map(Rc::as_ref).collect::<Vec<_>>()),
            };
            self.known.insert(value, Rc::new(known));
        }
        self.known.get(&value).cloned()
    }

    /// Whether a node is small, cheap, and depends on no input.
    fn is_fixed(&self, node: &graph::Node) -> bool {
        let plain = matches!(
            node.op,
            Op::Constant(_)
                | Op::Act(_)
                | Op::Binary(_)
                | Op::Reduce(_)
                | Op::Reshape(_)
                | Op::Permute(_)
                | Op::Slice(_)
                | Op::Concat(_)
                | Op::Expand(_)
                | Op::Pad(_)
                | Op::Resample(_)
        );
        plain
            && node.shape.checked_numel().is_ok_and(|n| n <= KNOWN)
            && node.inputs.iter().all(|v| self.fixed[v.index()])
    }

    /// Reads the nodes of a graph, the network itself or a branch.
    pub(crate) fn graph(&mut self, graph: &GraphProto) -> Result<(), Repr> {
        let limits = self.budget.limits;
        self.nodes += graph.node.len();
        at_most("network", "its nodes", limits.nodes as u64, self.nodes as u64)?;
        at_most("network", "its tensors", limits.tensors as u64, graph.initializer.len() as u64)?;
        if !graph.sparse_initializer.is_empty() {
            let what = "sparse weights".to_owned();
            return Err(Repr::Unsupported { place: "network".to_owned(), what });
        }
        for bytes in &graph.initializer {
            let proto: TensorProto = decode("tensor", bytes)?;
            let (place, name) = (crate::error::at_tensor(&proto.name), proto.name.clone());
            // An input with a stored default is the default, unless it was bound.
            let twice = !self.values.contains_key(&name) && self.stored.insert(name, proto).is_some();
            if twice {
                return Err(malformed(place, "a name of its own", "another tensor of this name"));
            }
        }
        for (index, bytes) in graph.node.iter().enumerate() {
            let node: NodeProto = decode(&format!("node {index}"), bytes)?;
            self.node(index, node)?;
        }
        Ok(())
    }

    /// Reads a branch that is taken, and gives its results.
    pub(crate) fn branch(&mut self, place: &str, bytes: &Bytes) -> Result<Vec<Value>, Fault> {
        self.depth += 1;
        at_most(&shown(place), "branches within branches", 8, self.depth as u64)?;
        let graph: GraphProto = decode(place, bytes)?;
        self.graph(&graph)?;
        self.depth -= 1;
        let names = super::names(&graph.output)?;
        let values = names.iter().map(|name| self.value(place, name)).collect::<Result<Vec<_>, _>>()?;
        values.into_iter().collect::<Option<_>>().ok_or(Fault::Absent)
    }

    fn node(&mut self, index: usize, proto: NodeProto) -> Result<(), Repr> {
        let NodeProto { input, output, name, op_type, attribute, domain } = proto;
        let name = match (&*name, output.first()) {
            ("", Some(output)) => output.clone(),
            ("", None) => format!("{op_type} {index}"),
            _ => name,
        };
        let place = format!("node '{}' ({})", shown(&name), shown(&op_type));
        at_most(&place, "bytes in its name", self.budget.limits.name_bytes as u64, name.len() as u64)?;
        let known = matches!(&*domain, "" | "ai.onnx").then(|| ops::find(&op_type)).flatten();
        let Some(read) = known else {
            let op = if domain.is_empty() { op_type } else { format!("{domain}.{op_type}") };
            if ops::is_quantised(&op) {
                return Err(Repr::Quantised { place });
            }
            self.refusals.add(&op, "", &name);
            output.iter().for_each(|output| self.bind(output, None));
            return Ok(());
        };
        at_most(&place, "its attributes", ATTRIBUTES as u64, attribute.len() as u64)?;
        let attributes =
            attribute.iter().map(|a| decode(&place, a)).collect::<Result<Vec<AttributeProto>, _>>()?;
        let mut operands = Vec::with_capacity(input.len());
        for operand in &input {
            // An empty name stands for an input that is left out.
            let value = if operand.is_empty() { None } else { Some(self.value(&place, operand)?) };
            operands.push(value);
        }
        self.b.scope(&*name);
        let mut node = Node {
            import: self,
            op: op_type,
            place,
            outputs: output.clone(),
            attributes,
            // What a refused node would have given is absent here, and so refused in silence.
            operands: operands.iter().map(|o| o.clone().flatten()).collect(),
        };
        let whole = operands.iter().all(|o| !matches!(o, Some(None)));
        let outcome = if whole { read(&mut node) } else { Err(Fault::Absent) };
        let (place, op) = (node.place, node.op);
        let values = match outcome {
            Ok(values) => values,
            Err(Fault::Broken(repr)) => return Err(at(&place, *repr)),
            Err(fault) => {
                if let Fault::Unsupported(reason) = fault {
                    self.refusals.add(&op, &reason, &name);
                }
                output.iter().for_each(|output| self.bind(output, None));
                return Ok(());
            }
        };
        for (output, value) in output.iter().zip(values) {
            match &value {
                Value::Float(value) => {
                    let shape = self.b.shape(*value).clone();
                    self.check(&place, &shape)?;
                }
                Value::Ints(ints) => self.spend(ints.data.len())?,
            }
            self.bind(output, Some(value));
        }
        Ok(())
    }
}

/// The node in a message of the graph builder.
fn at(place: &str, repr: Repr) -> Repr {
    match repr {
        Repr::Malformed { place: from, expected, found } if from == "network" => {
            Repr::Malformed { place: place.to_owned(), expected, found }
        }
        repr => repr,
    }
}
