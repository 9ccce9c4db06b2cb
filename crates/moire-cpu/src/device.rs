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
