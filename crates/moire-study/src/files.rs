//! Reading within limits, writing whole files or none.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Repr};

/// The bytes of a file of at most `limit` bytes.
///
/// # Errors
/// There is no such file, it is larger, it cannot be read, or it is a folder, a pipe or a device.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let io = |e| Error::io(path, e);
    // Asked before opening: opening a pipe waits for whoever writes to it.
    if !fs::metadata(path).map_err(io)?.is_file() {
        let (expected, found) = ("a file".to_owned(), "something else".to_owned());
        return Err(Repr::Unfit { path: path.to_owned(), expected, found }.into());
    }
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    // The file may grow meanwhile; one byte more tells.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        let (expected, found) = (format!("at most {limit} bytes"), "more".to_owned());
        return Err(Repr::Unfit { path: path.to_owned(), expected, found }.into());
    }
    Ok(bytes)
}

/// Writes a file whole or not at all: beside its place first, on the disk, then moved there. Folders on the
/// way are made.
///
/// # Errors
/// The disk is full, or the place cannot be written to.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let put = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(partial, path)?;
        // The new name is on the disk once its folder is.
        #[cfg(unix)]
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    put().map_err(|e| {
        // What is left over is worth nothing; if even this fails, the first error says why.
        let _ = fs::remove_file(partial);
        Error::io(path, e)
    })
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
