//! What can be wrong with a node, and how it is told.

use std::fmt;

use crate::error::{Repr, malformed, shown};

/// Names that are listed of one fault; the rest is counted.
const LISTED: usize = 6;

/// Why a node could not be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It uses what is not supported, in words that follow the op's name. The other nodes are still looked at.
    Unsupported(String),
    /// It reads what a node with a fault should have given.
    Absent,
    /// It breaks ONNX's rules, or a limit: nothing more is looked at.
    Broken(Box<Repr>),
}

impl From<moire_graph::Error> for Fault {
    fn from(error: moire_graph::Error) -> Self {
        Self::Broken(Box::new(malformed("network", "ops that fit their values", error.to_string())))
    }
}

impl From<Repr> for Fault {
    fn from(repr: Repr) -> Self {
        Self::Broken(Box::new(repr))
    }
}

/// A refusal with its reason.
pub(crate) fn unsupported<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unsupported(what.into()))
}

/// Everything in a network that is not supported.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// The op with its reason, and the names of the nodes.
    kinds: Vec<(String, Vec<String>)>,
}

impl Refusals {
    pub(crate) fn add(&mut self, op: &str, reason: &str, node: &str) {
        let what =
            if reason.is_empty() { shown(op) } else { format!("{} with {}", shown(op), shown(reason)) };
        match self.kinds.iter_mut().find(|(known, _)| *known == what) {
            Some((_, nodes)) => nodes.push(shown(node)),
            None => self.kinds.push((what, vec![shown(node)])),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count: usize = self.kinds.iter().map(|(_, nodes)| nodes.len()).sum();
        write!(f, "{count} of its nodes are not supported:")?;
        for (what, nodes) in &self.kinds {
            let listed = nodes[..nodes.len().min(LISTED)].join(", ");
            let rest = nodes.len().saturating_sub(LISTED);
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            write!(f, "\n  {what} ({}): {listed}{more}", nodes.len())?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}
