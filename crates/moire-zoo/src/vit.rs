//! ViT-B/16 (Dosovitskiy et al., arXiv 2010.11929; timm `vision_transformer.py`) as a classifier of two classes. Widths
//! and depths are read off the checkpoint, so other members of the family with heads of 64 numbers load as well; the
//! size of images is that of the checkpoint's position embedding.

use moire_graph::{Act, Error, MatMul, Op, ValueId};

use crate::entry::Outputs;
use crate::layers::{Conv, Layers};

const WIDTH: usize = 768;
const BLOCKS: usize = 12;
const PATCH: usize = 16;
/// Numbers of one head of attention, or all where there are fewer.
const HEAD: usize = 64;

pub(crate) fn build(net: &mut Layers<'_>, x: ValueId) -> Result<Outputs, Error> {
    let width = net.extent("patch_embed.proj.weight", 0, WIDTH);
    let x = net.conv(x, "patch_embed.proj", width, Conv::new(PATCH, PATCH, 0).biased())?;
    let patches = net.b.shape(x)[2] * net.b.shape(x)[3];
    net.b.scope("patch_embed");
    let x = net.b.reshape(x, [width, patches])?;
    let x = net.b.permute(x, &[1, 0])?;
    let class = net.weight("cls_token", [1, 1, width])?;
    let class = net.b.reshape(class, [1, width])?;
    let places = net.weight("pos_embed", [1, patches + 1, width])?;
    let places = net.b.reshape(places, [patches + 1, width])?;
    let x = net.b.concat(&[class, x], 0)?;
    let mut x = net.b.add(x, places)?;
    for i in 0..net.depth(BLOCKS, |i| format!("blocks.{i}.norm1.weight")) {
        x = block(net, x, &format!("blocks.{i}"))?;
    }
    let x = net.layer_norm(x, "norm", 1)?;
    let class = net.b.slice(x, 0, 0, 1)?;
    Ok(vec![("y", net.linear(class, "head", 2, true)?)])
}

fn block(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let part = |end: &str| format!("{name}.{end}");
    let width = net.b.shape(x)[1];
    let y = net.layer_norm(x, &part("norm1"), 1)?;
    let y = attention(net, y, &part("attn"))?;
    net.b.scope(name);
    let x = net.b.add(y, x)?;
    let y = net.layer_norm(x, &part("norm2"), 1)?;
    let wide = net.extent(&part("mlp.fc1.weight"), 0, 4 * width);
    let y = net.linear(y, &part("mlp.fc1"), wide, true)?;
    let y = net.b.act(y, Act::Gelu)?;
    let y = net.linear(y, &part("mlp.fc2"), width, true)?;
    net.b.scope(name);
    net.b.add(y, x)
}

/// Each head's mean of values, weighed by how its keys answer its queries.
fn attention(net: &mut Layers<'_>, x: ValueId, name: &str) -> Result<ValueId, Error> {
    let [tokens, width] = [net.b.shape(x)[0], net.b.shape(x)[1]];
    let heads = (width / HEAD).max(1);
    let all = net.linear(x, &format!("{name}.qkv"), 3 * width, true)?;
    net.b.scope(name);
    let mut part = |i: usize| {
        let columns = net.b.slice(all, 1, i * width, (i + 1) * width)?;
        let apart = net.b.reshape(columns, [tokens, heads, width / heads])?;
        net.b.permute(apart, &[1, 0, 2])
    };
    let [queries, keys, values] = [part(0)?, part(1)?, part(2)?];
    let queries = net.b.scale(queries, 1.0 / ((width / heads) as f32).sqrt())?;
    let by_keys = Op::MatMul(MatMul { transpose_b: true, ..MatMul::default() });
    let answers = net.b.push(by_keys, &[queries, keys])?;
    let weights = net.b.softmax(answers, 2)?;
    let mixed = net.b.matmul(weights, values)?;
    let mixed = net.b.permute(mixed, &[1, 0, 2])?;
    let mixed = net.b.reshape(mixed, [tokens, width])?;
    net.linear(mixed, &format!("{name}.proj"), width, true)
}
