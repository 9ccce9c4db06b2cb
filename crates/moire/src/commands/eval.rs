use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use moire_cpu::Cpu;
use moire_formats::{Checkpoint, Limits};
use moire_graph::{Act, Builder, Device, Graph, Program, simplify};
use moire_image::decode;
use moire_study::{files, fitted};
use moire_tensor::{Images, Label, Shape, Tensor};
use moire_zoo::{Attributes, Condition, Network, Role, Table};

use crate::cli::EvalArgs;

/// Images that run at once.
const BATCH: usize = 8;
/// The largest table of attributes: `CelebA`'s has 27 MB.
const TABLE_BYTES: u64 = 256 << 20;

pub(crate) fn run(args: &EvalArgs) -> anyhow::Result<ExitCode> {
    let (network, x, c) = asked(args)?;
    let graph = with_gradient(&network, &args.output, args.grad)?;
    let mut program = Cpu::new(args.common.threads).compile(&graph, BATCH.min(x.len()))?;
    let outputs = evaluate(program.as_mut(), &graph, &x, &c)?;

    let bytes = Checkpoint::new(outputs.clone())?.write_safetensors();
    files::write(&args.out, &bytes)?;
    if args.common.json {
        println!("{}", as_json(&outputs, x.len(), &args.out));
    } else {
        tell(&outputs, x.len());
        println!("{}", args.out.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The network, the images and, for an editor that takes them, their conditions: those of a safetensors file exactly
/// as they are, or a picture, resized where it has another size, once for each of the editor's edits.
fn asked(args: &EvalArgs) -> anyhow::Result<(Network, Images, Vec<f32>)> {
    let name = args.input.display().to_string();
    let limits = Limits::default();
    let bytes = files::read(&args.input, limits.file_bytes)?;
    if args.input.extension().is_none_or(|e| e != "safetensors") {
        let network = args.model.load()?.network;
        let picture = decode(&bytes, &name, &moire_image::Limits::default())?;
        let image = fitted(&picture, network.preprocess.size)?;
        let Some(condition) = condition(&network) else { return Ok((network, image, Vec::new())) };
        let c = condition.of_edits(&face(args)?, &condition.attributes)?;
        let copies = vec![&image; condition.attributes.len()];
        let images = Images::concat(&copies)?;
        return Ok((network, images, c.into_data()));
    }
    let file = Checkpoint::read(&bytes, &name, &limits)?;
    let x = file.get("x").with_context(|| format!("{name}: expected a tensor x, found none"))?;
    let images = Images::new(x.clone()).with_context(|| format!("{name}: x"))?;
    let network = args.model.load_at(Some([images.height(), images.width()]))?.network;
    let c = match (condition(&network), file.get("c")) {
        (None, None) => Vec::new(),
        (None, Some(_)) => bail!("{name}: c: {} takes no condition", network.name),
        (Some(condition), c) => {
            let expected = Shape::from([images.len(), condition.attributes.len()]);
            let c = c.with_context(|| format!("{name}: expected a tensor c {expected}, found none"))?;
            if *c.shape() != expected {
                bail!("{name}: c: expected {expected}, found {}", c.shape());
            }
            c.data().to_vec()
        }
    };
    Ok((network, images, c))
}

fn condition(network: &Network) -> Option<&Condition> {
    match &network.role {
        Role::Editor(editing) => editing.condition.as_ref(),
        _ => None,
    }
}

/// The attributes of the face in the picture.
fn face(args: &EvalArgs) -> anyhow::Result<Attributes> {
    if let Some(attributes) = args.attributes {
        return Ok(attributes);
    }
    let table = args.table.as_ref().context(
        "the editor has to know the face: name what it has, as in --attributes Male,Young, or give CelebA's --table",
    )?;
    let name = table.display().to_string();
    let text = String::from_utf8(files::read(table, TABLE_BYTES)?)
        .with_context(|| format!("{name}: expected text"))?;
    let image = args.input.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Table::parse(&text, &name)?.face(&image)?)
}

/// The network's graph, with `grad` where it is asked for.
fn with_gradient(network: &Network, output: &str, grad: bool) -> anyhow::Result<Graph> {
    let graph = &network.graph;
    let known = || graph.outputs().iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ");
    let y = graph.output(output).with_context(|| format!("{} has the outputs {}", network.name, known()))?;
    let mut outputs: Vec<(&str, _)> = graph.outputs().iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let mut b = Builder::from(graph.clone());
    if grad {
        let square = b.act(y, Act::Square)?;
        let loss = b.mean_all(square)?;
        outputs.push(("grad", b.gradient(loss, &[graph.input("x")?])?[0]));
    }
    Ok(simplify(&b.finish(outputs)?)?)
}

/// Every output for all images, the first axis counting them.
fn evaluate(
    program: &mut dyn Program,
    graph: &Graph,
    x: &Images,
    c: &[f32],
) -> anyhow::Result<Vec<(String, Tensor)>> {
    let n = x.len();
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); graph.outputs().len()];
    let size = x.image(0).len();
    let width = c.len() / n;
    for (i, part) in x.tensor().data().chunks(program.batch() * size).enumerate() {
        let (first, count) = (i * program.batch(), part.len() / size);
        let mut inputs = vec![("x", part)];
        if width > 0 {
            inputs.push(("c", &c[first * width..(first + count) * width]));
        }
        program.run(count, &inputs)?;
        for ((name, _), value) in graph.outputs().iter().zip(&mut values) {
            // The mean in the loss is over all images.
            let factor = if name == "grad" { 1.0 / n as f32 } else { 1.0 };
            value.extend(program.output(name)?.iter().map(|v| v * factor));
        }
    }
    let whole = |shape: &Shape| match shape.first() {
        None => Shape::from([n]),
        Some(rows) => shape.with(0, rows * n),
    };
    let named = graph.outputs().iter().zip(values);
    named.map(|((name, v), data)| Ok((name.clone(), Tensor::new(whole(graph.shape(*v)), data)?))).collect()
}

/// The values of one output for one image.
fn of<'a>(outputs: &'a [(String, Tensor)], name: &str, image: usize, images: usize) -> Option<&'a [f32]> {
    let (_, tensor) = outputs.iter().find(|(n, _)| n == name)?;
    let size = tensor.data().len() / images;
    Some(&tensor.data()[image * size..(image + 1) * size])
}

fn verdict(outputs: &[(String, Tensor)], image: usize, images: usize) -> Option<(Label, f32, f32)> {
    let margin = of(outputs, "margin", image, images)?[0];
    let score = of(outputs, "p_fake", image, images)?[0];
    Some((Label::of_margin(margin.into()), score, margin))
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64
}

/// The share of a mask's pixels that are called manipulated.
fn share(mask: &[f32]) -> f64 {
    mask.iter().filter(|&&v| v >= 0.5).count() as f64 / mask.len() as f64
}

fn tell(outputs: &[(String, Tensor)], images: usize) {
    for image in 0..images {
        if let Some((label, score, margin)) = verdict(outputs, image, images) {
            println!("image {image}: {label}, score for fake {score:.6}, margin {margin:+.6}");
        }
        if let Some(y) = of(outputs, "y", image, images).filter(|y| y.len() <= 16) {
            println!("  y = {y:?}");
        }
        if let Some(mask) = of(outputs, "mask", image, images) {
            println!(
                "  mask: mean {:.6}, {:.4} % of pixels called manipulated",
                mean(mask),
                100.0 * share(mask)
            );
        }
    }
    for (name, tensor) in outputs {
        println!("{name} {}", tensor.shape());
    }
}

fn as_json(outputs: &[(String, Tensor)], images: usize, out: &Path) -> serde_json::Value {
    let one = |image: usize| {
        let mut answer = serde_json::Map::new();
        if let Some((label, score, margin)) = verdict(outputs, image, images) {
            answer.insert("decided".to_owned(), label.to_string().into());
            answer.insert("p_fake".to_owned(), score.into());
            answer.insert("margin".to_owned(), margin.into());
        }
        if let Some(y) = of(outputs, "y", image, images).filter(|y| y.len() <= 16) {
            answer.insert("y".to_owned(), y.into());
        }
        if let Some(mask) = of(outputs, "mask", image, images) {
            answer.insert("mask_mean".to_owned(), mean(mask).into());
            answer.insert("mask_share".to_owned(), share(mask).into());
        }
        serde_json::Value::Object(answer)
    };
    let shapes: serde_json::Map<String, serde_json::Value> =
        outputs.iter().map(|(name, t)| (name.clone(), t.shape().to_vec().into())).collect();
    serde_json::json!({"images": (0..images).map(one).collect::<Vec<_>>(), "outputs": shapes, "file": out})
}
