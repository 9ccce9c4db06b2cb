/// The lines by which two texts differ, `-` before what was and `+` before what is, at most twenty of them.
pub(super) fn difference(old: &str, new: &str) -> String {
    const MOST: usize = 20;
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // The longest common subsequence: `common[i][j]` of what follows line i of the old and line j of the new text.
    let mut common = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("  - {}", old[i]));
            i += 1;
        } else {
            lines.push(format!("  + {}", new[j]));
            j += 1;
        }
    }
    let more = lines.len().saturating_sub(MOST);
    lines.truncate(MOST);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn only_what_changed_is_shown() {
        let old = "seed = 0\ncriterion = \"saved\"\nmethod = [\"fgsm\"]";
        let new = "seed = 1\ncriterion = \"saved\"\nmethod = [\"fgsm\"]\nlimit = 3";
        assert_eq!(difference(old, new), "  - seed = 0\n  + seed = 1\n  + limit = 3");
        assert_eq!(difference(old, old), "");
        let long: Vec<String> = (0..50).map(|i| i.to_string()).collect();
        assert!(difference("", &long.join("\n")).ends_with("  + 19\n  and 30 more"));
    }
}
