//! The table of protected photographs: one row a photograph and setting, the record itself as JSON.

use std::collections::BTreeSet;

use rusqlite::TransactionBehavior;

use super::Store;
use crate::error::{Error, Repr};
use crate::protection::{Protection, ProtectionKey};

impl Store {
    /// Adds a protected photograph; it is on the disk, whole, when this returns.
    ///
    /// # Errors
    /// It breaks one of its promises or is already there; the disk is full.
    pub fn insert_protections(&mut self, unit: &[Protection]) -> Result<(), Error> {
        if self.lock.is_none() {
            return Err(Repr::ReadOnly { path: self.path.clone() }.into());
        }
        let sql = |e| Error::database(&self.path, e);
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        for protection in unit {
            protection.check()?;
            let (data, photograph, setting) = protection.key();
            let record = serde_json::to_string(protection).map_err(Repr::Json)?;
            tx.execute("INSERT INTO protection VALUES (?, ?, ?, ?)", [data, photograph, setting, record])
                .map_err(sql)?;
        }
        tx.commit().map_err(sql)
    }

    /// The photographs that are done under each setting, failures included.
    pub(crate) fn protected_keys(&self) -> Result<BTreeSet<ProtectionKey>, Error> {
        let keys = self.select("SELECT data, photograph, setting FROM protection", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        Ok(keys.into_iter().collect())
    }

    /// All protected photographs: by the plan's order of settings, then by set and name.
    ///
    /// # Errors
    /// A row that no study writes: the file is damaged or was tampered with.
    pub fn protections(&self) -> Result<Vec<Protection>, Error> {
        let rows = self
            .select("SELECT record FROM protection ORDER BY data, photograph, setting", |row| {
                row.get::<_, String>(0)
            })?;
        let mut all = Vec::new();
        for row in rows {
            let damaged = |what: String| Error::corrupt(&self.path, what);
            let protection: Protection = serde_json::from_str(&row).map_err(|e| damaged(e.to_string()))?;
            protection.check().map_err(|e| damaged(e.to_string()))?;
            all.push(protection);
        }
        all.sort_by_key(|p| p.setting.place);
        Ok(all)
    }
}
