//! How numbers and attacks are spelt for people: once, so that a sentence and a table cannot disagree.

/// A no-break space: a number and its unit stay on one line.
pub(crate) const SPACE: char = '\u{a0}';

/// `97 %`; one digit more where rounding would claim all or nothing.
pub(crate) fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if (0.0 < value && value < 1.0) || (99.0 < value && value < 100.0) {
        format!("{:.1}{SPACE}%", value.clamp(0.1, 99.9))
    } else {
        format!("{value:.0}{SPACE}%")
    }
}

/// A share that may be undefined.
pub(crate) fn percent_or_dash(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

/// Three significant digits, without an exponent for what people read: `0.0123`, `4.56`, `789`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size == 0.0 => "0".to_owned(),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ if size >= 1.0 => format!("{value:.2}"),
        _ if size >= 0.1 => format!("{value:.3}"),
        _ if size >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// A change on the scale of pixels, in steps of 255.
pub(crate) fn levels(value: f64) -> String {
    format!("{:.2}", 255.0 * value)
}

/// The same without zeros at its end.
pub(crate) fn short_levels(value: f64) -> String {
    levels(value).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2.4 s`, `310 ms`, `5 min`, `2.1 h`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2}{SPACE}ms", s * 1e3),
        s if s < 1.0 => format!("{:.0}{SPACE}ms", s * 1e3),
        s if s < 90.0 => format!("{s:.1}{SPACE}s"),
        s if s < 5400.0 => format!("{:.0}{SPACE}min", s / 60.0),
        s => format!("{:.1}{SPACE}h", s / 3600.0),
    }
}

/// `1 image`, `3 images`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{n}{SPACE}{one}{}", if n == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The name of an attack without its parameters: `pgd` of `pgd(steps=10)`, `kra:pgd` of `kra(rounds=20):pgd(steps=10)`.
pub(crate) fn attack_name(attack: &str) -> String {
    let own = attack.split('(').next().unwrap_or(attack);
    match attack.split_once("):") {
        Some((_, held)) => format!("{own}:{}", attack_name(held)),
        None => own.to_owned(),
    }
}

/// The parameters of an attack with their values: `[(steps, 10), (alpha, eps/4)]` of `pgd(steps=10,alpha=eps/4)`, those of
/// an attack that another holds after its own.
fn parameters(attack: &str) -> Vec<(&str, &str)> {
    let pieces = attack.split(['(', ')']).skip(1).step_by(2);
    pieces.flat_map(|piece| piece.split(',')).filter_map(|pair| pair.split_once('=')).collect()
}

/// The parameters that tell an attack from `others` of the same name: `linf, steps=40`, for a word says itself what it is
/// of; nothing where none does.
pub(crate) fn distinction(attack: &str, others: &[&str]) -> String {
    let own = parameters(attack);
    let differs = |place: &usize| others.iter().any(|other| parameters(other).get(*place) != own.get(*place));
    let told = |place: usize| {
        let (name, value) = own[place];
        let is_word =
            value.chars().all(|c| c.is_ascii_alphanumeric()) && value.starts_with(char::is_alphabetic);
        if is_word { value.to_owned() } else { format!("{name}={value}") }
    };
    (0..own.len()).filter(differs).map(told).collect::<Vec<_>>().join(", ")
}

/// What people call an attack.
pub(crate) fn attack_title(name: &str) -> String {
    if let Some((own, held)) = name.split_once(':') {
        return format!("{} with {}", attack_title(own), attack_title(held));
    }
    let title = match name {
        "clean" => "unchanged",
        "urn" => "random noise",
        "fgsm" => "FGSM",
        "i_fgsm" => "I-FGSM",
        "mi_fgsm" => "MI-FGSM",
        "pgd" => "PGD",
        "apgd" => "APGD",
        "kra" => "KRA",
        "iap" => "IAP",
        "iap_seg" => "IAP on the mask",
        "uap_overfire" => "UAP by over-firing",
        "gd_uap" => "GD-UAP",
        "uap" => "UAP of images",
        "universal" => "UAP from a file",
        "square" => "Square",
        "fmn" => "FMN",
        "deepfool" => "DeepFool",
        "sparsefool" => "SparseFool",
        "sigma_zero" => "sigma-zero",
        "jsma" => "JSMA",
        "cw" => "C&W L2",
        "cf_l2" => "Carlini-Farid L2",
        "cf_l0" => "Carlini-Farid L0",
        other => other,
    };
    title.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{attack_name, attack_title, distinction, duration, list, number, percent, short_levels};

    #[test]
    fn attacks_are_told_apart_by_what_differs() {
        let all = ["deepfool(norm=l2,steps=50)", "deepfool(norm=linf,steps=50)"];
        assert_eq!(distinction(all[1], &all), "linf");
        let all =
            ["kra(rounds=20):pgd(steps=10)", "kra(rounds=20):pgd(steps=40)", "kra(rounds=5):pgd(steps=10)"];
        assert_eq!(distinction(all[1], &all), "rounds=20, steps=40");
        assert_eq!(
            (distinction("pgd", &["pgd"]), short_levels(10.0 / 255.0)),
            (String::new(), "10".to_owned())
        );
    }

    #[test]
    fn a_container_is_called_by_what_it_holds() {
        let name = attack_name("kra(rounds=20,mask=inside,layers=default):deepfool(norm=l2)");
        assert_eq!((name.as_str(), attack_title(&name).as_str()), ("kra:deepfool", "KRA with DeepFool"));
        assert_eq!(attack_name("pgd(steps=10)"), "pgd");
    }

    #[test]
    fn rounding_never_claims_all_or_nothing() {
        let spelt = [0.0, 0.000_1, 0.004, 0.03, 0.5, 0.97, 0.996, 0.999_99, 1.0].map(percent);
        let plain = spelt.map(|s| s.replace('\u{a0}', " "));
        assert_eq!(plain, ["0 %", "0.1 %", "0.4 %", "3 %", "50 %", "97 %", "99.6 %", "99.9 %", "100 %"]);
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(
            [0.0, 0.001_234, 0.0123, 0.5, 4.567, 48.21, 789.1].map(number),
            ["0", "1.23e-3", "0.0123", "0.500", "4.57", "48.2", "789"]
        );
        assert_eq!(duration(0.31).replace('\u{a0}', " "), "310 ms");
    }

    #[test]
    fn lists_read_as_sentences() {
        let parts = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!([0, 1, 2, 3].map(|n| list(&parts(n))), ["", "0", "0 and 1", "0, 1 and 2"]);
    }
}
