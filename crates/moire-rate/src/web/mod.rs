//! The pages: what raters and the administrator see.

mod admin;
mod assets;
mod guard;
mod join;
mod limit;
mod page;
mod picture;
mod rater;
mod serve;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use rusqlite::Connection;

pub use serve::{Server, Settings};

use crate::error::Error;
use crate::plan::RatePlan;
use crate::secret::Secret;
use crate::store::{Deck, Queue};
use crate::words::Language;
use limit::Limits;

/// The largest body of a request, in bytes: forms are a tenth of it.
const LARGEST_BODY: usize = 4096;

/// What every request may use.
pub(crate) struct App {
    queue: Queue,
    deck: Deck,
    plan: RatePlan,
    secret: Secret,
    languages: BTreeMap<String, Language>,
    study: PathBuf,
    /// For the administrator's page, which reads all there is: it must not keep answers waiting.
    reader: Mutex<Connection>,
    limits: Limits,
    /// Seconds since 1970.
    clock: fn() -> i64,
    /// The address that raters use, without a slash at its end.
    address: String,
    /// How many proxies stand before the server and can be believed about whom they speak for.
    proxies: usize,
    /// Hears of what went wrong on the server's side.
    report: fn(&Error),
}

type Shared = Arc<App>;

fn router(app: Shared) -> Router {
    Router::new()
        .route("/join/{name}", get(join::page).post(join::join))
        .route("/r/{token}", get(rater::page))
        .route("/r/{token}/pause", get(rater::pause))
        .route("/r/{token}/plate.png", get(picture::plate))
        .route("/r/{token}/strip.png", get(picture::strip))
        .route("/r/{token}/answer", post(rater::answer))
        .route("/r/{token}/undo", post(rater::undo))
        .route("/r/{token}/training", post(rater::training))
        .route("/r/{token}/screen", post(rater::screen))
        .route("/r/{token}/language", post(rater::language))
        .route("/r/{token}/{step}", post(rater::step))
        .route("/i/{id}", get(picture::picture))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/rate.js", get(assets::script))
        .route("/assets/fit/{size}", get(assets::fit))
        .route("/robots.txt", get(assets::robots))
        .route("/favicon.ico", get(assets::icon))
        .route("/admin", get(admin::page).post(admin::enter))
        .route("/admin/leave", post(admin::leave))
        .route("/admin/answers.csv", get(admin::csv))
        .route("/admin/answers.json", get(admin::json))
        .fallback(page::missing)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}
