//! What pages share, and those that say that something is not there.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::{App, Shared};
use crate::error::{Error, ErrorKind};
use crate::words::{Words, preferred};

/// What every page shows.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) words: &'a Words,
    pub(super) language: &'a str,
    /// To choose from, with their names; none on a page that belongs to nobody.
    pub(super) languages: Vec<(&'a str, &'a str)>,
    pub(super) token: &'a str,
    /// Signs the forms of this rater that are about no pair.
    pub(super) tag: String,
    pub(super) version: &'static str,
}

impl<'a> Frame<'a> {
    /// The frame of a page that belongs to nobody, in the language of this name.
    pub(super) fn of(app: &'a App, language: &'a str) -> Self {
        Self {
            title: &app.plan.title,
            words: &app.languages[language].words,
            language,
            languages: Vec::new(),
            token: "",
            tag: String::new(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// A heading, a sentence, and a way on.
#[derive(Template)]
#[template(path = "plain.html")]
pub(super) struct Plain<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) heading: &'a str,
    pub(super) text: String,
    /// A link.
    pub(super) go: Option<(String, &'a str)>,
    /// A form with nothing but a button.
    pub(super) send: Option<(String, &'a str)>,
}

/// A page with its status; what cannot be rendered is a fault of the program.
pub(super) fn show(app: &App, status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(e) => {
            (app.report)(&e.into());
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn plain(app: &App, status: StatusCode, said: fn(&Words) -> (&str, &str)) -> Response {
    let frame = Frame::of(app, preferred(&app.languages, ""));
    let (heading, text) = said(frame.words);
    let text = text.to_owned();
    show(app, status, &Plain { frame, heading, text, go: None, send: None })
}

/// Unknown links and unknown places look the same.
pub(super) async fn missing(State(app): State<Shared>) -> Response {
    nowhere(&app)
}

pub(super) fn nowhere(app: &App) -> Response {
    plain(app, StatusCode::NOT_FOUND, |w| (&w.missing_title, &w.missing_text))
}

pub(super) fn refused(app: &App) -> Response {
    plain(app, StatusCode::FORBIDDEN, |w| (&w.refused_title, &w.refused_text))
}

pub(super) fn malformed(app: &App) -> Response {
    plain(app, StatusCode::BAD_REQUEST, |w| (&w.refused_title, &w.refused_text))
}

/// What failed on the server's side: it is reported there, and said here without its particulars.
pub(super) fn failed(app: &App, error: &Error) -> Response {
    if error.kind() != ErrorKind::Busy {
        (app.report)(error);
    }
    plain(app, StatusCode::SERVICE_UNAVAILABLE, |w| (&w.busy_title, &w.busy_text))
}
