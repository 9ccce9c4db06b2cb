//! One node while it is read: its operands and attributes by kind.

use std::rc::Rc;

use moire_graph::{Builder, ValueId};
use moire_tensor::{Shape, Tensor};

use super::array::{Array, Ints};
use super::fault::{Fault, unsupported};
use super::import::Import;
use super::proto::{AttributeProto, TensorProto};
use super::tensor::{Stored, decode};
use crate::error::{Repr, malformed, shown};
use crate::limits::at_most;

/// The largest stride, padding, kernel, axis of a resampling: far beyond any network, and small enough that sums and
/// products of a few of them do not overflow.
const LARGEST: u64 = 1 << 16;

/// A value of a network while it is read.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Computed for each sample, or a weight.
    Float(ValueId),
    /// Known now: what shapes are computed in, indices, truths.
    Ints(Rc<Ints>),
}

impl From<ValueId> for Value {
    fn from(value: ValueId) -> Self {
        Self::Float(value)
    }
}

impl From<Ints> for Value {
    fn from(ints: Ints) -> Self {
        Self::Ints(Rc::new(ints))
    }
}

/// A node with what it is read into.
pub(crate) struct Node<'i, 'm, 'b> {
    pub(crate) import: &'i mut Import<'m, 'b>,
    /// The name of the op.
    pub(crate) op: String,
    /// How errors name it.
    pub(crate) place: String,
    pub(crate) operands: Vec<Option<Value>>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<AttributeProto>,
}

pub(crate) type Outcome = Result<Vec<Value>, Fault>;

/// One result.
#[allow(clippy::unnecessary_wraps, reason = "what every op ends with")]
pub(crate) fn one(value: impl Into<Value>) -> Outcome {
    Ok(vec![value.into()])
}

impl Node<'_, '_, '_> {
    pub(crate) fn b(&mut self) -> &mut Builder {
        self.import.b
    }

    pub(crate) fn opset(&self) -> i64 {
        self.import.opset
    }

    pub(crate) fn fault(&self, expected: impl Into<String>, found: impl AsRef<str>) -> Fault {
        malformed(&*self.place, expected, found).into()
    }

    /// Operand `i`, if it is there.
    pub(crate) fn get(&self, i: usize) -> Option<&Value> {
        self.operands.get(i).and_then(Option::as_ref)
    }

    pub(crate) fn value(&self, i: usize) -> Result<Value, Fault> {
        self.get(i).cloned().ok_or_else(|| self.fault(format!("an input {i}"), "none"))
    }

    /// Operand `i`, computed or a weight.
    pub(crate) fn x(&self, i: usize) -> Result<ValueId, Fault> {
        match self.value(i)? {
            Value::Float(x) if self.import.b.shape(x).contains(&0) => {
                Err(self.fault("an input with numbers in it", self.import.b.shape(x).to_string()))
            }
            Value::Float(x) => Ok(x),
            Value::Ints(_) => unsupported("integers where numbers are computed"),
        }
    }

    pub(crate) fn shape(&self, x: ValueId) -> Shape {
        self.import.b.shape(x).clone()
    }

    /// Operand `i`, which shapes and indices are made of.
    pub(crate) fn ints(&mut self, i: usize) -> Result<Rc<Ints>, Fault> {
        match self.value(i)? {
            Value::Ints(ints) => Ok(ints),
            Value::Float(_) => unsupported(format!("an input {i} that is computed from the image")),
        }
    }

    /// The integers of operand `i` or, in older opsets, of attribute `name`.
    pub(crate) fn ints_or(&mut self, i: usize, name: &str) -> Result<Option<Vec<i64>>, Fault> {
        if self.get(i).is_some() { Ok(Some(self.ints(i)?.data.clone())) } else { Ok(self.list(name)) }
    }

    /// The numbers of a weight, or of what is computed from weights alone.
    pub(crate) fn known(&mut self, i: usize) -> Result<Tensor<f64>, Fault> {
        match self.value(i)? {
            Value::Ints(ints) => {
                self.import.spend(ints.data.len())?;
                let shape = ints.shape.clone();
                Ok(Tensor::from_fn(shape, |i| ints.data[i] as f64))
            }
            Value::Float(x) => match self.import.known(x) {
                Some(known) => {
                    self.import.spend(known.data().len())?;
                    Ok((*known).clone())
                }
                None => unsupported(format!("an input {i} that is computed from the image")),
            },
        }
    }

    /// The single number of operand `i`.
    pub(crate) fn scalar(&mut self, i: usize) -> Result<f64, Fault> {
        let known = self.known(i)?;
        match known.data() {
            [value] => Ok(*value),
            _ => Err(self.fault("a single number", format!("numbers of shape {}", known.shape()))),
        }
    }

    /// New numbers, known now.
    pub(crate) fn literal(&mut self, tensor: Tensor) -> Result<ValueId, Fault> {
        self.import.spend(tensor.data().len())?;
        Ok(self.import.b.literal(tensor))
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|a| a.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    pub(crate) fn list(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|a| a.ints.clone())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f32>> {
        self.attribute(name).map(|a| a.floats.clone())
    }

    /// A text, or `default`.
    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        self.attribute(name)
            .map_or_else(|| default.to_owned(), |a| String::from_utf8_lossy(&a.s).into_owned())
    }

    pub(crate) fn graph(&self, name: &str) -> Result<prost::bytes::Bytes, Fault> {
        let graph = self.attribute(name).and_then(|a| a.g.clone());
        graph.ok_or_else(|| self.fault(format!("a graph {name}"), "none"))
    }

    pub(crate) fn tensor(&mut self, name: &str) -> Result<Option<Value>, Fault> {
        let Some(bytes) = self.attribute(name).and_then(|a| a.t.clone()) else { return Ok(None) };
        let proto: TensorProto = decode(&self.place, &bytes)?;
        Ok(Some(self.import.stored(&proto)?))
    }

    /// Refuses every value of an attribute but the one that is read.
    pub(crate) fn only(&self, name: &str, value: i64) -> Result<(), Fault> {
        let found = self.int(name, value);
        if found == value { Ok(()) } else { unsupported(format!("{name}={found}")) }
    }

    pub(crate) fn only_text(&self, name: &str, values: &[&str]) -> Result<String, Fault> {
        let found = self.text(name, values[0]);
        if values.contains(&found.as_str()) { Ok(found) } else { unsupported(format!("{name}={found}")) }
    }

    /// An axis, counted from the end where it is negative.
    pub(crate) fn axis(&self, axis: i64, rank: usize) -> Result<usize, Fault> {
        let from_start = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        usize::try_from(from_start)
            .ok()
            .filter(|&a| a < rank)
            .ok_or_else(|| self.fault(format!("an axis of a value of rank {rank}"), axis.to_string()))
    }

    /// Axes, ascending and each once; all of them where none is given.
    pub(crate) fn axes(&self, axes: &[i64], rank: usize) -> Result<Vec<usize>, Fault> {
        let mut axes: Vec<usize> = axes.iter().map(|&a| self.axis(a, rank)).collect::<Result<_, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// A count of pixels or repetitions: 0 to 65 536.
    pub(crate) fn small(&self, what: &'static str, value: i64) -> Result<usize, Fault> {
        let count = u64::try_from(value)
            .map_err(|_| self.fault(format!("{what} of 0 or more"), value.to_string()))?;
        at_most(&shown(&self.place), what, LARGEST, count)?;
        Ok(count as usize)
    }

    pub(crate) fn smalls(&self, what: &'static str, values: &[i64]) -> Result<Vec<usize>, Fault> {
        values.iter().map(|&v| self.small(what, v)).collect()
    }

    /// Extents that a node asks for, within the limits.
    pub(crate) fn extents(&self, dims: &[i64]) -> Result<Shape, Fault> {
        let shape = super::tensor::shape_of(dims)
            .ok_or_else(|| self.fault("extents of 0 or more", format!("{dims:?}")))?;
        self.import.check(&self.place, &shape)?;
        Ok(shape)
    }

    /// Two shapes as one, as numpy broadcasts.
    pub(crate) fn broadcast(&self, a: &Shape, b: &Shape) -> Result<Shape, Fault> {
        let shape =
            a.broadcast(b).ok_or_else(|| self.fault("shapes that broadcast", format!("{a} and {b}")))?;
        self.import.check(&self.place, &shape)?;
        Ok(shape)
    }

    /// A function of two arrays' elements, with broadcasting.
    pub(crate) fn zip<T: Copy, U: Copy>(
        &mut self,
        a: &Array<T>,
        b: &Array<T>,
        f: impl Fn(T, T) -> U,
    ) -> Result<Array<U>, Fault> {
        let shape = self.broadcast(&a.shape, &b.shape)?;
        self.import.spend(shape.numel())?;
        let (a, b) = (a.expanded(shape.clone()), b.expanded(shape.clone()));
        Ok(Array::new(shape, a.data.iter().zip(&b.data).map(|(&a, &b)| f(a, b)).collect()))
    }
}

impl Import<'_, '_> {
    /// A stored tensor as a value.
    pub(crate) fn stored(&mut self, proto: &TensorProto) -> Result<Value, Repr> {
        Ok(match super::tensor::read(proto, self.external, &mut self.budget)? {
            Stored::Ints(ints) => ints.into(),
            Stored::Floats(tensor) if proto.name.is_empty() => self.b.literal(tensor).into(),
            Stored::Floats(tensor) => {
                // A name that is taken, by an input say, is not needed.
                let constant = self.b.constant(&proto.name, tensor.clone());
                constant.unwrap_or_else(|_| self.b.literal(tensor)).into()
            }
        })
    }
}
