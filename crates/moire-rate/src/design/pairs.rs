use std::collections::BTreeMap;

use moire_study::{CLEAN, Record};

use super::{shuffle, stream};
use crate::error::Error;
use crate::plan::{Condition, RatePlan, Shown};

/// An image that can be shown beside a version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) image: String,
    pub(crate) identity: String,
    /// Files in the study's folder.
    pub(crate) clean: String,
    pub(crate) version: String,
}

/// The pairs of all conditions, each with the index of its own.
///
/// One random order of images serves all conditions, so that where they have images in common these are compared on
/// the same ones.
pub(super) fn choose(plan: &RatePlan, records: &[Record]) -> Result<Vec<(usize, Candidate)>, Error> {
    let mut images: Vec<&str> = records.iter().map(|r| r.image_sha256.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    shuffle(&mut images, &mut stream(plan, 0, "images"));
    let place: BTreeMap<&str, usize> = images.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let clean: BTreeMap<(&str, &str, &str), &str> = records
        .iter()
        .filter(|r| r.attack == CLEAN)
        .filter_map(|r| Some(((r.network.as_str(), r.data.as_str(), r.image.as_str()), file(r)?)))
        .collect();
    let mut pairs = Vec::new();
    for (index, condition) in plan.condition.iter().enumerate() {
        let mut candidates: Vec<&Record> = records.iter().filter(|r| shows(condition, r)).collect();
        candidates.sort_by_key(|r| (place[r.image_sha256.as_str()], &r.image));
        // One image under two names is one image.
        candidates.dedup_by_key(|r| r.image_sha256.as_str());
        let before = pairs.len();
        for record in candidates {
            let original = clean.get(&(record.network.as_str(), record.data.as_str(), record.image.as_str()));
            if let (Some(clean), Some(version)) = (original, file(record)) {
                pairs.push((
                    index,
                    Candidate {
                        image: record.image.clone(),
                        identity: record.image_sha256.clone(),
                        clean: (*clean).to_owned(),
                        version: version.to_owned(),
                    },
                ));
            }
            if pairs.len() - before == plan.pairs.get() {
                break;
            }
        }
        if pairs.len() == before {
            return Err(nothing(condition, records));
        }
    }
    Ok(pairs)
}

fn file(record: &Record) -> Option<&str> {
    record.measured()?.file.as_deref()
}

fn shows(condition: &Condition, record: &Record) -> bool {
    let eps = record.eps.as_ref().map(moire_study::Budget::text);
    (&condition.network, &condition.attack, condition.eps.as_deref())
        == (&record.network, &record.attack, eps)
        && condition.data.as_ref().is_none_or(|data| *data == record.data)
        && condition.made_of.as_ref().is_none_or(|data| record.made_of.as_ref() == Some(data))
        && condition.criterion.as_ref().is_none_or(|name| *name == record.criterion.to_string())
        && match condition.images {
            _ if record.attack == CLEAN => true,
            Shown::Attacked => record.correct_before(),
            Shown::Fooled => record.flipped(),
        }
}

/// What to write instead of a condition that the study does not have.
fn nothing(condition: &Condition, records: &[Record]) -> Error {
    let mut there: Vec<String> = records
        .iter()
        .map(|r| {
            let eps = r.eps.as_ref().map_or(String::new(), |e| format!(" at {}", e.text()));
            format!("{} {}{eps}", r.network, r.attack)
        })
        .collect();
    there.sort();
    there.dedup();
    let expected = format!(
        "images of {} {}{} with their saved files",
        condition.network,
        condition.attack,
        condition.eps.as_ref().map_or(String::new(), |e| format!(" at {e}"))
    );
    Error::plan(
        format!("condition '{}'", condition.name),
        expected,
        format!("none; the study has {}", there.join(", ")),
    )
}
