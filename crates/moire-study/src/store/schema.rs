use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Repr};

/// Marks the file as ours among all SQLite files: "moir" in ASCII.
const APPLICATION: i32 = 0x6d6f_6972;

/// Counts changes of [`TABLES`].
const VERSION: i32 = 4;

/// The longest text that a row may hold: plans are the longest, and none comes near.
const LONGEST: i32 = 16 << 20;

/// The most rows that a study may hold. A record takes about half a kilobyte.
pub(super) const MOST_RECORDS: i64 = 10_000_000;

/// The tables. What is absent is spelt '' in the key, because SQL calls no two NULLs equal.
const TABLES: [(&str, &str); 3] = [
    (
        "meta",
        "CREATE TABLE meta (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID",
    ),
    (
        "protection",
        "CREATE TABLE protection (
  data TEXT NOT NULL,
  photograph TEXT NOT NULL,
  setting TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (data, photograph, setting)
) STRICT",
    ),
    (
        "record",
        "CREATE TABLE record (
  network TEXT NOT NULL,
  crafted_on TEXT NOT NULL,
  attack TEXT NOT NULL,
  eps TEXT NOT NULL,
  eps_value REAL,
  criterion TEXT NOT NULL,
  made_of TEXT NOT NULL,
  transform TEXT NOT NULL,
  data TEXT NOT NULL,
  image TEXT NOT NULL,
  image_sha256 TEXT NOT NULL,
  label TEXT NOT NULL,
  seed INTEGER NOT NULL,
  failure TEXT,
  clean_decided TEXT, clean_p_fake REAL, clean_margin REAL,
  float_decided TEXT, float_p_fake REAL, float_margin REAL,
  saved_decided TEXT, saved_p_fake REAL, saved_margin REAL,
  p_l0 REAL, l0_positions INTEGER, l0_values INTEGER,
  l1 REAL, l2 REAL, rms REAL, linf REAL, rmse_255 REAL, psnr REAL, ssim REAL,
  mask_kept REAL, mask_truth_before REAL, mask_truth_after REAL, mask_wanted REAL,
  steps INTEGER, gradients INTEGER, queries INTEGER, seconds REAL,
  file TEXT,
  PRIMARY KEY (network, crafted_on, attack, eps, criterion, made_of, transform, data, image)
) STRICT",
    ),
];

/// How every connection behaves, reading or writing.
///
/// The file may come from anywhere, so nothing in its schema is trusted and no row may be larger than a plan.
///
/// The journal is SQLite's rollback journal with `synchronous = EXTRA`. A unit of work takes seconds and its
/// commit milliseconds, so the write-ahead log's speed buys nothing here, and its price is real: the study would
/// be three files of which two look like rubbish, and it would not work on network file systems. EXTRA, not FULL,
/// because FULL leaves the removal of the journal to the file system's leisure: after a power loss, a unit that
/// had been counted could be gone.
pub(super) fn configure(db: &Connection) -> rusqlite::Result<()> {
    use rusqlite::config::DbConfig;
    db.busy_timeout(std::time::Duration::from_secs(10))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "journal_mode", "DELETE")?;
    db.pragma_update(None, "synchronous", "EXTRA")?;
    db.pragma_update(None, "foreign_keys", true)
}

/// Whether the file holds nothing yet: a new one, or one whose making was cut short.
pub(super) fn is_empty(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Makes the tables and runs `fill`, in one transaction: the study is there whole, or not at all.
pub(super) fn create(
    db: &mut Connection,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for (_, sql) in TABLES {
        tx.execute_batch(sql)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    fill(&tx)?;
    tx.commit()
}

/// Whether this is a whole study of our version, with our tables and nothing beside them.
///
/// # Errors
/// Another program's database, another version, a foreign table, view or trigger, a damaged page.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), Error> {
    let sql = |e| Error::database(path, e);
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if number("application_id").map_err(sql)? != APPLICATION {
        return Err(Repr::NotAStudy { path: path.to_owned() }.into());
    }
    let found = number("user_version").map_err(sql)?;
    if found != VERSION {
        return Err(Repr::Version { path: path.to_owned(), expected: VERSION, found }.into());
    }
    let mut statement = db
        .prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex_%' ORDER BY name")
        .map_err(sql)?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
    let tables = rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(sql)?;
    let ours = TABLES.map(|(name, sql)| (name.to_owned(), Some(sql.to_owned())));
    if tables != ours {
        return Err(Error::corrupt(path, "its tables are not those of a study"));
    }
    let health: String = db.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(sql)?;
    if health != "ok" {
        return Err(Error::corrupt(path, health));
    }
    let records: i64 = db.query_row("SELECT count(*) FROM record", [], |row| row.get(0)).map_err(sql)?;
    if records > MOST_RECORDS {
        return Err(Error::corrupt(path, format!("{records} records, at most {MOST_RECORDS} are read")));
    }
    Ok(())
}
