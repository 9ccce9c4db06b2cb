use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};

use crate::error::{Error, Repr};

/// The right to write a study, held by at most one process.
///
/// The lock is the operating system's, on a file beside the database: it ends with the process, however that
/// ends, and it leaves the database readable to a report while a run goes on. The file itself stays.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the right to write the study at `path`, or says at once that another holds it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let beside = PathBuf::from(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&beside)
            .map_err(|e| Error::io(&beside, e))?;
        // By its full name: `File::try_lock` of the standard library is newer than this crate's oldest Rust.
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Repr::Locked { path: path.to_owned() }.into()),
            Err(TryLockError::Error(e)) => Err(Error::io(&beside, e)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do it too; a child process that inherited it would keep it otherwise.
        let _ = FileExt::unlock(&self.0);
    }
}
