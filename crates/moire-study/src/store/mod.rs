mod difference;
mod lock;
mod protections;
mod row;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Repr};
use crate::record::{Key, Record};
use difference::difference;
use lock::Lock;

/// What a study was: all that decides its numbers, and where they were made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The plan with every default filled in, as text. It decides the numbers.
    pub plan: String,
    /// The program with its version. It decides the numbers.
    pub program: String,
    /// The command that makes this study again.
    pub command: String,
    /// The title of its report; empty where it has none.
    pub title: String,
    /// The seed of the study.
    pub seed: u64,
    /// How many records it comes to when it is done.
    pub expected: u64,
    /// SHA-256 of what was read, by name: weights, lists of images. They decide the numbers.
    pub checksums: BTreeMap<String, String>,
    /// The machine and its settings, by name, as they were when the study began.
    pub environment: BTreeMap<String, String>,
}

/// The records of one study, in one SQLite file.
///
/// A store that writes holds the study for itself until it is dropped or its process ends; stores that read are
/// welcome beside it. A unit of work is on the disk, whole, when [`Store::insert`] returns.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    /// Declared last: it goes after the connection. None in a store that reads.
    lock: Option<Lock>,
}

impl Store {
    /// Opens the study at `path` to go on with it, or makes it.
    ///
    /// # Errors
    /// Another run holds it; it was made under another plan (what differs is shown), by another
    /// program or from other files; it is damaged, or no study at all; the disk is full.
    pub fn open_or_create(path: &Path, meta: &Meta) -> Result<Self, Error> {
        let lock = Lock::take(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = |e| Error::database(path, e);
        let mut db = Connection::open_with_flags(path, flags).map_err(sql)?;
        schema::configure(&db).map_err(sql)?;
        if schema::is_empty(&db).map_err(sql)? {
            schema::create(&mut db, |tx| write_meta(tx, meta)).map_err(sql)?;
        }
        let store = Self { db, path: path.to_owned(), lock: Some(lock) };
        schema::check(&store.db, path)?;
        store.compare(meta)?;
        Ok(store)
    }

    /// Opens the study at `path` for reading, even while a run goes on.
    ///
    /// # Errors
    /// There is none; it is damaged, or no study at all.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // A killed run may have left a journal that only a writer can roll back, so writing comes first.
        std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        let sql = |e| Error::database(path, e);
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(sql)?;
        schema::configure(&db).map_err(sql)?;
        db.pragma_update(None, "query_only", true).map_err(sql)?;
        schema::check(&db, path)?;
        Ok(Self { db, path: path.to_owned(), lock: None })
    }

    /// Adds a finished unit of work: all its records or, on an error, none.
    ///
    /// # Errors
    /// A record breaks one of its promises or is already there; the disk is full.
    pub fn insert(&mut self, unit: &[Record]) -> Result<(), Error> {
        if self.lock.is_none() {
            return Err(Repr::ReadOnly { path: self.path.clone() }.into());
        }
        unit.iter().try_for_each(Record::check)?;
        let path = &self.path;
        let sql = |e| Error::database(path, e);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        {
            let mut statement = tx.prepare(row::INSERT).map_err(sql)?;
            for record in unit {
                row::insert(&mut statement, record).map_err(|e| match e.sqlite_error_code() {
                    Some(rusqlite::ErrorCode::ConstraintViolation) => duplicate(path, record),
                    _ => sql(e),
                })?;
            }
        }
        tx.commit().map_err(sql)
    }

    /// What is done already, failures included.
    pub fn done_keys(&self) -> Result<BTreeSet<Key>, Error> {
        self.select(row::KEYS, row::key).map(BTreeSet::from_iter)
    }

    /// All records, ordered by network, origin, data, attack, budget and image, whatever the order of their making.
    ///
    /// # Errors
    /// A row that no study writes: the file is damaged or was tampered with.
    pub fn records(&self) -> Result<Vec<Record>, Error> {
        let records = self.select(row::SELECT, row::record)?;
        for record in &records {
            record.check().map_err(|e| Error::corrupt(&self.path, e.to_string()))?;
        }
        Ok(records)
    }

    /// What the study was.
    pub fn meta(&self) -> Result<Meta, Error> {
        let rows = self.select("SELECT kind, name, value FROM meta", |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let mut meta = Meta::default();
        let mut missing = BTreeSet::from(["plan", "program", "command", "title", "seed", "expected"]);
        for (kind, name, value) in rows {
            match (kind.as_str(), name.as_str()) {
                ("checksum", _) => drop(meta.checksums.insert(name, value)),
                ("environment", _) => drop(meta.environment.insert(name, value)),
                ("study", field) if missing.remove(field) => match field {
                    "plan" => meta.plan = value,
                    "program" => meta.program = value,
                    "command" => meta.command = value,
                    "title" => meta.title = value,
                    field => {
                        let wrong = |_| Error::corrupt(&self.path, format!("its {field} is '{value}'"));
                        let number = value.parse().map_err(wrong)?;
                        *(if field == "seed" { &mut meta.seed } else { &mut meta.expected }) = number;
                    }
                },
                _ => return Err(Error::corrupt(&self.path, format!("it holds an unknown {kind} '{name}'"))),
            }
        }
        match missing.first() {
            None => Ok(meta),
            Some(name) => Err(Error::corrupt(&self.path, format!("it has no {name}"))),
        }
    }

    /// Where the study is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses to mix numbers that were made under different conditions.
    pub(crate) fn compare(&self, now: &Meta) -> Result<(), Error> {
        let then = self.meta()?;
        let path = || self.path.clone();
        if then.plan != now.plan {
            let difference = difference(&then.plan, &now.plan);
            return Err(Repr::PlanChanged { path: path(), difference }.into());
        }
        let changed = |what: String, old: Option<&String>, new: Option<&String>| {
            Err(Repr::Changed { path: path(), what, old: old.cloned(), new: new.cloned() }.into())
        };
        if then.program != now.program {
            return changed("program".to_owned(), Some(&then.program), Some(&now.program));
        }
        if then.seed != now.seed {
            return changed("seed".to_owned(), Some(&then.seed.to_string()), Some(&now.seed.to_string()));
        }
        let names: BTreeSet<&String> = then.checksums.keys().chain(now.checksums.keys()).collect();
        for name in names {
            let (old, new) = (then.checksums.get(name), now.checksums.get(name));
            if old != new {
                return changed(format!("checksum of {name}"), old, new);
            }
        }
        Ok(())
    }

    fn select<T>(
        &self,
        query: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        // A row of the wrong type is damage, not a fault of the database.
        let damaged = |e: rusqlite::Error| match e {
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Error::corrupt(&self.path, e.to_string()),
            e => Error::database(&self.path, e),
        };
        let mut statement = self.db.prepare(query).map_err(damaged)?;
        let rows = statement.query_map([], read).and_then(Iterator::collect);
        rows.map_err(damaged)
    }
}

fn write_meta(db: &Connection, meta: &Meta) -> rusqlite::Result<()> {
    let mut statement = db.prepare("INSERT INTO meta VALUES (?, ?, ?)")?;
    let (seed, expected) = (meta.seed.to_string(), meta.expected.to_string());
    for (name, value) in [
        ("plan", &meta.plan),
        ("program", &meta.program),
        ("command", &meta.command),
        ("title", &meta.title),
        ("seed", &seed),
        ("expected", &expected),
    ] {
        statement.execute(["study", name, value])?;
    }
    for (name, value) in &meta.checksums {
        statement.execute(["checksum", name, value])?;
    }
    for (name, value) in &meta.environment {
        statement.execute(["environment", name, value])?;
    }
    Ok(())
}

fn duplicate(path: &Path, record: &Record) -> Error {
    Repr::Duplicate {
        path: path.to_owned(),
        network: record.network.clone(),
        attack: record.attack.clone(),
        eps: record.eps.as_ref().map_or_else(|| "none".to_owned(), |b| b.text().to_owned()),
        image: record.image.clone(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use moire_attack::Criterion;

    use super::{Meta, Store};
    use crate::{Answer, ErrorKind, Label, Record};

    #[test]
    fn a_full_disk_says_so_and_keeps_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.sqlite");
        let mut store = Store::open_or_create(&path, &Meta::default()).unwrap();
        let unit = |from: u32| -> Vec<Record> {
            let record = |i: u32| Record {
                network: "ynet".to_owned(),
                crafted_on: None,
                attack: "urn".to_owned(),
                eps: None,
                criterion: Criterion::Saved,
                made_of: None,
                transform: None,
                data: "faces".to_owned(),
                image: format!("{i}.png"),
                image_sha256: "0".repeat(64),
                label: Label::Real,
                seed: 0,
                answer: Answer::Failed("unreadable".to_owned()),
            };
            (from..from + 500).map(record).collect()
        };
        store.insert(&unit(0)).unwrap();
        // SQLite's own limit on pages raises what a full disk raises.
        let pages: i64 = store.db.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        store.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
        let error = store.insert(&unit(500)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.to_string().contains("the disk is full"), "{error}");
        drop(store);
        let mut store = Store::open_or_create(&path, &Meta::default()).unwrap();
        assert_eq!(store.records().unwrap().len(), 500);
        store.insert(&unit(500)).unwrap();
    }
}
