//! `moire demo`: both things that moire does, on what comes with it, and one page that shows them.

mod detectors;
mod page;
mod photographs;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use moire_cpu::Cpu;
use moire_study::files;

use self::page::Page;
use crate::cli::DemoArgs;
use crate::commands::samples;

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let (out, start) = (args.out.as_path(), Instant::now());
    println!(
        "This protects two photographs from four editors, then attacks three detectors. All of them, and the faces, come \
         with moire; nobody's photograph is among them.\n"
    );
    samples::write(&out.join("samples"))?;
    let device = Cpu::new(0);
    let shields = photographs::protect(&device, out)?;
    let flips = detectors::attack(out)?;
    let page = Page::new(&shields, &flips).to_html()?;
    let path = out.join("report.html");
    files::write(&path, page.as_bytes())?;
    tell(&shields, &flips);
    println!(
        "\n{} shows it, after {:.0} s. Open it in a browser.",
        full(&path)?,
        start.elapsed().as_secs_f64()
    );
    println!(
        "\nGo on with\n  moire audit xception --data {0}/samples/swap\n  moire protect PHOTOGRAPHS --attributes Young\n  \
         moire --help",
        out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// What came out, in a line each.
fn tell(shields: &[photographs::Shield], flips: &[detectors::Flip]) {
    for shield in shields {
        println!("{}: {}", shield.name, shield.verdict());
    }
    for flip in flips {
        println!("{}: {} finds it {} after {}", flip.image, flip.detector, flip.decided, flip.attack);
    }
}

/// The path as a browser takes it from anywhere.
fn full(path: &Path) -> anyhow::Result<String> {
    let path = path.canonicalize().with_context(|| path.display().to_string())?;
    Ok(path.display().to_string())
}
