use std::fmt::Write;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/rate.js");

/// Assets carry the program's version in their address, so they may be kept.
const KEEP: &str = "public, max-age=86400";

/// Pixels of the screen for each pixel of a page: the common screens, and what zooming makes of them.
const DENSITIES: [f64; 21] = [
    0.5, 0.67, 0.75, 0.8, 0.9, 1.0, 1.1, 1.25, 1.375, 1.5, 1.65, 1.75, 2.0, 2.2, 2.25, 2.5, 2.625, 2.75, 3.0,
    3.5, 4.0,
];

/// Pixels of a page beside the two pictures: the gap, and what is left and right of them.
const BESIDE: f64 = 64.0;

fn asset(kind: &'static str, text: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEEP)], text).into_response()
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn robots() -> Response {
    asset("text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n")
}

pub(super) async fn icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// One picture for every density: the browser shows it so that its pixels are the screen's, without a script. Each has
/// an address of its own, for Chromium takes a larger density that it has at hand for one that fits.
pub(super) fn srcset(url: &str) -> String {
    DENSITIES.map(|d| format!("{url}?{d} {d}x")).join(", ")
}

/// Says that the window is too small for two pictures of this size, without a script: for each density its own
/// number of pixels of a page.
pub(super) async fn fit(Path(size): Path<String>) -> Response {
    let sides = size.strip_suffix(".css").and_then(|s| s.split_once('x'));
    let Some((Ok(width), Ok(height))) = sides.map(|(w, h)| (w.parse::<u16>(), h.parse::<u16>())) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut css = String::new();
    for (i, d) in DENSITIES.iter().enumerate() {
        let (wide, high) = (2.0 * f64::from(width) / d + BESIDE, f64::from(height) / d);
        let up = DENSITIES
            .get(i + 1)
            .map_or(String::new(), |next| format!(" and (max-resolution: {}dppx)", next - 0.001));
        let from = if i == 0 { String::new() } else { format!(" and (min-resolution: {d}dppx)") };
        let at = |limit: String| format!("screen{from}{up} and ({limit})");
        let narrow = at(format!("max-width: {}px", (wide - 1.0).floor()));
        let low = at(format!("max-height: {}px", (high - 1.0).floor()));
        writeln!(css, "@media {narrow}, {low} {{ .small {{ display: block; }} }}")
            .expect("a text takes any length");
    }
    asset("text/css; charset=utf-8", css)
}
