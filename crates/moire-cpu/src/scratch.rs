//! Working memory of a run: a piece for each thread, and one for all of them together.

#![allow(unsafe_code, reason = "threads write disjoint pieces of one memory")]

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aligned::LINE_NUMBERS;
use crate::product::Shared;

/// How much working memory a program needs, and who has it.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// One for each thread, and one for the piece that they share.
    locks: Vec<Mutex<()>>,
    each: usize,
    shared: usize,
}

/// The working memory of one run.
#[derive(Clone, Copy)]
pub(crate) struct Scratch<'a> {
    pieces: &'a Pieces,
    memory: Shared<'a>,
}

/// A piece, while somebody has it.
pub(crate) struct Piece<'a> {
    numbers: &'a mut [f32],
    _lock: MutexGuard<'a, ()>,
}

impl Pieces {
    /// So many numbers for `each` of so many threads, and so many for all of them.
    pub(crate) fn new(threads: usize, each: usize, shared: usize) -> Self {
        // Whole cache lines, so that every piece starts on one.
        let whole = |numbers: usize| numbers.next_multiple_of(LINE_NUMBERS);
        let locks = (0..=threads).map(|_| Mutex::new(())).collect();
        Self { locks, each: whole(each), shared: whole(shared) }
    }

    /// Numbers of all pieces.
    pub(crate) fn len(&self) -> usize {
        self.shared + (self.locks.len() - 1) * self.each
    }
}

impl<'a> Scratch<'a> {
    /// The pieces of `memory`, of [`Pieces::len`].
    pub(crate) fn new(pieces: &'a Pieces, memory: &'a mut [f32]) -> Self {
        assert!(memory.len() >= pieces.len(), "room for all pieces");
        Self { pieces, memory: Shared::new(memory) }
    }

    /// The piece that a kernel's tasks share, for the kernel to split among them.
    pub(crate) fn shared(&self) -> Piece<'a> {
        let Pieces { locks, shared, .. } = self.pieces;
        self.piece(locks.len() - 1, 0, *shared)
    }

    /// Calls `f` with the current thread's piece, whose content is left over from earlier calls.
    ///
    /// Not to be nested: a kernel's task uses it once and starts no task of its own meanwhile.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut [f32]) -> R) -> R {
        let Pieces { locks, each, shared } = self.pieces;
        let index = rayon::current_thread_index().unwrap_or(0) % (locks.len() - 1);
        f(&mut self.piece(index, shared + index * each, *each))
    }

    fn piece(&self, lock: usize, at: usize, len: usize) -> Piece<'a> {
        let lock = self.pieces.locks[lock].lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: pieces lie apart, and this one's lock is held as long as the piece.
        Piece { numbers: unsafe { self.memory.part(at, len) }, _lock: lock }
    }
}

impl Deref for Piece<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.numbers
    }
}

impl DerefMut for Piece<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.numbers
    }
}
