//! The formats from outside: files that others wrote, files that lie, and files that this test writes itself.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

mod fixtures;
mod hostile;
mod onnx;
mod onnx_writer;
mod round_trip;
mod writer;
