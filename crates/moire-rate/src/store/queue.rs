//! One thread writes, and commits the work of many at once.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::{Error, Repr};
use crate::store::Experiment;

/// Work that may wait; beyond it the server says that it is busy.
const WAITING: usize = 4096;

/// Work that shares a commit.
const TOGETHER: usize = 256;

/// A job runs inside the transaction, and is then told how the commit went.
type Job = Box<dyn FnOnce(&Connection) -> Report + Send>;
type Report = Box<dyn FnOnce(Committed) + Send>;

#[derive(Clone, Copy)]
enum Committed {
    Yes,
    No(ErrorCode),
}

/// The way to the database of an experiment.
///
/// Whatever asks is run by one thread in one order, so that no two answers race; what has gathered meanwhile shares
/// one transaction and one flush of the disk. Nobody hears of success before the commit.
#[derive(Clone)]
pub(crate) struct Queue {
    to: SyncSender<Job>,
    path: std::sync::Arc<std::path::Path>,
}

impl Queue {
    /// Takes the experiment's connection to a thread of its own, which ends when every `Queue` is gone.
    pub(crate) fn start(experiment: Experiment) -> Self {
        let (to, from) = sync_channel(WAITING);
        let path = experiment.path.as_path().into();
        thread::spawn(move || work(experiment.db, &from));
        Self { to, path }
    }

    /// Runs `job` in a transaction, and answers once that is on the disk.
    ///
    /// # Errors
    /// The database refused: nothing of this job is kept. Too much is waiting already.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, hear) = oneshot::channel();
        let job = move |db: &Connection| -> Report {
            let result = nested(db, job);
            Box::new(move |committed| {
                let result = match committed {
                    Committed::Yes => result,
                    Committed::No(code) => Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error { code, extended_code: 0 },
                        Some("the transaction was not committed".to_owned()),
                    )),
                };
                // Whoever asked may have gone away.
                drop(answer.send(result));
            })
        };
        self.to.try_send(Box::new(job)).map_err(|e| match e {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Error::from(Repr::Busy),
        })?;
        let result = hear.await.map_err(|_| Error::from(Repr::Busy))?;
        result.map_err(|source| Repr::Database { path: self.path.to_path_buf(), source }.into())
    }
}

/// A job that fails takes back what it did, and nothing of the others.
fn nested<T>(db: &Connection, job: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    db.execute_batch("SAVEPOINT job")?;
    let result = job(db);
    db.execute_batch(if result.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" })?;
    result
}

fn work(mut db: Connection, from: &Receiver<Job>) {
    while let Ok(first) = from.recv() {
        let mut reports: Vec<Report> = Vec::new();
        let run = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            reports.push(first(&tx));
            while reports.len() < TOGETHER {
                match from.try_recv() {
                    Ok(job) => reports.push(job(&tx)),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            tx.commit()
        };
        let committed = match run() {
            Ok(()) => Committed::Yes,
            Err(e) => Committed::No(e.sqlite_error_code().unwrap_or(ErrorCode::Unknown)),
        };
        reports.into_iter().for_each(|report| report(committed));
    }
}
