//! Lists and grids of attacks as text.

use crate::attack::Attack;
use crate::error::Error;

impl Attack {
    /// Reads attacks between commas, those inside parentheses apart; a parameter may have several values with `|`
    /// between them, and stands for an attack with each: `fgsm,pgd(steps=10|40,alpha=1/255)` is three.
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
        parts.iter().flat_map(|part| alternatives(part)).map(|text| text.parse()).collect()
    }
}

/// The texts that alternatives stand for, the last parameter changing first.
fn alternatives(text: &str) -> Vec<String> {
    let mut made = vec![String::new()];
    // A value ends where its parameter does.
    for piece in text.split_inclusive(['=', ',', '(', ')', ':']) {
        let end = piece.find([',', '(', ')', '=', ':']).unwrap_or(piece.len());
        let (value, closing) = piece.split_at(end);
        let add = |so_far: &String| {
            value.split('|').map(move |v| format!("{so_far}{v}{closing}")).collect::<Vec<_>>()
        };
        made = made.iter().flat_map(add).collect();
    }
    made
}

#[cfg(test)]
mod tests {
    use super::alternatives;
    use crate::attack::Attack;

    #[test]
    fn lists_respect_parentheses() {
        let list = Attack::parse_list("fgsm, kra:pgd(steps=40,alpha=1/255),urn").unwrap();
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        let kra = "kra(rounds=20,mask=inside,layers=default):pgd(steps=40,alpha=1/255)";
        assert_eq!(texts, ["fgsm", kra, "urn"]);
        assert!(Attack::parse_list("fgsm,,urn").is_err());
    }

    #[test]
    fn alternatives_are_a_grid() {
        assert_eq!(alternatives("pgd"), ["pgd"]);
        let grid = alternatives("kra(mask=inside|after):pgd(steps=1|20)");
        let expected = [
            "kra(mask=inside):pgd(steps=1)",
            "kra(mask=inside):pgd(steps=20)",
            "kra(mask=after):pgd(steps=1)",
            "kra(mask=after):pgd(steps=20)",
        ];
        assert_eq!(grid, expected);
        assert_eq!(Attack::parse_list("iap(steps=1|3|5),urn").unwrap().len(), 4);
        assert!(Attack::parse_list("iap(steps=1||5)").is_err(), "an empty value is no number");
    }
}
