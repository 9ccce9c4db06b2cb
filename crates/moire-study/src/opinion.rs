use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;

/// Where a study keeps what people said, relative to its folder.
pub const OPINION: &str = "rating/opinion.json";

/// The largest file of opinions that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// What people said they see in a study's images: the scores of a rating experiment, added up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Opinion {
    /// Counts changes of this document's form.
    pub format: u32,
    /// The conditions, as the experiment's plan lists them.
    pub conditions: Vec<OpinionCondition>,
    /// How the scores of images go with objective measures.
    pub correlations: Vec<OpinionCorrelation>,
    /// Krippendorff's alpha; none where it is undefined.
    pub agreement: Option<f64>,
    /// What came in and what was left out.
    pub counted: OpinionCounted,
    /// One for each pair that was rated.
    pub images: Vec<OpinionImage>,
    /// One for each rater whose scores were counted or screened out.
    pub raters: Vec<OpinionRater>,
}

/// A mean opinion score, from 1 (very annoying) to 5 (imperceptible).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OpinionScore {
    /// The mean.
    pub mos: f64,
    /// The ends of its 95 % interval; none where the scores say nothing about their spread.
    pub interval: Option<(f64, f64)>,
    /// How many scores it is the mean of.
    pub scores: usize,
    /// What the model of raters makes of it (ITU-T P.910): careless raters count less, biases are taken out.
    pub modelled: f64,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpinionCondition {
    /// What the plan calls it.
    pub name: String,
    /// The network, as records have it.
    pub network: String,
    /// The attack, as records have it.
    pub attack: String,
    /// The spelling of the budget.
    pub eps: Option<String>,
    /// Images that were rated.
    pub images: usize,
    /// Their score; none before anybody has rated one. The interval is for other images and raters of the kind.
    pub score: Option<OpinionScore>,
}

/// One image under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpinionImage {
    /// Index of its condition.
    pub condition: usize,
    /// The image, as records have it.
    pub image: String,
    /// Its score. The interval is for other raters of the kind.
    pub score: OpinionScore,
    /// Of its record: peak signal-to-noise ratio in dB; none where nothing changed.
    pub psnr: Option<f64>,
    /// Of its record: structural similarity.
    pub ssim: Option<f64>,
    /// Of its record: root mean squared error, of 255.
    pub rmse_255: Option<f64>,
}

/// One rater, by number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpinionRater {
    /// Their number in the export.
    pub rater: usize,
    /// Scores counted.
    pub scores: usize,
    /// How much they lie above the others (ITU-T P.910).
    pub bias: f64,
    /// How much their scores scatter (ITU-T P.910).
    pub inconsistency: f64,
    /// Whether the screening of ITU-R BT.500 leaves them out.
    pub rejected: bool,
}

/// How scores go with one measure, over the images of all conditions but the clean ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpinionCorrelation {
    /// The measure: `psnr`, `ssim` or `rmse_255`.
    pub measure: String,
    /// Pearson's correlation of mean scores with it.
    pub pearson: Option<f64>,
    /// Spearman's.
    pub spearman: Option<f64>,
    /// Images compared.
    pub images: usize,
}

/// What came in and what was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OpinionCounted {
    /// Answers to rated pairs.
    pub answers: usize,
    /// Of these, in sets that nobody finished.
    pub unfinished: usize,
    /// Of these, in finished sets where a trap or a golden pair was missed.
    pub careless: usize,
    /// Of these, by raters whom BT.500 rejects.
    pub rejected: usize,
    /// Answers that are left: the scores.
    pub scores: usize,
    /// Who gave them.
    pub raters: usize,
    /// Traps missed in finished and unfinished sets.
    pub traps_missed: usize,
    /// Golden pairs missed in finished and unfinished sets.
    pub golden_missed: usize,
}

impl Opinion {
    /// What people said of the study in `folder`; none where nobody was asked.
    ///
    /// # Errors
    /// The file is there and is not one of opinions.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(OPINION);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = files::read(&path, LARGEST)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::corrupt(&path, e.to_string()))
    }
}
