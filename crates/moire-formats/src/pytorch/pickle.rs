use std::collections::{BTreeMap, HashMap};

use super::View;
use super::global::Global;
use super::value::{Class, Heap, Node, Value};
use crate::error::{Repr, malformed};
use crate::limits::{Limits, at_most};

/// What a pickle described.
pub(super) struct Pickle<'a> {
    pub(super) root: Value<'a>,
    pub(super) heap: Heap<'a>,
    /// The first byte after it.
    pub(super) end: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that begins at byte `start`.
    pub(super) fn read(bytes: &'a [u8], start: usize, limits: &Limits) -> Result<Self, Repr> {
        Self::read_with(bytes, start, limits, None)
    }

    /// As [`Pickle::read`]; persistent ids are numbers of `tensors`, which tar keeps outside the pickle.
    pub(super) fn read_with(
        bytes: &'a [u8],
        start: usize,
        limits: &Limits,
        tensors: Option<&BTreeMap<i64, View<'a>>>,
    ) -> Result<Self, Repr> {
        let mut machine = Machine {
            bytes,
            limits,
            tensors,
            next: start,
            at: start,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            heap: Heap::default(),
        };
        for op in 1.. {
            at_most("pickle", "its opcodes", limits.pickle_ops as u64, op)?;
            if let Some(root) = machine.step()? {
                if let Value::Class(class) = root {
                    return Err(machine.forbidden(class));
                }
                return Ok(Self { root, heap: machine.heap, end: machine.next });
            }
        }
        unreachable!("the opcode limit ends the loop")
    }
}

/// A stack, a memo and a heap; it calls nothing.
pub(super) struct Machine<'a, 'l> {
    bytes: &'a [u8],
    pub(super) limits: &'l Limits,
    pub(super) tensors: Option<&'l BTreeMap<i64, View<'a>>>,
    next: usize,
    /// Where the current opcode lies.
    at: usize,
    pub(super) stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    pub(super) heap: Heap<'a>,
}

impl<'a> Machine<'a, '_> {
    /// Runs one opcode; `STOP` gives the object.
    #[expect(clippy::too_many_lines, reason = "one line an opcode reads best as one table")]
    fn step(&mut self) -> Result<Option<Value<'a>>, Repr> {
        self.at = self.next;
        let [op] = self.array()?;
        match op {
            b'.' => return self.pop().map(Some),
            0x80 => {
                let [version] = self.array()?;
                if !(2..=5).contains(&version) {
                    return Err(self.bad("a pickle of protocol 2 to 5", &format!("protocol {version}")));
                }
            }
            0x95 => drop(self.array::<8>()?),
            b'(' => {
                let limit = self.limits.pickle_marks as u64;
                at_most(&self.place(), "open marks", limit, self.marks.len() as u64 + 1)?;
                self.marks.push(self.stack.len());
            }
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top, top]);
            }
            b'N' => self.stack.push(Value::None),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            b'K' => {
                let [number] = self.array()?;
                self.stack.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(number.into()));
            }
            0x8a => {
                let [length] = self.array()?;
                self.long(length.into())?;
            }
            0x8b => {
                let length = u32::from_le_bytes(self.array()?);
                self.long(length.into())?;
            }
            b'G' => {
                self.array::<8>()?;
                self.stack.push(Value::Opaque);
            }
            b'U' | 0x8c => {
                let [length] = self.array()?;
                self.text(length.into())?;
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(length.into())?;
            }
            0x8d => {
                let length = u64::from_le_bytes(self.array()?);
                self.text(length)?;
            }
            b'C' => {
                let [length] = self.array()?;
                self.binary(length.into())?;
            }
            b'B' => {
                let length = u32::from_le_bytes(self.array()?);
                self.binary(length.into())?;
            }
            0x8e | 0x96 => {
                let length = u64::from_le_bytes(self.array()?);
                self.binary(length)?;
            }
            b']' => self.push(Node::List(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            0x8f => self.stack.push(Value::Opaque),
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(op - 0x84));
                let from = from.filter(|&from| from >= self.floor());
                let from = from.ok_or_else(|| self.bad("values for a tuple", "an empty stack"))?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items));
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items));
            }
            b'l' => {
                let items = self.pop_mark()?;
                self.push(Node::List(items));
            }
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Node::Dict(Vec::new()));
                self.set_items(&items)?;
            }
            0x91 => {
                self.pop_mark()?;
                self.stack.push(Value::Opaque);
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let item = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, item])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            0x90 => {
                self.pop_mark()?;
                if self.top()? != Value::Opaque {
                    return Err(self.bad("a set to add to", &self.heap.describe(self.top()?)));
                }
            }
            b'h' => {
                let [index] = self.array()?;
                self.recall(index.into())?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.recall(index)?;
            }
            b'q' => {
                let [index] = self.array()?;
                self.remember(index.into())?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.remember(index)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.import(module, name);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(self.bad("the name of a global", &self.heap.describe(name)));
                };
                self.import(module, name);
            }
            b'i' => {
                let module = self.line()?;
                let name = self.line()?;
                return Err(self.forbidden(Class { module, name }));
            }
            b'R' => self.reduce()?,
            0x81 => self.object()?,
            0x92 => {
                self.pop()?;
                self.object()?;
            }
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            _ => return Err(self.bad("an opcode that state dicts use", &format!("0x{op:02x}"))),
        }
        Ok(None)
    }

    pub(super) fn place(&self) -> String {
        match self.bytes.get(self.at) {
            Some(&op) if op.is_ascii_graphic() => {
                format!("pickle opcode '{}' at byte {}", op as char, self.at)
            }
            Some(&op) => format!("pickle opcode 0x{op:02x} at byte {}", self.at),
            None => format!("pickle at byte {}", self.at),
        }
    }

    pub(super) fn bad(&self, expected: &str, found: &str) -> Repr {
        malformed(self.place(), expected, found)
    }

    pub(super) fn forbidden(&self, class: Class<'_>) -> Repr {
        Repr::Forbidden { place: self.place(), global: class.to_string() }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Repr> {
        let bytes = self.take(N as u64)?;
        Ok(bytes.try_into().expect("take gives as many bytes as were asked for"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Repr> {
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let short = || Repr::Truncated { place: self.place(), expected: length, found: rest.len() as u64 };
        let taken = taken.ok_or_else(short)?;
        self.next += taken.len();
        Ok(taken)
    }

    fn line(&mut self) -> Result<&'a str, Repr> {
        let rest = self.bytes.get(self.next..).unwrap_or_default();
        let end = rest.iter().take(512).position(|&b| b == b'\n');
        let line = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok());
        let line = line.ok_or_else(|| self.bad("the name of a global on a line", "something else"))?;
        self.next += line.len() + 1;
        Ok(line)
    }

    fn text(&mut self, length: u64) -> Result<(), Repr> {
        at_most(&self.place(), "bytes in a text", self.limits.pickle_string as u64, length)?;
        let bytes = self.take(length)?;
        // Python 2 pickled bytes as texts too; those are no names, and are dropped.
        self.stack.push(std::str::from_utf8(bytes).map_or(Value::Opaque, Value::Text));
        Ok(())
    }

    fn binary(&mut self, length: u64) -> Result<(), Repr> {
        at_most(&self.place(), "bytes in a text", self.limits.pickle_string as u64, length)?;
        self.take(length)?;
        self.stack.push(Value::Opaque);
        Ok(())
    }

    fn long(&mut self, length: u64) -> Result<(), Repr> {
        let bytes = self.take(length)?;
        let negative = bytes.last().is_some_and(|&b| b >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        self.stack.push(match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::Long(bytes),
        });
        Ok(())
    }

    /// The stack's height at the innermost mark: what lies below is not this container's.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn push(&mut self, node: Node<'a>) {
        let value = self.heap.add(node);
        self.stack.push(value);
    }

    pub(super) fn top(&self) -> Result<Value<'a>, Repr> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| self.bad("a value", "an empty stack"))
    }

    pub(super) fn pop(&mut self) -> Result<Value<'a>, Repr> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, Repr> {
        let mark = self.marks.pop().ok_or_else(|| self.bad("a mark", "none"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn append(&mut self, items: &[Value<'a>]) -> Result<(), Repr> {
        let target = self.top()?;
        match self.heap.get_mut(target) {
            Some(Node::List(list)) => list.extend_from_slice(items),
            _ => return Err(self.bad("a list to append to", &self.heap.describe(target))),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Value<'a>]) -> Result<(), Repr> {
        let target = self.top()?;
        if items.len() % 2 != 0 {
            return Err(self.bad("a value for each key", "a key without"));
        }
        match self.heap.get_mut(target) {
            Some(Node::Dict(dict)) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => return Err(self.bad("a dict to set items of", &self.heap.describe(target))),
        }
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<(), Repr> {
        let top = self.top()?;
        self.memo.insert(index, top);
        if self.memo.len() > self.limits.pickle_memo {
            let limit = self.limits.pickle_memo as u64;
            at_most(&self.place(), "remembered objects", limit, self.memo.len() as u64)?;
        }
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<(), Repr> {
        let value = self.memo.get(&index).copied();
        let value =
            value.ok_or_else(|| self.bad("a remembered object", &format!("none of number {index}")))?;
        self.stack.push(value);
        Ok(())
    }

    fn import(&mut self, module: &'a str, name: &'a str) {
        let known = Global::resolve(module, name).map(Value::Global);
        self.stack.push(known.unwrap_or(Value::Class(Class { module, name })));
    }
}
