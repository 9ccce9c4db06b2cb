use super::View;
use super::pickle::Pickle;
use super::value::{Node, Value};
use crate::error::{Repr, at_tensor, malformed};
use crate::limits::{Limits, at_most};

/// The tensors of a pickled dict, nested ones under dotted names. Items of lists and tuples are named by their
/// number; a module's tensors are named as its state dict would name them. Whatever is not a tensor (an epoch, a
/// learning rate, an object that is no module) is dropped.
pub(super) fn flatten<'a>(pickle: Pickle<'a>, limits: &Limits) -> Result<Vec<(String, View<'a>)>, Repr> {
    if !matches!(pickle.heap.get(pickle.root), Some(Node::Dict(_) | Node::Object { .. })) {
        let found = pickle.heap.describe(pickle.root);
        return Err(malformed("pickled object", "a dict of tensors, or a module", found));
    }
    let root = pickle.root;
    let mut walk = Walk { pickle, limits, visited: 0, views: Vec::new() };
    walk.visit(root, "", 0)?;
    Ok(walk.views)
}

struct Walk<'a, 'l> {
    pickle: Pickle<'a>,
    limits: &'l Limits,
    visited: usize,
    views: Vec<(String, View<'a>)>,
}

impl<'a> Walk<'a, '_> {
    fn visit(&mut self, value: Value<'a>, name: &str, depth: usize) -> Result<(), Repr> {
        let limits = self.limits;
        if depth > limits.depth {
            at_most(&at_tensor(name), "its nesting", limits.depth as u64, depth as u64)?;
        }
        let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        for i in 0.. {
            // A dict may hold itself, or one dict many times: the first runs into the depth, the second in here.
            self.visited += 1;
            at_most("pickled object", "values in it", limits.pickle_ops as u64, self.visited as u64)?;
            // The heap stays borrowed for no longer than it takes to fetch the next item.
            let next = match self.pickle.heap.get(value) {
                Some(&Node::Object { state, .. }) => return self.module(state, name, depth),
                Some(Node::Tensor(view)) => {
                    let limit = limits.tensors as u64;
                    at_most("pickled object", "its tensors", limit, self.views.len() as u64 + 1)?;
                    self.views.push((name.to_owned(), (**view).clone()));
                    None
                }
                Some(Node::Dict(pairs)) => pairs.get(i).copied(),
                Some(Node::List(items) | Node::Tuple(items)) => {
                    items.get(i).map(|&item| (Value::Int(i as i64), item))
                }
                Some(Node::Storage(_)) | None => None,
            };
            let Some((key, item)) = next else { break };
            if !matches!(item, Value::Node(_)) {
                continue;
            }
            let key = match key {
                Value::Text(text) => below(text),
                Value::Int(number) => below(&number.to_string()),
                _ => {
                    let found = self.pickle.heap.describe(key);
                    return Err(malformed(at_tensor(name), "keys that are texts or numbers", found));
                }
            };
            if key.len() > limits.name_bytes {
                let (limit, found) = (limits.name_bytes as u64, key.len() as u64);
                at_most(&at_tensor(&key), "bytes in its name", limit, found)?;
            }
            self.visit(item, &key, depth + 1)?;
        }
        Ok(())
    }

    /// The parameters, the buffers and the modules of a module, from its state.
    fn module(&mut self, state: Value<'a>, name: &str, depth: usize) -> Result<(), Repr> {
        for part in ["_parameters", "_buffers", "_modules"] {
            let Some(Node::Dict(pairs)) = self.pickle.heap.get(state) else { return Ok(()) };
            let found = pairs.iter().rev().find(|(key, _)| *key == Value::Text(part)).map(|&(_, item)| item);
            // Each look costs as much as there is, however often the same state is met.
            self.visited += pairs.len();
            if let Some(item) =
                found.filter(|item| matches!(self.pickle.heap.get(*item), Some(Node::Dict(_))))
            {
                self.visit(item, name, depth + 1)?;
            }
        }
        Ok(())
    }
}
