use std::fmt;
use std::sync::Arc;

use moire_graph::{Device, Error, Graph, Program};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::arena::Arena;
use crate::compile::compile;
use crate::program::CpuProgram;
use crate::simd::{Isa, Vectors};

/// The processor, with threads and buffers of its own. Clones share them.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<ThreadPool>,
    arena: Arc<Arena>,
    vectors: Vectors,
}

impl Cpu {
    /// The processor with `threads` threads; 0 takes one for each core. Takes the widest vectors that the machine has.
    ///
    /// # Panics
    /// The operating system refuses to start a thread.
    pub fn new(threads: usize) -> Self {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("moire-cpu-{i}"))
            .build()
            .expect("a process may start a few threads");
        Self { pool: Arc::new(pool), arena: Arc::default(), vectors: Vectors::detect() }
    }

    /// The processor with `threads` threads (0 takes one for each core), held to one set of vector instructions.
    /// `None` where the machine does not have them.
    ///
    /// # Panics
    /// The operating system refuses to start a thread.
    pub fn with_isa(threads: usize, isa: Isa) -> Option<Self> {
        Vectors::of(isa).map(|vectors| Self { vectors, ..Self::new(threads) })
    }

    /// The vector instructions that programs use.
    pub fn isa(&self) -> Isa {
        self.vectors.isa()
    }

    /// What [`Device::compile`] makes, under its own type.
    ///
    /// # Errors
    /// As [`Device::compile`].
    pub fn program(&self, graph: &Graph, batch: usize) -> Result<CpuProgram, Error> {
        compile(graph, batch, &self.pool, &self.arena, self.vectors)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cpu").field("threads", &self.threads()).field("isa", &self.isa()).finish()
    }
}

impl Device for Cpu {
    fn compile(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Program>, Error> {
        Ok(Box::new(self.program(graph, batch)?))
    }
}
