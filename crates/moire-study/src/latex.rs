//! What a study comes to as LaTeX tables for a paper: what `tables.tex` holds. They need the package `booktabs`.

use crate::reproduce::PaperTable;
use crate::summary::{Group, Kind, Share, Summary};
use crate::words::number;

/// The tables of results, of transfers and of what survives, each where there is one.
pub fn tables(summary: &Summary) -> String {
    let mut text = "% Made by moire. In the preamble: \\usepackage{booktabs}\n".to_owned();
    text += &results(summary);
    if !summary.transfers.is_empty() {
        text += &transfers(summary);
    }
    if !summary.survivals.is_empty() {
        text += &survivals(summary);
    }
    text
}

/// The tables of a paper, what was published beside what was measured here.
pub fn paper(name: &str, tables: &[PaperTable]) -> String {
    let mut text = "% Made by moire. In the preamble: \\usepackage{booktabs}\n".to_owned();
    for (i, t) in tables.iter().enumerate() {
        let head: Vec<String> = t.head.iter().map(|h| escaped(h)).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows: Vec<Vec<String>> =
            t.rows.iter().map(|row| row.iter().map(|c| escaped(c)).collect()).collect();
        let notes = t.notes.iter().map(|n| escaped(n)).collect::<Vec<_>>().join(" ");
        let caption = format!("{}. {notes}", escaped(&t.title));
        text += &table(&format!("{name}-{}", i + 1), caption.trim(), &head, 0, &rows);
    }
    text
}

/// One table: `numbers` of its last columns are flushed right.
pub(crate) fn table(
    label: &str,
    caption: &str,
    head: &[&str],
    numbers: usize,
    rows: &[Vec<String>],
) -> String {
    let words = head.len().saturating_sub(numbers);
    let line = |cells: &[String]| cells.join(" & ") + " \\\\\n";
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let mut text = format!(
        "\n\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n\\label{{tab:{label}}}\n\\begin{{tabular}}{{@{{}}{}{}@{{}}}}\n\\toprule\n{}\\midrule\n",
        "l".repeat(words),
        "r".repeat(numbers),
        line(&head)
    );
    rows.iter().for_each(|row| text += &line(row));
    text += "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
    text
}

/// A text as LaTeX prints it.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '\u{a0}' => out.push('~'),
            '–' => out += "--",
            c => out.push(c),
        }
    }
    out
}

fn percent(share: Share) -> String {
    share.value().map_or_else(|| "--".to_owned(), |v| format!("{:.1}", 100.0 * v))
}

/// `94.1 {\scriptsize [87.0, 97.4]}`
fn interval(share: Share) -> String {
    let i = share.interval();
    match share.value() {
        Some(_) => {
            format!("{} {{\\scriptsize [{:.1}, {:.1}]}}", percent(share), 100.0 * i.low, 100.0 * i.high)
        }
        None => "--".to_owned(),
    }
}

fn budget(g: &Group) -> String {
    g.eps.as_ref().map_or_else(|| "--".to_owned(), |b| format!("${}$", b.text()))
}

fn results(summary: &Summary) -> String {
    let row = |g: &Group| {
        let mean = |value: fn(&crate::summary::Typical) -> f64| {
            g.mean.as_ref().map_or_else(|| "--".to_owned(), |m| number(value(m)))
        };
        vec![
            escaped(&g.subject),
            escaped(&g.label),
            budget(g),
            percent(g.before),
            interval(g.after),
            interval(g.success),
            mean(|m| 100.0 * m.p_l0),
            mean(|m| 255.0 * m.rms),
        ]
    };
    let rows: Vec<_> = summary.groups.iter().filter(|g| g.kind != Kind::Clean).map(row).collect();
    let of: Vec<String> =
        summary.networks.iter().map(|n| format!("{} on {}", n.clean.of, n.subject)).collect();
    let caption = format!(
        "Accuracy before and after attacks and attack success rate (ASR), in per cent, judged on saved 8-bit files; 95\\,\\% \
         Wilson intervals in brackets. Images: {}. $P_{{L0}}$ is the share of pixels changed and RMS the root mean squared change \
         in steps of 255, means over images called correctly before.",
        escaped(&of.join(", "))
    );
    let head = ["Detector", "Attack", "$\\varepsilon$", "Clean", "Attacked", "ASR", "$P_{L0}$ (\\%)", "RMS"];
    table("results", &caption, &head, 5, &rows)
}

fn transfers(summary: &Summary) -> String {
    let mut rows = Vec::new();
    for (t, cell) in summary.transfers.iter().flat_map(|t| t.cells.iter().map(move |c| (t, c))) {
        rows.push(vec![
            escaped(&t.label),
            t.eps.as_ref().map_or_else(|| "--".to_owned(), |b| format!("${}$", b.text())),
            escaped(&cell.origin),
            escaped(&cell.target),
            percent(cell.before),
            percent(cell.after),
            interval(cell.success),
            cell.ratio().map_or_else(|| "--".to_owned(), |r| format!("{r:.2}")),
        ]);
    }
    let caption = "Transfer: files made for one detector, judged by another. ASR counts images that both called correctly \
                   before; the attack transfer ratio (ATR) is it over the ASR at home.";
    let head = ["Attack", "$\\varepsilon$", "Made for", "Judged by", "Clean", "Attacked", "ASR", "ATR"];
    table("transfer", caption, &head, 4, &rows)
}

fn survivals(summary: &Summary) -> String {
    let attacked = summary.survivals.iter().filter(|s| summary.groups[s.group].kind != Kind::Clean);
    let mut rows = Vec::new();
    for s in attacked {
        let g = &summary.groups[s.group];
        let what = format!("\\texttt{{{}}}", escaped(&s.transform));
        rows.push(vec![
            escaped(&g.subject),
            escaped(&g.label),
            budget(g),
            what,
            percent(g.after),
            percent(s.after),
            interval(s.survived),
        ]);
    }
    let caption = "What survives: accuracy on the changed files as saved and after what happens to files, and the share of \
                   successes that survive it, in per cent.";
    let head = ["Detector", "Attack", "$\\varepsilon$", "What happens", "Saved", "After it", "Surviving"];
    table("survival", caption, &head, 3, &rows)
}

#[cfg(test)]
mod tests {
    use super::{escaped, table};

    #[test]
    fn a_table_is_one_that_booktabs_takes() {
        let text = table("t", "A caption", &["a", "b"], 1, &[vec!["x".to_owned(), "1".to_owned()]]);
        for part in [
            "\\begin{tabular}{@{}lr@{}}",
            "\\toprule\na & b \\\\\n\\midrule\nx & 1 \\\\\n\\bottomrule",
            "\\label{tab:t}",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(
            escaped("50 % of a_b\\c~{x}"),
            "50 \\% of a\\_b\\textbackslash{}c\\textasciitilde{}\\{x\\}"
        );
    }
}
