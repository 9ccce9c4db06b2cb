use crate::summary::{Carried, Group, Kind, Share, Summary, Transfer};
use crate::words::{percent, percent_or_dash};

/// What the files of each network do to each, under one attack and budget.
pub(super) struct Matrix<'a> {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) attack: &'a str,
    pub(super) budget: String,
    pub(super) networks: Vec<&'a str>,
    pub(super) rows: Vec<Row<'a>>,
}

pub(super) struct Row<'a> {
    pub(super) origin: &'a str,
    pub(super) cells: Vec<Cell>,
}

pub(super) struct Cell {
    /// The success rate.
    pub(super) text: String,
    /// Its interval.
    pub(super) interval: String,
    /// The transfer ratio.
    pub(super) ratio: String,
    /// How dark it is, from 0 to 10.
    pub(super) shade: u32,
    /// On the network that the files were made for.
    pub(super) home: bool,
}

pub(super) fn matrices<'s>(summary: &'s Summary) -> Vec<Matrix<'s>> {
    let mut networks: Vec<&str> = summary.networks.iter().map(|n| n.name.as_str()).collect();
    networks.dedup();
    let several = summary.networks.iter().any(|n| n.data != summary.networks[0].data);
    let one = |(index, transfer): (usize, &'s Transfer)| {
        let own = |g: &&Group| transfer.is_of(g);
        let home = |name: &str| summary.groups.iter().filter(own).find(|g| g.network == name);
        let away = |origin: &str, target: &str| {
            transfer.cells.iter().find(|c| c.origin == origin && c.target == target)
        };
        let at = |origin: &str, target: &str| {
            if origin == target {
                return cell(home(origin).map_or_else(Share::default, |g| g.success), None, true);
            }
            let carried = away(origin, target);
            let success = carried.map_or_else(Share::default, |c| c.success);
            cell(success, carried.and_then(Carried::ratio), false)
        };
        let cells = |origin: &str| networks.iter().map(|target| at(origin, target)).collect();
        let budget = transfer.eps.as_ref().map_or_else(|| "no budget".to_owned(), |b| b.text().to_owned());
        let data = if several { format!(" · {}", transfer.data) } else { String::new() };
        Matrix {
            id: format!("transfer{index}"),
            title: format!("{} · {budget}{data}", transfer.label),
            attack: &transfer.label,
            budget,
            // A network without the attack has no files to show.
            rows: networks
                .iter()
                .filter(|origin| home(origin).is_some())
                .map(|&origin| Row { origin, cells: cells(origin) })
                .collect(),
            networks: networks.clone(),
        }
    };
    // A forged mask is to leave decisions as they are: its success is none that could carry over.
    summary.transfers.iter().filter(|t| t.kind != Kind::Mask).enumerate().map(one).collect()
}

fn cell(success: Share, ratio: Option<f64>, home: bool) -> Cell {
    let interval = success.interval();
    let (low, high) = (percent(interval.low), percent(interval.high));
    Cell {
        text: percent_or_dash(success.value()),
        interval: if success.of == 0 {
            String::new()
        } else {
            format!("{}–{high}", low.trim_end_matches(['%', '\u{a0}']))
        },
        ratio: if home {
            "itself".to_owned()
        } else {
            ratio.map_or_else(|| "–".to_owned(), |r| format!("ratio {r:.2}"))
        },
        shade: (10.0 * success.value().unwrap_or(0.0)).round() as u32,
        home,
    }
}
