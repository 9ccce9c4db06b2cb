//! One experiment on the disk: what is shown, who rates it, and every answer.

mod answers;
mod deck;
mod queue;
mod rater;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

pub(crate) use answers::{Answers, Person, Row, Work};
pub(crate) use deck::{Deck, PictureFile, pictures};
pub(crate) use queue::Queue;
pub(crate) use rater::{Begun, Given, Heard, Open, Rater, Step};

use crate::design::Design;
use crate::error::{Error, Repr};
use crate::plan::RatePlan;
use crate::secret::{Secret, code, digest, token};

/// The folder of an experiment within its study.
pub const FOLDER: &str = "rating";

/// An experiment that was begun.
pub struct Experiment {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
    pub(crate) study: PathBuf,
    pub(crate) plan: RatePlan,
    pub(crate) secret: Secret,
}

impl std::fmt::Debug for Experiment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the key nor what it opens.
        f.debug_struct("Experiment").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A personal link and what its owner shows at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address, below the server's.
    pub path: String,
    /// The completion code that the last page will show.
    pub code: String,
}

impl Experiment {
    /// The plan's place in a study.
    pub fn plan_path(study: &Path) -> PathBuf {
        study.join(FOLDER).join("plan.toml")
    }

    /// Goes on with the experiment of a study, or begins it: draws the design from the plan, checks every picture,
    /// makes those of golden and training pairs.
    ///
    /// # Errors
    /// The plan is not one, is another than the experiment was begun with, or asks for what the study does not have;
    /// a picture is damaged; the disk is full.
    pub fn open_or_begin(study: &Path) -> Result<Self, Error> {
        let plan_path = Self::plan_path(study);
        let plan = RatePlan::read(&plan_path)?;
        let path = study.join(FOLDER).join("rating.sqlite");
        let sql = |source| Error::from(Repr::Database { path: path.clone(), source });
        let mut db = connect(&path, true)?;
        if schema::is_empty(&db).map_err(sql)? {
            let records = crate::records(study)?;
            let design = Design::draw(&plan, &records)?;
            let files = pictures(study, &design, plan.seed)?;
            let (text, secret) = (plan.text()?, Secret::new()?);
            schema::create(&mut db, |tx| {
                for (name, value) in [("plan", text.as_bytes()), ("secret", secret.bytes())] {
                    tx.execute("INSERT INTO meta VALUES (?, ?)", (name, value))?;
                }
                deck::insert(tx, &design, &files)
            })
            .map_err(sql)?;
        }
        let experiment = Self::of(db, path, study)?;
        experiment.compare(&plan, &plan_path)?;
        Ok(experiment)
    }

    /// The experiment of a study, which was begun before.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn open(study: &Path) -> Result<Self, Error> {
        let path = study.join(FOLDER).join("rating.sqlite");
        fs::metadata(&path).map_err(|e| Error::io(&path, e))?;
        Self::of(connect(&path, false)?, path, study)
    }

    fn of(db: Connection, path: PathBuf, study: &Path) -> Result<Self, Error> {
        let corrupt = |what: String| Error::from(Repr::Corrupt { path: path.clone(), what });
        let sql = |source| Error::from(Repr::Database { path: path.clone(), source });
        if let Some(what) = schema::fault(&db).map_err(sql)? {
            return Err(corrupt(what));
        }
        let meta = |name: &str| {
            db.query_row("SELECT value FROM meta WHERE name = ?", [name], |row| row.get::<_, Vec<u8>>(0))
                .optional()
                .map_err(sql)?
                .ok_or_else(|| corrupt(format!("it has no {name}")))
        };
        let text = String::from_utf8(meta("plan")?).map_err(|_| corrupt("its plan is no text".to_owned()))?;
        let plan = toml::from_str(&text).map_err(|e| corrupt(format!("its plan is none: {e}")))?;
        let secret = Secret::from_bytes(meta("secret")?);
        Ok(Self { db, path, study: study.to_owned(), plan, secret })
    }

    /// Refuses to mix answers that were given under different plans.
    fn compare(&self, plan: &RatePlan, path: &Path) -> Result<(), Error> {
        let (then, now) = (self.plan.text()?, plan.text()?);
        if then == now {
            return Ok(());
        }
        let quoted = |line: Option<&str>| line.map_or_else(|| "absent".to_owned(), |l| format!("'{l}'"));
        let (mut old, mut new) = (then.lines(), now.lines());
        for line in 1.. {
            let (old, new) = (old.next(), new.next());
            if old != new || old.is_none() {
                let (old, new) = (quoted(old), quoted(new));
                return Err(Repr::Changed { path: path.to_owned(), line, old, new }.into());
            }
        }
        Ok(())
    }

    /// Another connection to read with, beside the one that writes.
    pub(crate) fn reader(&self) -> Result<Connection, Error> {
        let db = connect(&self.path, false)?;
        db.pragma_update(None, "query_only", true).map_err(|e| self.sql(e))?;
        Ok(db)
    }

    pub(crate) fn sql(&self, source: rusqlite::Error) -> Error {
        Repr::Database { path: self.path.clone(), source }.into()
    }

    /// Makes personal links. They are shown this once: the database keeps no more than their hashes.
    ///
    /// # Errors
    /// The disk is full, or the system has no random numbers.
    pub fn links(&mut self, count: usize) -> Result<Vec<Link>, Error> {
        let fresh = |_| Ok((token()?, code()?));
        let made = (0..count).map(fresh).collect::<Result<Vec<_>, Error>>()?;
        let path = &self.path;
        let sql = |source| Error::from(Repr::Database { path: path.clone(), source });
        let tx = self.db.transaction().map_err(sql)?;
        for (token, code) in &made {
            rater::invite(&tx, &digest(token), code, true).map_err(sql)?;
        }
        tx.commit().map_err(sql)?;
        Ok(made.into_iter().map(|(token, code)| Link { path: format!("/r/{token}"), code }).collect())
    }

    /// The address of the open link, below the server's: whoever comes by it gets a link of their own.
    pub fn open_link(&self) -> String {
        format!("/join/{}", self.secret.password("join"))
    }

    /// What opens the administrator's page.
    pub fn password(&self) -> String {
        self.secret.password("administrator")
    }

    /// The plan that the experiment was begun with.
    pub fn plan(&self) -> &RatePlan {
        &self.plan
    }
}

fn connect(path: &Path, create: bool) -> Result<Connection, Error> {
    if let Some(folder) = path.parent().filter(|_| create) {
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let open = || {
        let db = Connection::open_with_flags(path, flags)?;
        schema::configure(&db)?;
        Ok(db)
    };
    open().map_err(|source| Repr::Database { path: path.to_owned(), source }.into())
}

#[cfg(test)]
mod tests;
