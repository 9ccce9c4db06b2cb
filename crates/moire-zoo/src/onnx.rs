//! Networks of other people's making, from ONNX files.
//!
//! A file says how large its images are and what is computed of them. It does not say whether its pixels go from 0 to 1
//! or to 255, nor what its numbers mean: whoever has the file does ([`Reading`]), or it says so itself in its
//! metadata, under the keys of moire's own files (`format` is `moire.network.v1`; `name`; `input`, as JSON with size,
//! mean and std; `labels`, as in `real,fake` or `editor`).

use moire_formats::{Extent, Onnx, OnnxInput};
use moire_graph::{Act, Builder, Op, ValueId, simplify};
use moire_tensor::Label;

use crate::error::{Error, Repr};
use crate::network::{Decision, Editing, Network, Preprocess, Role};
use crate::weights::{self, Input};

/// What the numbers of a pixel are before mean and deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelRange {
    /// 0 to 1.
    Unit,
    /// -1 to 1.
    Signed,
    /// 0 to 255.
    Byte,
}

impl PixelRange {
    /// Pixels in `[0, 1]` to this range: a factor, and what is added then.
    fn line(self) -> [f32; 2] {
        match self {
            Self::Unit => [1.0, 0.0],
            Self::Signed => [2.0, -1.0],
            Self::Byte => [255.0, 0.0],
        }
    }
}

/// What the answer of a network means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It is about classes, in this order; one that is neither real nor fake has no label. A single one is what a
    /// positive logit says.
    Labels(Vec<Option<Label>>),
    /// It is the edited image, its pixels in the same range as those that go in.
    Editor,
}

/// What is known of an ONNX network beside its file. What is `None` is taken from the file's metadata, else not done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Height and width, for a network that takes images of any size.
    pub size: Option<[usize; 2]>,
    /// What pixels are before mean and deviation; 0 to 1 where it is not said.
    pub range: Option<PixelRange>,
    /// Subtracted from RGB in that range.
    pub mean: Option<[f32; 3]>,
    /// What the difference is divided by.
    pub std: Option<[f32; 3]>,
    /// What the answer means; nothing where it is not said.
    pub meaning: Option<Meaning>,
}

impl Reading {
    /// The network of a file, called `name` where the file itself does not say.
    ///
    /// A detector's answer that ends in a sigmoid or a softmax is taken before it: a decision is the same there, and
    /// a gradient does not vanish.
    ///
    /// # Errors
    /// The file has ops that are not supported, or is no network of one RGB image; its size is free, and none is
    /// given; its answer is not one number for each label, or not an image.
    pub fn network(&self, model: &Onnx, name: &str) -> Result<Network, Error> {
        let fault = |key, why: String| Error::from(Repr::Metadata { file: name.to_owned(), key, why });
        let own = weights::is_described(model.metadata());
        let own = |key: &str| own.then(|| model.metadata().get(key)).flatten();
        let input = own("input").map(|text| Input::parse(text)).transpose().map_err(|e| fault("input", e))?;
        let meaning = match (&self.meaning, own("labels")) {
            (Some(meaning), _) => Some(meaning.clone()),
            (None, Some(text)) => Some(text.parse::<Meaning>().map_err(|e| fault("labels", e))?),
            (None, None) => None,
        };
        let other = |expected: &str, found: String| {
            Error::from(Repr::Unfit { file: name.to_owned(), expected: expected.to_owned(), found })
        };
        let [image] = model.inputs() else {
            let inputs: Vec<_> = model.inputs().iter().map(|i| i.name.as_str()).collect();
            return Err(other("a network of one image", format!("the inputs {}", inputs.join(", "))));
        };
        let (layout, size) = layout(image, self.size.or(input.as_ref().map(|i| i.size)))
            .map_err(|(expected, found)| other(&expected, found))?;
        let preprocess = self.preprocess(size, input.as_ref());

        let mut b = Builder::new();
        let x = preprocess.input(&mut b)?;
        let x = if layout == Layout::ChannelsLast { b.permute(x, &[0, 2, 3, 1])? } else { x };
        let outputs = model.build(&mut b, &[(image.name.as_str(), x)])?;
        let Some((_, y)) = outputs.first() else {
            return Err(other("an answer", "none".to_owned()));
        };
        let mut named: Vec<(String, ValueId)> = Vec::new();
        let role = match meaning {
            None => {
                named.push(("y".to_owned(), *y));
                Role::Plain
            }
            Some(Meaning::Editor) => {
                let y = edited(&mut b, *y, layout, &preprocess).map_err(|found| match found {
                    Ok(error) => Error::from(error),
                    Err(found) => other("an image of three channels as the answer", found),
                })?;
                named.push(("y".to_owned(), y));
                Role::Editor(Editing { condition: None, domains: 1 })
            }
            Some(Meaning::Labels(labels)) => {
                let decision = decision(&labels).ok_or_else(|| {
                    other("labels with one real and one fake, or a single one", show(&labels))
                })?;
                let y = logits(&mut b, *y);
                if b.shape(y).numel() != labels.len() {
                    let expected = format!("{} numbers for the labels {}", labels.len(), show(&labels));
                    return Err(other(&expected, format!("an answer of shape {}", b.shape(y))));
                }
                let y = b.reshape(y, [1, labels.len()])?;
                let heads = decision.outputs(&mut b, y)?;
                named.push(("y".to_owned(), y));
                named.extend(heads.map(|(head, value)| (head.to_owned(), value)));
                Role::Detector(decision)
            }
        };
        for (output, value) in &outputs[1..] {
            let taken = named.iter().any(|(known, _)| known == output);
            named.push((if taken { format!("{output}.onnx") } else { output.clone() }, *value));
        }
        let graph = simplify(&b.finish(named.iter().map(|(name, value)| (name.as_str(), *value)))?)?;
        let name = own("name").map_or(name, String::as_str).to_owned();
        let crop = input.and_then(|i| i.crop);
        Ok(Network { name, graph, preprocess, role, crop })
    }

    /// From pixels in `[0, 1]` to what the network sees.
    fn preprocess(&self, size: [usize; 2], input: Option<&Input>) -> Preprocess {
        let said = self.range.is_some() || self.mean.is_some() || self.std.is_some();
        if let (Some(input), false) = (input, said) {
            return Preprocess { size, mean: input.mean, std: input.std };
        }
        let [factor, shift] = self.range.unwrap_or(PixelRange::Unit).line();
        let (mean, std) = (self.mean.unwrap_or([0.0; 3]), self.std.unwrap_or([1.0; 3]));
        Preprocess { size, mean: mean.map(|m| (m - shift) / factor), std: std.map(|s| s / factor) }
    }
}

impl std::fmt::Display for PixelRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unit => "0..1",
            Self::Signed => "-1..1",
            Self::Byte => "0..255",
        })
    }
}

impl std::fmt::Display for Meaning {
    /// As it is read; a class that takes no part is `other`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Labels(labels) => f.write_str(&show(labels)),
            Self::Editor => f.write_str("editor"),
        }
    }
}

impl std::str::FromStr for PixelRange {
    type Err = String;

    /// Reads `0..1`, `-1..1` or `0..255`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "0..1" => Ok(Self::Unit),
            "-1..1" => Ok(Self::Signed),
            "0..255" => Ok(Self::Byte),
            _ => Err("expected 0..1, -1..1 or 0..255".to_owned()),
        }
    }
}

impl std::str::FromStr for Meaning {
    type Err = String;

    /// Reads `editor`, or labels by index: `real,fake` for two logits, `fake` or `real` for one. Any other word is a
    /// class that takes no part.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "editor" {
            return Ok(Self::Editor);
        }
        let label = |word: &str| match word.trim() {
            "real" => Some(Label::Real),
            "fake" => Some(Label::Fake),
            _ => None,
        };
        let labels: Vec<_> = text.split(',').map(label).collect();
        match decision(&labels) {
            Some(_) => Ok(Self::Labels(labels)),
            None => Err("expected editor, or labels with one real and one fake (real,fake), or a single one"
                .to_owned()),
        }
    }
}

fn show(labels: &[Option<Label>]) -> String {
    let word = |label: &Option<Label>| label.map_or("other".to_owned(), |l| l.to_string());
    labels.iter().map(word).collect::<Vec<_>>().join(",")
}

/// How the answer about these classes is read.
fn decision(labels: &[Option<Label>]) -> Option<Decision> {
    if let [label] = labels {
        return label.map(|positive| Decision::Logit { positive });
    }
    let only = |wanted: Label| {
        let mut places = (0..labels.len()).filter(|&i| labels[i] == Some(wanted));
        places.next().filter(|_| places.next().is_none())
    };
    Some(Decision::Classes { real: only(Label::Real)?, fake: only(Label::Fake)? })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `[1, 3, h, w]`.
    ChannelsFirst,
    /// `[1, h, w, 3]`.
    ChannelsLast,
}

/// Where the channels of an image are, and its size.
fn layout(input: &OnnxInput, size: Option<[usize; 2]>) -> Result<(Layout, [usize; 2]), (String, String)> {
    let dims = || {
        let dim = |d: &Extent| match d {
            Extent::Fixed(extent) => extent.to_string(),
            Extent::Free(name) => format!("'{name}'"),
        };
        let dims = input.dims.iter().map(dim).collect::<Vec<_>>().join(", ");
        format!("an input '{}' of [{dims}]", input.name)
    };
    let [batch, a, b, c] = &input.dims[..] else {
        return Err(("images [n, 3, h, w] or [n, h, w, 3]".to_owned(), dims()));
    };
    if matches!(batch, Extent::Fixed(n) if *n != 1) {
        return Err(("a batch that is 1 or free".to_owned(), dims()));
    }
    let three = |d: &Extent| *d == Extent::Fixed(3);
    let (layout, sides) = match (three(a), three(c)) {
        (true, _) => (Layout::ChannelsFirst, [b, c]),
        (false, true) => (Layout::ChannelsLast, [a, b]),
        _ if matches!(a, Extent::Free(_)) => (Layout::ChannelsFirst, [b, c]),
        _ => return Err(("images of three channels".to_owned(), dims())),
    };
    let mut whole = [0; 2];
    for (axis, side) in sides.into_iter().enumerate() {
        whole[axis] = match (side, size) {
            (Extent::Fixed(extent), Some(size)) if *extent != size[axis] => {
                return Err((format!("images of {} x {}", size[0], size[1]), dims()));
            }
            (Extent::Fixed(extent), _) => *extent,
            (Extent::Free(_), Some(size)) => size[axis],
            (Extent::Free(_), None) => {
                return Err(("a size for what is free (--size HxW)".to_owned(), dims()));
            }
        };
    }
    if whole.iter().any(|&d| d == 0 || d > LARGEST) {
        return Err((format!("height and width from 1 to {LARGEST}"), format!("{whole:?}")));
    }
    Ok((layout, whole))
}

/// The largest height and width.
const LARGEST: usize = 8192;

/// The answer before a sigmoid or softmax that ends it.
fn logits(b: &mut Builder, y: ValueId) -> ValueId {
    let mut at = y;
    loop {
        let node = b.node(at);
        let single = node.shape.numel() == node.shape.last().copied().unwrap_or(1);
        match node.op {
            Op::Act(Act::Sigmoid) => return node.inputs[0],
            Op::Softmax(softmax) if single && softmax.axis + 1 == node.shape.len() => return node.inputs[0],
            Op::Reshape(_) => at = node.inputs[0],
            _ => return y,
        }
    }
}

/// The edited image as `[1, 3, h, w]` in `[-1, 1]`. What does not fit is said, or is an error of the graph.
fn edited(
    b: &mut Builder,
    y: ValueId,
    layout: Layout,
    preprocess: &Preprocess,
) -> Result<ValueId, Result<moire_graph::Error, String>> {
    let shape = b.shape(y).clone();
    let last = shape.len() == 4 && shape[3] == 3 && (layout == Layout::ChannelsLast || shape[1] != 3);
    let graph = Ok;
    let y = if last { b.permute(y, &[0, 3, 1, 2]).map_err(graph)? } else { y };
    if !matches!(b.shape(y)[..], [1, 3, _, _]) {
        return Err(Err(format!("one of shape {shape}")));
    }
    // Back to [0, 1] as the image went in, then to [-1, 1].
    let [factor, shift] = [0, 1].map(|part| {
        moire_tensor::Tensor::from_fn([1, 3, 1, 1], |c| {
            if part == 0 { 2.0 * preprocess.std[c] } else { 2.0 * preprocess.mean[c] - 1.0 }
        })
    });
    if factor.data() == [1.0; 3] && shift.data() == [0.0; 3] {
        return Ok(y);
    }
    let (factor, shift) = (b.literal(factor), b.literal(shift));
    let scaled = b.mul(y, factor).map_err(graph)?;
    b.add(scaled, shift).map_err(graph)
}

#[cfg(test)]
mod tests {
    use moire_tensor::Label;

    use super::{Meaning, PixelRange, Reading};
    use crate::network::Decision;

    #[test]
    fn labels_are_read_by_index() {
        let of = |text: &str| text.parse::<Meaning>();
        let decided = |text: &str| match of(text).unwrap() {
            Meaning::Labels(labels) => super::decision(&labels).unwrap(),
            Meaning::Editor => panic!("{text} is no editor"),
        };
        assert_eq!(decided("real,fake"), Decision::Classes { real: 0, fake: 1 });
        assert_eq!(decided("fake,other,real"), Decision::Classes { real: 2, fake: 0 });
        assert_eq!(decided("fake"), Decision::Logit { positive: Label::Fake });
        assert_eq!(of("editor").unwrap(), Meaning::Editor);
        for wrong in ["", "real,real", "cat", "fake,fake,real", "fake,cat"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mean_and_deviation_are_in_the_units_of_the_range() {
        let reading = Reading {
            range: Some(PixelRange::Byte),
            mean: Some([127.5; 3]),
            std: Some([127.5; 3]),
            ..Reading::default()
        };
        let seen = reading.preprocess([4, 4], None);
        assert_eq!((seen.mean, seen.std), ([0.5; 3], [0.5; 3]));
        let signed = Reading { range: Some(PixelRange::Signed), ..Reading::default() };
        assert_eq!(
            (signed.preprocess([4, 4], None).mean, signed.preprocess([4, 4], None).std),
            ([0.5; 3], [0.5; 3])
        );
    }
}
