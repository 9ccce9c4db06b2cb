//! What a search makes fall, as the graph of its gradient.

use std::fmt;

use moire_graph::{Act, Builder, Error, Graph, Op, ValueId};
use moire_tensor::Label;

use crate::layers::features;

/// What an attack makes fall.
#[derive(Debug, Clone, Copy)]
pub enum Loss<'a> {
    /// The margin of the truth: unlike cross-entropy it cannot saturate, and for one logit, two classes and two zones
    /// alike its gradient has cross-entropy's direction.
    Margin,
    /// How far the network is from saying the opposite of the label. For zones `|a_1 - y| + |a_0 - (1 - y)|`, y = 1 for
    /// real (Nguyen et al., arXiv 1906.06876, section 3.2); for all others the cross-entropy.
    Activation,
    /// A weighted cross-entropy of the predicted mask with a wanted one, while the answer is held on the side of
    /// fake. Zones and a mask only.
    Segmentation {
        /// The wanted mask of each sample, `[h * w]`, 1 where manipulated.
        masks: &'a [Vec<f32>],
        /// What the mask weighs.
        weight: f32,
        /// What holds the answer.
        hold: Hold,
    },
    /// How little one zone fires beside the other. Zones only.
    Overfire {
        /// The zone that is to fire.
        zone: Label,
        /// The exponent's factor.
        k: f32,
        /// The formula.
        form: OverfireForm,
    },
    /// How little every layer fires: `-sum over layers of log(||h||_2^2 / 2)`, h the features after each nonlinearity
    /// (Mopuri et al., arXiv 1801.08092, section 3.1).
    Layers,
}

/// What holds the answer on the side of fake while a mask is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Nothing, until the zones come closer than 0.1: `max(0, 0.1 - (a_0 - a_1))`.
    #[default]
    Margin,
    /// The activation loss with y = 0.45, as published: it pulls the energies to 0.45 and 0.55, where they have the
    /// same distance.
    Activation,
}

impl Hold {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Margin, Self::Activation].into_iter().find(|h| h.to_string() == text)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Margin => "margin",
            Self::Activation => "activation",
        })
    }
}

/// The readings of the over-firing objective, of Huang et al. (arXiv 1911.00660), whose text describes the formula;
/// `a_on` is the energy of the zone that is to fire, `a_off` of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverfireForm {
    /// `exp(k a_off) - a_on`
    #[default]
    Plain,
    /// `exp(k max(0, a_off - a_on)) - a_on`
    Hinge,
}

impl OverfireForm {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Plain, Self::Hinge].into_iter().find(|f| f.to_string() == text)
    }
}

impl fmt::Display for OverfireForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Hinge => "hinge",
        })
    }
}

/// Which program a loss needs: what varies with the samples is its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LossKind {
    Margin,
    Activation,
    Segmentation { weight: f32, hold: Hold },
    Overfire { zone: Label, k: f32, form: OverfireForm },
    Layers,
}

impl Loss<'_> {
    pub(crate) fn kind(&self) -> LossKind {
        match *self {
            Self::Margin => LossKind::Margin,
            Self::Activation => LossKind::Activation,
            Self::Segmentation { weight, hold, .. } => LossKind::Segmentation { weight, hold },
            Self::Overfire { zone, k, form } => LossKind::Overfire { zone, k, form },
            Self::Layers => LossKind::Layers,
        }
    }
}

/// What the network is to say while its mask is forged: fake, but barely. The paper's 0.45, where 1 is real.
const BARELY_FAKE: f32 = 0.45;

impl LossKind {
    /// The graph's input that says what each sample is to become, 1 for real.
    pub(crate) const WANTED: &'static str = "wanted";
    /// The input that holds the wanted mask.
    pub(crate) const MASK: &'static str = "wanted mask";

    /// What it is called in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Margin => "the margin",
            Self::Activation => "the activation loss",
            Self::Segmentation { .. } => "the segmentation loss",
            Self::Overfire { .. } => "over-firing",
            Self::Layers => "the firing of layers",
        }
    }

    /// Whether the network has what this loss looks at.
    pub(crate) fn fits(self, graph: &Graph, zones: bool) -> bool {
        match self {
            Self::Margin | Self::Activation => true,
            Self::Segmentation { .. } => zones && graph.output("mask").is_ok(),
            Self::Overfire { .. } => zones,
            Self::Layers => features(graph).is_ok_and(|all| !all.is_empty()),
        }
    }

    /// The graph with the outputs `loss`, `margin` and `gradient`, the loss's with respect to `x`.
    pub(crate) fn graph(self, graph: &Graph, zones: bool) -> Result<Graph, Error> {
        let (x, margin) = (graph.input("x")?, graph.output("margin")?);
        let (y, mask) = (graph.output("y").ok(), graph.output("mask").ok());
        let mut b = Builder::from(graph.clone());
        b.scope("loss");
        let energies = |b: &mut Builder| -> Result<[ValueId; 2], Error> {
            let y = y.expect("a network with zones answers with them");
            let mut zone = |i: usize| {
                let part = b.slice(y, 1, i, i + 1)?;
                b.reshape(part, [])
            };
            Ok([zone(0)?, zone(1)?])
        };
        let loss = match self {
            Self::Margin => margin,
            Self::Activation if zones => {
                let energies = energies(&mut b)?;
                let wanted = b.input(Self::WANTED, [])?;
                activation(&mut b, energies, wanted)?
            }
            Self::Activation => {
                let wanted = b.input(Self::WANTED, [])?;
                let (double, one) = (b.scale(wanted, 2.0)?, b.scalar(1.0));
                let sign = b.sub(double, one)?;
                let signed = b.mul(margin, sign)?;
                b.act(signed, Act::Softplus)?
            }
            Self::Segmentation { weight, hold } => {
                let [fake, real] = energies(&mut b)?;
                let held = match hold {
                    Hold::Activation => {
                        let wanted = b.scalar(BARELY_FAKE);
                        activation(&mut b, [fake, real], wanted)?
                    }
                    Hold::Margin => {
                        let (lead, least) = (b.sub(real, fake)?, b.scalar(1.0 - 2.0 * BARELY_FAKE));
                        let lack = b.add(lead, least)?;
                        b.act(lack, Act::Relu)?
                    }
                };
                let p = mask.expect("the network has been found to have a mask");
                let forged = segmentation(&mut b, graph, p)?;
                let forged = b.scale(forged, weight)?;
                b.add(held, forged)?
            }
            Self::Overfire { zone, k, form } => {
                let [fake, real] = energies(&mut b)?;
                let (on, off) = if zone == Label::Real { (real, fake) } else { (fake, real) };
                overfire(&mut b, on, off, k, form)?
            }
            Self::Layers => firing(&mut b, &features(graph)?)?,
        };
        let gradient = b.gradient(loss, &[x])?[0];
        b.finish([("loss", loss), ("margin", margin), ("gradient", gradient)])
    }
}

fn activation(b: &mut Builder, [fake, real]: [ValueId; 2], wanted: ValueId) -> Result<ValueId, Error> {
    let one = b.scalar(1.0);
    let other = b.sub(one, wanted)?;
    let mut distance = |a: ValueId, to: ValueId| {
        let d = b.sub(a, to)?;
        b.act(d, Act::Abs)
    };
    let (real, fake) = (distance(real, wanted)?, distance(fake, other)?);
    b.add(real, fake)
}

/// The mean over pixels of the cross-entropy of the mask p with the wanted one m, -m ln p - (1 - m) ln(1 - p), by p's
/// logit l: ln(1 + exp((1 - 2 m) l)).
fn segmentation(b: &mut Builder, graph: &Graph, p: ValueId) -> Result<ValueId, Error> {
    let shape = b.shape(p).clone();
    let wanted = b.input(LossKind::MASK, shape)?;
    let (double, one) = (b.scale(wanted, -2.0)?, b.scalar(1.0));
    let sign = b.add(double, one)?;
    let logit = logit(b, graph, p)?;
    let against = b.mul(logit, sign)?;
    let entropy = b.act(against, Act::Softplus)?;
    b.mean_all(entropy)
}

/// The logit of a probability: what went into the sigmoid, or into the softmax of two classes, that it came from. Of a
/// probability of other making 4 p - 2, which has the logit's slope in the middle.
fn logit(b: &mut Builder, graph: &Graph, p: ValueId) -> Result<ValueId, Error> {
    let node = graph.node(p);
    match &node.op {
        Op::Act(Act::Sigmoid) => return Ok(node.inputs[0]),
        Op::Slice(slice) => {
            let from = graph.node(node.inputs[0]);
            if matches!(&from.op, Op::Softmax(softmax) if softmax.axis == slice.axis) {
                let classes = from.inputs[0];
                if graph.shape(classes)[slice.axis] == 2 {
                    let own = b.slice(classes, slice.axis, slice.start, slice.start + 1)?;
                    let other = b.slice(classes, slice.axis, 1 - slice.start, 2 - slice.start)?;
                    return b.sub(own, other);
                }
            }
        }
        _ => {}
    }
    let (scaled, two) = (b.scale(p, 4.0)?, b.scalar(2.0));
    b.sub(scaled, two)
}

fn overfire(
    b: &mut Builder,
    on: ValueId,
    off: ValueId,
    k: f32,
    form: OverfireForm,
) -> Result<ValueId, Error> {
    let inside = match form {
        OverfireForm::Plain => off,
        OverfireForm::Hinge => {
            let lead = b.sub(off, on)?;
            b.act(lead, Act::Relu)?
        }
    };
    let scaled = b.scale(inside, k)?;
    let raised = b.act(scaled, Act::Exp)?;
    b.sub(raised, on)
}

fn firing(b: &mut Builder, layers: &[ValueId]) -> Result<ValueId, Error> {
    let mut terms = Vec::new();
    for &layer in layers {
        let square = b.act(layer, Act::Square)?;
        let sum = b.sum_all(square)?;
        let (half, least) = (b.scale(sum, 0.5)?, b.scalar(1e-12));
        // A layer that is dead has no logarithm, and no gradient either.
        let raised = b.add(half, least)?;
        terms.push(b.act(raised, Act::Log)?);
    }
    let mut total = b.scalar(0.0);
    for term in terms {
        total = b.sub(total, term)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use moire_graph::{Act, Builder, Conv2d, Graph, ReduceKind};
    use moire_tensor::{Label, Shape, Tensor};
    use moire_testkit::seeded;

    use super::{Hold, LossKind, OverfireForm};

    /// A network with zones and a mask on 4 x 4 pixels.
    fn network() -> Graph {
        let mut b = Builder::new();
        let x = b.input("x", [1, 3, 4, 4]).unwrap();
        let w = b.literal(seeded(&[2, 3, 1, 1], 5, "w"));
        let maps = b.conv2d(x, w, None, Conv2d::default()).unwrap();
        let square = b.act(maps, Act::Square).unwrap();
        let y = b.reduce(square, ReduceKind::Mean, &[2, 3]).unwrap();
        let y = b.reshape(y, [1, 2]).unwrap();
        let classes = b.softmax(maps, 1).unwrap();
        let mask = b.slice(classes, 1, 1, 2).unwrap();
        let difference = b.literal(Tensor::new(Shape::from([2, 1]), vec![1.0, -1.0]).unwrap());
        let margin = b.matmul(y, difference).unwrap();
        let margin = b.reshape(margin, []).unwrap();
        b.finish([("y", y), ("margin", margin), ("mask", mask)]).unwrap()
    }

    /// Every loss, and its gradient along one direction, in plain arithmetic on what the network answers.
    #[test]
    fn losses_are_their_formulas() {
        let graph = network();
        let mask = Tensor::from_fn([1, 1, 4, 4], |i| f32::from(i % 3 == 0)).to_f64();
        let wanted = Tensor::full(Shape::default(), 1.0).to_f64();
        let softplus = |v: f64| (1.0 + v.exp()).ln();
        let plain = |kind: LossKind, zones: bool, x: &Tensor<f64>| {
            let out = graph.eval(&[("x", x)]).unwrap();
            let (a0, a1) = (out["y"].data()[0], out["y"].data()[1]);
            let (k, barely) = (3.0, f64::from(0.45f32));
            let entropy = |(p, m): (&f64, &f64)| -(m * p.ln() + (1.0 - m) * (1.0 - p).ln());
            let segmentation = out["mask"].data().iter().zip(mask.data()).map(entropy).sum::<f64>() / 16.0;
            match kind {
                LossKind::Margin => a0 - a1,
                LossKind::Activation if zones => (a1 - 1.0).abs() + a0.abs(),
                LossKind::Activation => softplus(a0 - a1),
                LossKind::Segmentation { hold, .. } => {
                    let held = match hold {
                        Hold::Activation => (a1 - barely).abs() + (a0 + barely - 1.0).abs(),
                        Hold::Margin => (1.0 - 2.0 * barely - a0 + a1).max(0.0),
                    };
                    held + 2.0 * segmentation
                }
                LossKind::Overfire { form: OverfireForm::Plain, .. } => (k * a0).exp() - a1,
                LossKind::Overfire { form: OverfireForm::Hinge, .. } => (k * (a1 - a0).max(0.0)).exp() - a0,
                LossKind::Layers => -(8.0 * (a0 + a1)).ln(),
            }
        };
        let x = seeded(&[1, 3, 4, 4], 9, "x").map(|v| 0.5 + 0.4 * v).to_f64();
        let direction = seeded(&[1, 3, 4, 4], 9, "direction").to_f64();
        let moved = |h: f64| {
            let values = x.data().iter().zip(direction.data()).map(|(x, d)| x + h * d).collect();
            Tensor::new(x.shape().clone(), values).unwrap()
        };
        for (kind, zones) in [
            (LossKind::Margin, true),
            (LossKind::Activation, true),
            (LossKind::Activation, false),
            (LossKind::Segmentation { weight: 2.0, hold: Hold::Margin }, true),
            (LossKind::Segmentation { weight: 2.0, hold: Hold::Activation }, true),
            (LossKind::Overfire { zone: Label::Real, k: 3.0, form: OverfireForm::Plain }, true),
            (LossKind::Overfire { zone: Label::Fake, k: 3.0, form: OverfireForm::Hinge }, true),
            (LossKind::Layers, false),
        ] {
            assert!(kind.fits(&graph, zones));
            let built = kind.graph(&graph, zones).unwrap();
            let named = [("x", &x), (LossKind::WANTED, &wanted), (LossKind::MASK, &mask)];
            let inputs: Vec<_> = named.into_iter().filter(|(name, _)| built.input(name).is_ok()).collect();
            let out = built.eval(&inputs).unwrap();
            let (value, expected) = (out["loss"].data()[0], plain(kind, zones, &x));
            assert!((value - expected).abs() < 1e-6, "{kind:?}: {value}, expected {expected}");
            let along: f64 = out["gradient"].data().iter().zip(direction.data()).map(|(g, d)| g * d).sum();
            let numeric = (plain(kind, zones, &moved(1e-5)) - plain(kind, zones, &moved(-1e-5))) / 2e-5;
            assert!((along - numeric).abs() < 1e-5, "{kind:?}: slope {along}, expected {numeric}");
        }
    }
}
