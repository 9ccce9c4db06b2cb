use std::path::Path;

use moire_metric::opinion::{Ratings, Score, SubjectModel, krippendorff_alpha, mos, screen};
use moire_study::files;
use serde::Serialize;

use crate::error::{Error, Repr};

/// The largest table that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// What a table of scores adds up to: the estimates of ITU-T P.910 beside plain means and the screening of BT.500.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixOpinion {
    /// In the order of the table's rows.
    pub stimuli: Vec<MatrixStimulus>,
    /// In the order of the table's columns.
    pub raters: Vec<MatrixRater>,
    /// Krippendorff's alpha; none where it is undefined.
    pub agreement: Option<f64>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixStimulus {
    /// The plain mean.
    pub mean: f64,
    /// The ends of its 95 % interval, for other raters of the kind.
    pub mean_interval: Option<(f64, f64)>,
    /// Scores given.
    pub scores: usize,
    /// The mean opinion score by the model.
    pub mos: f64,
    /// Its standard error as P.910 has it.
    pub standard_error: f64,
    /// The ends of its 95 % interval, for these raters.
    pub mos_interval: Option<(f64, f64)>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatrixRater {
    /// How much this rater lies above the others.
    pub bias: f64,
    /// How much this rater's scores scatter.
    pub inconsistency: f64,
    /// Scores given.
    pub scores: usize,
    /// Whether the screening of BT.500 rejects this rater.
    pub rejected: bool,
}

/// Adds up a table of scores as other tools write it: CSV without a head, a row for each stimulus, a column for each
/// rater; empty or `nan` where one gave no score.
///
/// # Errors
/// The file is no such table, with the line; a row or a column has no score at all.
pub fn analyse_matrix(path: &Path) -> Result<MatrixOpinion, Error> {
    let bytes = files::read(path, LARGEST)?;
    let mut scores = Vec::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
    let wrong = |line: u64, expected: &str, found: &str| {
        let (expected, found) = (expected.to_owned(), found.to_owned());
        Error::from(Repr::Scores { path: path.to_owned(), line, expected, found })
    };
    let (mut seen, mut lines): (Vec<bool>, u64) = (Vec::new(), 0);
    for row in reader.records() {
        let row = row.map_err(|e| wrong(lines + 1, "as many cells as in the first row", &e.to_string()))?;
        let stimulus = lines as usize;
        lines += 1;
        seen.resize(row.len(), false);
        let before = scores.len();
        for (rater, cell) in row.iter().map(str::trim).enumerate() {
            let value = match cell {
                "" => f64::NAN,
                cell => cell.parse().map_err(|_| wrong(lines, "numbers", &format!("'{cell}'")))?,
            };
            if value.is_infinite() {
                return Err(wrong(lines, "finite numbers", cell));
            }
            if !value.is_nan() {
                seen[rater] = true;
                scores.push(Score { stimulus, rater, value });
            }
        }
        if scores.len() == before {
            return Err(wrong(lines, "a score", "none in the whole row"));
        }
    }
    if let Some(column) = seen.iter().position(|s| !s) {
        return Err(wrong(lines, "a score in every column", &format!("none in column {}", column + 1)));
    }
    if scores.is_empty() {
        return Err(wrong(1, "scores", "none"));
    }
    let ratings = Ratings::new(scores);
    let (model, screened) = (SubjectModel::fit(&ratings), screen(&ratings));
    let rows = ratings.scores().chunk_by(|a, b| a.stimulus == b.stimulus).enumerate();
    let stimulus = |(i, row): (usize, &[Score])| {
        let values: Vec<f64> = row.iter().map(|s| s.value).collect();
        let plain = mos(&values).expect("every row has a score");
        MatrixStimulus {
            mean: plain.value,
            mean_interval: plain.interval,
            scores: plain.scores,
            mos: model.quality[i],
            standard_error: model.standard_error[i],
            mos_interval: model.interval(i),
        }
    };
    let rater = |(i, s): (usize, &moire_metric::opinion::Screened)| MatrixRater {
        bias: model.bias[i],
        inconsistency: model.inconsistency[i],
        scores: s.scores,
        rejected: s.rejected,
    };
    Ok(MatrixOpinion {
        stimuli: rows.map(stimulus).collect(),
        raters: screened.iter().enumerate().map(rater).collect(),
        agreement: krippendorff_alpha(&ratings),
    })
}

#[cfg(test)]
mod tests {
    use super::analyse_matrix;

    #[test]
    fn tables_are_read_or_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            analyse_matrix(&path)
        };
        let found = read("5,4,nan\n1,,2\n3,3,3\n").unwrap();
        assert_eq!(found.stimuli.iter().map(|s| s.scores).collect::<Vec<_>>(), [2, 2, 3]);
        assert_eq!(found.raters.iter().map(|r| r.scores).collect::<Vec<_>>(), [3, 2, 2]);
        for (text, says) in [
            ("", "expected scores"),
            ("5,4\nfive,3\n", "line 2: expected numbers, found 'five'"),
            ("5,4\n3\n", "line 2: expected as many cells"),
            ("5,4\nnan,\n", "line 2: expected a score, found none in the whole row"),
            ("5,\n3,\n", "none in column 2"),
            ("5,inf\n", "finite"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
