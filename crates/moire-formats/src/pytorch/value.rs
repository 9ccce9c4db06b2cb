use std::fmt;

use super::global::Global;
use super::{Storage, View};
use crate::error::shown;

/// What lies on the machine's stack. Containers live in a [`Heap`] and are pointed to, as in Python: copies share
/// them, cycles are possible, and dropping them never recurses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond `i64`: its little-endian bytes.
    Long(&'a [u8]),
    Text(&'a str),
    Global(Global),
    /// A name that is none of those. It may be the class of an [`Node::Object`], and nothing else: it is never called.
    Class(Class<'a>),
    /// Something harmless that no tensor depends on: a float, bytes, a numpy scalar.
    Opaque,
    Node(usize),
}

/// A class by its module and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
}

impl fmt::Display for Class<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&format!("{}.{}", self.module, self.name)))
    }
}

#[derive(Debug)]
pub(super) enum Node<'a> {
    List(Vec<Value<'a>>),
    Tuple(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Storage<'a>),
    Tensor(Box<View<'a>>),
    /// What would be an object of a class that is not loaded: its state alone.
    Object {
        class: Class<'a>,
        state: Value<'a>,
    },
}

/// The containers of one pickle.
#[derive(Debug, Default)]
pub(super) struct Heap<'a>(Vec<Node<'a>>);

impl<'a> Heap<'a> {
    pub(super) fn add(&mut self, node: Node<'a>) -> Value<'a> {
        self.0.push(node);
        Value::Node(self.0.len() - 1)
    }

    pub(super) fn get(&self, value: Value<'a>) -> Option<&Node<'a>> {
        match value {
            Value::Node(id) => self.0.get(id),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, value: Value<'a>) -> Option<&mut Node<'a>> {
        match value {
            Value::Node(id) => self.0.get_mut(id),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub(super) fn sequence(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match self.get(value)? {
            Node::List(items) | Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn tuple(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match self.get(value)? {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A sequence of numbers of at least 0: sizes and strides.
    pub(super) fn counts(&self, value: Value<'a>) -> Option<Vec<u64>> {
        self.sequence(value)?.iter().map(|item| item.count()).collect()
    }

    /// What the value is, for a message.
    pub(super) fn describe(&self, value: Value<'a>) -> String {
        match value {
            Value::None => "None".to_owned(),
            Value::Bool(_) => "a bool".to_owned(),
            Value::Int(i) => format!("the number {i}"),
            Value::Long(_) => "a huge number".to_owned(),
            Value::Text(text) => format!("the text '{text}'"),
            Value::Global(global) => format!("the global {global}"),
            Value::Class(class) => format!("the name {class}"),
            Value::Opaque => "a scalar or bytes".to_owned(),
            Value::Node(_) => match self.get(value) {
                Some(Node::Object { class, .. }) => return format!("an object of {class}"),
                Some(Node::List(_)) => "a list",
                Some(Node::Tuple(_)) => "a tuple",
                Some(Node::Dict(_)) => "a dict",
                Some(Node::Storage(_)) => "a storage",
                Some(Node::Tensor(_)) => "a tensor",
                None => "nothing",
            }
            .to_owned(),
        }
    }
}

impl Value<'_> {
    /// A number of at least 0.
    pub(super) fn count(self) -> Option<u64> {
        match self {
            Value::Int(i) => u64::try_from(i).ok(),
            _ => None,
        }
    }
}
