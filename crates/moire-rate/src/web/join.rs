//! The open link: whoever comes by it gets a link of their own.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::guard::Client;
use super::page::{Frame, Plain, failed, nowhere, show};
use super::{App, Shared};
use crate::secret::equal;
use crate::store::Rater;
use crate::words::preferred;

/// The name of the cookie that brings those who came by the open link back to a link of their own.
const COOKIE: &str = "moire_rater";

/// Those who come by the open link. A page with a button, for programs that look at links follow them.
pub(super) async fn page(
    State(app): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !equal(&name, &app.secret.password("join")) {
        return nowhere(&app);
    }
    if let Some(token) = cookie(&headers, COOKIE) {
        let (sought, token) = (token.to_owned(), token.to_owned());
        if let Ok(Some(_)) = app.queue.run(move |db| Rater::find(db, &sought)).await {
            return Redirect::to(&format!("/r/{token}")).into_response();
        }
    }
    form(&app, &name, &headers, StatusCode::OK)
}

fn form(app: &App, name: &str, headers: &HeaderMap, status: StatusCode) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let frame = Frame::of(app, preferred(&app.languages, accepted));
    let words = frame.words;
    let open = status == StatusCode::OK;
    let text = if open { words.join_text.clone() } else { words.full.clone() };
    let send = open.then(|| (format!("/join/{name}"), words.join_begin.as_str()));
    show(app, status, &Plain { heading: &words.join_title, text, go: None, send, frame })
}

pub(super) async fn join(
    State(app): State<Shared>,
    Path(name): Path<String>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    if !equal(&name, &app.secret.password("join")) {
        return nowhere(&app);
    }
    if !app.limits.join(client.0) {
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response();
    }
    let most = app.plan.max_raters.get();
    match app.queue.run(move |db| Rater::join(db, most)).await {
        Ok(Some(token)) => {
            let secure = if app.address.starts_with("https:") { "; Secure" } else { "" };
            let kept =
                format!("{COOKIE}={token}; Path=/join; Max-Age=7776000; HttpOnly; SameSite=Lax{secure}");
            ([(header::SET_COOKIE, kept)], Redirect::to(&format!("/r/{token}"))).into_response()
        }
        Ok(None) => form(&app, &name, &headers, StatusCode::SERVICE_UNAVAILABLE),
        Err(e) => failed(&app, &e),
    }
}

/// The value of a cookie that is no longer than ours are.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs = all.flat_map(|v| v.split(';')).filter_map(|p| p.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value).filter(|v| v.len() <= 64)
}
