//! Attacks as text and back.

use std::fmt;
use std::str::FromStr;

use crate::apgd::Apgd;
use crate::attack::Attack;
use crate::cf_l0::CfL0;
use crate::cw::Cw;
use crate::deepfool::DeepFool;
use crate::error::{Error, Repr};
use crate::fmn::Fmn;
use crate::gd_uap::GdUap;
use crate::iap::{Iap, IapSeg};
use crate::jsma::Jsma;
use crate::kra::Kra;
use crate::mi_fgsm::MiFgsm;
use crate::params::Params;
use crate::sigma_zero::SigmaZero;
use crate::sparsefool::SparseFool;
use crate::square::Square;
use crate::uap::Uap;
use crate::uap_overfire::UapOverfire;

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
        let mut parameters = Params::new(name, inside)?;
        let p = &mut parameters;
        let attack = match name {
            "fgsm" => Self::Fgsm,
            "i_fgsm" => Self::IFgsm(p.walk()?),
            "pgd" => Self::Pgd(p.walk()?),
            "mi_fgsm" => Self::MiFgsm(MiFgsm::read(p)?),
            "apgd" => Self::Apgd(Apgd::read(p)?),
            "deepfool" => Self::DeepFool(DeepFool::read(p)?),
            "fmn" => Self::Fmn(Fmn::read(p)?),
            "cw" => Self::Cw(Cw::read(p)?),
            "cf_l2" => Self::CfL2(Cw::read(p)?),
            "cf_l0" => Self::CfL0(CfL0::read(p)?),
            "sparsefool" => Self::SparseFool(SparseFool::read(p)?),
            "sigma_zero" => Self::SigmaZero(SigmaZero::read(p)?),
            "jsma" => Self::Jsma(Jsma::read(p)?),
            "square" => Self::Square(Square::read(p)?),
            "kra" => {
                let attack: Self = held.unwrap_or("pgd").parse()?;
                if !attack.can_be_held() {
                    return Err(Repr::Inside { found: attack.name(), known: Self::inside() }.into());
                }
                Self::Kra(Kra::read(p, attack)?)
            }
            "iap" => Self::Iap(Iap::read(p)?),
            "iap_seg" => Self::IapSeg(IapSeg::read(p)?),
            "uap_overfire" => Self::UapOverfire(UapOverfire::read(p)?),
            "gd_uap" => Self::GdUap(GdUap::read(p)?),
            "uap" => Self::Uap(Uap::read(p)?),
            "universal" => {
                let expected = "the path of a safetensors file, without commas and brackets";
                let path = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                Self::Universal(p.needed("file", expected, path)?)
            }
            _ => Self::Urn,
        };
        parameters.finish()?;
        Ok(attack)
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::Fgsm | Self::Urn => f.write_str(name),
            Self::IFgsm(p) | Self::Pgd(p) => write!(f, "{name}({p})"),
            Self::MiFgsm(p) => write!(f, "{name}({p})"),
            Self::Apgd(p) => write!(f, "{name}({p})"),
            Self::DeepFool(p) => write!(f, "{name}({p})"),
            Self::Fmn(p) => write!(f, "{name}({p})"),
            Self::Cw(p) | Self::CfL2(p) => write!(f, "{name}({p})"),
            Self::CfL0(p) => write!(f, "{name}({p})"),
            Self::SparseFool(p) => write!(f, "{name}({p})"),
            Self::SigmaZero(p) => write!(f, "{name}({p})"),
            Self::Jsma(p) => write!(f, "{name}({p})"),
            Self::Square(p) => write!(f, "{name}({p})"),
            Self::Kra(p) => write!(f, "{name}({p}):{}", p.attack),
            Self::Iap(p) => write!(f, "{name}({p})"),
            Self::IapSeg(p) => write!(f, "{name}({p})"),
            Self::UapOverfire(p) => write!(f, "{name}({p})"),
            Self::GdUap(p) => write!(f, "{name}({p})"),
            Self::Uap(p) => write!(f, "{name}({p})"),
            Self::Universal(file) => write!(f, "{name}(file={file})"),
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
            let text = if *name == "universal" { "universal(file=a/b.safetensors)" } else { name };
            let attack: Attack = text.parse().unwrap();
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
        assert_eq!(
            error("universal").to_string(),
            "universal: file is the path of a safetensors file, without commas and brackets, found ''"
        );
        assert!(error("kra:urn").to_string().starts_with("kra cannot hold urn: it holds one of fgsm"));
        for text in ["pgd(", "pgd(steps)", "pgd(steps=1,steps=2)", "", "pgd(alpha=eps/0)", "kra:kra", "kra:"]
        {
            assert_eq!(error(text).kind(), ErrorKind::Parse, "{text}");
        }
    }
}
