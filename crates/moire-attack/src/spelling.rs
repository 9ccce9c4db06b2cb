//! Attacks as text and back.

use std::fmt;
use std::str::FromStr;

use crate::apgd::Apgd;
use crate::attack::Attack;
use crate::cf_l0::CfL0;
use crate::deepfool::{DeepFool, DeepFoolNorm};
use crate::error::{Error, Repr};
use crate::iap::Iap;
use crate::jsma::Jsma;
use crate::kra::{Kra, Masking};
use crate::layers::KeyLayers;
use crate::loss::OverfireForm;
use crate::mi_fgsm::MiFgsm;
use crate::params::Params;
use crate::sigma_zero::SigmaZero;
use crate::sparsefool::SparseFool;
use crate::universal::UapOverfire;

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
