use moire_graph::Graph;
use moire_tensor::{Eps, Images, Label, Tensor};

use crate::apgd::{self, Apgd};
use crate::ascent::{Ascent, Samples};
use crate::cf_l0::{self, CfL0};
use crate::cw::{self, Cw, Distortion};
use crate::deepfool::{self, DeepFool};
use crate::detector::Traits;
use crate::error::{Error, Repr};
use crate::fmn::{self, Fmn};
use crate::gd_uap::{self, GdUap};
use crate::iap::{self, Factor, Iap, IapSeg};
use crate::jsma::{self, Jsma};
use crate::kra::Kra;
use crate::loss::{Loss, LossKind};
use crate::mi_fgsm::{self, MiFgsm};
use crate::outcome::{Criterion, Outcome};
use crate::params::Walk;
use crate::search::{Searcher, fixed};
use crate::session::{Finished, Left, Session};
use crate::sigma_zero::{self, SigmaZero};
use crate::sparsefool::{self, SparseFool};
use crate::square::{self, Square};
use crate::uap::{self, Uap};
use crate::uap_overfire::{self, UapOverfire};
use crate::universal::{Needs, Universal};
use crate::{fgsm, i_fgsm, pgd, urn};

/// An attack with its parameters. Its text names every one of them: `pgd(steps=10,alpha=eps/4)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Attack {
    /// The fast gradient sign method: one step of the whole budget (Goodfellow et al., arXiv 1412.6572).
    Fgsm,
    /// The same in small steps, from the image itself (Kurakin et al., arXiv 1607.02533).
    IFgsm(Walk),
    /// The same from a uniformly random point of the ball (Madry et al., arXiv 1706.06083).
    Pgd(Walk),
    /// The same with momentum (Dong et al., arXiv 1710.06081).
    MiFgsm(MiFgsm),
    /// Steps that find their own size (Croce and Hein, arXiv 2003.01690).
    Apgd(Apgd),
    /// To the nearest point of the linearised boundary (Moosavi-Dezfooli et al., arXiv 1511.04599).
    DeepFool(DeepFool),
    /// The smallest change, inside a ball that breathes (Pintor et al., arXiv 2102.12827).
    Fmn(Fmn),
    /// The smallest Euclidean change (Carlini and Wagner, arXiv 1608.04644).
    Cw(Cw),
    /// Its variant for detectors of synthetic images (Carlini and Farid, arXiv 2004.00622).
    CfL2(Cw),
    /// The fewest pixels, by freezing those that matter least (Carlini and Farid, arXiv 2004.00622).
    CfL0(CfL0),
    /// Few values, along the boundary's normal (Modas et al., arXiv 1811.02248).
    SparseFool(SparseFool),
    /// Few values, by a smooth stand-in for their number (Cinà et al., arXiv 2402.01879).
    SigmaZero(SigmaZero),
    /// Few values, two at a time to 0 or 1 (Papernot et al., arXiv 1511.07528).
    Jsma(Jsma),
    /// Single squares, without any gradient (Andriushchenko et al., arXiv 1912.00049).
    Square(Square),
    /// Another attack, kept to the pixels that the decision hangs on (Liao et al., arXiv 2106.01615).
    Kra(Kra),
    /// Down the activation loss by its raw gradient, all steps (Huang et al., arXiv 1911.00660).
    Iap(Iap),
    /// The same while the answer stays fake, down to a forged mask (the same paper).
    IapSeg(IapSeg),
    /// One change for all images, crafted without data (the same paper).
    UapOverfire(UapOverfire),
    /// One change for all images, that makes every layer fire (Mopuri et al., arXiv 1801.08092).
    GdUap(GdUap),
    /// One change for all images, made of images (Moosavi-Dezfooli et al., arXiv 1610.08401).
    Uap(Uap),
    /// One change for all images that was crafted elsewhere, from the file of this name, as strong as it is there.
    Universal(String),
    /// Uniform random noise: no attack, but what an attack has to beat.
    Urn,
}

/// An attack ready for any images: what is crafted once has been.
#[derive(Debug, Clone)]
pub struct Ready<'a> {
    pub(crate) attack: &'a Attack,
    pub(crate) eps: Option<Eps>,
    pub(crate) universal: Option<Universal>,
}

impl Attack {
    /// The names of all attacks, each with what it is in one sentence of its own.
    pub const ALL: &'static [(&'static str, &'static str)] = &[
        ("fgsm", "one step of the whole budget along the gradient's sign"),
        ("i_fgsm", "small steps along the gradient's sign, from the image itself"),
        ("pgd", "small steps along the gradient's sign, from a random point within the budget"),
        ("mi_fgsm", "small steps along the gradient's sign with momentum, which transfers better"),
        ("apgd", "steps along the gradient's sign that find their own size"),
        ("deepfool", "the nearest point of the boundary, by linearising it (no budget)"),
        ("fmn", "the smallest change, inside a ball that breathes around the boundary (no budget)"),
        ("cw", "the smallest Euclidean change, by optimisation (no budget; slow)"),
        (
            "cf_l2",
            "the smallest Euclidean change, as Carlini and Farid seek it against detectors (no budget; slow)",
        ),
        ("cf_l0", "the fewest pixels, by freezing those that matter least (no budget; slow)"),
        ("sparsefool", "few values, along the boundary's normal (no budget)"),
        ("sigma_zero", "few values, by a smooth count of them (no budget; slow)"),
        ("jsma", "few values, two at a time to black or white (no budget)"),
        ("square", "single squares, without gradients: what it alone breaks hides its gradients"),
        (
            "kra",
            "another attack, kept to the pixels that the decision hangs on: kra:deepfool; kra alone holds pgd",
        ),
        ("iap", "all steps by the raw gradient of the zones' activation loss (no budget)"),
        ("iap_seg", "steps towards a forged mask, a random triangle, while fake stays fake (no budget)"),
        ("uap_overfire", "one change for all images, from the network's zones alone, without data"),
        ("gd_uap", "one change for all images, that makes every layer fire, without data"),
        ("uap", "one change for all images, made of images step by step"),
        ("universal", "the change in a file that one of these made: universal(file=PATH) (no budget)"),
        ("urn", "uniform random noise: the control that every attack has to beat"),
    ];

    /// The attack's name without parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fgsm => "fgsm",
            Self::IFgsm(_) => "i_fgsm",
            Self::Pgd(_) => "pgd",
            Self::MiFgsm(_) => "mi_fgsm",
            Self::Apgd(_) => "apgd",
            Self::DeepFool(_) => "deepfool",
            Self::Fmn(_) => "fmn",
            Self::Cw(_) => "cw",
            Self::CfL2(_) => "cf_l2",
            Self::CfL0(_) => "cf_l0",
            Self::SparseFool(_) => "sparsefool",
            Self::SigmaZero(_) => "sigma_zero",
            Self::Jsma(_) => "jsma",
            Self::Square(_) => "square",
            Self::Kra(_) => "kra",
            Self::Iap(_) => "iap",
            Self::IapSeg(_) => "iap_seg",
            Self::UapOverfire(_) => "uap_overfire",
            Self::GdUap(_) => "gd_uap",
            Self::Uap(_) => "uap",
            Self::Universal(_) => "universal",
            Self::Urn => "urn",
        }
    }

    /// Whether the attack keeps within a budget. The others look for the smallest change that does.
    pub fn takes_budget(&self) -> bool {
        match self {
            Self::Fgsm
            | Self::IFgsm(_)
            | Self::Pgd(_)
            | Self::MiFgsm(_)
            | Self::Apgd(_)
            | Self::Square(_)
            | Self::Urn
            | Self::UapOverfire(_)
            | Self::GdUap(_)
            | Self::Uap(_) => true,
            Self::Kra(kra) => kra.attack.takes_budget(),
            _ => false,
        }
    }

    /// Whether there is anything to do to an image of this label: a mask is forged on fakes alone.
    pub fn concerns(&self, label: Label) -> bool {
        label == Label::Fake || !matches!(self, Self::IapSeg(_))
    }

    /// Whether the network has what the attack looks at: zones of its latent, a mask. All attacks have use for a
    /// margin.
    pub fn fits(&self, graph: &Graph, traits: &Traits) -> bool {
        match self {
            Self::IapSeg(p) => {
                LossKind::Segmentation { weight: iap::MASK_WEIGHT, hold: p.hold }.fits(graph, traits.zones)
            }
            Self::UapOverfire(_) => traits.zones,
            Self::GdUap(_) => LossKind::Layers.fits(graph, traits.zones),
            _ => true,
        }
    }

    /// What the attack is made of before it meets its images.
    pub fn needs(&self) -> Needs<'_> {
        match self {
            Self::Uap(params) => Needs::Images(params.images as usize),
            Self::Universal(file) => Needs::Change(file),
            _ => Needs::Nothing,
        }
    }

    /// Makes the attack ready, within the L-infinity budget `eps` where it takes one: a universal change is crafted
    /// here, of the images `made_of` where [`Attack::needs`] asks for some.
    ///
    /// # Errors
    /// A budget or what the attack is made of is missing, or the network has nothing that the attack needs, cannot
    /// run or answers with something that is not finite.
    pub fn prepare(
        &self,
        ascent: &mut dyn Ascent,
        eps: Option<Eps>,
        seed: u64,
        made_of: Option<&Samples<'_>>,
    ) -> Result<Ready<'_>, Error> {
        let eps = eps.filter(|_| self.takes_budget());
        let nothing = |what| Repr::NoMaterial { attack: self.name(), what };
        let universal = match self {
            Self::UapOverfire(p) => Some(uap_overfire::craft(ascent, *p, self.budget(eps)?, seed)?),
            Self::GdUap(p) => Some(gd_uap::craft(ascent, *p, self.budget(eps)?, seed)?),
            Self::Uap(p) => {
                let images = made_of.ok_or_else(|| nothing("images"))?;
                Some(uap::craft(ascent, *p, self.budget(eps)?, images)?)
            }
            Self::Universal(_) => return Err(nothing("a change that somebody has crafted").into()),
            _ => None,
        };
        Ok(Ready { attack: self, eps, universal })
    }

    /// Makes the attack ready with a change that somebody has crafted, of the size of the network's images.
    pub fn prepared(&self, universal: Universal) -> Ready<'_> {
        Ready { attack: self, eps: None, universal: Some(universal) }
    }

    /// [`Attack::prepare`], of these images where it is made of some, then [`Ready::run`].
    ///
    /// # Errors
    /// As both.
    pub fn run(
        &self,
        ascent: &mut dyn Ascent,
        samples: &Samples<'_>,
        eps: Option<Eps>,
        criterion: Criterion,
    ) -> Result<Outcome, Error> {
        self.prepare(ascent, eps, samples.seed, Some(samples))?.run(ascent, samples, criterion)
    }

    fn budget(&self, eps: Option<Eps>) -> Result<Eps, Error> {
        eps.ok_or_else(|| Repr::NoBudget { attack: self.name() }.into())
    }

    /// The losses whose programs it asks for.
    pub(crate) fn losses(&self) -> Vec<LossKind> {
        let overfire = |p: &UapOverfire, zone| LossKind::Overfire { zone, k: p.k, form: p.form };
        match self {
            Self::Iap(_) => vec![LossKind::Activation],
            Self::IapSeg(p) => vec![LossKind::Segmentation { weight: iap::MASK_WEIGHT, hold: p.hold }],
            Self::UapOverfire(p) => {
                vec![overfire(p, Label::Fake), overfire(p, Label::Real), LossKind::Margin]
            }
            Self::GdUap(_) => vec![LossKind::Layers, LossKind::Margin],
            _ => vec![LossKind::Margin],
        }
    }

    /// What makes the search of an attack that holds no other.
    pub(crate) fn searcher(&self, eps: Option<Eps>) -> Result<Searcher, Error> {
        let ball = || self.budget(eps);
        Ok(match self.clone() {
            Self::Fgsm => {
                let eps = ball()?;
                Box::new(move |s| fgsm::search(s, eps))
            }
            Self::IFgsm(walk) => {
                let eps = ball()?;
                Box::new(move |s| i_fgsm::search(s, eps, walk))
            }
            Self::Pgd(walk) => {
                let eps = ball()?;
                Box::new(move |s| pgd::search(s, eps, walk))
            }
            Self::MiFgsm(params) => {
                let eps = ball()?;
                Box::new(move |s| mi_fgsm::search(s, eps, params))
            }
            Self::Apgd(params) => {
                let eps = ball()?;
                Box::new(move |s| apgd::search(s, eps, params))
            }
            Self::Urn => {
                let eps = ball()?;
                Box::new(move |s| urn::search(s, eps))
            }
            Self::Square(params) => {
                let eps = ball()?;
                Box::new(move |s| square::search(s, eps, params))
            }
            Self::DeepFool(params) => Box::new(move |s| deepfool::search(s, params)),
            Self::Fmn(params) => Box::new(move |s| fmn::search(s, params)),
            Self::Cw(params) => Box::new(move |s| cw::search(s, params, Distortion::Squared)),
            Self::CfL2(params) => Box::new(move |s| cw::search(s, params, Distortion::Length)),
            Self::CfL0(params) => Box::new(move |s| cf_l0::search(s, params)),
            Self::SparseFool(params) => Box::new(move |s| sparsefool::search(s, params)),
            Self::SigmaZero(params) => Box::new(move |s| sigma_zero::search(s, params)),
            Self::Jsma(params) => Box::new(move |s| jsma::search(s, params)),
            Self::Iap(p) => Box::new(move |s| iap::search(s, p.steps, p.alpha, p.eps)),
            Self::IapSeg(p) => Box::new(move |s| iap::search(s, p.steps, Factor::Fixed(p.alpha), p.eps)),
            Self::UapOverfire(_) | Self::GdUap(_) | Self::Uap(_) | Self::Universal(_) => Box::new(fixed),
            Self::Kra(_) => return Err(Repr::Inside { found: "kra", known: Self::inside() }.into()),
        })
    }

    /// The names of the attacks that the Key Region Attack may hold.
    pub(crate) fn inside() -> String {
        let names = Self::ALL.iter().filter_map(|(name, _)| name.parse().ok()).filter(Self::can_be_held);
        names.map(|attack| attack.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether the Key Region Attack may hold this one: it descends the margin from the image that it is given.
    pub(crate) fn can_be_held(&self) -> bool {
        use Attack::{GdUap, Iap, IapSeg, Kra, Square, Uap, UapOverfire, Universal, Urn};
        let others = matches!(self, Kra(_) | Iap(_) | IapSeg(_) | Square(_) | Urn);
        !others && !matches!(self, UapOverfire(_) | GdUap(_) | Uap(_) | Universal(_))
    }

    /// The name of the stream of random numbers: an attack inside another draws its own.
    pub(crate) fn stream(&self) -> &'static str {
        match self {
            Self::Kra(kra) => kra.attack.name(),
            attack => attack.name(),
        }
    }
}

impl Ready<'_> {
    /// The change that all images get, for an attack that has crafted one.
    pub fn universal(&self) -> Option<&Universal> {
        self.universal.as_ref()
    }

    /// Makes room for `seats` images at a time, under this criterion; `seed` is the study's.
    pub fn session(&self, seats: usize, criterion: Criterion, seed: u64) -> Session<'_> {
        Session::new(self, seats, criterion, seed)
    }

    /// Runs the attack on all images at once, whose labels the ascent knows by their place.
    ///
    /// # Errors
    /// A budget is missing, the images are not the network's, or the network cannot run or answers with something that
    /// is not finite.
    pub fn run(
        &self,
        ascent: &mut dyn Ascent,
        samples: &Samples<'_>,
        criterion: Criterion,
    ) -> Result<Outcome, Error> {
        samples.check()?;
        let images = samples.images;
        let mut session = self.session(images.len(), criterion, samples.seed);
        session.enter(ascent, images, &session.free(), samples.ids)?;
        let mut left: Vec<Option<Left>> = vec![None; images.len()];
        while !session.is_idle() {
            for Finished { seat, result } in session.step(ascent)? {
                left[seat] = Some(result?);
            }
        }
        let (mut values, mut found, mut wanted_masks) = (Vec::new(), Vec::new(), Vec::new());
        for left in left.into_iter().flatten() {
            values.extend(left.image);
            found.push(left.found);
            wanted_masks.extend(left.wanted_mask);
        }
        let images = Images::new(Tensor::new(images.tensor().shape().clone(), values)?)?;
        Ok(Outcome { images, found, wanted_masks })
    }

    /// What the attack makes fall; `masks` are those to be forged.
    pub(crate) fn loss<'m>(&self, masks: &'m [Vec<f32>]) -> Loss<'m> {
        match self.attack {
            Attack::Iap(_) => Loss::Activation,
            Attack::IapSeg(p) => Loss::Segmentation { masks, weight: iap::MASK_WEIGHT, hold: p.hold },
            _ => Loss::Margin,
        }
    }
}
