//! A small writer of ONNX networks, which also writes what is not true.

/// Fields of a protocol buffer, one after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub(crate) fn int(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value as u64)
    }

    pub(crate) fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    pub(crate) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }
}

/// An attribute, whose value is a field of it.
pub(crate) fn attribute(name: &str, value: Message) -> Message {
    let mut message = Message::default().text(1, name);
    message.0.extend(value.0);
    message
}

pub(crate) fn ints(field: u64, values: &[i64]) -> Message {
    values.iter().fold(Message::default(), |m, &v| m.int(field, v))
}

pub(crate) fn float(value: f32) -> Message {
    let mut message = Message::default().varint(2 << 3 | 5);
    message.0.extend(value.to_le_bytes());
    message
}

/// A node whose result is called `output`.
pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Message]) -> Message {
    let message = inputs.iter().fold(Message::default(), |m, input| m.text(1, input));
    attributes.iter().fold(message.text(2, output).text(4, op), |m, a| m.bytes(5, &a.0))
}

/// A stored tensor of `f32`.
pub(crate) fn tensor(name: &str, dims: &[i64], data: &[f32]) -> Message {
    let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    ints(1, dims).into_tensor(name, &bytes)
}

impl Message {
    fn into_tensor(self, name: &str, bytes: &[u8]) -> Self {
        self.int(2, 1).text(8, name).bytes(9, bytes)
    }
}

fn value_info(name: &str, dims: &[Result<i64, &str>]) -> Message {
    let shape = dims.iter().fold(Message::default(), |m, dim| {
        let dim = match dim {
            Ok(extent) => Message::default().int(1, *extent),
            Err(name) => Message::default().text(2, name),
        };
        m.bytes(1, &dim.0)
    });
    let tensor = Message::default().int(1, 1).bytes(2, &shape.0);
    Message::default().text(1, name).bytes(2, &Message::default().bytes(1, &tensor.0).0)
}

/// A graph whose result is `y`.
pub(crate) fn graph(nodes: &[Message], stored: &[Message]) -> Message {
    let message = nodes.iter().fold(Message::default(), |m, n| m.bytes(1, &n.0));
    let message = stored.iter().fold(message, |m, t| m.bytes(5, &t.0));
    message.bytes(12, &value_info("y", &[]).0)
}

/// A model around a graph.
pub(crate) fn of_graph(graph: &Message, opset: i64) -> Vec<u8> {
    let x = value_info("x", &[Ok(1), Ok(3), Ok(2), Ok(2)]);
    finish(&graph.clone().bytes(11, &x.0), opset)
}

fn finish(graph: &Message, opset: i64) -> Vec<u8> {
    Message::default().int(1, 8).bytes(7, &graph.0).bytes(8, &Message::default().int(2, opset).0).0
}

/// A model of `x` `[1, 3, 2, 2]` with the weights `w` `[5, 7]` and `scales`.
pub(crate) fn model(nodes: &[Message]) -> Vec<u8> {
    of_opset(nodes, 20)
}

pub(crate) fn of_opset(nodes: &[Message], opset: i64) -> Vec<u8> {
    let stored = [tensor("w", &[1, 1], &[0.5]), tensor("scales", &[4], &[1.0, 1.0, 2.0, 2.0])];
    of_graph(&graph(nodes, &stored), opset)
}

/// The same with these weights, which a first node reads.
pub(crate) fn with(nodes: &[Message], stored: &[Message]) -> Vec<u8> {
    of_graph(&graph(nodes, stored), 20)
}

/// A model of `x` of these extents, numbers or names.
pub(crate) fn of_input(nodes: &[Message], dims: &[Result<i64, &str>]) -> Vec<u8> {
    finish(&graph(nodes, &[]).bytes(11, &value_info("x", dims).0), 20)
}
