use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::page::{failed, nowhere};
use super::{App, Shared};
use crate::design::Side;
use crate::plate::Check;
use crate::store::{PictureFile, Rater};

/// A pair as it is looked at: that of a place in a set, or one of the training pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Set { deck: usize, position: usize },
    Training(usize),
}

/// Stands for the training pairs where the number of a set stands otherwise.
const TRAINING: u32 = u32::MAX;

impl Place {
    fn numbers(self) -> (u32, u8) {
        match self {
            Self::Set { deck, position } => (deck as u32, position as u8),
            Self::Training(n) => (TRAINING, n as u8),
        }
    }

    fn of((deck, position): (u32, u8)) -> Self {
        let position = position.into();
        if deck == TRAINING { Self::Training(position) } else { Self::Set { deck: deck as usize, position } }
    }

    /// The pictures from left to right, and where the clean one is.
    pub(super) fn sides(self, app: &App) -> Option<([&PictureFile; 2], Side)> {
        let (pair, clean) = match self {
            Self::Set { deck, position } => {
                let slot = app.deck.sets.get(deck)?.get(position)?;
                (slot.pair, slot.clean)
            }
            // Practice begins with the original on the left, and changes over.
            Self::Training(n) => {
                (*app.deck.training.get(n)?, if n % 2 == 0 { Side::Left } else { Side::Right })
            }
        };
        Some((app.deck.sides(pair, clean), clean))
    }

    /// The address of a picture: it says nothing that the page does not, and nobody can make one up.
    pub(super) fn url(self, app: &App, side: usize) -> String {
        let (deck, position) = self.numbers();
        let tag = app.secret.sign("picture", &[deck.into(), position.into(), side as u64]);
        let mut id = deck.to_be_bytes().to_vec();
        id.extend([position, side as u8]);
        format!("/i/{}{tag}.png", URL_SAFE_NO_PAD.encode(id))
    }
}

/// Eight letters of numbers, then the signature.
fn read(app: &App, id: &str) -> Option<(Place, usize)> {
    let (numbers, tag) = id.strip_suffix(".png")?.split_at_checked(8)?;
    let [a, b, c, d, position, side] = URL_SAFE_NO_PAD.decode(numbers).ok()?.try_into().ok()?;
    let deck = u32::from_be_bytes([a, b, c, d]);
    let signed = app.secret.signed("picture", &[deck.into(), position.into(), side.into()], tag);
    (signed && side < 2).then(|| (Place::of((deck, position)), side.into()))
}

fn png(bytes: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (headers, bytes).into_response()
}

pub(super) async fn picture(State(app): State<Shared>, Path(id): Path<String>) -> Response {
    let Some((place, side)) = read(&app, &id) else { return nowhere(&app) };
    let Some((sides, _)) = place.sides(&app) else { return nowhere(&app) };
    let (file, study) = (sides[side].clone(), app.study.clone());
    match tokio::task::spawn_blocking(move || file.read(&study)).await {
        Ok(Ok(bytes)) => png(bytes),
        Ok(Err(e)) => failed(&app, &e),
        Err(_) => nowhere(&app),
    }
}

/// What this rater is asked to read.
pub(super) fn check(app: &App, rater: &Rater) -> Check {
    Check::new(app.secret.number("screen check", &[rater.id as u64]))
}

async fn drawn(app: &Shared, token: String, draw: fn(Check) -> Vec<u8>) -> Response {
    match app.queue.run(move |db| Rater::find(db, &token)).await {
        Ok(Some(rater)) => {
            let check = check(app, &rater);
            tokio::task::spawn_blocking(move || png(draw(check))).await.unwrap_or_else(|_| nowhere(app))
        }
        Ok(None) => nowhere(app),
        Err(e) => failed(app, &e),
    }
}

pub(super) async fn plate(State(app): State<Shared>, Path(token): Path<String>) -> Response {
    drawn(&app, token, Check::plate).await
}

pub(super) async fn strip(State(app): State<Shared>, Path(token): Path<String>) -> Response {
    drawn(&app, token, Check::strip).await
}
