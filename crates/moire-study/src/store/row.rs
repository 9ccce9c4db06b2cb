use moire_attack::Criterion;
use moire_tensor::Label;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Row, Statement, named_params};

use crate::record::{
    Answer, Budget, Cost, Distance, Judgement, Key, MaskShift, Measured, Record, both, label,
};

pub(super) const INSERT: &str = "INSERT INTO record VALUES (
  :network, :crafted_on, :attack, :eps, :eps_value, :criterion, :made_of, :transform, :data, :image, :image_sha256, :label, :seed, :failure,
  :clean_decided, :clean_p_fake, :clean_margin,
  :float_decided, :float_p_fake, :float_margin,
  :saved_decided, :saved_p_fake, :saved_margin,
  :p_l0, :l0_positions, :l0_values, :l1, :l2, :rms, :linf, :rmse_255, :psnr, :ssim,
  :mask_kept, :mask_truth_before, :mask_truth_after, :mask_wanted,
  :steps, :gradients, :queries, :seconds, :file)";

/// The order in which records are always read: by what was asked, never by when it was answered.
pub(super) const SELECT: &str = "SELECT * FROM record
  ORDER BY network, crafted_on, data, attack, criterion, made_of, eps_value, eps, transform, image";

/// What is done already.
pub(super) const KEYS: &str =
    "SELECT network, crafted_on, attack, eps, criterion, made_of, transform, data, image FROM record";

/// A label as the file has it.
struct Stored(Label);

impl FromSql for Stored {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        label(value.as_str()?).map(Self).map_err(|e| FromSqlError::Other(e.into()))
    }
}

/// A criterion as the file has it.
struct Named(Criterion);

impl FromSql for Named {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(|e| FromSqlError::Other(Box::new(e)))
    }
}

/// SQLite counts in 64 bits with a sign: a count or a seed keeps its bits, and reads back the same.
fn bits(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

pub(super) fn insert(statement: &mut Statement<'_>, record: &Record) -> rusqlite::Result<usize> {
    let m = record.measured();
    let (clean, float, saved) = (m.map(|m| m.clean), m.and_then(|m| m.float), m.map(|m| m.saved));
    let shift = m.and_then(|m| m.mask);
    let [truth_before, truth_after] = both(shift.and_then(|s| s.truth));
    let (d, c) = (m.map(|m| m.distance), m.map(|m| m.cost));
    statement.execute(named_params! {
        ":network": record.network,
        ":crafted_on": record.crafted_on.as_deref().unwrap_or_default(),
        ":attack": record.attack,
        ":eps": record.eps.as_ref().map_or("", Budget::text),
        ":eps_value": record.eps.as_ref().map(|b| f64::from(b.eps().value())),
        ":criterion": record.criterion.to_string(),
        ":made_of": record.made_of.as_deref().unwrap_or_default(),
        ":transform": record.transform.as_deref().unwrap_or_default(),
        ":data": record.data,
        ":image": record.image,
        ":image_sha256": record.image_sha256,
        ":label": record.label.to_string(),
        ":seed": bits(record.seed),
        ":failure": record.failure(),
        ":clean_decided": clean.map(|j| j.decided.to_string()),
        ":clean_p_fake": clean.map(|j| j.p_fake),
        ":clean_margin": clean.map(|j| j.margin),
        ":float_decided": float.map(|j| j.decided.to_string()),
        ":float_p_fake": float.map(|j| j.p_fake),
        ":float_margin": float.map(|j| j.margin),
        ":saved_decided": saved.map(|j| j.decided.to_string()),
        ":saved_p_fake": saved.map(|j| j.p_fake),
        ":saved_margin": saved.map(|j| j.margin),
        ":p_l0": d.map(|d| d.p_l0),
        ":l0_positions": d.map(|d| bits(d.l0_positions)),
        ":l0_values": d.map(|d| bits(d.l0_values)),
        ":l1": d.map(|d| d.l1),
        ":l2": d.map(|d| d.l2),
        ":rms": d.map(|d| d.rms),
        ":linf": d.map(|d| d.linf),
        ":rmse_255": d.map(|d| d.rmse_255),
        ":psnr": d.and_then(|d| d.psnr),
        ":ssim": d.and_then(|d| d.ssim),
        ":mask_kept": shift.map(|s| s.kept),
        ":mask_truth_before": truth_before,
        ":mask_truth_after": truth_after,
        ":mask_wanted": shift.and_then(|s| s.wanted),
        ":steps": c.map(|c| bits(c.steps)),
        ":gradients": c.map(|c| bits(c.gradients)),
        ":queries": c.map(|c| bits(c.queries)),
        ":seconds": c.map(|c| c.seconds),
        ":file": m.and_then(|m| m.file.as_deref()),
    })
}

/// A record as the row has it; what the row promises is checked, what a record promises is not yet.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let unsigned = |name: &str| row.get::<_, i64>(name).map(|v| u64::from_ne_bytes(v.to_ne_bytes()));
    let judgement = |decided: &str, p_fake: &str, margin: &str| {
        Ok::<_, rusqlite::Error>(Judgement {
            decided: row.get::<_, Stored>(decided)?.0,
            p_fake: row.get(p_fake)?,
            margin: row.get(margin)?,
        })
    };
    let answer = if let Some(reason) = row.get::<_, Option<String>>("failure")? {
        Answer::Failed(reason)
    } else {
        Answer::Measured(Box::new(Measured {
            clean: judgement("clean_decided", "clean_p_fake", "clean_margin")?,
            float: match row.get::<_, Option<String>>("float_decided")? {
                Some(_) => Some(judgement("float_decided", "float_p_fake", "float_margin")?),
                None => None,
            },
            saved: judgement("saved_decided", "saved_p_fake", "saved_margin")?,
            distance: Distance {
                p_l0: row.get("p_l0")?,
                l0_positions: unsigned("l0_positions")?,
                l0_values: unsigned("l0_values")?,
                l1: row.get("l1")?,
                l2: row.get("l2")?,
                rms: row.get("rms")?,
                linf: row.get("linf")?,
                rmse_255: row.get("rmse_255")?,
                psnr: row.get("psnr")?,
                ssim: row.get("ssim")?,
            },
            mask: match row.get("mask_kept")? {
                Some(kept) => Some(MaskShift {
                    kept,
                    truth: row
                        .get::<_, Option<f64>>("mask_truth_before")?
                        .zip(row.get("mask_truth_after")?)
                        .map(|(before, after)| [before, after]),
                    wanted: row.get("mask_wanted")?,
                }),
                None => None,
            },
            cost: Cost {
                steps: unsigned("steps")?,
                gradients: unsigned("gradients")?,
                queries: unsigned("queries")?,
                seconds: row.get("seconds")?,
            },
            file: row.get("file")?,
        }))
    };
    Ok(Record {
        network: row.get("network")?,
        crafted_on: maybe(row, "crafted_on")?,
        attack: row.get("attack")?,
        eps: budget(row)?,
        criterion: row.get::<_, Named>("criterion")?.0,
        made_of: maybe(row, "made_of")?,
        transform: maybe(row, "transform")?,
        data: row.get("data")?,
        image: row.get("image")?,
        image_sha256: row.get("image_sha256")?,
        label: row.get::<_, Stored>("label")?.0,
        seed: unsigned("seed")?,
        answer,
    })
}

/// What makes a record unique, as its row of [`KEYS`] has it.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    Ok(Key {
        network: row.get("network")?,
        crafted_on: maybe(row, "crafted_on")?,
        attack: row.get("attack")?,
        eps: maybe(row, "eps")?,
        criterion: row.get("criterion")?,
        made_of: maybe(row, "made_of")?,
        transform: maybe(row, "transform")?,
        data: row.get("data")?,
        image: row.get("image")?,
    })
}

/// A text that is '' where it is absent.
fn maybe(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<String>> {
    Ok(Some(row.get::<_, String>(name)?).filter(|text| !text.is_empty()))
}

fn budget(row: &Row<'_>) -> rusqlite::Result<Option<Budget>> {
    let (text, value): (String, Option<f64>) = (row.get("eps")?, row.get("eps_value")?);
    let wrong = |what: String| FromSqlError::Other(what.into()).into();
    match value {
        None if text.is_empty() => Ok(None),
        None => Err(wrong(format!("budget '{text}' has no value"))),
        Some(value) => Budget::spelled(text, value as f32).map(Some).map_err(wrong),
    }
}
