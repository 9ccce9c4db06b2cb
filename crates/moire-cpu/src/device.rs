use std::sync::Arc;

use moire_graph::{Device, Error, Graph, Program};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::compile::compile;

/// The processor, with threads of its own. Clones share them.
#[derive(Debug, Clone)]
pub struct Cpu {
    pool: Arc<ThreadPool>,
}

impl Cpu {
    /// The processor with `threads` threads; 0 takes one for each core.
    ///
    /// # Panics
    /// The operating system refuses to start a thread.
    pub fn new(threads: usize) -> Self {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("moire-cpu-{i}"))
            .build()
            .expect("a process may start a few threads");
        Self { pool: Arc::new(pool) }
    }

    /// The widest vector instructions that this machine has and matrix products use.
    pub fn isa() -> &'static str {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return "avx512";
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return "avx2+fma";
            }
        }
        if cfg!(target_arch = "aarch64") { "neon" } else { "portable" }
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

impl Device for Cpu {
    fn compile(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Program>, Error> {
        Ok(Box::new(compile(graph, batch, &self.pool)?))
    }
}
