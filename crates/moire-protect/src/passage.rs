use moire_graph::{Act, AvgPool2d, AxisMap, Builder, Error, Graph, ValueId};
use moire_image::{Taps, Transform};

use crate::jpeg;

/// A [`Transform`] of images of this height and width as a graph from `photograph` to `x`, both `[1, 3, h, w]` in
/// `[0, 1]`. Each pixel stands for a square of `zoom` x `zoom`, and becomes the mean of what becomes of it. It rounds to
/// eight bits where the transform does; on the way back a rounding passes the cotangent on.
pub(crate) fn passage(
    transform: Transform,
    [rows, columns]: [usize; 2],
    zoom: usize,
) -> Result<Graph, Error> {
    let mut b = Builder::new();
    let photograph = b.input("photograph", [1, 3, rows, columns])?;
    let mut x = levels(&mut b, photograph)?;
    let [height, width] = [rows, columns].map(|side| side * zoom);
    if zoom > 1 {
        x = b.resample(x, 3, AxisMap::nearest(columns, width))?;
        x = b.resample(x, 2, AxisMap::nearest(rows, height))?;
    }
    match (transform, transform.maps(height), transform.maps(width)) {
        (_, Some(by_row), Some(by_column)) => {
            for (by_row, by_column) in by_row.into_iter().zip(by_column) {
                x = mapped(&mut b, x, 3, by_column)?;
                x = mapped(&mut b, x, 2, by_row)?;
                let rounded = b.act(x, Act::Round)?;
                x = b.act(rounded, Act::Clip(0.0, 255.0))?;
            }
        }
        (Transform::Jpeg(quality), ..) => x = jpeg::push(&mut b, x, quality)?,
        _ => unreachable!("all other transforms are maps"),
    }
    if zoom > 1 {
        let mean = AvgPool2d { kernel: [zoom; 2], stride: [zoom; 2], padding: [0, 0], count_padding: false };
        x = b.avg_pool2d(x, mean)?;
    }
    let seen = b.scale(x, 1.0 / 255.0)?;
    b.finish([("x", seen)])
}

/// The whole levels of a file.
fn levels(b: &mut Builder, x: ValueId) -> Result<ValueId, Error> {
    let levels = b.scale(x, 255.0)?;
    b.act(levels, Act::Round)
}

fn mapped(b: &mut Builder, x: ValueId, axis: usize, taps: Vec<Taps>) -> Result<ValueId, Error> {
    let row = |t: Taps| (t.first..).zip(t.weights).map(|(i, w)| (i, w as f32)).collect::<Vec<_>>();
    let map = AxisMap::new(b.shape(x)[axis], taps.into_iter().map(row));
    b.resample(x, axis, map)
}

#[cfg(test)]
mod tests {
    use moire_cpu::Cpu;
    use moire_graph::{Builder, Device, simplify};
    use moire_image::{Picture, Transform};
    use moire_tensor::{Images, Tensor};

    use super::passage;

    /// Smooth, with an edge, a saturated corner and some noise.
    fn picture(width: usize, height: usize) -> Picture {
        let at = |i: usize| {
            let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
            let wave = 60.0 * (x as f64 / (4.0 + c as f64)).sin() * (y as f64 / 6.0).cos();
            let edge = if x > width / 2 { 50.0 } else { 0.0 };
            let corner = if x + y < 16 { 300.0 } else { 0.0 };
            (110.0 + wave + edge + corner + (i * 7919 % 13) as f64).clamp(0.0, 255.0) as u8
        };
        Picture::new(width, height, (0..3 * width * height).map(at).collect()).unwrap()
    }

    fn seen(transform: Transform, picture: &Picture) -> Picture {
        let graph = passage(transform, [picture.height(), picture.width()], 1).unwrap();
        let mut program = Cpu::new(1).compile(&simplify(&graph).unwrap(), 1).unwrap();
        program.run(1, &[("photograph", picture.to_images().image(0))]).unwrap();
        let pixels = program.output("x").unwrap().to_vec();
        let tensor = Tensor::new([1, 3, picture.height(), picture.width()], pixels).unwrap();
        Picture::from_images(&Images::new(tensor).unwrap(), 0)
    }

    #[test]
    fn graphs_do_what_happens_to_pictures() {
        for (width, height) in [(64, 48), (45, 37)] {
            let before = picture(width, height);
            for text in
                ["resize(0.5)", "resize(0.71)", "blur(0.8)", "crop(0.93)", "jpeg(60)", "jpeg(75)", "jpeg(95)"]
            {
                let transform: Transform = text.parse().unwrap();
                let (real, graph) = (transform.apply(&before).unwrap(), seen(transform, &before));
                let apart: Vec<u8> =
                    real.rgb().iter().zip(graph.rgb()).map(|(a, b)| a.abs_diff(*b)).collect();
                let moved: f64 =
                    real.rgb().iter().zip(before.rgb()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
                let (worst, sum) =
                    (*apart.iter().max().unwrap(), apart.iter().map(|&d| f64::from(d)).sum::<f64>());
                // Codecs compute in whole numbers, where a step of the quantiser may tip: libjpeg-turbo is as far away.
                let (most, share) =
                    if matches!(transform, Transform::Jpeg(_)) { (10, 0.3) } else { (1, 0.02) };
                assert!(worst <= most && sum < share * moved, "{text}: worst {worst}, {sum} of {moved}");
            }
        }
    }

    /// But for its roundings a passage is linear where nothing saturates, so its adjoint gives the same product.
    #[test]
    fn cotangents_come_back_by_the_adjoint() {
        let (width, height) = (37, 22);
        for text in ["resize(0.6)", "blur(0.8)", "crop(0.9)"] {
            let graph = passage(text.parse().unwrap(), [height, width], 1).unwrap();
            let x = graph.output("x").unwrap();
            let mut b = Builder::from(graph.clone());
            let dy = b.input("dy", graph.shape(x).clone()).unwrap();
            let dx = b.vjp(&[(x, dy)], &[graph.input("photograph").unwrap()]).unwrap()[0];
            let both = b.finish([("x", x), ("dx", dx)]).unwrap();
            // Smooth in space, and of every colour.
            let wave = |level: f32, amplitude: f32, phase: f32| {
                Tensor::from_fn([1, 3, height, width], |i| {
                    let (c, y, x) = (i / (height * width), i / width % height, i % width);
                    let along = x as f32 / 5.0 + phase + c as f32;
                    level + amplitude * along.sin() * (y as f32 / 4.0).cos()
                })
            };
            let dy = wave(0.0, 1.0, 0.3).to_f64();
            let run = |x: &Tensor| both.eval(&[("photograph", &x.to_f64()), ("dy", &dy)]).unwrap();
            let dot = |a: &Tensor<f64>, b: &Tensor<f64>| {
                a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum::<f64>()
            };
            // Far apart, so that the roundings hardly count.
            let (low, high) = (wave(0.5, -0.2, 0.0), wave(0.5, 0.2, 0.0));
            let (at_low, at_high) = (run(&low), run(&high));
            let change = dot(&at_high["x"], &dy) - dot(&at_low["x"], &dy);
            let towards = Tensor::from_fn([1, 3, height, width], |i| high.data()[i] - low.data()[i]).to_f64();
            let slope = dot(&at_low["dx"], &towards);
            assert!(
                (change - slope).abs() < 0.05 * change.abs().max(1.0),
                "{text}: {change}, by the adjoint {slope}"
            );
        }
    }

    /// A small picture whose pixels stand for squares meets what the large one does.
    #[test]
    fn squares_meet_what_their_pixels_do() {
        let (small, zoom) = (picture(24, 16), 3);
        let rgb = |x: usize, y: usize| &small.rgb()[3 * (y / zoom * 24 + x / zoom)..][..3];
        let large = (0..16 * zoom).flat_map(|y| (0..24 * zoom).flat_map(move |x| rgb(x, y).to_vec()));
        let large = Picture::new(24 * zoom, 16 * zoom, large.collect()).unwrap();
        for text in ["jpeg(70)", "resize(0.5)"] {
            let transform: Transform = text.parse().unwrap();
            let graph = passage(transform, [16, 24], zoom).unwrap();
            let mut program = Cpu::new(1).compile(&simplify(&graph).unwrap(), 1).unwrap();
            program.run(1, &[("photograph", small.to_images().image(0))]).unwrap();
            let seen = program.output("x").unwrap();
            let real = transform.apply(&large).unwrap();
            for (i, value) in seen.iter().enumerate() {
                let (c, y, x) = (i / (16 * 24), i / 24 % 16, i % 24);
                let inside = (0..zoom * zoom).map(|k| {
                    let (row, column) = (y * zoom + k / zoom, x * zoom + k % zoom);
                    f32::from(real.rgb()[3 * (row * 24 * zoom + column) + c])
                });
                let mean = inside.sum::<f32>() / (zoom * zoom) as f32;
                assert!((255.0 * value - mean).abs() < 6.0, "{text} at {i}: {} and {mean}", 255.0 * value);
            }
        }
    }
}
