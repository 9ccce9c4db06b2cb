//! Programs of one processor take turns with its memory, and none sees what another has left there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;

use moire_cpu::Cpu;
use moire_graph::{Act, Builder, Conv2d, Device, Graph, Program, simplify};
use moire_testkit::seeded;

/// The input gradient of a convolution of so many channels, wide enough to be filtered at points.
fn graph(channels: usize, side: usize) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", [1, 3, side, side]).unwrap();
    let mut y = x;
    for (i, from) in [3, channels].into_iter().enumerate() {
        let w = b.constant(&format!("w{i}"), seeded(&[channels, from, 3, 3], 1, "w")).unwrap();
        y = b.conv2d(y, w, None, Conv2d { padding: [1, 1], ..Conv2d::default() }).unwrap();
        y = b.act(y, Act::Relu).unwrap();
    }
    let loss = b.mean_all(y).unwrap();
    let gradient = b.gradient(loss, &[x]).unwrap()[0];
    simplify(&b.finish([("gradient", gradient)]).unwrap()).unwrap()
}

fn gradient(program: &mut dyn Program, x: &[f32]) -> Vec<f32> {
    program.run(2, &[("x", x)]).unwrap();
    program.output("gradient").unwrap().to_vec()
}

#[test]
fn programs_take_turns_with_one_memory() {
    let cases = [(40, 24), (33, 40), (8, 8)].map(|(channels, side)| {
        let x = seeded(&[2, 3, side, side], 2, "x").into_data();
        (graph(channels, side), x)
    });
    let alone = cases.each_ref().map(|(graph, x)| {
        let mut program = Cpu::new(2).compile(graph, 2).unwrap();
        (gradient(&mut *program, x), program.memory())
    });
    let device = Cpu::new(2);
    let mut programs = cases.each_ref().map(|(graph, _)| device.compile(graph, 2).unwrap());
    for at in [0, 1, 0, 2, 1, 2, 0] {
        assert_eq!(gradient(&mut *programs[at], &cases[at].1), alone[at].0, "program {at}");
    }
    let together = programs.iter().map(|program| program.memory()).sum::<moire_graph::Footprint>();
    assert_eq!(together.own, alone.iter().map(|(_, memory)| memory.own).sum::<usize>());
    assert_eq!(Some(together.in_turn), alone.iter().map(|(_, memory)| memory.in_turn).max());
    // At once, each has memory of its own.
    thread::scope(|scope| {
        for ((program, (_, x)), (expected, _)) in programs.iter_mut().zip(&cases).zip(&alone) {
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(gradient(&mut **program, x), *expected);
                }
            });
        }
    });
}
