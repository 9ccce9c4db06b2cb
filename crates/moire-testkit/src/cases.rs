use moire_graph::{
    Act, AvgPool2d, AxisMap, Builder, Conv2d, ConvTranspose2d, Error, Graph, MatMul, MaxPool2d, Normalise,
    Op, Pad, PlaneMap, ReduceKind, ValueId,
};

use crate::gradient::seeded;

/// A small graph with an output `y`.
#[derive(Debug)]
pub struct Case {
    /// What it exercises.
    pub name: String,
    /// Its inputs are called `x`, `a`, `b`, ..
    pub graph: Graph,
}

type Make = fn(&mut Builder, &[ValueId]) -> Result<ValueId, Error>;

fn case(
    name: &str,
    inputs: &[(&str, &[usize])],
    make: impl Fn(&mut Builder, &[ValueId]) -> Result<ValueId, Error>,
) -> Case {
    let build = || {
        let mut b = Builder::new();
        let values = inputs.iter().map(|(n, s)| b.input(n, *s)).collect::<Result<Vec<_>, _>>()?;
        let y = make(&mut b, &values)?;
        b.finish([("y", y)])
    };
    let graph = build().unwrap_or_else(|e| panic!("case {name}: {e}"));
    Case { name: name.to_owned(), graph }
}

fn weights(b: &mut Builder, name: &str, shape: &[usize]) -> Result<ValueId, Error> {
    b.constant(name, seeded(shape, 7, name))
}

/// The cases whose adjoint is not their derivative, by intention: of five times the input.
pub const STAND_INS: [(&str, Act); 2] = [("round", Act::Round), ("quantise", Act::Quantise)];

/// A table that meets every op and every attribute of it at least once.
#[allow(clippy::too_many_lines, reason = "a table")]
pub fn cases() -> Vec<Case> {
    const IMAGE: &[usize] = &[2, 4, 5, 6];
    let mut cases = Vec::new();
    for act in [
        Act::Relu,
        Act::LeakyRelu(0.2),
        Act::Tanh,
        Act::Sigmoid,
        Act::Softplus,
        Act::Exp,
        Act::Abs,
        Act::Square,
        Act::Step,
        Act::Erf,
        Act::Gelu,
        Act::Silu,
        Act::Elu(0.7),
        Act::Clip(-0.3, 0.4),
    ] {
        cases.push(case(&format!("{act:?}"), &[("x", IMAGE)], |b, v| b.act(v[0], act)));
    }
    for (name, act) in STAND_INS {
        cases.push(case(name, &[("x", IMAGE)], |b, v| {
            let large = b.scale(v[0], 5.0)?;
            b.act(large, act)
        }));
    }
    cases.push(case("Log", &[("x", &[3, 4])], |b, v| {
        let positive = b.act(v[0], Act::Exp)?;
        b.act(positive, Act::Log)
    }));
    cases.push(case("Sqrt", &[("x", &[3, 4])], |b, v| {
        let positive = b.act(v[0], Act::Exp)?;
        b.act(positive, Act::Sqrt)
    }));

    let broadcasts: [(&str, &[usize], &[usize]); 6] = [
        ("same", IMAGE, IMAGE),
        ("channel", IMAGE, &[1, 4, 1, 1]),
        ("scalar", IMAGE, &[]),
        ("rows", &[1, 4, 5, 6], &[3, 1, 5, 6]),
        ("plane", IMAGE, &[2, 1, 5, 6]),
        ("vector", &[2, 3], &[3]),
    ];
    for (name, a, b_shape) in broadcasts {
        let inputs = [("a", a), ("b", b_shape)];
        cases.push(case(&format!("add {name}"), &inputs, |b, v| b.add(v[0], v[1])));
        cases.push(case(&format!("sub {name}"), &inputs, |b, v| b.sub(v[0], v[1])));
        cases.push(case(&format!("mul {name}"), &inputs, |b, v| b.mul(v[0], v[1])));
        cases.push(case(&format!("div {name}"), &inputs, |b, v| {
            let away_from_zero = b.act(v[1], Act::Exp)?;
            b.div(v[0], away_from_zero)
        }));
    }

    let convs = [
        ("1x1", Conv2d::default(), [3, 4, 1, 1]),
        ("3x3", Conv2d { padding: [1, 1], ..Conv2d::default() }, [3, 4, 3, 3]),
        ("strided", Conv2d { stride: [2, 2], padding: [1, 1], ..Conv2d::default() }, [3, 4, 4, 4]),
        ("dilated", Conv2d { dilation: [2, 1], padding: [2, 0], ..Conv2d::default() }, [2, 4, 3, 2]),
        ("uneven", Conv2d { stride: [3, 2], padding: [0, 2], ..Conv2d::default() }, [2, 4, 2, 3]),
        ("grouped", Conv2d { groups: 2, padding: [1, 1], ..Conv2d::default() }, [6, 2, 3, 3]),
        (
            "depthwise",
            Conv2d { groups: 4, padding: [1, 1], stride: [2, 2], ..Conv2d::default() },
            [4, 1, 3, 3],
        ),
    ];
    for (name, op, shape) in convs {
        cases.push(case(&format!("conv {name}"), &[("x", IMAGE)], |b, v| {
            let w = weights(b, "w", &shape)?;
            let bias = weights(b, "bias", &shape[..1])?;
            b.conv2d(v[0], w, Some(bias), op)
        }));
    }
    let transposed = [
        ("stride 1", ConvTranspose2d { padding: [1, 1], ..ConvTranspose2d::default() }, [4, 3, 3, 3]),
        (
            "4x4 stride 2",
            ConvTranspose2d { stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() },
            [4, 3, 4, 4],
        ),
        (
            "output padding",
            ConvTranspose2d {
                stride: [2, 3],
                padding: [1, 0],
                output_padding: [1, 2],
                dilation: [1, 2],
                ..ConvTranspose2d::default()
            },
            [4, 2, 3, 2],
        ),
        (
            "kernel below stride",
            ConvTranspose2d { stride: [3, 3], ..ConvTranspose2d::default() },
            [4, 2, 1, 2],
        ),
        (
            "grouped",
            ConvTranspose2d { groups: 2, stride: [2, 2], padding: [1, 1], ..ConvTranspose2d::default() },
            [4, 3, 4, 4],
        ),
        (
            "depthwise",
            ConvTranspose2d { groups: 4, stride: [2, 2], ..ConvTranspose2d::default() },
            [4, 1, 3, 3],
        ),
    ];
    for (name, op, shape) in transposed {
        cases.push(case(&format!("conv transpose {name}"), &[("x", IMAGE)], |b, v| {
            let w = weights(b, "w", &shape)?;
            let bias = weights(b, "bias", &[shape[1] * op.groups])?;
            b.conv_transpose2d(v[0], w, Some(bias), op)
        }));
    }
    cases.push(case("conv with activation", &[("x", IMAGE)], |b, v| {
        let w = weights(b, "w", &[5, 4, 3, 3])?;
        let h = b.conv2d(v[0], w, None, Conv2d::default())?;
        b.act(h, Act::LeakyRelu(0.1))
    }));

    let products: [(&str, MatMul, &[usize], &[usize]); 6] = [
        ("plain", MatMul::default(), &[3, 4], &[4, 5]),
        ("a transposed", MatMul { transpose_a: true, ..MatMul::default() }, &[4, 3], &[4, 5]),
        ("b transposed", MatMul { transpose_b: true, ..MatMul::default() }, &[2, 3, 4], &[2, 5, 4]),
        ("both transposed", MatMul { transpose_a: true, transpose_b: true }, &[4, 3], &[5, 4]),
        ("broadcast", MatMul::default(), &[2, 1, 3, 4], &[3, 4, 5]),
        ("tall", MatMul::default(), &[130, 3], &[3, 2]),
    ];
    for (name, op, a, b_shape) in products {
        cases.push(case(&format!("matmul {name}"), &[("a", a), ("b", b_shape)], |b, v| {
            b.push(Op::MatMul(op), v)
        }));
    }

    let axes: [(&str, &[usize], bool); 4] = [
        ("instance", &[2, 3], false),
        ("layer unbiased", &[1, 2, 3], true),
        ("channel", &[1], false),
        ("all", &[0, 1, 2, 3], false),
    ];
    for (name, axes, unbiased) in axes {
        cases.push(case(&format!("normalise {name}"), &[("x", IMAGE)], |b, v| {
            b.normalise(v[0], Normalise { axes: axes.to_vec(), eps: 1e-5, unbiased })
        }));
    }
    cases.push(case("batch norm", &[("x", IMAGE)], |b, v| {
        let [gamma, beta, mean] = ["gamma", "beta", "mean"].map(|name| seeded(&[4], 7, name));
        let stats = [b.constant("gamma", gamma)?, b.constant("beta", beta)?, b.constant("mean", mean)?];
        let var = b.constant("var", seeded(&[4], 9, "var").map(|v| v * v + 0.5))?;
        b.batch_norm(v[0], [stats[0], stats[1], stats[2], var], 1e-3)
    }));

    let pools = [
        ("plain", [2, 2], [2, 2], [0, 0]),
        ("overlapping", [3, 3], [2, 2], [1, 1]),
        ("uneven", [2, 3], [1, 2], [0, 2]),
    ];
    for (name, kernel, stride, padding) in pools {
        cases.push(case(&format!("max pool {name}"), &[("x", IMAGE)], |b, v| {
            b.max_pool2d(v[0], MaxPool2d { kernel, stride, padding })
        }));
        for count_padding in [false, true] {
            cases.push(case(
                &format!("avg pool {name}, counting padding {count_padding}"),
                &[("x", IMAGE)],
                |b, v| b.avg_pool2d(v[0], AvgPool2d { kernel, stride, padding, count_padding }),
            ));
        }
    }

    for kind in [ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max] {
        for axes in [&[1][..], &[2, 3], &[0, 1, 2, 3], &[]] {
            cases.push(case(&format!("{kind:?} over {axes:?}"), &[("x", IMAGE)], |b, v| {
                b.reduce(v[0], kind, axes)
            }));
        }
    }
    for (shape, axis) in [(IMAGE, 1), (&[3, 5][..], 1), (&[3, 5], 0)] {
        cases.push(case(&format!("softmax {shape:?} axis {axis}"), &[("x", shape)], |b, v| {
            b.softmax(v[0], axis)
        }));
    }

    let moves: [(&str, Make); 15] = [
        ("flatten", |b, v| b.reshape(v[0], [2, 120])),
        ("unflatten", |b, v| {
            let flat = b.reshape(v[0], [240])?;
            b.reshape(flat, [1, 6, 8, 5])
        }),
        ("reshape to images", |b, v| b.reshape(v[0], [4, 2, 6, 5])),
        ("permute", |b, v| b.permute(v[0], &[0, 2, 3, 1])),
        ("permute to rank 3", |b, v| {
            let tokens = b.reshape(v[0], [2, 4, 30])?;
            b.permute(tokens, &[0, 2, 1])
        }),
        ("slice rows", |b, v| b.slice(v[0], 0, 1, 2)),
        ("slice channels", |b, v| b.slice(v[0], 1, 1, 3)),
        ("slice columns", |b, v| b.slice(v[0], 3, 2, 6)),
        ("concat channels", |b, v| b.concat(&[v[0], v[0], v[0]], 1)),
        ("concat rows", |b, v| {
            let first = b.slice(v[0], 0, 0, 1)?;
            b.concat(&[v[0], first], 0)
        }),
        ("expand rows", |b, v| {
            let first = b.slice(v[0], 0, 0, 1)?;
            b.expand(first, [3, 4, 5, 6])
        }),
        ("expand planes", |b, v| {
            let mean = b.reduce(v[0], ReduceKind::Mean, &[2, 3])?;
            b.expand(mean, [2, 4, 3, 2])
        }),
        ("pad", |b, v| {
            let wide = b.push(Op::Pad(Pad { axis: 3, before: 1, after: 2 }), &[v[0]])?;
            b.pad(wide, 1, 0, 1)
        }),
        ("resample", |b, v| {
            let reflected = b.resample(v[0], 2, AxisMap::reflect(5, 2, 1))?;
            let wide = b.resample(reflected, 3, AxisMap::linear(6, 11))?;
            b.resample(wide, 2, AxisMap::nearest(8, 16))
        }),
        ("warp", |b, v| {
            // Transposed, doubled in one axis, with pixels that nothing reads and one that reads nothing.
            let row = |o: u32| match o {
                0 => vec![],
                _ => vec![(o % 7 * 4, 0.5), (o / 7 * 2 + 1, -1.5), (o, 0.25)],
            };
            b.warp(v[0], PlaneMap::new([5, 6], [3, 7], (0..21).map(row)))
        }),
    ];
    for (name, make) in moves {
        cases.push(case(name, &[("x", IMAGE)], make));
    }
    cases.push(case("a value used twice", &[("x", &[2, 3])], |b, v| {
        let y = b.act(v[0], Act::Tanh)?;
        let z = b.mul(y, v[0])?;
        b.add(z, y)
    }));
    cases
}
