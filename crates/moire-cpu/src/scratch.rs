//! Working memory, one piece a thread, taken when a graph is compiled.

use std::sync::Mutex;

use crate::aligned::Aligned;

/// One buffer for each thread of a pool.
#[derive(Debug)]
pub(crate) struct Scratch {
    buffers: Vec<Mutex<Aligned>>,
}

impl Scratch {
    pub(crate) fn new(threads: usize, floats: usize) -> Self {
        Self { buffers: (0..threads).map(|_| Mutex::new(Aligned::zeros(floats))).collect() }
    }

    /// Calls `f` with the current thread's buffer, whose content is left over from earlier calls.
    ///
    /// Not to be nested: a kernel's task uses it once and starts no task of its own meanwhile.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut [f32]) -> R) -> R {
        let index = rayon::current_thread_index().unwrap_or(0) % self.buffers.len();
        let mut buffer = self.buffers[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        f(&mut buffer)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buffers.iter().map(|b| b.lock().map_or(0, |b| b.bytes())).sum()
    }
}
