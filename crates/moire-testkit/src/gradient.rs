use moire_graph::{Builder, Graph};
use moire_tensor::{Rng, SampleId, Tensor};

/// Numbers in `[-1, 1]` that depend on `seed` and `name` alone, at least 1/64 from 0 so that finite
/// differences do not cross the kink of a rectifier.
pub fn seeded(shape: &[usize], seed: u64, name: &str) -> Tensor {
    let mut rng = Rng::new(seed, SampleId(0), name);
    Tensor::from_fn(shape, |_| {
        let v = rng.uniform(-1.0, 1.0);
        if v.abs() < 1.0 / 64.0 { v + v.signum() / 32.0 } else { v }
    })
}

/// The length of `a - b` over the length of `b`.
///
/// # Panics
/// The slices differ in length.
pub fn relative_l2(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "compared tensors have one length");
    let square = |v: f64| v * v;
    let distance: f64 = a.iter().zip(b).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let length: f64 = b.iter().map(|&b| square(f64::from(b))).sum();
    if distance == 0.0 { 0.0 } else { (distance / length.max(1e-30)).sqrt() }
}

/// `graph`, whose output is called `y`, with a further input `dy` and an output `d{input}` for each of its
/// inputs: the vector-Jacobian product.
///
/// # Panics
/// The graph has no output `y`, or an op in it has no adjoint.
pub fn with_vjp(graph: &Graph) -> Graph {
    let y = graph.output("y").expect("a case has an output y");
    let inputs = graph.inputs().to_vec();
    let names: Vec<String> = inputs.iter().map(|&v| format!("d{}", graph.node(v).name)).collect();
    let shape = graph.shape(y).clone();
    let mut b = Builder::from(graph.clone());
    let dy = b.input("dy", shape).expect("no case has an input dy");
    let grads = b.vjp(&[(y, dy)], &inputs).expect("every op of a case has an adjoint");
    let outputs = names.iter().map(String::as_str).zip(grads).chain([("y", y)]);
    b.finish(outputs).expect("the names differ")
}

/// Holds the adjoint of `graph` against central differences in `f64`, on seeded inputs, along `probes` random
/// directions of each input.
///
/// # Errors
/// A sentence about the first direction that disagrees by more than 1e-6 relative to the terms summed.
///
/// # Panics
/// As [`with_vjp`].
pub fn check_gradient(graph: &Graph, seed: u64, probes: u64) -> Result<(), String> {
    let both = with_vjp(graph);
    let of = |name: &str| both.shape(both.input(name).expect("an input of its own")).to_vec();
    let names: Vec<String> = graph.inputs().iter().map(|&v| graph.node(v).name.clone()).collect();
    let values: Vec<Tensor<f64>> = names.iter().map(|n| seeded(&of(n), seed, n).to_f64()).collect();
    let dy = seeded(&of("dy"), seed, "dy").to_f64();
    let run = |values: &[Tensor<f64>]| {
        let mut inputs: Vec<(&str, &Tensor<f64>)> = names.iter().map(String::as_str).zip(values).collect();
        inputs.push(("dy", &dy));
        both.eval(&inputs).expect("inputs fit")
    };
    let dot =
        |a: &Tensor<f64>, b: &Tensor<f64>| a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum::<f64>();
    let exact = run(&values);
    for (i, name) in names.iter().enumerate() {
        for probe in 0..probes {
            let direction = seeded(values[i].shape(), seed + 1 + probe, name).to_f64();
            let shifted = |h: f64| {
                let mut moved = values.clone();
                let terms = moved[i].data_mut().iter_mut().zip(direction.data());
                terms.for_each(|(v, d)| *v += h * d);
                dot(&run(&moved)["y"], &dy)
            };
            let h = 1e-6;
            let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
            let analytic = dot(&exact[&format!("d{name}")], &direction);
            let scale = numeric.abs().max(analytic.abs()).max(1.0);
            let error = (numeric - analytic).abs();
            if error.is_nan() || error > 1e-6 * scale {
                return Err(format!(
                    "d{name}, direction {probe}: {analytic} by the adjoint, {numeric} by differences"
                ));
            }
        }
    }
    Ok(())
}
