//! The administrator's page: what has come in, from whom, how good it looks, and all of it to take away. It shows no
//! scores: who looks at results while an experiment runs is tempted to stop it when they please.

use askama::Template;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::guard::Client;
use super::join::cookie;
use super::page::{Frame, failed, malformed, show};
use super::{App, Shared};
use crate::error::{Error, Repr};
use crate::export;
use crate::quality::{Quality, Tally};
use crate::secret::equal;
use crate::store::Answers;
use crate::words::preferred;

const COOKIE: &str = "moire_administrator";

/// Seconds after which the password is asked for again.
const SESSION: i64 = 12 * 3600;

#[derive(Template)]
#[template(path = "enter.html")]
struct EnterPage<'a> {
    frame: Frame<'a>,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage<'a> {
    frame: Frame<'a>,
    tally: Tally,
    open_link: String,
    raters: Vec<RaterRow>,
}

struct RaterRow {
    number: usize,
    code: String,
    sets: usize,
    answers: usize,
    seconds: String,
    flags: Vec<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct Password {
    password: String,
}

fn enter_page(app: &App, wrong: bool) -> Response {
    let frame = Frame::of(app, preferred(&app.languages, "en"));
    let status = if wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    show(app, status, &EnterPage { frame, wrong })
}

/// Whether the request comes from one who gave the password.
fn admitted(app: &App, headers: &HeaderMap) -> bool {
    let Some((until, tag)) = cookie(headers, COOKIE).and_then(|v| v.split_once('.')) else { return false };
    let Ok(until) = until.parse::<u64>() else { return false };
    until as i64 > (app.clock)() && app.secret.signed("session", &[until], tag)
}

fn session(app: &App, value: &str, seconds: i64) -> String {
    let secure = if app.address.starts_with("https:") { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/admin; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

pub(super) async fn enter(
    State(app): State<Shared>,
    Extension(client): Extension<Client>,
    form: Result<Form<Password>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return malformed(&app) };
    // Each try counts, the right one too: who tries many waits.
    if !app.limits.guess(client.0) {
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response();
    }
    if !equal(form.password.trim(), &app.secret.password("administrator")) {
        return enter_page(&app, true);
    }
    let until = (app.clock)() + SESSION;
    let value = format!("{until}.{}", app.secret.sign("session", &[until as u64]));
    ([(header::SET_COOKIE, session(&app, &value, SESSION))], Redirect::to("/admin")).into_response()
}

pub(super) async fn leave(State(app): State<Shared>) -> Response {
    ([(header::SET_COOKIE, session(&app, "", 0))], Redirect::to("/admin")).into_response()
}

/// Reads everything beside the writer, and makes something of it.
async fn reading<T: Send + 'static>(
    app: &Shared,
    make: impl FnOnce(&App, &Answers) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let app = app.clone();
    let task = tokio::task::spawn_blocking(move || {
        let db = app.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let answers =
            Answers::read(&db).map_err(|source| Repr::Database { path: app.study.clone(), source })?;
        drop(db);
        make(&app, &answers)
    });
    task.await.unwrap_or_else(|_| Err(Repr::Busy.into()))
}

pub(super) async fn page(State(app): State<Shared>, headers: HeaderMap) -> Response {
    if !admitted(&app, &headers) {
        return enter_page(&app, false);
    }
    let made = reading(&app, |app, answers| {
        let quality = Quality::of(&app.deck, answers);
        let row = |(number, person): (usize, &crate::store::Person)| {
            let rater = &quality.raters[number];
            RaterRow {
                number: number + 1,
                code: person.code.clone(),
                sets: rater.finished,
                answers: rater.answers,
                seconds: rater.median_ms.map_or("–".to_owned(), |ms| format!("{:.1}", f64::from(ms) / 1e3)),
                flags: rater.flags.iter().map(|f| f.words()).collect(),
            }
        };
        // Links that nobody used yet are no raters.
        let used = answers.people.iter().enumerate().filter(|(_, p)| p.consented);
        Ok((Tally::of(&app.plan, &app.deck, answers), used.map(row).collect()))
    });
    match made.await {
        Ok((tally, raters)) => {
            let frame = Frame::of(&app, preferred(&app.languages, "en"));
            let open_link = format!("{}/join/{}", app.address, app.secret.password("join"));
            show(&app, StatusCode::OK, &BoardPage { frame, tally, open_link, raters })
        }
        Err(e) => failed(&app, &e),
    }
}

async fn download(
    app: Shared,
    headers: HeaderMap,
    kind: &'static str,
    name: &'static str,
    write: fn(&App, &Answers) -> Result<Vec<u8>, Error>,
) -> Response {
    if !admitted(&app, &headers) {
        return enter_page(&app, false);
    }
    match reading(&app, write).await {
        Ok(bytes) => {
            let as_file = format!("attachment; filename=\"{name}\"");
            ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, as_file)], bytes)
                .into_response()
        }
        Err(e) => failed(&app, &e),
    }
}

pub(super) async fn csv(State(app): State<Shared>, headers: HeaderMap) -> Response {
    download(app, headers, "text/csv; charset=utf-8", "answers.csv", |app, answers| {
        export::csv(&app.plan, &app.deck, answers)
    })
    .await
}

pub(super) async fn json(State(app): State<Shared>, headers: HeaderMap) -> Response {
    download(app, headers, "application/json", "answers.json", |app, answers| {
        export::json(&app.plan, &app.deck, answers)
    })
    .await
}
