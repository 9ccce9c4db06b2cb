use rusqlite::limits::Limit;
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as ours among all SQLite files: "moiR" in ASCII.
const APPLICATION: i32 = 0x6d6f_6952;

/// Counts changes of [`TABLES`].
const VERSION: i32 = 1;

/// The longest text that a row may hold: plans are the longest.
const LONGEST: i32 = 4 << 20;

/// What holds whatever the program does, the schema says: a set is rated by one person at a time, a person has one
/// set at a time, a place in a set has one answer that counts. Times are seconds since 1970.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE picture (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  sha256 TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL
) STRICT;
CREATE TABLE pair (
  id INTEGER PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('rated', 'golden', 'trap', 'training')),
  condition INTEGER,
  image TEXT NOT NULL,
  clean INTEGER NOT NULL REFERENCES picture,
  version INTEGER NOT NULL REFERENCES picture,
  CHECK ((purpose = 'rated') = (condition IS NOT NULL))
) STRICT;
CREATE TABLE slot (
  deck INTEGER NOT NULL,
  position INTEGER NOT NULL,
  pair INTEGER NOT NULL REFERENCES pair,
  clean_left INTEGER NOT NULL CHECK (clean_left IN (0, 1)),
  ask INTEGER CHECK (ask BETWEEN 1 AND 5),
  PRIMARY KEY (deck, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_pair ON slot (pair);
CREATE TABLE rater (
  id INTEGER PRIMARY KEY,
  token BLOB NOT NULL UNIQUE,
  code TEXT NOT NULL UNIQUE,
  invited INTEGER NOT NULL CHECK (invited IN (0, 1)),
  language TEXT,
  consented INTEGER,
  instructed INTEGER,
  vision INTEGER CHECK (vision IN (0, 1)),
  contrast INTEGER CHECK (contrast IN (0, 1)),
  trained INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE work (
  id INTEGER PRIMARY KEY,
  deck INTEGER NOT NULL,
  rater INTEGER NOT NULL REFERENCES rater,
  begun INTEGER NOT NULL,
  touched INTEGER NOT NULL,
  finished INTEGER,
  released INTEGER,
  CHECK (finished IS NULL OR released IS NULL)
) STRICT;
CREATE UNIQUE INDEX one_person_a_set ON work (deck) WHERE released IS NULL;
CREATE UNIQUE INDEX one_set_a_person ON work (rater) WHERE finished IS NULL AND released IS NULL;
CREATE INDEX work_rater ON work (rater);
CREATE TABLE answer (
  work INTEGER NOT NULL REFERENCES work,
  position INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  score INTEGER NOT NULL CHECK (score BETWEEN 1 AND 5),
  milliseconds INTEGER,
  fits INTEGER CHECK (fits IN (0, 1)),
  pixel_ratio REAL,
  undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)),
  PRIMARY KEY (work, position, attempt)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_answer_counts ON answer (work, position) WHERE undone = 0;
";

/// How every connection behaves.
///
/// The journal is the write-ahead log with `synchronous = FULL`: a commit is on the disk when it returns, for the
/// log is flushed with it, and readers (the administrator's page, an export) do not wait for writers. That costs one
/// flush a commit, and commits take many answers at once. It wants a local disk, which a server's is.
pub(super) fn configure(db: &Connection) -> rusqlite::Result<()> {
    use rusqlite::config::DbConfig;
    db.busy_timeout(std::time::Duration::from_secs(10))?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    db.set_prepared_statement_cache_capacity(64);
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)
}

/// Whether the file holds nothing yet.
pub(super) fn is_empty(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Makes the tables and runs `fill`, in one transaction.
pub(super) fn create(
    db: &mut Connection,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    tx.execute_batch(TABLES)?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    fill(&tx)?;
    tx.commit()
}

/// What is wrong with a file that is not an experiment of our version, or damaged.
pub(super) fn fault(db: &Connection) -> rusqlite::Result<Option<String>> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if number("application_id")? != APPLICATION {
        return Ok(Some("not a rating experiment".to_owned()));
    }
    let found = number("user_version")?;
    if found != VERSION {
        return Ok(Some(format!("of format {found}, this program reads format {VERSION}")));
    }
    let foreign: i64 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE type IN ('view', 'trigger')", [], |row| {
            row.get(0)
        })?;
    if foreign > 0 {
        return Ok(Some("damaged: it holds what no experiment holds".to_owned()));
    }
    let health: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    Ok((health != "ok").then(|| format!("damaged: {health}")))
}
