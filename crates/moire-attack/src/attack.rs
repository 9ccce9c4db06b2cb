use std::fmt;
use std::str::FromStr;

use moire_graph::Graph;
use moire_tensor::{Eps, Label};

use crate::apgd::{self, Apgd};
use crate::ascent::{Ascent, Samples};
use crate::cf_l0::{self, CfL0};
use crate::cw::{self, Cw, Distortion};
use crate::deepfool::{self, DeepFool, DeepFoolNorm};
use crate::detector::Traits;
use crate::error::{Error, Repr};
use crate::iap::{self, Iap};
use crate::jsma::{self, Jsma};
use crate::kra::{self, Kra, Masking};
use crate::layers::KeyLayers;
use crate::loss::{Loss, LossKind, OverfireForm};
use crate::mi_fgsm::{self, MiFgsm};
use crate::outcome::{Criterion, Outcome};
use crate::params::{Params, Walk};
use crate::search::{self, Searcher, Start, fixed};
use crate::sigma_zero::{self, SigmaZero};
use crate::sparsefool::{self, SparseFool};
use crate::triangle::triangle;
use crate::universal::{self, UapOverfire, Universal};
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
    /// Another attack, kept to the pixels that the decision hangs on (Liao et al., arXiv 2106.01615).
    Kra(Kra),
    /// Down the activation loss by its raw gradient, all steps (Huang et al., arXiv 1911.00660).
    Iap(Iap),
    /// The same while the answer stays fake, down to a forged mask (the same paper).
    IapSeg(Iap),
    /// One change for all images, crafted without data (the same paper).
    UapOverfire(UapOverfire),
    /// Uniform random noise: no attack, but what an attack has to beat.
    Urn,
}

/// An attack ready for any images: what is crafted once has been.
#[derive(Debug, Clone)]
pub struct Ready<'a> {
    attack: &'a Attack,
    eps: Option<Eps>,
    universal: Option<Universal>,
}

impl Attack {
    /// The names of all attacks, each with one sentence.
    pub const ALL: &'static [(&'static str, &'static str)] = &[
        ("fgsm", "one step of the whole budget along the gradient's sign"),
        ("i_fgsm", "the same in small steps, from the image itself"),
        ("pgd", "the same from a random point of the ball"),
        ("mi_fgsm", "the same with momentum, which transfers better"),
        ("apgd", "steps of the sign that find their own size"),
        ("deepfool", "the nearest point of the boundary, by linearising it (no budget)"),
        ("cw", "the smallest Euclidean change, by optimisation (no budget; slow)"),
        ("cf_l2", "the same as Carlini and Farid put it against detectors (no budget; slow)"),
        ("cf_l0", "the fewest pixels, by freezing those that matter least (no budget; slow)"),
        ("sparsefool", "few values, along the boundary's normal (no budget)"),
        ("sigma_zero", "few values, by a smooth count of them (no budget; slow)"),
        ("jsma", "few values, two at a time to black or white (no budget)"),
        (
            "kra",
            "any of these, kept to the pixels that the decision hangs on: kra:deepfool; kra alone holds pgd",
        ),
        ("iap", "all steps by the raw gradient of the zones' activation loss (no budget)"),
        ("iap_seg", "the same towards a forged mask, a random triangle, while fake stays fake (no budget)"),
        ("uap_overfire", "one change for all images, from the network's zones alone, without data"),
        ("urn", "uniform random noise: the control that every attack has to beat"),
    ];

    /// Reads attacks between commas, those inside parentheses apart: `fgsm,pgd(steps=40,alpha=1/255)`.
    ///
    /// # Errors
    /// As reading one.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        let mut depth = 0usize;
        let mut parts = vec![String::new()];
        for c in text.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            parts.last_mut().expect("there is always a part").push(c);
        }
        parts.iter().map(|part| part.parse()).collect()
    }

    /// The attack's name without parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fgsm => "fgsm",
            Self::IFgsm(_) => "i_fgsm",
            Self::Pgd(_) => "pgd",
            Self::MiFgsm(_) => "mi_fgsm",
            Self::Apgd(_) => "apgd",
            Self::DeepFool(_) => "deepfool",
            Self::Cw(_) => "cw",
            Self::CfL2(_) => "cf_l2",
            Self::CfL0(_) => "cf_l0",
            Self::SparseFool(_) => "sparsefool",
            Self::SigmaZero(_) => "sigma_zero",
            Self::Jsma(_) => "jsma",
            Self::Kra(_) => "kra",
            Self::Iap(_) => "iap",
            Self::IapSeg(_) => "iap_seg",
            Self::UapOverfire(_) => "uap_overfire",
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
            | Self::Urn
            | Self::UapOverfire(_) => true,
            Self::Kra(kra) => kra.attack.takes_budget(),
            _ => false,
        }
    }

    /// Whether there is anything to do to an image of this label: a mask is forged on fakes alone.
    pub fn concerns(&self, label: Label) -> bool {
        label == Label::Fake || !matches!(self, Self::IapSeg(_))
    }

    /// Whether the network has what the attack looks at: zones of its latent, a mask. All attacks have use for a margin.
    pub fn fits(&self, graph: &Graph, traits: &Traits) -> bool {
        match self {
            Self::IapSeg(_) => LossKind::Segmentation { weight: iap::MASK_WEIGHT }.fits(graph, traits.zones),
            Self::UapOverfire(_) => traits.zones,
            _ => true,
        }
    }

    /// Makes the attack ready, within the L-infinity budget `eps` where it takes one: a universal one is crafted here.
    ///
    /// # Errors
    /// A budget is missing, or the network has nothing that the attack needs, cannot run or answers with something
    /// that is not finite.
    pub fn prepare(&self, ascent: &mut dyn Ascent, eps: Option<Eps>, seed: u64) -> Result<Ready<'_>, Error> {
        let eps = eps.filter(|_| self.takes_budget());
        let universal = match self {
            Self::UapOverfire(params) => Some(universal::overfire(ascent, *params, self.budget(eps)?, seed)?),
            _ => None,
        };
        Ok(Ready { attack: self, eps, universal })
    }

    /// [`Attack::prepare`], then [`Ready::run`].
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
        self.prepare(ascent, eps, samples.seed)?.run(ascent, samples, criterion)
    }

    fn budget(&self, eps: Option<Eps>) -> Result<Eps, Error> {
        eps.ok_or_else(|| Repr::NoBudget { attack: self.name() }.into())
    }

    /// What makes the search of an attack that holds no other.
    fn searcher(&self, eps: Option<Eps>) -> Result<Searcher, Error> {
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
            Self::DeepFool(params) => Box::new(move |s| deepfool::search(s, params)),
            Self::Cw(params) => Box::new(move |s| cw::search(s, params, Distortion::Squared)),
            Self::CfL2(params) => Box::new(move |s| cw::search(s, params, Distortion::Length)),
            Self::CfL0(params) => Box::new(move |s| cf_l0::search(s, params)),
            Self::SparseFool(params) => Box::new(move |s| sparsefool::search(s, params)),
            Self::SigmaZero(params) => Box::new(move |s| sigma_zero::search(s, params)),
            Self::Jsma(params) => Box::new(move |s| jsma::search(s, params)),
            Self::Iap(params) | Self::IapSeg(params) => Box::new(move |s| iap::search(s, params)),
            Self::UapOverfire(_) => Box::new(fixed),
            Self::Kra(_) => return Err(Repr::Inside { found: "kra", known: Self::inside() }.into()),
        })
    }

    /// The names of the attacks that the Key Region Attack may hold.
    fn inside() -> String {
        let names = Self::ALL.iter().filter_map(|(name, _)| name.parse().ok()).filter(Self::can_be_held);
        names.map(|attack| attack.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether the Key Region Attack may hold this one: it descends the margin from the image that it is given.
    fn can_be_held(&self) -> bool {
        !matches!(self, Self::Kra(_) | Self::Iap(_) | Self::IapSeg(_) | Self::UapOverfire(_) | Self::Urn)
    }

    /// The name of the stream of random numbers: an attack inside another draws its own.
    fn stream(&self) -> &'static str {
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

    /// Runs the attack.
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
        let (attack, images) = (self.attack, samples.images);
        let regions = match attack {
            Attack::Kra(kra) => ascent.key_regions(images, &kra.layers)?,
            _ => vec![None; images.len()],
        };
        let mut searches = Vec::new();
        for (i, regions) in regions.iter().enumerate() {
            let (clean, rng) = (samples.image(i), samples.rng(i, attack.stream()));
            let mut start = Start { from: clean.clone(), clean, fresh: None, rng };
            if let Some(universal) = &self.universal {
                let label = ascent.label(i)?;
                let moved = start.clean.iter().zip(universal.of(label)).map(|(x, v)| (x + v).clamp(0.0, 1.0));
                start.from = moved.collect();
            }
            searches.push(match attack {
                Attack::Kra(params) => {
                    let inside = params.attack.searcher(self.eps)?;
                    kra::search(start, params, regions.clone(), inside)
                }
                attack => attack.searcher(self.eps)?(&start),
            });
        }
        let mut masks = Vec::new();
        if let Attack::IapSeg(_) = attack {
            let mask = |i| triangle(&mut samples.rng(i, "triangle"), images.height(), images.width());
            masks.extend((0..images.len()).map(mask));
        }
        let loss = match attack {
            Attack::Iap(_) => Loss::Activation,
            Attack::IapSeg(_) => Loss::Segmentation { masks: &masks, weight: iap::MASK_WEIGHT },
            _ => Loss::Margin,
        };
        let mut outcome = search::run(ascent, samples, criterion, loss, searches)?;
        if let Attack::Kra(_) = attack {
            let hidden = regions.iter().map(Option::is_none);
            outcome.found.iter_mut().zip(hidden).for_each(|(found, hidden)| found.zero_gradient |= hidden);
        }
        outcome.wanted_masks = masks;
        Ok(outcome)
    }
}

impl FromStr for Attack {
    type Err = Error;

    /// Reads `NAME` or `NAME(parameter=value,..)`, and for the Key Region Attack what it holds: `kra:deepfool`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let (own, held) = match text.split_once(':') {
            Some((own, held)) => (own.trim(), Some(held)),
            None => (text, None),
        };
        let (name, inside) = match own.split_once('(') {
            None => (own, ""),
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')').ok_or_else(|| Repr::Syntax { text: text.to_owned() })?;
                (name.trim(), inside)
            }
        };
        let Some(&(name, _)) = Self::ALL.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            return Err(Repr::UnknownAttack { name: name.to_owned(), known: known.join(", ") }.into());
        };
        if held.is_some() && name != "kra" {
            return Err(Repr::HoldsNone { attack: name }.into());
        }
        let mut p = Params::new(name, inside)?;
        let attack = match name {
            "fgsm" => Self::Fgsm,
            "i_fgsm" => Self::IFgsm(p.walk()?),
            "pgd" => Self::Pgd(p.walk()?),
            "mi_fgsm" => {
                let (walk, default) = (p.walk()?, MiFgsm::default());
                Self::MiFgsm(MiFgsm { walk, mu: p.number("mu", default.mu, 0.0..=1e3)? })
            }
            "apgd" => {
                let default = Apgd::default();
                let steps = p.count("steps", default.steps)?;
                Self::Apgd(Apgd { steps, rho: p.number("rho", default.rho, 0.0..=1.0)? })
            }
            "deepfool" => {
                let default = DeepFool::default();
                let norm = p.take("norm", "l2 or linf", default.norm, DeepFoolNorm::parse)?;
                let steps = p.count("steps", default.steps)?;
                let overshoot = p.number("overshoot", default.overshoot, 0.0..=10.0)?;
                Self::DeepFool(DeepFool { norm, steps, overshoot })
            }
            "cw" => Self::Cw(p.cw()?),
            "cf_l2" => Self::CfL2(p.cw()?),
            "cf_l0" => {
                let default = CfL0::default();
                Self::CfL0(CfL0 {
                    steps: p.count("steps", default.steps)?,
                    c: p.number("c", default.c, 1e-9..=1e9)?,
                    rate: p.number("rate", default.rate, 1e-6..=10.0)?,
                    freeze: p.number("freeze", default.freeze, 1e-3..=0.99)?,
                })
            }
            "sparsefool" => {
                let default = SparseFool::default();
                let steps = p.count("steps", default.steps)?;
                Self::SparseFool(SparseFool { steps, lambda: p.number("lambda", default.lambda, 1.0..=1e3)? })
            }
            "sigma_zero" => {
                let default = SigmaZero::default();
                Self::SigmaZero(SigmaZero {
                    steps: p.count("steps", default.steps)?,
                    sigma: p.number("sigma", default.sigma, 1e-9..=1.0)?,
                    tau: p.number("tau", default.tau, 0.0..=1.0)?,
                })
            }
            "jsma" => Self::Jsma(Jsma { steps: p.count("steps", Jsma::default().steps)? }),
            "kra" => {
                let attack: Self = held.unwrap_or("pgd").parse()?;
                if !attack.can_be_held() {
                    return Err(Repr::Inside { found: attack.name(), known: Self::inside() }.into());
                }
                let default = Kra::around(attack);
                let expected = "default or names of layers with + between them";
                Self::Kra(Kra {
                    rounds: p.count("rounds", default.rounds)?,
                    masking: p.take("mask", "inside or after", default.masking, Masking::parse)?,
                    layers: p.take("layers", expected, default.layers, KeyLayers::parse)?,
                    attack: default.attack,
                })
            }
            "iap" => Self::Iap(p.iap(Iap::CLASSIFICATION)?),
            "iap_seg" => Self::IapSeg(p.iap(Iap::SEGMENTATION)?),
            "uap_overfire" => {
                let default = UapOverfire::default();
                Self::UapOverfire(UapOverfire {
                    steps: p.count("steps", default.steps)?,
                    k: p.number("k", default.k, 1e-3..=1e3)?,
                    alpha: p.number("alpha", default.alpha, 1e-4..=2.0)?,
                    form: p.take("form", "plain or hinge", default.form, OverfireForm::parse)?,
                })
            }
            _ => Self::Urn,
        };
        p.finish()?;
        Ok(attack)
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Fgsm | Self::Urn => f.write_str(name),
            Self::IFgsm(walk) | Self::Pgd(walk) => write!(f, "{name}({walk})"),
            Self::MiFgsm(p) => write!(f, "{name}({},mu={})", p.walk, p.mu),
            Self::Apgd(p) => write!(f, "{name}(steps={},rho={})", p.steps, p.rho),
            Self::DeepFool(p) => {
                write!(f, "{name}(norm={},steps={},overshoot={})", p.norm, p.steps, p.overshoot)
            }
            Self::Cw(p) | Self::CfL2(p) => {
                write!(f, "{name}(steps={},searches={},c={},rate={})", p.steps, p.searches, p.c, p.rate)
            }
            Self::CfL0(p) => {
                write!(f, "{name}(steps={},c={},rate={},freeze={})", p.steps, p.c, p.rate, p.freeze)
            }
            Self::SparseFool(p) => write!(f, "{name}(steps={},lambda={})", p.steps, p.lambda),
            Self::SigmaZero(p) => write!(f, "{name}(steps={},sigma={},tau={})", p.steps, p.sigma, p.tau),
            Self::Jsma(p) => write!(f, "{name}(steps={})", p.steps),
            Self::Iap(p) | Self::IapSeg(p) => {
                write!(f, "{name}(steps={},alpha={},eps={})", p.steps, p.alpha, p.eps)
            }
            Self::UapOverfire(p) => {
                write!(f, "{name}(steps={},k={},alpha={},form={})", p.steps, p.k, p.alpha, p.form)
            }
            Self::Kra(p) => {
                write!(f, "{name}(rounds={},mask={},layers={}):{}", p.rounds, p.masking, p.layers, p.attack)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Attack;
    use crate::ErrorKind;

    #[test]
    fn texts_go_there_and_back() {
        for (name, _) in Attack::ALL {
            let attack: Attack = name.parse().unwrap();
            assert_eq!(attack.name(), *name);
            assert_eq!(attack.to_string().parse::<Attack>().unwrap(), attack);
        }
        let pgd: Attack = " pgd( steps = 40, alpha=1/255 ) ".parse().unwrap();
        assert_eq!(pgd.to_string(), "pgd(steps=40,alpha=1/255)");
    }

    #[test]
    fn a_container_names_what_it_holds() {
        let text =
            "kra(rounds=5,mask=after,layers=a.0.relu+b.conv2d):deepfool(norm=linf,steps=9,overshoot=0.02)";
        let kra: Attack = text.parse().unwrap();
        assert_eq!(kra.to_string(), text);
        assert!(!kra.takes_budget() && "kra".parse::<Attack>().unwrap().takes_budget());
        let default = "kra(rounds=20,mask=inside,layers=default):pgd(steps=10,alpha=eps/4)";
        assert_eq!("kra".parse::<Attack>().unwrap().to_string(), default);
    }

    #[test]
    fn lists_respect_parentheses() {
        let list = Attack::parse_list("fgsm, kra:pgd(steps=40,alpha=1/255),urn").unwrap();
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        let kra = "kra(rounds=20,mask=inside,layers=default):pgd(steps=40,alpha=1/255)";
        assert_eq!(texts, ["fgsm", kra, "urn"]);
        assert!(Attack::parse_list("fgsm,,urn").is_err());
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| text.parse::<Attack>().unwrap_err();
        let unknown = error("pdg").to_string();
        assert!(unknown.starts_with("there is no attack 'pdg': there are fgsm, i_fgsm, pgd"), "{unknown}");
        assert_eq!(error("fgsm(steps=3)").to_string(), "fgsm has no parameter 'steps': it has none");
        assert_eq!(error("pgd(mu=1)").to_string(), "pgd has no parameter 'mu': it has steps, alpha");
        assert_eq!(
            error("pgd(steps=0)").to_string(),
            "pgd: steps is a whole number from 1 to 1000000, found '0'"
        );
        assert_eq!(
            error("pgd:fgsm").to_string(),
            "pgd holds no other attack: only kra does, as in kra:deepfool"
        );
        assert!(error("kra:urn").to_string().starts_with("kra cannot hold urn: it holds one of fgsm"));
        for text in ["pgd(", "pgd(steps)", "pgd(steps=1,steps=2)", "", "pgd(alpha=eps/0)", "kra:kra", "kra:"]
        {
            assert_eq!(error(text).kind(), ErrorKind::Parse, "{text}");
        }
    }
}
