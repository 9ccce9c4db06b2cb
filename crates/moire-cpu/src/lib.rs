//! Graphs compiled for the processor.
//!
//! [`Cpu`] is a [`Device`](moire_graph::Device): it turns a [`Graph`](moire_graph::Graph) into a
//! [`Program`](moire_graph::Program). Inside, images lie channel-last; convolutions, plain and transposed,
//! strided and dilated, are products of lines of the image with weights packed beforehand, or go by minimal filtering
//! where that pays; bias, residual sum, activation and the gate of the way back ride on them. Every buffer is placed
//! when the graph is compiled and nothing is allocated while it runs.
//!
//! Kernels are written once over a small trait of vectors and compiled for AVX-512, AVX2 with FMA, NEON and plain
//! arithmetic; [`Cpu::isa`] says which of them runs.
//!
//! Threads share out samples and tiles whose shape depends on the graph alone, so a sample's sums are the
//! same bits whatever its neighbours and however many threads there are.
//!
//! ```
//! use moire_cpu::Cpu;
//! use moire_graph::{Act, Builder, Device};
//!
//! let mut b = Builder::new();
//! let x = b.input("x", [1, 2])?;
//! let y = b.act(x, Act::Relu)?;
//! let graph = b.finish([("y", y)])?;
//!
//! let mut program = Cpu::new(1).compile(&graph, 4)?;
//! program.run(2, &[("x", &[1.0, -1.0, -2.0, 3.0])])?;
//! assert_eq!(program.output("y")?, [1.0, 0.0, 0.0, 3.0]);
//! # Ok::<(), moire_graph::Error>(())
//! ```

#![allow(clippy::incompatible_msrv, reason = "AVX-512 needs 1.89, which this crate's manifest says")]
#![allow(clippy::inline_always, reason = "vector code is inlined to where its instructions are enabled")]
#![allow(clippy::needless_range_loop, reason = "tiles are counted to constants, so that they are registers")]

mod aligned;
mod arena;
mod compile;
mod device;
mod fuse;
mod kernels;
mod layout;
mod nest;
mod plan;
mod product;
mod program;
mod scratch;
mod simd;

pub use device::Cpu;
pub use program::CpuProgram;
pub use simd::Isa;
