//! Working memory, one piece a thread, taken when a graph is compiled.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aligned::Aligned;

/// One buffer for each thread of a pool, and one for all of them together.
#[derive(Debug)]
pub(crate) struct Scratch {
    buffers: Vec<Mutex<Aligned>>,
    shared: Mutex<Aligned>,
}

impl Scratch {
    pub(crate) fn new(threads: usize, each: usize, shared: usize) -> Self {
        let buffer = |floats| Mutex::new(Aligned::zeros(floats));
        Self { buffers: (0..threads).map(|_| buffer(each)).collect(), shared: buffer(shared) }
    }

    /// The buffer that a kernel's tasks share, for the kernel to split among them.
    pub(crate) fn shared(&self) -> MutexGuard<'_, Aligned> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `f` with the current thread's buffer, whose content is left over from earlier calls.
    ///
    /// Not to be nested: a kernel's task uses it once and starts no task of its own meanwhile.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut [f32]) -> R) -> R {
        let index = rayon::current_thread_index().unwrap_or(0) % self.buffers.len();
        let mut buffer = self.buffers[index].lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut buffer)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buffers.iter().chain([&self.shared]).map(|b| b.lock().map_or(0, |b| b.bytes())).sum()
    }
}
