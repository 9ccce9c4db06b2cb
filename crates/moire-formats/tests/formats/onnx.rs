//! ONNX: families of ops against ONNX's own reference evaluator, and networks that lie.

use moire_formats::{Checkpoint, Error, ErrorKind, Extent, Limits, Onnx};
use moire_graph::Builder;
use moire_testkit::relative_l2;

use crate::onnx_writer::{self as writer, Message, attribute, float, ints, node, tensor};

/// Each family's network, and its input with what should come out.
const FAMILIES: &[(&str, &[u8], &[u8])] = &{
    macro_rules! family {
        ($name:literal) => {
            (
                $name,
                include_bytes!(concat!("../data/onnx/", $name, ".onnx")) as &[u8],
                include_bytes!(concat!("../data/onnx/", $name, ".safetensors")) as &[u8],
            )
        };
    }
    [
        family!("conv"),
        family!("elementwise"),
        family!("gather"),
        family!("group_norm"),
        family!("matmul"),
        family!("movement"),
        family!("nhwc"),
        family!("norm"),
        family!("pad"),
        family!("pool"),
        family!("reduce"),
        family!("resize"),
        family!("shape"),
    ]
};

fn read(bytes: &[u8]) -> Result<Onnx, Error> {
    Onnx::read(bytes.to_vec(), "x.onnx", &Limits::default())
}

/// The one line of a refusal.
fn refusal(bytes: &[u8]) -> (ErrorKind, String) {
    let error = read(bytes).and_then(|model| model.graph(&[]).map(|_| ())).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("x.onnx: "), "{message}");
    (error.kind(), message)
}

#[test]
fn every_family_agrees_with_the_standards_evaluator() {
    let mut failures = Vec::new();
    for (name, model, values) in FAMILIES {
        let values = Checkpoint::read(values, name, &Limits::default()).unwrap();
        let graph = read(model).unwrap().graph(&[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let answers = graph.eval(&[("x", &values.get("x").unwrap().to_f64())]).unwrap();
        assert_eq!(answers.len() + 1, values.len(), "{name}");
        for (output, found) in answers {
            let expected = values.get(&output).unwrap();
            let found = found.map(|v| v as f32);
            let error = relative_l2(found.data(), expected.data());
            if found.shape() != expected.shape() || error.is_nan() || error > 1e-5 {
                failures.push(format!(
                    "{name} {output}: {} for {}, off by {error:.1e}",
                    found.shape(),
                    expected.shape()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_network_tells_what_it_takes() {
    let model = read(FAMILIES[0].1).unwrap();
    let [input] = model.inputs() else { panic!("one input") };
    assert_eq!(input.name, "x");
    let fixed = [4, 7, 6].map(Extent::Fixed);
    assert_eq!(input.dims, [vec![Extent::Free("batch".to_owned())], fixed.to_vec()].concat());
    assert_eq!(model.outputs().len(), 8);
    let (kind, message) = {
        let error = model.build(&mut Builder::new(), &[]).unwrap_err();
        (error.kind(), error.to_string())
    };
    assert_eq!(kind, ErrorKind::Malformed);
    assert!(message.contains("input 'x'"), "{message}");
}

#[test]
fn everything_that_is_not_supported_is_listed_at_once() {
    let (kind, message) = refusal(&writer::model(&[
        node("GridSample", &["x"], "a", &[]),
        node("Relu", &["a"], "b", &[]),
        node("NonMaxSuppression", &["b"], "c", &[]),
        node("GridSample", &["x"], "d", &[]),
        node("Resize", &["x", "", "scales"], "e", &[attribute("antialias", Message::default().int(3, 1))]),
        node("Gather", &["x", "x"], "y", &[]),
    ]));
    assert_eq!(kind, ErrorKind::Unsupported);
    assert_eq!(
        message,
        "x.onnx: 5 of its nodes are not supported:
  GridSample (2): a, d
  NonMaxSuppression (1): c
  Resize with antialias=1 (1): e
  Gather with an input 1 that is computed from the image (1): y"
    );
}

#[test]
fn a_quantised_network_is_refused_in_one_sentence() {
    let (kind, message) = refusal(&writer::model(&[node("QuantizeLinear", &["x"], "y", &[])]));
    assert_eq!(kind, ErrorKind::Unsupported);
    assert_eq!(
        message,
        "x.onnx: node 'y' (QuantizeLinear): the network is quantised, and no gradient passes through that: export it in float"
    );
}

#[test]
fn networks_that_lie_are_refused() {
    let relu = |from: &str, to: &str| node("Relu", &[from], to, &[]);
    let huge = [1 << 20, 1 << 20];
    // A weight is read where it is used.
    let plus = |name: &str| [node("Add", &["x", name], "y", &[])];
    let cases: Vec<(&str, Vec<u8>, ErrorKind)> = vec![
        ("a valid protocol buffer", b"\xff\xff\xff\xff".to_vec(), ErrorKind::Malformed),
        ("a network", Message::default().int(1, 8).0, ErrorKind::Malformed),
        // A cycle: nodes come in the order in which they run.
        ("'b', which none gives", writer::model(&[relu("b", "a"), relu("a", "y")]), ErrorKind::Malformed),
        ("'missing', which none gives", writer::model(&[relu("missing", "y")]), ErrorKind::Malformed),
        ("'y', which none gives", writer::model(&[relu("x", "other")]), ErrorKind::Malformed),
        ("an input 0", writer::model(&[node("Relu", &[], "y", &[])]), ErrorKind::Malformed),
        ("matrices", writer::model(&[node("MatMul", &["x", "w"], "y", &[])]), ErrorKind::Malformed),
        ("elements in a file", writer::with(&plus("big"), &[tensor("big", &huge, &[])]), ErrorKind::Limit),
        (
            "4 numbers",
            writer::with(&plus("short"), &[tensor("short", &[2, 2], &[0.0])]),
            ErrorKind::Malformed,
        ),
        ("rank", writer::with(&plus("deep"), &[tensor("deep", &[1; 9], &[0.0])]), ErrorKind::Limit),
        (
            "another tensor of this name",
            writer::with(&[relu("x", "y")], &[tensor("t", &[1], &[0.0]), tensor("t", &[1], &[0.0])]),
            ErrorKind::Malformed,
        ),
        (
            "numbers in its result",
            writer::model(&[
                node("Constant", &[], "s", &[attribute("value_ints", ints(8, &[1 << 30, 1 << 30, 4, 4]))]),
                node("Expand", &["w", "s"], "y", &[]),
            ]),
            ErrorKind::Limit,
        ),
        (
            "numbers computed while it is read",
            writer::model(&[
                node("Constant", &[], "s", &[attribute("value_ints", ints(8, &[1 << 20, 100]))]),
                node("ConstantOfShape", &["s"], "y", &[]),
            ]),
            ErrorKind::Limit,
        ),
        (
            "kernel_shape may be at most 65536",
            writer::model(&[node(
                "MaxPool",
                &["x"],
                "y",
                &[attribute("kernel_shape", ints(8, &[1 << 40, 2]))],
            )]),
            ErrorKind::Limit,
        ),
        (
            "divisors other than 0",
            writer::model(&[
                node("Shape", &["x"], "s", &[]),
                node("Constant", &[], "z", &[attribute("value_int", Message::default().int(3, 0))]),
                node("Div", &["s", "z"], "y", &[]),
            ]),
            ErrorKind::Malformed,
        ),
        ("11 to 24", writer::of_opset(&[relu("x", "y")], 7), ErrorKind::Unsupported),
        (
            "its attributes",
            writer::model(&[node("Relu", &["x"], "y", &vec![attribute("a", float(1.0)); 100])]),
            ErrorKind::Limit,
        ),
    ];
    for (says, bytes, kind) in cases {
        let (found, message) = refusal(&bytes);
        assert_eq!(found, kind, "{says}: {message}");
        assert!(message.contains(says), "{says}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn branches_within_branches_meet_a_limit() {
    let truth = node("Constant", &[], "t", &[attribute("value_int", Message::default().int(3, 1))]);
    let mut inner = writer::graph(&[truth.clone(), node("Relu", &["x"], "y", &[])], &[]);
    for _ in 0..2000 {
        let branch = Message::default().text(1, "then_branch").bytes(6, &inner.0);
        inner = writer::graph(&[truth.clone(), node("If", &["t"], "y", &[branch])], &[]);
    }
    let (kind, message) = refusal(&writer::of_graph(&inner, 20));
    assert_eq!(kind, ErrorKind::Limit);
    assert!(message.contains("branches within branches"), "{message}");
}

#[test]
fn weights_beside_the_model_are_read_from_its_folder_alone() {
    let model = |location: &str, length: u64| {
        let entry = |key: &str, value: &str| Message::default().text(1, key).text(2, value);
        let mut tensor = Message::default().int(1, 2).int(2, 1).text(8, "w2").int(14, 1);
        for (key, value) in [("location", location), ("offset", "4"), ("length", &length.to_string())] {
            tensor = tensor.bytes(13, &entry(key, value).0);
        }
        writer::with(&[node("Add", &["x", "w2"], "y", &[])], &[tensor])
    };
    for path in ["../w.bin", "/etc/passwd", "a/../../b", "C:w.bin", "a\\b", ""] {
        let (kind, message) = refusal(&model(path, 8));
        assert_eq!(kind, ErrorKind::Malformed, "{path}");
        assert!(message.contains("within the model's folder"), "{message}");
    }
    let mut whole = read(&model("w.bin", 8)).unwrap();
    assert_eq!(whole.external_files(), ["w.bin"]);
    assert!(whole.graph(&[]).unwrap_err().to_string().contains("the file 'w.bin' beside the model"));
    whole.attach("w.bin", [9.0f32, 1.0, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect());
    let graph = whole.graph(&[]).unwrap();
    let x = moire_tensor::Tensor::full([1, 3, 2, 2], 0.0);
    assert_eq!(graph.eval(&[("x", &x)]).unwrap()["y"].data()[..2], [1.0, 2.0]);
    let mut short = read(&model("w.bin", 8)).unwrap();
    short.attach("w.bin", vec![0; 10]);
    assert_eq!(short.graph(&[]).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn halves_and_doubles_are_widened() {
    for (code, bytes) in [
        (10, vec![0x00, 0x3c, 0x00, 0xc0]),
        (16, vec![0x80, 0x3f, 0x00, 0xc0]),
        (11, [1.0f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
    ] {
        let stored = Message::default().int(1, 2).int(2, code).text(8, "h").bytes(9, &bytes);
        let model = writer::with(&[node("Add", &["x", "h"], "y", &[])], &[stored]);
        let graph = read(&model).unwrap().graph(&[]).unwrap();
        let x = moire_tensor::Tensor::full([1, 3, 2, 2], 0.0);
        assert_eq!(graph.eval(&[("x", &x)]).unwrap()["y"].data()[..2], [1.0, -2.0], "element type {code}");
    }
}

#[test]
fn free_extents_are_asked_for_by_name() {
    let model = writer::of_input(&[node("Relu", &["x"], "y", &[])], &[Err("n"), Ok(3), Err("h"), Ok(2)]);
    let model = read(&model).unwrap();
    let error = model.graph(&[]).unwrap_err();
    assert!(error.to_string().contains("'h', which is free"), "{error}");
    assert!(model.graph(&[("h", 5)]).is_ok());
    assert_eq!(model.graph(&[("h", 1 << 40)]).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn damaged_networks_never_panic() {
    let mut state = 11u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for (name, bytes, _) in FAMILIES {
        for length in 0..bytes.len().min(600) {
            // A message that ends between two fields is a shorter message.
            let _ = read(&bytes[..length]).and_then(|model| model.graph(&[]));
        }
        for _ in 0..400 {
            let mut bytes = bytes.to_vec();
            for _ in 0..=next() % 3 {
                let at = next() % bytes.len();
                bytes[at] = match next() % 4 {
                    0 => 0xff,
                    1 => 0,
                    _ => next() as u8,
                };
            }
            if let Err(error) = read(&bytes).and_then(|model| model.graph(&[])) {
                let lines = error.to_string().lines().count();
                assert!(lines == 1 || error.kind() == ErrorKind::Unsupported, "{name}: {error}");
            }
        }
    }
}
