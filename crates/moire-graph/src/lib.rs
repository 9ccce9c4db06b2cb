//! Networks as data, and the graph of their input gradient.
//!
//! - [`Graph`]: typed [`Op`]s over values of known [`Shape`](moire_tensor::Shape), with named weights. It
//!   describes what happens to **one sample**; how many samples run at once is for whoever runs it, so no
//!   graph can mix samples.
//! - [`Builder`]: the only way to make one. Every call infers a shape or names the node that does not fit.
//! - [`Builder::vjp`]: extends a graph by its vector-Jacobian product with respect to any of its values, in
//!   the same ops. Nothing that was not asked for is built; no weight gradient exists anywhere.
//! - [`simplify`]: folds frozen batch norm and constants, computes once what the rows of a value share, drops what
//!   no output needs.
//! - [`Device`] and [`Program`]: what a device crate makes of a graph.
//! - [`Graph::eval`]: what every op means, in plain loops over `f64`. Slow, and the oracle of every device.
//!
//! ```
//! use moire_graph::{Act, Builder, Conv2d};
//! use moire_tensor::Tensor;
//!
//! let mut b = Builder::new();
//! let x = b.input("x", [1, 1, 4, 4])?;
//! let w = b.constant("w", Tensor::full([2, 1, 3, 3], 0.1))?;
//! let h = b.conv2d(x, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() })?;
//! let y = b.act(h, Act::Relu)?;
//! let loss = b.sum_all(y)?;
//! let grad = b.gradient(loss, &[x])?[0];
//! let graph = b.finish([("loss", loss), ("grad", grad)])?;
//!
//! let ones = Tensor::full([1, 1, 4, 4], 1.0);
//! let out = graph.eval(&[("x", &ones)])?;
//! assert!((out["loss"].data()[0] - 20.0).abs() < 1e-6);
//! assert!((out["grad"].data()[5] - 1.8).abs() < 1e-6);
//! # Ok::<(), moire_graph::Error>(())
//! ```

mod builder;
mod device;
mod error;
mod eval;
mod graph;
mod hoist;
mod ops;
mod passes;
mod vjp;

pub use builder::Builder;
pub use device::{Device, Footprint, Program, check_inputs};
pub use error::{Error, ErrorKind};
pub use graph::{Graph, Node, ValueId};
pub use ops::{
    Act, ActGrad, AvgPool2d, AvgPoolGrad, AxisMap, BatchNorm, Binary, Concat, Conv2d, ConvTranspose2d,
    Expand, MatMul, MaxGrad, MaxPool2d, MaxPoolGrad, Normalise, NormaliseGrad, Op, Pad, Permute, PlaneMap,
    Reduce, ReduceKind, Resample, Reshape, Slice, Softmax, SoftmaxGrad, Warp,
};
pub use passes::simplify;
