//! Which layers of a network an attack looks into.

use std::fmt;

use moire_graph::{Act, Graph, Node, Op, ValueId};

use crate::error::{Error, Repr};

/// How many layers are looked at where none are named. Fewer and deeper give sparser regions: on the published
/// weights of the Y-shaped autoencoder three resolutions change 0.5 % of the pixels, all five 1.0 %, one 24 %.
const DEPTH: usize = 3;

/// The layers whose gradients make the key regions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeyLayers {
    /// The last feature map, at each of the three coarsest resolutions, that all of the decision passes through.
    #[default]
    Default,
    /// These values of the network's graph, by name.
    Named(Vec<String>),
}

impl KeyLayers {
    /// The layers in `graph`, whose output `margin` they lead to.
    pub(crate) fn resolve(&self, graph: &Graph) -> Result<Vec<ValueId>, Error> {
        match self {
            Self::Default => {
                let all = bottlenecks(graph, graph.input("x")?, graph.output("margin")?);
                let mut layers: Vec<ValueId> = Vec::new();
                for value in all {
                    let area = |v: ValueId| &graph.shape(v)[2..];
                    layers.retain(|&v| area(v) != area(value));
                    layers.push(value);
                }
                let layers = layers.split_off(layers.len().saturating_sub(DEPTH));
                if layers.is_empty() { Err(Repr::NoLayers.into()) } else { Ok(layers) }
            }
            Self::Named(names) => names.iter().map(|name| named(graph, name)).collect(),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::Default);
        }
        let names: Vec<String> = text.split('+').map(str::to_owned).collect();
        names.iter().all(|n| !n.is_empty()).then_some(Self::Named(names))
    }
}

impl fmt::Display for KeyLayers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Named(names) => f.write_str(&names.join("+")),
        }
    }
}

/// The names of all layers of a detector's graph that [`KeyLayers::Named`] may hold, from shallow to deep.
///
/// # Errors
/// The graph has no input `x` or no output `margin`.
pub fn key_layers(graph: &Graph) -> Result<Vec<String>, Error> {
    let (x, margin) = (graph.input("x")?, graph.output("margin")?);
    let names = bottlenecks(graph, x, margin).into_iter().map(|v| graph.node(v).name.clone());
    Ok(names.collect())
}

fn named(graph: &Graph, name: &str) -> Result<ValueId, Error> {
    let value = graph.value(name)?;
    match graph.shape(value)[..] {
        [1, _, _, _] => Ok(value),
        _ => Err(Repr::NotALayer { name: name.to_owned(), found: graph.shape(value).clone() }.into()),
    }
}

/// Feature maps of more than one pixel that every path from `x` to `y` passes through, in order.
fn bottlenecks(graph: &Graph, x: ValueId, y: ValueId) -> Vec<ValueId> {
    let count = graph.nodes().len();
    let [from_x, to_y] = between(graph, x, y);
    // In the order of computation, a value is passed by every path if no edge leads past it.
    let on_path = |v: ValueId| from_x[v.index()] && to_y[v.index()];
    let mut last_use = vec![0; count];
    for (value, node) in graph.values().filter(|(v, _)| on_path(*v)) {
        node.inputs.iter().for_each(|v| last_use[v.index()] = value.index());
    }
    let mut reach = 0;
    let mut found = Vec::new();
    for (value, node) in graph.values().filter(|(v, _)| on_path(*v)) {
        let is_map = matches!(node.shape[..], [1, _, h, w] if h > 1 && w > 1);
        if reach <= value.index() && is_map && is_feature(&node.op) {
            found.push(value);
        }
        reach = reach.max(last_use[value.index()]);
    }
    found
}

/// The features after each nonlinearity between the image and the margin; of a network that has none, those of its
/// convolutions.
pub(crate) fn features(graph: &Graph) -> Result<Vec<ValueId>, moire_graph::Error> {
    let [from_x, to_y] = between(graph, graph.input("x")?, graph.output("margin")?);
    let maps = |is: fn(&Op) -> bool| -> Vec<ValueId> {
        let is_one = |v: ValueId, node: &Node| {
            let on_path = from_x[v.index()] && to_y[v.index()];
            on_path && matches!(node.shape[..], [1, _, _, _]) && is_feature(&node.op) && is(&node.op)
        };
        graph.values().filter(|(v, node)| is_one(*v, node)).map(|(v, _)| v).collect()
    };
    let activations = maps(|op| matches!(op, Op::Act(_)));
    Ok(if activations.is_empty() { maps(|op| matches!(op, Op::Conv2d(_))) } else { activations })
}

/// For each value whether it hangs on `x`, and whether `y` hangs on it.
fn between(graph: &Graph, x: ValueId, y: ValueId) -> [Vec<bool>; 2] {
    let count = graph.nodes().len();
    let (mut from_x, mut to_y) = (vec![false; count], vec![false; count]);
    from_x[x.index()] = true;
    to_y[y.index()] = true;
    for (value, node) in graph.values() {
        from_x[value.index()] |= node.inputs.iter().any(|v| from_x[v.index()]);
    }
    for (value, node) in graph.values().collect::<Vec<_>>().into_iter().rev() {
        if to_y[value.index()] {
            node.inputs.iter().for_each(|v| to_y[v.index()] = true);
        }
    }
    [from_x, to_y]
}

/// Whether an op makes features, rather than preparing an image or reading a decision.
fn is_feature(op: &Op) -> bool {
    match op {
        Op::Act(act) => !matches!(act, Act::Abs | Act::Square | Act::Sqrt | Act::Step | Act::Exp),
        op => matches!(op, Op::Conv2d(_) | Op::Concat(_)),
    }
}
