use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use moire_cpu::Cpu;
use moire_face::{Face, FaceFinder, Framing, Search};
use moire_image::{Picture, encode_png};
use moire_study::{Photograph, files, photographs};

use crate::cli::FacesArgs;
use crate::terminal::one_line;

/// Where crops go, and what they are.
struct Cutter<'a> {
    framing: Framing,
    size: usize,
    out: &'a Path,
}

/// What came of one photograph.
struct Found {
    width: usize,
    height: usize,
    /// Each face with the file of its crop, where one was asked for.
    faces: Vec<(Face, Option<PathBuf>)>,
}

pub(crate) fn run(args: &FacesArgs) -> anyhow::Result<ExitCode> {
    let search = Search { score: args.score, smallest: args.smallest, ..Search::default() };
    let model = args.finder.load()?;
    let mut finder = FaceFinder::new(&Cpu::new(args.common.threads), &model.network, search)?;
    let cutter = match (args.crop, &args.out) {
        (Some(framing), Some(out)) => Some(Cutter { framing, size: args.size.into(), out }),
        _ => None,
    };
    let (mut named, mut failed) = (Vec::new(), 0);
    let mut fail = |file: &Path, error: &anyhow::Error| {
        failed += 1;
        if args.common.json {
            println!("{}", serde_json::json!({"file": file, "error": one_line(error)}));
        }
        eprintln!("error: {}", one_line(error));
    };
    for path in &args.photographs {
        match photographs(path) {
            Ok(inside) => named.extend(inside),
            Err(error) => fail(path, &error.into()),
        }
    }
    if cutter.is_some() {
        distinct("crops", &named)?;
    }
    let (mut done, mut count) = (0, 0);
    for photograph in &named {
        match look(&mut finder, photograph, cutter.as_ref()) {
            Ok(found) => {
                done += 1;
                count += found.faces.len();
                if args.common.json {
                    println!("{}", as_json(&photograph.path, &found));
                } else {
                    tell(&photograph.path, &found);
                }
            }
            Err(error) => fail(&photograph.path, &error),
        }
    }
    if done == 0 {
        bail!("none of the photographs could be read");
    }
    if !args.common.json && done + failed > 1 {
        println!("{} in {}", counted(count, "face"), counted(done, "photograph"));
    }
    if failed > 0 {
        eprintln!("{} could not be read", counted(failed, "photograph"));
        return Ok(ExitCode::from(3));
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses photographs whose results, called `what`, would have one name.
pub(crate) fn distinct(what: &str, named: &[Photograph]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<String, &Path> = BTreeMap::new();
    for photograph in named {
        let name = photograph.name.to_string_lossy().to_lowercase();
        if let Some(first) = seen.insert(name, &photograph.path) {
            let (first, second) = (first.display(), photograph.path.display());
            bail!(
                "the {what} of {first} and {second} would have one name: give one folder above both, or run twice"
            );
        }
    }
    Ok(())
}

fn look(
    finder: &mut FaceFinder,
    photograph: &Photograph,
    cutter: Option<&Cutter<'_>>,
) -> anyhow::Result<Found> {
    let picture = photograph.read()?;
    let faces = finder.find(&picture)?;
    let mut found = Found { width: picture.width(), height: picture.height(), faces: Vec::new() };
    for (i, face) in faces.into_iter().enumerate() {
        let file = cutter.map(|c| c.cut(&picture, &face, photograph, i + 1)).transpose()?;
        found.faces.push((face, file));
    }
    Ok(found)
}

impl Cutter<'_> {
    /// Saves a face's crop, and says where.
    fn cut(
        &self,
        picture: &Picture,
        face: &Face,
        from: &Photograph,
        number: usize,
    ) -> anyhow::Result<PathBuf> {
        let crop = self.framing.crop(face, [picture.height(), picture.width()], self.size);
        let pixels =
            crop.and_then(|crop| crop.cut(picture)).with_context(|| from.path.display().to_string())?;
        let mut name = from.name.clone().into_os_string();
        name.push(format!("-{number}.png"));
        let file = self.out.join(name);
        files::write(&file, &encode_png(&Picture::from_images(&pixels, 0)))?;
        Ok(file)
    }
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn tell(path: &Path, found: &Found) {
    let point = |[x, y]: [f32; 2]| format!("({x:.0}, {y:.0})");
    println!(
        "{}: {} x {}, {}",
        path.display(),
        found.width,
        found.height,
        counted(found.faces.len(), "face")
    );
    for (i, (face, file)) in found.faces.iter().enumerate() {
        let b = face.bounds;
        let [left, right, nose, low_left, low_right] = face.landmarks.map(point);
        println!(
            "  {}  score {:.3}  box {} to {}  eyes {left} {right}  nose {nose}  mouth {low_left} {low_right}",
            i + 1,
            face.score,
            point([b.left, b.top]),
            point([b.right, b.bottom]),
        );
        if let Some(file) = file {
            println!("     {}", file.display());
        }
    }
}

fn as_json(path: &Path, found: &Found) -> serde_json::Value {
    let face = |(face, file): &(Face, Option<PathBuf>)| {
        let b = face.bounds;
        let mut json = serde_json::json!({
            "box": [b.left, b.top, b.right, b.bottom],
            "score": face.score,
            "landmarks": face.landmarks,
        });
        if let Some(file) = file {
            json["crop"] = serde_json::json!(file);
        }
        json
    };
    serde_json::json!({
        "file": path,
        "width": found.width,
        "height": found.height,
        "faces": found.faces.iter().map(face).collect::<Vec<_>>(),
    })
}
