use std::path::Path;
use std::process::ExitCode;

use moire_embedded::{ATTRIBUTES, Forged, SampleFace, faces};
use moire_study::files;
use serde_json::json;

use crate::cli::SamplesArgs;

pub(crate) fn run(args: &SamplesArgs) -> anyhow::Result<ExitCode> {
    write(&args.out)?;
    let (many, out) = (faces().len(), args.out.display());
    if args.json {
        println!(
            "{}",
            json!({"folder": args.out, "faces": many, "attributes": args.out.join("list_attr.csv")})
        );
    } else {
        println!(
            "{many} faces that are nobody's, and their forgeries, are in {out}: for non-commercial research. Try\n\n  \
             moire audit ynet-swap xception --data {out}/swap\n  \
             moire protect {out}/faces --editor stargan --editor attgan --table {out}/list_attr.csv"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes `faces` and their attributes, and for each kind of forgery a folder that can be audited on.
pub(crate) fn write(out: &Path) -> Result<(), moire_study::Error> {
    files::write(&out.join("list_attr.csv"), ATTRIBUTES.as_bytes())?;
    for SampleFace { name, real, forged } in faces() {
        files::write(&out.join("faces").join(name), real)?;
        for Forged { kind, picture, mask } in *forged {
            for (part, bytes) in [("real", real), ("fake", picture), ("mask", mask)] {
                files::write(&out.join(kind).join(part).join(name), bytes)?;
            }
        }
    }
    Ok(())
}
