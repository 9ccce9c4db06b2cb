use crate::summary::{Group, Kind, Share, Summary, Survival, Typical};
use crate::words::{count, duration, levels, number, percent, percent_or_dash};

/// A table as the template wants it. Sorting goes by [`Cell::sort`], which is not what is read.
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) caption: &'static str,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

pub(super) struct Column {
    pub(super) title: String,
    pub(super) numeric: bool,
}

#[derive(Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Smaller, beside the text.
    pub(super) note: String,
    pub(super) sort: String,
    pub(super) code: bool,
    pub(super) numeric: bool,
    /// Whether it is a time, which two runs of one study do not share.
    pub(super) time: bool,
    /// How much of the cell a bar fills, in per cent.
    pub(super) bar: Option<String>,
}

fn columns(titles: &[&'static str]) -> Vec<Column> {
    titles
        .iter()
        .enumerate()
        .map(|(i, title)| Column { title: (*title).to_owned(), numeric: i >= 2 })
        .collect()
}

pub(super) fn value(text: String, sort: f64) -> Cell {
    Cell { text, sort: format!("{sort:.6}"), numeric: true, ..Cell::default() }
}

pub(super) fn time(seconds: Option<f64>) -> Cell {
    Cell { time: true, ..maybe(seconds, duration) }
}

/// A number that may be undefined; what is undefined sorts last.
pub(super) fn maybe(number: Option<f64>, spell: impl Fn(f64) -> String) -> Cell {
    value(number.map_or_else(|| "–".to_owned(), spell), number.unwrap_or(f64::MAX))
}

fn names(g: &Group) -> [Cell; 2] {
    [
        Cell { text: g.subject.clone(), sort: g.subject.clone(), code: true, ..Cell::default() },
        Cell { text: g.label.clone(), sort: g.label.clone(), ..Cell::default() },
    ]
}

fn budget(g: &Group) -> Cell {
    match &g.eps {
        Some(b) => value(b.text().to_owned(), f64::from(b.eps().value())),
        None => value("none".to_owned(), -1.0),
    }
}

/// A share with its interval; the bar shows the share.
pub(super) fn share(s: Share, bar: bool) -> Cell {
    let interval = s.interval();
    Cell {
        text: percent_or_dash(s.value()),
        note: if s.of == 0 {
            String::new()
        } else {
            format!("{}–{}", percent(interval.low).trim_end_matches(['%', '\u{a0}']), percent(interval.high))
        },
        sort: format!("{:.6}", s.value().unwrap_or(2.0)),
        numeric: true,
        bar: s.value().filter(|_| bar).map(|v| format!("{:.1}", 100.0 * v)),
        ..Cell::default()
    }
}

pub(super) fn results(summary: &Summary) -> Table {
    let row = |g: &Group| {
        let lost = if g.flipped_float == 0 {
            value("–".to_owned(), 0.0)
        } else {
            value(format!("{} of {}", g.lost_by_saving, g.flipped_float), g.lost_by_saving as f64)
        };
        let mut images = value(g.after.of.to_string(), g.after.of as f64);
        if g.failed > 0 {
            images.note = format!("{} failed", g.failed);
        }
        let success = match g.kind {
            // The one does nothing, the other would have the decision stay.
            Kind::Clean | Kind::Mask => maybe(None, percent),
            _ => share(g.success, false),
        };
        let mut row = Vec::from(names(g));
        row.extend([
            budget(g),
            value(percent_or_dash(g.before.value()), g.before.value().unwrap_or(2.0)),
            share(g.after, true),
            success,
            lost,
            maybe(g.auc, |v| format!("{v:.3}")),
            images,
        ]);
        row
    };
    Table {
        id: "results-table",
        caption: "Accuracy and success of every attack, on the saved 8-bit files",
        columns: columns(&[
            "Detector",
            "Attack",
            "Budget",
            "Accuracy before",
            "Accuracy after",
            "Success rate",
            "Lost by saving",
            "AUC after",
            "Images",
        ]),
        rows: summary.groups.iter().map(row).collect(),
    }
}

pub(super) fn perceptibility(summary: &Summary) -> Table {
    let row = |g: &Group| {
        let (d, mean) = (g.median.filter(|_| g.kind != Kind::Clean)?, g.mean?);
        let both = |spell: fn(f64) -> String, value_of: fn(&Typical) -> f64| Cell {
            note: spell(value_of(&mean)),
            ..value(spell(value_of(&d)), value_of(&d))
        };
        let mut row = Vec::from(names(g));
        row.extend([
            budget(g),
            both(percent, |t| t.p_l0),
            both(levels, |t| t.rms),
            both(number, |t| t.l2),
            both(levels, |t| t.linf),
            // Without a change the ratio is infinite.
            value(d.psnr.map_or_else(|| "∞".to_owned(), number), d.psnr.unwrap_or(f64::MAX)),
            maybe(d.ssim, |v| format!("{v:.4}")),
        ]);
        Some(row)
    };
    Table {
        id: "perceptibility-table",
        caption: "How large the change is: medians over the images that were called correctly before, from the saved \
                  files; small figures are means",
        columns: columns(&[
            "Detector",
            "Attack",
            "Budget",
            "Pixels changed",
            "RMS, of 255",
            "L2 norm",
            "Largest, of 255",
            "PSNR, dB",
            "SSIM",
        ]),
        rows: summary.groups.iter().filter_map(row).collect(),
    }
}

/// None where no network draws masks.
pub(super) fn masks(summary: &Summary) -> Option<Table> {
    let two = |v: f64| format!("{v:.2}");
    let row = |g: &Group| {
        let m = g.masks.filter(|_| g.kind != Kind::Clean)?;
        let mut row = Vec::from(names(g));
        row.extend([
            budget(g),
            value(format!("{} of {}", m.stayed.hits, m.stayed.of), m.stayed.value().unwrap_or(2.0)),
            value(two(m.kept), m.kept),
            maybe(m.truth.map(|t| t[0]), two),
            maybe(m.truth.map(|t| t[1]), two),
            maybe(m.wanted, two),
            value(number(m.rmse_255), m.rmse_255),
        ]);
        Some(row)
    };
    let rows: Vec<_> = summary.groups.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Table {
        id: "masks-table",
        caption: "Mean overlap (intersection over union) of the masks of forgeries that were called fake before",
        columns: columns(&[
            "Detector",
            "Attack",
            "Budget",
            "Called fake still",
            "With the mask before",
            "True mask, before",
            "True mask, after",
            "With the wanted mask",
            "Mean RMS, of 255",
        ]),
        rows,
    })
}

/// None where nothing happened to files.
pub(super) fn survival(summary: &Summary) -> Option<Table> {
    let row = |s: &Survival| {
        let g = &summary.groups[s.group];
        let mut row = Vec::from(names(g));
        let survived = match g.kind {
            Kind::Clean | Kind::Mask => maybe(None, percent),
            _ => share(s.survived, true),
        };
        row.extend([
            budget(g),
            Cell { text: s.transform.clone(), sort: s.transform.clone(), code: true, ..Cell::default() },
            value(percent_or_dash(g.after.value()), g.after.value().unwrap_or(2.0)),
            share(s.after, false),
            survived,
        ]);
        row
    };
    let rows: Vec<_> = summary.survivals.iter().map(row).collect();
    let mut columns = columns(&[
        "Detector",
        "Attack",
        "Budget",
        "What happens",
        "Accuracy as saved",
        "Accuracy after it",
        "Successes that survive",
    ]);
    columns[3].numeric = false;
    (!rows.is_empty()).then_some(Table {
        id: "survival-table",
        caption: "What is left of each attack when something happens to its files",
        columns,
        rows,
    })
}

pub(super) fn cost(summary: &Summary) -> Table {
    let attack = |chunk: &[Group]| {
        let images: u64 = chunk.iter().map(|g| g.after.of).sum();
        let each = |f: fn(&Group) -> f64| {
            (images > 0).then(|| chunk.iter().map(|g| f(g) * g.after.of as f64).sum::<f64>() / images as f64)
        };
        let seconds: f64 = chunk.iter().map(|g| g.seconds).sum();
        let mut row = Vec::from(names(&chunk[0]));
        row.extend([
            value(images.to_string(), images as f64),
            time((images > 0).then(|| seconds / images as f64)),
            maybe(each(|g| g.steps), number),
            maybe(each(|g| g.gradients), number),
            maybe(each(|g| g.queries), number),
            time(Some(seconds)),
        ]);
        row
    };
    Table {
        id: "cost-table",
        caption: "What each attack cost, over all budgets",
        columns: columns(&[
            "Detector",
            "Attack",
            "Images attacked",
            "Time an image",
            "Steps an image",
            "Gradients an image",
            "Queries an image",
            "Time in all",
        ]),
        rows: summary.groups.chunk_by(|a, b| a.is_at(b) && a.is_attack_of(b)).map(attack).collect(),
    }
}

/// `64 images (32 fake, 32 real)`.
pub(super) fn images(summary: &Summary) -> String {
    format!(
        "{} ({} fake, {} real)",
        count(summary.images, "image"),
        summary.fakes,
        summary.images - summary.fakes
    )
}
