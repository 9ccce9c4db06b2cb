//! A run allocates nothing. In a file of its own: other tests would be counted too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use moire_cpu::Cpu;
use moire_graph::{Act, Builder, Conv2d, Device, Error, Graph, MaxPool2d, Normalise, simplify};
use moire_testkit::seeded;

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
#[allow(unsafe_code, reason = "the trait is unsafe")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Layers of every kind that takes working memory.
fn network() -> Graph {
    let build = || -> Result<Graph, Error> {
        let mut b = Builder::new();
        let x = b.input("x", [1, 3, 40, 36])?;
        let w = b.constant("w", seeded(&[3, 1, 3, 3], 1, "w"))?;
        let y = b.conv2d(x, w, None, Conv2d { groups: 3, ..Conv2d::default() })?;
        let y = b.normalise(y, Normalise { axes: vec![2, 3], eps: 1e-5, unbiased: false })?;
        let y = b.max_pool2d(y, MaxPool2d { kernel: [2, 2], stride: [2, 2], padding: [0, 0] })?;
        let w = b.constant("wide", seeded(&[40, 3, 5, 5], 1, "wide"))?;
        let y = b.conv2d(y, w, None, Conv2d { padding: [2, 2], ..Conv2d::default() })?;
        let w = b.constant("filtered", seeded(&[40, 40, 3, 3], 1, "filtered"))?;
        let y = b.conv2d(y, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() })?;
        let y = b.softmax(y, 1)?;
        let y = b.act(y, Act::Square)?;
        let loss = b.mean_all(y)?;
        let gradient = b.gradient(loss, &[x])?[0];
        simplify(&b.finish([("loss", loss), ("gradient", gradient)])?)
    };
    build().unwrap()
}

#[test]
fn a_run_allocates_nothing() {
    let x = seeded(&[4, 3, 40, 36], 1, "x").into_data();
    let mut program = Cpu::new(1).compile(&network(), 4).unwrap();
    program.run(4, &[("x", &x)]).unwrap();
    let counted = (0..20).map(|_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        program.run(4, &[("x", &x)]).unwrap();
        ALLOCATIONS.load(Ordering::Relaxed) - before
    });
    // The least of several: the test harness and the queue into the pool allocate now and then.
    assert_eq!(counted.min(), Some(0));
}
