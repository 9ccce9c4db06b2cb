//! ONNX: a network of other people's making as calls on the graph's builder.
//!
//! Shapes are arithmetic in ONNX, done by nodes of the network itself. Here every shape is known when a node is read:
//! an exporter's `Shape`, `Gather` and `Concat` become integers on the spot, and what remains is what is computed for
//! an image.

mod array;
mod fault;
mod import;
mod node;
mod ops;
mod proto;
mod tensor;

use std::collections::BTreeMap;

use moire_graph::{Builder, Graph, ValueId};
use moire_tensor::Shape;
use prost::bytes::Bytes;

use self::import::Import;
use self::node::Value;
use self::proto::{
    DimensionProto, EntryProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use self::tensor::{External, decode};
use crate::error::{Error, Repr, malformed, shown};
use crate::limits::{Budget, Limits, at_most};

pub(crate) use self::fault::Refusals;

/// The versions of ONNX's set of ops that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=24;
/// Inputs and outputs, texts of metadata, sets of ops.
const LISTED: u64 = 4096;

/// A network in ONNX, opset 11 to 24: what `torch.onnx` and `tf2onnx` write for networks of images.
///
/// ```no_run
/// use moire_formats::{Limits, Onnx};
///
/// let mut model = Onnx::read(std::fs::read("net.onnx")?, "net.onnx", &Limits::default())?;
/// for name in model.external_files() {
///     let bytes = std::fs::read(&name)?;
///     model.attach(&name, bytes);
/// }
/// let graph = model.graph(&[("height", 224), ("width", 224)])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Onnx {
    file: String,
    limits: Limits,
    bytes: usize,
    opset: i64,
    graph: GraphProto,
    inputs: Vec<OnnxInput>,
    outputs: Vec<String>,
    metadata: BTreeMap<String, String>,
    external: External,
}

/// An input that an ONNX network asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnnxInput {
    /// Its name.
    pub name: String,
    /// Its extents.
    pub dims: Vec<Extent>,
}

/// An extent of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// A number.
    Fixed(usize),
    /// Whatever is given, under this name; the name may be empty.
    Free(String),
}

impl Onnx {
    /// Reads a model; `file` is how errors name it. Weights in other files are attached afterwards.
    ///
    /// # Errors
    /// The bytes are no ONNX model of opset 11 to 24, or claim more than `limits` allow.
    pub fn read(bytes: Vec<u8>, file: &str, limits: &Limits) -> Result<Self, Error> {
        Self::read_inner(bytes, file, limits).map_err(|repr| Error::new(file, repr))
    }

    fn read_inner(bytes: Vec<u8>, file: &str, limits: &Limits) -> Result<Self, Repr> {
        let size = bytes.len();
        at_most("the file", "its bytes", limits.file_bytes, size as u64)?;
        let model: ModelProto = decode("ONNX", &Bytes::from(bytes))?;
        let graph = model.graph.ok_or_else(|| malformed("ONNX", "a network", "a file without one"))?;
        let lists = model.opset_import.len().max(model.metadata_props.len());
        at_most("ONNX", "its texts", LISTED, lists as u64)?;
        let opset = opset(&model.opset_import)?;
        let mut metadata = BTreeMap::new();
        for entry in &model.metadata_props {
            let EntryProto { key, value } = decode("metadata", entry)?;
            metadata.insert(key, value);
        }
        let graph: GraphProto = decode("network", &graph)?;
        at_most("network", "its tensors", limits.tensors as u64, graph.initializer.len() as u64)?;
        let mut external = External::new();
        let mut stored = std::collections::HashSet::new();
        for bytes in &graph.initializer {
            let tensor: TensorProto = decode("tensor", bytes)?;
            if let Some(place) = tensor::elsewhere(&tensor)? {
                external.insert(place.file, None);
            }
            stored.insert(tensor.name);
        }
        at_most("network", "its inputs", LISTED, graph.input.len() as u64)?;
        let mut inputs = Vec::new();
        for bytes in &graph.input {
            let info: ValueInfoProto = decode("input", bytes)?;
            // Older exporters list weights as inputs with a default.
            if !stored.contains(&info.name) {
                inputs.push(input(info, limits)?);
            }
        }
        let outputs = names(&graph.output)?;
        Ok(Self {
            file: file.to_owned(),
            limits: limits.clone(),
            bytes: size,
            opset,
            graph,
            inputs,
            outputs,
            metadata,
            external,
        })
    }

    /// What the network asks for, weights left out.
    pub fn inputs(&self) -> &[OnnxInput] {
        &self.inputs
    }

    /// The names of what it gives.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The files beside the model that hold its weights, by paths relative to its folder: all lie within it.
    pub fn external_files(&self) -> Vec<String> {
        self.external.keys().cloned().collect()
    }

    /// Gives the content of one of [`Onnx::external_files`].
    pub fn attach(&mut self, name: &str, bytes: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.external.insert(name.to_owned(), Some(Bytes::from(bytes)));
    }

    /// The network over these values for its inputs, by name: adds it to `b`, and gives its outputs.
    ///
    /// # Errors
    /// It has ops or attributes that are not supported (one error lists them all, with their nodes), breaks ONNX's
    /// rules, exceeds the limits, or has an input that is not given.
    pub fn build(
        &self,
        b: &mut Builder,
        inputs: &[(&str, ValueId)],
    ) -> Result<Vec<(String, ValueId)>, Error> {
        self.build_inner(b, inputs).map_err(|repr| Error::new(&self.file, repr))
    }

    fn build_inner(
        &self,
        b: &mut Builder,
        inputs: &[(&str, ValueId)],
    ) -> Result<Vec<(String, ValueId)>, Repr> {
        let budget = Budget::new(&self.limits, self.bytes)?;
        let mut import = Import::new(b, self.opset, &self.external, budget);
        for input in &self.inputs {
            let given = inputs.iter().find(|(name, _)| *name == input.name);
            let (_, value) = given.ok_or_else(|| {
                let place = format!("input '{}'", shown(&input.name));
                malformed(place, "a value", "none: the network asks for more than an image")
            })?;
            import.bind(&input.name, Some((*value).into()));
        }
        import.graph(&self.graph)?;
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for name in &self.outputs {
            let place = format!("output '{}'", shown(name));
            match import.value(&place, name)? {
                Some(Value::Float(value)) => outputs.push((name.clone(), value)),
                Some(Value::Ints(_)) => {
                    return Err(malformed(place, "numbers that are computed", "integers"));
                }
                None => {}
            }
        }
        if import.refusals.is_empty() { Ok(outputs) } else { Err(Repr::Refused(import.refusals)) }
    }

    /// The network as a graph of its own, inputs and outputs under their own names. A first extent that is free is the
    /// batch, which is 1; others that are free have those of `extents`, by name.
    ///
    /// # Errors
    /// As [`Onnx::build`]; or an extent is free and not given.
    pub fn graph(&self, extents: &[(&str, usize)]) -> Result<Graph, Error> {
        let mut b = Builder::new();
        let fault = |repr| Error::new(&self.file, repr);
        let mut inputs = Vec::new();
        for input in &self.inputs {
            let place = format!("input '{}'", shown(&input.name));
            let shape = input.shape(&self.limits, |axis, name| {
                let given = extents.iter().find(|(known, _)| *known == name).map(|&(_, extent)| extent);
                given.or((axis == 0).then_some(1))
            });
            let value = shape.and_then(|shape| {
                b.input(&input.name, shape).map_err(|e| malformed(place, "a name of its own", e.to_string()))
            });
            inputs.push((input.name.as_str(), value.map_err(fault)?));
        }
        let outputs = self.build(&mut b, &inputs)?;
        let named = outputs.iter().map(|(name, value)| (name.as_str(), *value));
        b.finish(named).map_err(|e| fault(malformed("outputs", "names of their own", e.to_string())))
    }
}

impl OnnxInput {
    /// The shape, with `extent(axis, name)` where an extent is free.
    pub(crate) fn shape(
        &self,
        limits: &Limits,
        extent: impl Fn(usize, &str) -> Option<usize>,
    ) -> Result<Shape, Repr> {
        let place = || format!("input '{}'", shown(&self.name));
        let mut shape = Vec::with_capacity(self.dims.len());
        for (axis, dim) in self.dims.iter().enumerate() {
            shape.push(match dim {
                Extent::Fixed(extent) => *extent,
                Extent::Free(name) => extent(axis, name).ok_or_else(|| {
                    malformed(
                        place(),
                        format!("an extent for axis {axis}"),
                        format!("'{name}', which is free"),
                    )
                })?,
            });
        }
        let count = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64)).unwrap_or(u64::MAX);
        at_most(&place(), "its numbers", limits.value as u64, count)?;
        if count == 0 {
            return Err(malformed(place(), "extents above 0", format!("{shape:?}")));
        }
        Ok(shape.into())
    }
}

fn opset(imports: &[Bytes]) -> Result<i64, Repr> {
    for import in imports {
        let OperatorSetIdProto { domain, version } = decode("opset", import)?;
        if matches!(&*domain, "" | "ai.onnx") {
            let what = format!("opset {version} (11 to 24 are)");
            let place = "ONNX".to_owned();
            return if OPSETS.contains(&version) {
                Ok(version)
            } else {
                Err(Repr::Unsupported { place, what })
            };
        }
    }
    Err(malformed("ONNX", "the version of its ops", "none"))
}

fn input(info: ValueInfoProto, limits: &Limits) -> Result<OnnxInput, Repr> {
    let place = format!("input '{}'", shown(&info.name));
    at_most(&place, "bytes in its name", limits.name_bytes as u64, info.name.len() as u64)?;
    let Some(tensor) = info.r#type.and_then(|t| t.tensor_type) else {
        return Err(malformed(place, "a tensor", "something else"));
    };
    if !tensor::is_float(tensor.elem_type) {
        let what = format!("an input of element type {}", tensor.elem_type);
        return Err(Repr::Unsupported { place, what });
    }
    let dims = tensor.shape.map(|s| s.dim).unwrap_or_default();
    at_most(&place, "its rank", limits.rank as u64, dims.len() as u64)?;
    let mut extents = Vec::new();
    for bytes in &dims {
        let DimensionProto { dim_value, dim_param } = decode(&place, bytes)?;
        extents.push(match dim_value.and_then(|d| usize::try_from(d).ok()).filter(|&d| d > 0) {
            Some(extent) => Extent::Fixed(extent),
            None => Extent::Free(dim_param.unwrap_or_default()),
        });
    }
    Ok(OnnxInput { name: info.name, dims: extents })
}

/// The names of a graph's results.
fn names(outputs: &[Bytes]) -> Result<Vec<String>, Repr> {
    at_most("network", "its outputs", LISTED, outputs.len() as u64)?;
    outputs.iter().map(|bytes| Ok(decode::<ValueInfoProto>("output", bytes)?.name)).collect()
}
