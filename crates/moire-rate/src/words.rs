use std::collections::BTreeMap;
use std::path::Path;

use moire_study::files;
use serde::Deserialize;

use crate::error::{Error, Repr};
use crate::plan::RatePlan;
use crate::store::FOLDER;

/// The languages that come with the program: words, and a consent text to be filled in.
const BUILT_IN: [(&str, &str, &str); 2] = [
    ("en", include_str!("../lang/en.toml"), include_str!("../lang/consent.en.txt")),
    ("de", include_str!("../lang/de.toml"), include_str!("../lang/consent.de.txt")),
];

/// The largest text that is read, in bytes.
const LONGEST: u64 = 1 << 20;

macro_rules! words {
    ($($(#[$doc:meta])* $field:ident: $kind:ty),+ $(,)?) => {
        /// Everything that a page says, in one language.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Words { $($(#[$doc])* pub(crate) $field: $kind),+ }
    };
}

words! {
    /// The language, in itself.
    name: String,
    /// The five choices, from 1 to 5.
    scale: [String; 5],
    join_title: String, join_text: String, join_begin: String,
    consent_title: String, consent_agree: String, consent_refuse: String,
    instructions_title: String, instructions: Vec<String>, instructions_begin: String,
    go_on: String,
    screen_title: String, screen_plate: String, screen_plate_alt: String, screen_strip: String,
    screen_strip_alt: String, screen_note: String,
    practice: String, practice_note: String, pair: String, set: String,
    original: String, version: String, picture_alt: String, version_alt: String,
    question: String, trap: String, keys: String, last: String, small: String,
    undo: String, pause: String, pause_title: String, pause_text: String, pause_return: String,
    begin_title: String, begin_text: String, begin: String,
    done_title: String, done_count: String, done_another: String, done_stop: String,
    code_title: String, code_text: String,
    enough: String, nothing: String, full: String,
    missing_title: String, missing_text: String, late_title: String, late_text: String,
    refused_title: String, refused_text: String, busy_title: String, busy_text: String,
    skip: String, language: String,
}

/// One language of an experiment.
#[derive(Debug, Clone)]
pub(crate) struct Language {
    pub(crate) words: Words,
    /// The paragraphs that people agree to.
    pub(crate) consent: Vec<String>,
}

/// The languages of an experiment, by their short names.
///
/// # Errors
/// A file is missing or lacks a text; a consent text still has the gaps of the one that came with the program.
pub(crate) fn languages(study: &Path, plan: &RatePlan) -> Result<BTreeMap<String, Language>, Error> {
    let folder = study.join(FOLDER);
    let mut languages = BTreeMap::new();
    for (name, file) in &plan.consent {
        let path = folder.join(file);
        let text = |path: &Path| {
            let bytes = files::read(path, LONGEST)?;
            let odd =
                |_| Repr::Text { path: path.to_owned(), expected: "UTF-8", found: "another encoding".into() };
            String::from_utf8(bytes).map_err(|e| Error::from(odd(e)))
        };
        let consent = text(&path)?;
        if let Some(gap) = consent.split_once('[').map(|(_, rest)| rest.split(']').next().unwrap_or(rest)) {
            let (expected, found) = ("a text without gaps to fill in", format!("'[{gap}]'"));
            return Err(Repr::Text { path, expected, found }.into());
        }
        let paragraphs: Vec<String> =
            consent.split("\n\n").map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
        if paragraphs.is_empty() {
            return Err(Repr::Text {
                path,
                expected: "the text that people agree to",
                found: "nothing".into(),
            }
            .into());
        }
        let own = folder.join("lang").join(format!("{name}.toml"));
        let built_in = BUILT_IN.iter().find(|(n, ..)| n == name).map(|(_, words, _)| (*words).to_owned());
        let source = match built_in {
            Some(words) if !own.exists() => words,
            _ => text(&own)?,
        };
        let words =
            toml::from_str(&source).map_err(|source| Repr::Toml { path: own, source: Box::new(source) })?;
        languages.insert(name.clone(), Language { words, consent: paragraphs });
    }
    Ok(languages)
}

/// The consent texts that come with the program, by the names of their files: with gaps to fill in.
pub fn consent_templates() -> impl Iterator<Item = (String, &'static str)> {
    BUILT_IN.iter().map(|(name, _, consent)| (format!("consent.{name}.txt"), *consent))
}

/// Fills in the {curly} words of a text.
pub(crate) fn filled(text: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.to_string()))
}

/// The language that a browser asks for, of those that there are; else English, else the first.
pub(crate) fn preferred<'a>(languages: &'a BTreeMap<String, Language>, accepted: &str) -> &'a str {
    let known = |tag: &str| {
        let tag = tag.trim().to_lowercase();
        let short = tag.split('-').next().unwrap_or_default().to_owned();
        languages.keys().find(|l| **l == tag).or_else(|| languages.keys().find(|l| **l == short))
    };
    // In the order in which they are listed: browsers list them by preference.
    let asked = accepted.split(',').filter_map(|part| part.split(';').next()).find_map(known);
    asked.or_else(|| known("en")).or_else(|| languages.keys().next()).map_or("en", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, Words, filled, languages, preferred};
    use crate::fixture;

    #[test]
    fn the_languages_that_come_along_are_whole_and_fill_in_the_same() {
        let gaps = |text: &str| {
            let mut gaps: Vec<&str> = text
                .lines()
                .filter(|l| !l.starts_with('#'))
                .flat_map(|l| l.split('{').skip(1))
                .filter_map(|g| g.split('}').next())
                .collect();
            gaps.sort_unstable();
            gaps.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>()
        };
        for (name, words, _) in BUILT_IN {
            toml::from_str::<Words>(words).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(gaps(words), gaps(BUILT_IN[0].1), "{name}");
        }
        assert_eq!(filled("{n} of {of}", &[("n", &3), ("of", &21)]), "3 of 21");
    }

    #[test]
    fn a_consent_with_gaps_is_not_shown_to_anybody() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("rating");
        std::fs::create_dir(&place).unwrap();
        let plan = fixture::plan(5, 1, 1);
        std::fs::write(place.join("consent.en.txt"), "We are [Name of the institution].").unwrap();
        std::fs::write(place.join("consent.de.txt"), "Wir.").unwrap();
        let error = languages(folder.path(), &plan).unwrap_err().to_string();
        assert!(error.contains("Name of the institution"), "{error}");
        std::fs::write(place.join("consent.en.txt"), "We.\n\nAre.").unwrap();
        let found = languages(folder.path(), &plan).unwrap();
        assert_eq!(found["en"].consent, ["We.", "Are."]);
        for (accepted, expected) in
            [("de-CH,fr;q=0.9", "de"), ("fr, de;q=0.5", "de"), ("fr", "en"), ("", "en")]
        {
            assert_eq!(preferred(&found, accepted), expected, "{accepted}");
        }
    }
}
