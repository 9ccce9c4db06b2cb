//! ONNX's ops, one family a file, each a function from a node to its results.

mod control;
mod conv;
mod elementwise;
mod gather;
mod logic;
mod matmul;
mod movement;
mod norm;
mod pad;
mod pool;
mod reduce;
mod resize;
mod shape;

use super::node::{Node, Outcome};

/// Reads one node.
pub(crate) type Read = fn(&mut Node<'_, '_, '_>) -> Outcome;

const FAMILIES: &[&[(&str, Read)]] = &[
    control::OPS,
    conv::OPS,
    elementwise::OPS,
    gather::OPS,
    logic::OPS,
    matmul::OPS,
    movement::OPS,
    norm::OPS,
    pad::OPS,
    pool::OPS,
    reduce::OPS,
    resize::OPS,
    shape::OPS,
];

/// How nodes of this op are read.
pub(crate) fn find(op: &str) -> Option<Read> {
    FAMILIES.iter().copied().flatten().find(|(name, _)| *name == op).map(|(_, read)| *read)
}

/// Whether an op is one of quantised networks.
pub(crate) fn is_quantised(op: &str) -> bool {
    ["QuantizeLinear", "QLinear", "MatMulInteger", "ConvInteger", "MatMulNBits"]
        .iter()
        .any(|part| op.contains(part))
}
