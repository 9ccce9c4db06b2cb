//! Memory that the programs of one processor take turns with.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aligned::Aligned;

/// Memory that no program is running in: one piece, unless several have run at once.
#[derive(Debug, Default)]
pub(crate) struct Arena(Mutex<Vec<Aligned>>);

impl Arena {
    fn idle(&self) -> MutexGuard<'_, Vec<Aligned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At least `size` numbers, whatever they are.
    pub(crate) fn take(&self, size: usize) -> Aligned {
        // A line of its own, so that nobody waits for the lock while zeros are written.
        let idle = self.idle().pop();
        match idle {
            Some(memory) if memory.len() >= size => memory,
            // What is too short goes before the new one comes.
            short => {
                drop(short);
                Aligned::zeros(size)
            }
        }
    }

    /// For the next program.
    pub(crate) fn give(&self, memory: Aligned) {
        self.idle().push(memory);
    }

    /// Frees what nobody runs in: the programs that are left may need less.
    pub(crate) fn free(&self) {
        self.idle().clear();
    }
}
