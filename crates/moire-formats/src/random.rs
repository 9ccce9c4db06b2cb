//! Plausible weights for a network whose file is not here.

use moire_tensor::{Rng, SampleId, Shape, Tensor};

/// The tensor `name` of `shape` under `seed`.
pub(crate) fn tensor(seed: u64, name: &str, shape: Shape) -> Tensor {
    let (low, high) = range(name, &shape);
    let mut rng = Rng::new(seed, SampleId(0), name);
    Tensor::from_fn(shape, |_| rng.uniform(low, high))
}

fn range(name: &str, shape: &Shape) -> (f32, f32) {
    let path = name.strip_suffix(":0").unwrap_or(name);
    let last = path.rsplit(['.', '/']).next().unwrap_or(path);
    match last {
        "rho" => (0.0, 1.0),
        "weight" | "kernel" | "w_gap" | "w_gmp" if shape.len() > 1 => {
            // PyTorch puts the outputs first, Keras last; what remains feeds one output.
            let inputs: usize = if last == "kernel" {
                shape[..shape.len() - 1].iter().product()
            } else {
                shape[1..].iter().product()
            };
            // Uniform on +-b has variance b^2 / 3, and He's is 2 / inputs.
            let bound = (6.0 / inputs.max(1) as f32).sqrt();
            (-bound, bound)
        }
        // What is left of `weight` scales a norm, and a variance must be positive.
        "weight" | "gamma" | "running_var" | "moving_variance" => (0.5, 1.5),
        _ => (-0.1, 0.1),
    }
}

#[cfg(test)]
mod tests {
    use crate::Loader;

    #[test]
    fn weights_depend_on_seed_and_name_alone() {
        let mut a = Loader::random(1);
        let mut b = Loader::random(1);
        let first = a.tensor("conv.weight", [8, 3, 3, 3]);
        b.tensor("other.weight", [8, 3, 3, 3]);
        assert_eq!(first, b.tensor("conv.weight", [8, 3, 3, 3]));
        assert_ne!(first, Loader::random(2).tensor("conv.weight", [8, 3, 3, 3]));
        a.finish().unwrap();
    }

    #[test]
    fn each_kind_of_tensor_has_its_range() {
        let mut loader = Loader::random(0);
        let mut range = |name: &str, dims: &[usize]| {
            let data = loader.tensor(name, dims).into_data();
            (data.iter().copied().fold(f32::MAX, f32::min), data.iter().copied().fold(f32::MIN, f32::max))
        };
        for name in ["bn.running_var", "bn/bn/moving_variance:0", "bn.weight", "bn/gamma:0"] {
            let (low, high) = range(name, &[500]);
            assert!(low >= 0.5 && high <= 1.5 && high > 1.4, "{name}: {low} {high}");
        }
        let bound = (6.0f32 / 27.0).sqrt();
        for (name, dims) in [("c.weight", [64, 3, 3, 3]), ("c/kernel:0", [3, 3, 3, 64])] {
            let (low, high) = range(name, &dims);
            assert!(low >= -bound && high <= bound && high > 0.9 * bound, "{name}: {low} {high}");
        }
        assert!(range("c.bias", &[500]).1 <= 0.1);
    }
}
