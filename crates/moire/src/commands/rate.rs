use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use moire_rate::{
    Experiment, MatrixOpinion, RatePlan, Server, Settings, analyse, analyse_matrix, consent_templates,
    export, records, write_opinion,
};
use moire_study::{Opinion, OpinionScore, files};

use crate::cli::{RateArgs, RateCommand};
use crate::commands::report;
use crate::terminal::table;

pub(crate) fn run(args: &RateArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        RateCommand::Plan { study } => plan(study)?,
        RateCommand::Serve { study, listen, address, proxies } => {
            serve(study, *listen, address.as_deref(), *proxies)?;
        }
        RateCommand::Links { study, count, address } => links(study, *count as usize, address)?,
        RateCommand::Export { study, out } => exported(study, out.as_deref())?,
        RateCommand::Analyse { source, json } => analysed(source, *json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a plan and consent texts, over none that are there.
fn plan(study: &Path) -> anyhow::Result<()> {
    let records = records(study)?;
    let plan = RatePlan::proposed(&records);
    let path = Experiment::plan_path(study);
    let folder = path.parent().context("a plan lies in a folder")?;
    let texts = consent_templates().map(|(name, text)| (folder.join(name), text.to_owned()));
    let head =
        "# Which changes people are asked about, and how often. docs/rating.md says what each line does.\n\n";
    let files: Vec<(PathBuf, String)> =
        [(path.clone(), format!("{head}{}", plan.text()?))].into_iter().chain(texts).collect();
    if let Some((there, _)) = files.iter().find(|(path, _)| path.exists()) {
        bail!("{} is there already: edit it, or move it away", there.display());
    }
    for (path, text) in files {
        files::write(&path, text.as_bytes())?;
        println!("{}", path.display());
    }
    println!(
        "\n{} conditions. Take out what you do not want to ask about, fill in the consent texts, and look at it with\n  \
         moire rate serve {}",
        plan.condition.len(),
        study.display()
    );
    Ok(())
}

fn serve(study: &Path, listen: SocketAddr, address: Option<&str>, proxies: usize) -> anyhow::Result<()> {
    let experiment = Experiment::open_or_begin(study)?;
    let listener = TcpListener::bind(listen).with_context(|| format!("listening on {listen}"))?;
    let local = listener.local_addr()?;
    let address = address.map_or_else(|| format!("http://{local}"), str::to_owned);
    let (password, open_link) = (experiment.password(), experiment.open_link());
    let settings = Settings {
        address: address.clone(),
        proxies,
        clock: || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64),
        report: |error| eprintln!("error: {error}"),
    };
    let server = Server::new(experiment, &settings)?;
    println!(
        "listening on http://{local}\n\
         administrator   {address}/admin    password {password}\n\
         open link       {address}{open_link}\n\
         personal links  moire rate links {} --count N --address {address}",
        study.display()
    );
    if !local.ip().is_loopback() && !address.starts_with("https:") {
        eprintln!(
            "warning: this is plain HTTP, where everyone on the way reads links and answers; put a proxy that speaks \
             TLS before it, and give --address https://.."
        );
    }
    let (told, tell) = channel();
    ctrlc::set_handler(move || {
        // Asked twice, it does not wait: every answer that was confirmed is on the disk.
        if told.send(()).is_err() {
            std::process::exit(130);
        }
    })
    .context("watching for interrupts")?;
    // Either it was told, or nobody is left to tell it.
    server.run(listener, move || tell.recv().unwrap_or(()))?;
    Ok(())
}

fn links(study: &Path, count: usize, address: &str) -> anyhow::Result<()> {
    let links = Experiment::open_or_begin(study)?.links(count)?;
    println!("link,code");
    links.iter().for_each(|link| println!("{address}{},{}", link.path, link.code));
    Ok(())
}

fn exported(study: &Path, out: Option<&Path>) -> anyhow::Result<()> {
    let experiment = Experiment::open(study)?;
    let folder = out.map_or_else(|| study.join(moire_rate::FOLDER), Path::to_owned);
    let [csv, json] = export(&experiment)?;
    for (name, bytes) in [("answers.csv", csv), ("answers.json", json)] {
        files::write(&folder.join(name), &bytes)?;
        println!("{}", folder.join(name).display());
    }
    Ok(())
}

fn analysed(source: &Path, json: bool) -> anyhow::Result<()> {
    if !fs::metadata(source).with_context(|| source.display().to_string())?.is_dir() {
        let found = analyse_matrix(source)?;
        if json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            tell_matrix(&found);
        }
        return Ok(());
    }
    let opinion = analyse(&Experiment::open(source)?)?;
    let mut paths = write_opinion(source, &opinion)?;
    paths.extend(report::write(source)?.0);
    if json {
        println!("{}", serde_json::to_string_pretty(&opinion)?);
    } else {
        tell(&opinion, &paths);
    }
    Ok(())
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}

fn maybe(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), number)
}

fn interval(interval: Option<(f64, f64)>) -> String {
    interval.map_or("-".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}"))
}

/// The table of the experiment, best condition first or not: as the plan lists them.
fn tell(opinion: &Opinion, paths: &[PathBuf]) {
    let head = ["condition", "images", "scores", "MOS", "95 %", "modelled"].map(str::to_owned).to_vec();
    let row = |c: &moire_study::OpinionCondition| {
        let cells = c.score.as_ref().map_or_else(
            || ["0", "-", "-", "-"].map(str::to_owned),
            |s: &OpinionScore| {
                [s.scores.to_string(), number(s.mos), interval(s.interval), number(s.modelled)]
            },
        );
        [c.name.clone(), c.images.to_string()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = [head].into_iter().chain(opinion.conditions.iter().map(row)).collect();
    println!("{}\n", table(&rows));
    let c = &opinion.counted;
    println!(
        "{} scores by {} raters. Left out: {} in unfinished sets, {} in careless sets ({} traps and {} golden pairs \
         missed), {} by raters whom BT.500 rejects.",
        c.scores, c.raters, c.unfinished, c.careless, c.traps_missed, c.golden_missed, c.rejected
    );
    println!("Agreement of raters (Krippendorff's alpha): {}.", maybe(opinion.agreement));
    for c in opinion.correlations.iter().filter(|c| c.pearson.is_some()) {
        println!(
            "With {}: Pearson {}, Spearman {}, over {} images.",
            c.measure,
            maybe(c.pearson),
            maybe(c.spearman),
            c.images
        );
    }
    println!();
    paths.iter().for_each(|path| println!("{}", path.display()));
}

fn tell_matrix(found: &MatrixOpinion) {
    let head = ["stimulus", "scores", "mean", "95 %", "MOS (P.910)", "95 %"].map(str::to_owned).to_vec();
    let stimulus = |(i, s): (usize, &moire_rate::MatrixStimulus)| {
        vec![
            (i + 1).to_string(),
            s.scores.to_string(),
            number(s.mean),
            interval(s.mean_interval),
            number(s.mos),
            interval(s.mos_interval),
        ]
    };
    let stimuli = found.stimuli.iter().enumerate().map(stimulus);
    println!("{}\n", table(&[head].into_iter().chain(stimuli).collect::<Vec<_>>()));
    let head = ["rater", "scores", "bias", "inconsistency", "BT.500"].map(str::to_owned).to_vec();
    let rater = |(i, r): (usize, &moire_rate::MatrixRater)| {
        let verdict = if r.rejected { "rejected" } else { "kept" };
        vec![
            (i + 1).to_string(),
            r.scores.to_string(),
            number(r.bias),
            number(r.inconsistency),
            verdict.to_owned(),
        ]
    };
    let raters = found.raters.iter().enumerate().map(rater);
    println!("{}\n", table(&[head].into_iter().chain(raters).collect::<Vec<_>>()));
    println!("Agreement of raters (Krippendorff's alpha): {}.", maybe(found.agreement));
}
