//! A run for some outputs does what they need, and no more.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::Cpu;
use moire_graph::{Act, Builder, Conv2d, Device, Graph, ReduceKind};
use moire_tensor::Tensor;
use moire_testkit::Reference;

/// An edit `y` of an image, its distance from another, and the gradient of that.
fn graph() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, 8, 8]).unwrap();
    let w = b.constant("w", Tensor::from_fn([16, 3, 3, 3], |i| (i * 37 % 19) as f32 / 19.0 - 0.4)).unwrap();
    let conv = b.conv2d(x, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() }).unwrap();
    let y = b.act(conv, Act::Relu).unwrap();
    let clean = b.input("clean", [1, 16, 8, 8]).unwrap();
    let apart = b.sub(y, clean).unwrap();
    let square = b.act(apart, Act::Square).unwrap();
    let loss = b.reduce(square, ReduceKind::Mean, &[1, 2, 3]).unwrap();
    let total = b.sum_all(loss).unwrap();
    let gradient = b.gradient(total, &[x]).unwrap()[0];
    b.finish([("y", y), ("loss", loss), ("gradient", gradient)]).unwrap()
}

#[test]
fn a_run_for_some_outputs_needs_their_inputs_alone() {
    let graph = graph();
    let x: Vec<f32> = (0..2 * 3 * 64).map(|i| (i * 31 % 23) as f32 / 23.0).collect();
    let clean = vec![0.25; 2 * 16 * 64];
    let devices: [&dyn Device; 2] = [&Cpu::new(2), &Reference];
    for device in devices {
        let mut program = device.compile(&graph, 2).unwrap();
        program.run(2, &[("x", &x), ("clean", &clean)]).unwrap();
        let [y, loss, gradient] = ["y", "loss", "gradient"].map(|n| program.output(n).unwrap().to_vec());

        program.run_for(2, &[("x", &x)], &["y"]).unwrap();
        assert_eq!(program.output("y").unwrap(), y);
        assert!(program.output("loss").unwrap().is_empty() && program.output("gradient").unwrap().is_empty());

        program.run_for(2, &[("x", &x), ("clean", &clean)], &["loss", "gradient"]).unwrap();
        assert_eq!(program.output("loss").unwrap(), loss);
        assert_eq!(program.output("gradient").unwrap(), gradient);

        let error = program.run_for(2, &[("x", &x)], &["loss"]).unwrap_err().to_string();
        assert!(error.contains("clean"), "{error}");
        assert!(program.run_for(2, &[("x", &x)], &["z"]).unwrap_err().to_string().contains('z'));
    }
}
