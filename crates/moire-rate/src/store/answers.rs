use rusqlite::Connection;

/// An answer that counts, where it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Index in [`Answers::works`].
    pub(crate) work: usize,
    pub(crate) position: usize,
    pub(crate) score: u8,
    pub(crate) milliseconds: Option<u32>,
    pub(crate) fits: Option<bool>,
    pub(crate) pixel_ratio: Option<f64>,
}

/// One set with one rater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) deck: usize,
    /// Index in [`Answers::people`].
    pub(crate) rater: usize,
    pub(crate) finished: bool,
    pub(crate) released: bool,
}

/// One rater, as far as tables tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) code: String,
    pub(crate) consented: bool,
    pub(crate) vision: Option<bool>,
    pub(crate) contrast: Option<bool>,
}

/// Everything that was answered and not taken back.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) people: Vec<Person>,
    pub(crate) works: Vec<Work>,
    pub(crate) rows: Vec<Row>,
}

impl Answers {
    /// Reads all of it, as it was at one moment.
    pub(crate) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let tx = db.unchecked_transaction()?;
        let mut ids = std::collections::BTreeMap::new();
        let mut people = Vec::new();
        let mut select =
            tx.prepare("SELECT id, code, consented IS NOT NULL, vision, contrast FROM rater ORDER BY id")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            ids.insert(row.get::<_, i64>(0)?, people.len());
            people.push(Person {
                code: row.get(1)?,
                consented: row.get(2)?,
                vision: row.get(3)?,
                contrast: row.get(4)?,
            });
        }
        let mut numbers = std::collections::BTreeMap::new();
        let mut works = Vec::new();
        let mut select = tx.prepare(
            "SELECT id, deck, rater, finished IS NOT NULL, released IS NOT NULL FROM work ORDER BY id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            numbers.insert(row.get::<_, i64>(0)?, works.len());
            works.push(Work {
                deck: row.get::<_, u32>(1)? as usize,
                rater: ids.get(&row.get(2)?).copied().unwrap_or_default(),
                finished: row.get(3)?,
                released: row.get(4)?,
            });
        }
        let mut select = tx.prepare(
            "SELECT work, position, score, milliseconds, fits, pixel_ratio FROM answer WHERE undone = 0
             ORDER BY work, position",
        )?;
        let rows = select
            .query_map([], |row| {
                Ok(Row {
                    work: numbers.get(&row.get(0)?).copied().unwrap_or_default(),
                    position: row.get::<_, u32>(1)? as usize,
                    score: row.get(2)?,
                    milliseconds: row.get(3)?,
                    fits: row.get(4)?,
                    pixel_ratio: row.get(5)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { people, works, rows })
    }
}
