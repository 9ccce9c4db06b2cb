//! What stands before every page.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::page;

/// How long a request may take, its body included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nothing is loaded but from here, nothing runs that stands in a page, and no other site may frame it.
const POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // A link is a key: no other site hears of it.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    ),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// The other end of the connection, as the server's socket sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Who asks, proxies looked through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client(pub(super) IpAddr);

pub(super) async fn guard(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |p| p.0);
    let client = Client(behind(peer, request.headers(), app.proxies));
    request.extensions_mut().insert(client);
    let known = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
    let mut response = if !known {
        StatusCode::METHOD_NOT_ALLOWED.into_response()
    } else if *request.method() == Method::POST && elsewhere(request.headers()) {
        page::refused(&app)
    } else {
        match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        }
    };
    // Links, forms and passwords that lead nowhere: whoever tries many waits, whoever has the right one does not.
    let astray = matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
    if astray && !app.limits.guess(client.0) {
        response = (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response();
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What says nothing else is a page of one person's.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a form was sent from another site. Browsers say where from; what says nothing is held to its tag alone.
fn elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site != "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (None, Some(_), None) => true,
        (None, None, _) => false,
    }
}

/// The address before the trusted proxies: each writes at the end of the list whom it heard.
fn behind(peer: IpAddr, headers: &HeaderMap, proxies: usize) -> IpAddr {
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let heard: Vec<&str> = lists.flat_map(|v| v.split(',')).map(str::trim).collect();
    match proxies.checked_sub(1) {
        Some(nearer) => heard.iter().rev().nth(nearer).and_then(|a| a.parse().ok()).unwrap_or(peer),
        None => peer,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::HeaderMap;

    use super::{behind, elsewhere};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let peer: IpAddr = [10, 0, 0, 1].into();
        let said = headers(&[("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.0.0.9")]);
        let found = |proxies| behind(peer, &said, proxies).to_string();
        assert_eq!([0, 1, 2].map(found), ["10.0.0.1", "10.0.0.9", "192.0.2.7"]);
        assert_eq!(behind(peer, &headers(&[("x-forwarded-for", "x")]), 1), peer);
    }

    #[test]
    fn forms_of_other_sites_are_told() {
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], false),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
            (&[("origin", "https://rate.example"), ("host", "rate.example")], false),
            (&[("origin", "https://evil.example"), ("host", "rate.example")], true),
            (&[("origin", "null"), ("host", "rate.example")], true),
            (&[("host", "rate.example")], false),
        ] {
            assert_eq!(elsewhere(&headers(pairs)), expected, "{pairs:?}");
        }
    }
}
