//! What one rater does to the store. Each function runs inside the caller's transaction.

use rusqlite::{Connection, OptionalExtension};

use crate::secret::{Secret, code, digest, token};

/// A person who rates, as the store knows them: by nothing but the hash of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rater {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) language: Option<String>,
    pub(crate) consented: bool,
    pub(crate) instructed: bool,
    pub(crate) checked: bool,
    pub(crate) trained: usize,
    /// Sets handed in.
    pub(crate) finished: usize,
    pub(crate) open: Option<Open>,
}

/// A set that a rater is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) work: i64,
    pub(crate) deck: usize,
    /// The place that is to be answered next.
    pub(crate) position: usize,
    /// How often that place's answer was taken back.
    pub(crate) attempt: usize,
}

impl Open {
    /// Only the last answer can be taken back, and only once before another is given.
    pub(crate) fn may_undo(&self) -> bool {
        self.position > 0 && self.attempt == 0
    }

    /// The place as a form carries it, and its signature.
    pub(crate) fn ticket(&self, secret: &Secret) -> (String, String) {
        let parts = [self.work as u64, self.deck as u64, self.position as u64, self.attempt as u64];
        (parts.map(|p| p.to_string()).join("-"), secret.sign("place", &parts))
    }

    /// The place of a ticket, if it is one of ours.
    pub(crate) fn of_ticket(secret: &Secret, place: &str, tag: &str) -> Option<Self> {
        let parts: Vec<u64> = place.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
        let &[work, deck, position, attempt] = parts.as_slice() else { return None };
        secret.signed("place", &parts, tag).then_some(Self {
            work: work as i64,
            deck: deck as usize,
            position: position as usize,
            attempt: attempt as usize,
        })
    }
}

/// Steps before the first set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Consent,
    Instructions,
    /// Whether the colour plate and the contrast strip were read.
    Screen {
        vision: bool,
        contrast: bool,
    },
    /// A training pair was answered, counted from 0.
    Training(usize),
}

/// An answer to the pair at a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) place: Open,
    pub(crate) score: u8,
    pub(crate) milliseconds: Option<u32>,
    /// Whether both pictures fitted the window.
    pub(crate) fits: Option<bool>,
    pub(crate) pixel_ratio: Option<f64>,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is kept.
    Now,
    /// One to the same question was kept before.
    Before,
    /// The set has gone to somebody else.
    Late,
}

/// What came of asking for a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Open(Open),
    /// This person has rated as many sets as one may.
    Enough,
    /// No set is free that this person has not seen.
    Nothing,
}

/// Adds somebody who may rate.
pub(super) fn invite(db: &Connection, token: &[u8], code: &str, invited: bool) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO rater (token, code, invited) VALUES (?, ?, ?)")?
        .execute((token, code, invited))?;
    Ok(())
}

impl Rater {
    /// Somebody who came by the open link, with the token of a link of their own; none where enough came.
    pub(crate) fn join(db: &Connection, most: usize) -> rusqlite::Result<Option<String>> {
        let came: u32 = db
            .prepare_cached("SELECT count(*) FROM rater WHERE invited = 0")?
            .query_row([], |row| row.get(0))?;
        let (Ok(token), Ok(code)) = (token(), code()) else { return Ok(None) };
        if came as usize >= most {
            return Ok(None);
        }
        invite(db, &digest(&token), &code, false)?;
        Ok(Some(token))
    }

    /// Whose link this is.
    pub(crate) fn find(db: &Connection, token: &str) -> rusqlite::Result<Option<Self>> {
        let found = db
            .prepare_cached(
                "SELECT id, code, language, consented, instructed, vision, trained,
                   (SELECT count(*) FROM work WHERE rater = rater.id AND finished IS NOT NULL)
                 FROM rater WHERE token = ?",
            )?
            .query_row([digest(token)], |row| {
                Ok(Self {
                    id: row.get(0)?,
                    code: row.get(1)?,
                    language: row.get(2)?,
                    consented: row.get::<_, Option<i64>>(3)?.is_some(),
                    instructed: row.get::<_, Option<i64>>(4)?.is_some(),
                    checked: row.get::<_, Option<bool>>(5)?.is_some(),
                    trained: row.get::<_, u32>(6)? as usize,
                    finished: row.get::<_, u32>(7)? as usize,
                    open: None,
                })
            })
            .optional()?;
        let Some(mut rater) = found else { return Ok(None) };
        rater.open = open(db, rater.id)?;
        Ok(Some(rater))
    }

    /// Speaks another language from now on.
    pub(crate) fn speak(&self, db: &Connection, language: &str) -> rusqlite::Result<()> {
        db.execute("UPDATE rater SET language = ? WHERE id = ?", (language, self.id)).map(drop)
    }

    /// Notes a step. To take one twice changes nothing.
    pub(crate) fn step(&self, db: &Connection, step: Step, now: i64) -> rusqlite::Result<()> {
        let id = self.id;
        match step {
            Step::Consent => db.execute(
                "UPDATE rater SET consented = coalesce(consented, ?) WHERE id = ?",
                (now, id),
            ),
            Step::Instructions => db.execute(
                "UPDATE rater SET instructed = coalesce(instructed, ?) WHERE id = ? AND consented IS NOT NULL",
                (now, id),
            ),
            Step::Screen { vision, contrast } => db.execute(
                "UPDATE rater SET vision = ?, contrast = ? WHERE id = ? AND vision IS NULL",
                (vision, contrast, id),
            ),
            Step::Training(pair) => db.execute(
                "UPDATE rater SET trained = ?1 + 1 WHERE id = ?2 AND trained = ?1",
                (pair as i64, id),
            ),
        }
        .map(drop)
    }

    /// The next set for this person: the first that nobody rates or has rated, and none of whose pairs they have
    /// seen. A set whose rater has not answered since `expired` is taken from them.
    pub(crate) fn begin(
        &self,
        db: &Connection,
        most: usize,
        now: i64,
        expired: i64,
    ) -> rusqlite::Result<Begun> {
        if let Some(open) = self.open {
            return Ok(Begun::Open(open));
        }
        if self.finished >= most {
            return Ok(Begun::Enough);
        }
        let free: Option<i64> = db
            .prepare_cached(
                "SELECT s.deck FROM slot s WHERE s.position = 0
                   AND NOT EXISTS (SELECT 1 FROM work w WHERE w.deck = s.deck AND w.released IS NULL
                     AND (w.finished IS NOT NULL OR w.touched > ?2))
                   AND NOT EXISTS (SELECT 1 FROM work w JOIN slot o ON o.deck = w.deck JOIN pair p ON p.id = o.pair
                     JOIN slot t ON t.pair = o.pair AND t.deck = s.deck
                     WHERE w.rater = ?1 AND p.purpose = 'rated')
                 ORDER BY s.deck LIMIT 1",
            )?
            .query_row((self.id, expired), |row| row.get(0))
            .optional()?;
        let Some(deck) = free else { return Ok(Begun::Nothing) };
        db.prepare_cached("UPDATE work SET released = ? WHERE deck = ? AND released IS NULL")?
            .execute((now, deck))?;
        db.prepare_cached("INSERT INTO work (deck, rater, begun, touched) VALUES (?1, ?2, ?3, ?3)")?
            .execute((deck, self.id, now))?;
        Ok(open(db, self.id)?.map_or(Begun::Nothing, Begun::Open))
    }

    /// Keeps an answer if it is to the place where this rater is, in a set of `length` pairs; else it changes
    /// nothing.
    pub(crate) fn answer(
        &self,
        db: &Connection,
        given: &Given,
        length: usize,
        now: i64,
    ) -> rusqlite::Result<Heard> {
        let Some(open) = self.open.filter(|open| *open == given.place) else {
            let place = given.place;
            let known = db
                .prepare_cached("SELECT 1 FROM answer WHERE work = ? AND position = ? AND attempt = ?")?
                .exists((place.work, place.position as i64, place.attempt as i64))?;
            return Ok(if known { Heard::Before } else { Heard::Late });
        };
        db.prepare_cached(
            "INSERT INTO answer (work, position, attempt, score, milliseconds, fits, pixel_ratio)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            open.work,
            open.position as i64,
            open.attempt as i64,
            given.score,
            given.milliseconds,
            given.fits,
            given.pixel_ratio,
        ))?;
        let finished = (open.position + 1 == length).then_some(now);
        db.prepare_cached("UPDATE work SET touched = ?, finished = ? WHERE id = ?")?
            .execute((now, finished, open.work))?;
        Ok(Heard::Now)
    }

    /// Takes the last answer back, if this rater is at this place.
    pub(crate) fn undo(&self, db: &Connection, place: Open, now: i64) -> rusqlite::Result<()> {
        let Some(open) = self.open.filter(|open| *open == place && open.may_undo()) else { return Ok(()) };
        db.prepare_cached("UPDATE answer SET undone = 1 WHERE work = ? AND position = ? AND undone = 0")?
            .execute((open.work, open.position as i64 - 1))?;
        db.prepare_cached("UPDATE work SET touched = ? WHERE id = ?")?.execute((now, open.work))?;
        Ok(())
    }
}

fn open(db: &Connection, rater: i64) -> rusqlite::Result<Option<Open>> {
    db.prepare_cached(
        "SELECT id, deck, given, (SELECT count(*) FROM answer WHERE work = id AND position = given AND undone = 1)
         FROM (SELECT w.id, w.deck, (SELECT count(*) FROM answer a WHERE a.work = w.id AND a.undone = 0) AS given
           FROM work w WHERE w.rater = ? AND w.finished IS NULL AND w.released IS NULL)",
    )?
    .query_row([rater], |row| {
        let index = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, u32>(at)? as usize);
        Ok(Open { work: row.get(0)?, deck: index(1)?, position: index(2)?, attempt: index(3)? })
    })
    .optional()
}
