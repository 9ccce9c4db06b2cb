//! What the tests of every crate share.
//!
//! - [`Reference`]: a device that runs graphs by their definition, in `f64`.
//! - [`cases`] and [`strategies`]: graphs that exercise every op, by table and by property.
//! - [`with_vjp`] and [`check_gradient`]: the adjoint of a graph, held against central differences.
//! - [`linear`]: a network whose attacks have closed forms.
//! - [`shared`]: reference material beside the repository, which may be missing.

mod cases;
mod gradient;
mod linear;
mod reference;
pub mod strategies;

use std::path::{Path, PathBuf};

pub use cases::{Case, STAND_INS, cases};
pub use gradient::{check_gradient, relative_l2, seeded, with_vjp};
pub use linear::{Linear, linear};
pub use reference::Reference;

/// The folder `../shared` beside the repository, or `None`, saying so, where it is missing. A test that needs
/// it then returns.
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
pub fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("ignored: ../shared not found");
    None
}
