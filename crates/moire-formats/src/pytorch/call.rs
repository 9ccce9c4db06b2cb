//! The opcodes that would run code in Python: here they only describe tensors.

use super::global::Global;
use super::pickle::Machine;
use super::value::{Node, Value};
use super::{Key, Storage, View};
use crate::error::Repr;
use crate::limits::at_most;

impl<'a> Machine<'a, '_> {
    /// `callable(*arguments)`, for the few callables that are known.
    pub(super) fn reduce(&mut self) -> Result<(), Repr> {
        let arguments = self.pop()?;
        let callable = self.pop()?;
        let wrong = |m: &Self| m.bad("a call that state dicts make", &m.heap.describe(callable));
        let arguments = self.heap.tuple(arguments).ok_or_else(|| wrong(self))?;
        let result = match (callable, arguments) {
            (Value::Class(class), _) => return Err(self.forbidden(class)),
            (Value::Global(Global::Numpy | Global::Plain), _) => Value::Opaque,
            (Value::Global(Global::OrderedDict), []) => self.heap.add(Node::Dict(Vec::new())),
            (Value::Global(Global::OrderedDict), &[pairs]) => {
                let dict = self.pairs(pairs).ok_or_else(|| wrong(self))?;
                self.heap.add(Node::Dict(dict))
            }
            (Value::Global(Global::Size), &[sizes]) if self.heap.tuple(sizes).is_some() => sizes,
            (Value::Global(Global::RebuildParameter), &[tensor, ..]) => tensor,
            (Value::Global(Global::RebuildTensor), &[storage, offset, size, stride])
            | (Value::Global(Global::RebuildTensorV2), &[storage, offset, size, stride, ..]) => {
                let view = self.view(storage, offset, size, stride)?;
                self.heap.add(Node::Tensor(Box::new(view)))
            }
            _ => return Err(wrong(self)),
        };
        self.stack.push(result);
        Ok(())
    }

    /// `class.__new__(class, *arguments)`: an object that has no state yet, and is never more than that state.
    pub(super) fn object(&mut self) -> Result<(), Repr> {
        self.pop()?;
        match self.pop()? {
            Value::Class(class) => self.push(Node::Object { class, state: Value::None }),
            Value::Global(Global::OrderedDict) => self.push(Node::Dict(Vec::new())),
            other => return Err(self.bad("the class of a new object", &self.heap.describe(other))),
        }
        Ok(())
    }

    /// Python 2 pickled an ordered dict as a list of pairs.
    fn pairs(&self, list: Value<'a>) -> Option<Vec<(Value<'a>, Value<'a>)>> {
        let pair = |&item| match self.heap.sequence(item)? {
            &[key, value] => Some((key, value)),
            _ => None,
        };
        self.heap.sequence(list)?.iter().map(pair).collect()
    }

    fn view(
        &self,
        storage: Value<'a>,
        offset: Value<'a>,
        size: Value<'a>,
        stride: Value<'a>,
    ) -> Result<View<'a>, Repr> {
        let Some(&Node::Storage(storage)) = self.heap.get(storage) else {
            return Err(self.bad("a tensor's storage", &self.heap.describe(storage)));
        };
        let wrong = |what: &str, found| self.bad(what, &self.heap.describe(found));
        let offset = offset.count().ok_or_else(|| wrong("an offset of at least 0", offset))?;
        for counts in [size, stride] {
            let rank = self.heap.sequence(counts).map_or(0, <[_]>::len);
            at_most(&self.place(), "a tensor's rank", self.limits.rank as u64, rank as u64)?;
        }
        let dims = self.heap.counts(size).ok_or_else(|| wrong("extents of at least 0", size))?;
        let strides = self.heap.counts(stride).ok_or_else(|| wrong("strides of at least 0", stride))?;
        Ok(View { storage, offset, dims, strides })
    }

    /// The state of an object: a module's tensors are in it. What dicts and tensors have beyond their items, versions
    /// and hooks, no tensor depends on.
    pub(super) fn build(&mut self) -> Result<(), Repr> {
        let given = self.pop()?;
        let target = self.top()?;
        match (target, self.heap.get_mut(target)) {
            (Value::Opaque, _) | (_, Some(Node::Dict(_) | Node::Tensor(_))) => Ok(()),
            (_, Some(Node::Object { state, .. })) => {
                *state = given;
                Ok(())
            }
            _ => Err(self.bad("a dict or tensor to give state", &self.heap.describe(target))),
        }
    }

    /// What the file keeps outside the pickle.
    pub(super) fn persistent(&mut self) -> Result<(), Repr> {
        let id = self.pop()?;
        // Before 1.6 a module's class came with its source, which is never looked at.
        if let Some(&[Value::Text("module"), class @ Value::Class(_), _, _]) = self.heap.tuple(id) {
            self.stack.push(class);
            return Ok(());
        }
        let node = match self.tensors {
            None => self.storage(id).map(Node::Storage),
            Some(tensors) => match id {
                Value::Int(number) => Some(number),
                Value::Text(number) => number.parse().ok(),
                _ => None,
            }
            .and_then(|number| tensors.get(&number))
            .map(|view| Node::Tensor(Box::new(view.clone()))),
        };
        let expected = if self.tensors.is_some() { "a tensor's number" } else { "the id of a storage" };
        let node = node.ok_or_else(|| self.bad(expected, &self.heap.describe(id)))?;
        self.push(node);
        Ok(())
    }

    /// `("storage", class, key, location, elements)`, and in the legacy format the part of it that is meant.
    fn storage(&self, id: Value<'a>) -> Option<Storage<'a>> {
        let (class, key, elements, part) = match *self.heap.tuple(id)? {
            [Value::Text("storage"), class, key, _, elements] => (class, key, elements, Value::None),
            [Value::Text("storage"), class, key, _, elements, part] => (class, key, elements, part),
            _ => return None,
        };
        let (Value::Global(Global::Storage(dtype)), Value::Text(key)) = (class, key) else { return None };
        let root_len = elements.count()?;
        let (start, len) = match part {
            Value::None => (0, root_len),
            _ => match *self.heap.tuple(part)? {
                [_, start, len] => (start.count()?, len.count()?),
                _ => return None,
            },
        };
        Some(Storage { root: Key::Name(key), dtype, root_len, start, len })
    }
}
