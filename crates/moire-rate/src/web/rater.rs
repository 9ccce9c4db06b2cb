//! The pages of one rater, whose link says where they are: every form leads back to it.

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page::{Frame, Plain, failed, malformed, nowhere, refused, show};
use super::picture::{Place, check};
use super::{App, Shared, assets};
use crate::design::Side;
use crate::plan::ScreenCheck;
use crate::plate;
use crate::store::{Begun, Given, Heard, Open, Rater, Step};
use crate::words::{filled, preferred};

/// Seconds that a pair takes, for the estimate that people read.
const SECONDS_A_PAIR: usize = 8;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame<'a>,
    paragraphs: &'a [String],
}

#[derive(Template)]
#[template(path = "instructions.html")]
struct InstructionsPage<'a> {
    frame: Frame<'a>,
    choices: Vec<(u8, &'a str)>,
}

#[derive(Template)]
#[template(path = "screen.html")]
struct ScreenPage<'a> {
    frame: Frame<'a>,
    plate: usize,
    strip: (usize, usize),
}

#[derive(Template)]
#[template(path = "pair.html")]
struct PairPage<'a> {
    frame: Frame<'a>,
    /// Where one is, in words.
    place: String,
    n: usize,
    of: usize,
    practice: bool,
    sides: [Shown; 2],
    width: usize,
    height: usize,
    ticket: (String, String),
    trap: Option<String>,
    choices: Vec<(u8, &'a str)>,
    last: bool,
    undo: bool,
    /// Pictures of the next pair, to be fetched meanwhile.
    next: Vec<String>,
}

struct Shown {
    original: bool,
    url: String,
    srcset: String,
}

#[derive(Template)]
#[template(path = "begin.html")]
struct BeginPage<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    note: Option<String>,
    code: Option<&'a str>,
    button: Option<&'a str>,
    about: String,
}

/// A form about no pair.
#[derive(Deserialize)]
pub(super) struct StepForm {
    tag: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    squares: String,
}

/// A form about a pair. What only a script can fill in may be empty.
#[derive(Deserialize)]
pub(super) struct PairForm {
    place: String,
    tag: String,
    #[serde(default)]
    score: String,
    #[serde(default)]
    ms: String,
    #[serde(default)]
    fits: String,
    #[serde(default)]
    ratio: String,
}

impl PairForm {
    fn score(&self) -> Option<u8> {
        self.score.parse().ok().filter(|s| (1..=5).contains(s))
    }
}

type Sent<T> = Result<Form<T>, FormRejection>;

/// Whose link this is, or the page to answer with.
async fn rater(app: &Shared, token: &str) -> Result<Rater, Response> {
    if !app.limits.person(token) {
        return Err((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "5")]).into_response());
    }
    let sought = token.to_owned();
    match app.queue.run(move |db| Rater::find(db, &sought)).await {
        Ok(Some(rater)) => Ok(rater),
        Ok(None) => Err(nowhere(app)),
        Err(e) => Err(failed(app, &e)),
    }
}

fn back(token: &str) -> Response {
    Redirect::to(&format!("/r/{token}")).into_response()
}

fn step_tag(app: &App, rater: &Rater) -> String {
    app.secret.sign("step", &[rater.id as u64])
}

fn frame<'a>(app: &'a App, rater: &'a Rater, token: &'a str, headers: &HeaderMap) -> Frame<'a> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let chosen = rater.language.as_deref().filter(|l| app.languages.contains_key(*l));
    let language = chosen.unwrap_or_else(|| preferred(&app.languages, accepted));
    Frame {
        languages: app.languages.iter().map(|(code, l)| (code.as_str(), l.words.name.as_str())).collect(),
        token,
        tag: step_tag(app, rater),
        ..Frame::of(app, language)
    }
}

/// The choices as they are laid out: best first, each with its number.
fn choices<'a>(frame: &Frame<'a>) -> Vec<(u8, &'a str)> {
    (1..=5).zip(&frame.words.scale).map(|(score, label)| (score, label.as_str())).rev().collect()
}

/// Wherever this rater is.
pub(super) async fn page(
    State(app): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let rater = match rater(&app, &token).await {
        Ok(rater) => rater,
        Err(response) => return response,
    };
    let frame = frame(&app, &rater, &token, &headers);
    if !rater.consented {
        let paragraphs = &app.languages[frame.language].consent;
        return show(&app, StatusCode::OK, &ConsentPage { frame, paragraphs });
    }
    if !rater.instructed {
        let choices = choices(&frame);
        return show(&app, StatusCode::OK, &InstructionsPage { frame, choices });
    }
    if !rater.checked && app.plan.screen_check == ScreenCheck::Ask {
        return show(&app, StatusCode::OK, &ScreenPage { frame, plate: plate::PLATE, strip: plate::STRIP });
    }
    if rater.trained < app.deck.training.len() {
        return practice(&app, frame, rater.trained);
    }
    match rater.open {
        Some(open) => pair(&app, frame, &rater, open),
        None => between(&app, frame, &rater),
    }
}

fn practice(app: &App, frame: Frame<'_>, n: usize) -> Response {
    let of = app.deck.training.len();
    let Some((sides, width, height)) = sides(app, Place::Training(n)) else { return nowhere(app) };
    let page = PairPage {
        place: filled(&frame.words.practice, &[("n", &(n + 1)), ("of", &of)]),
        n: n + 1,
        of,
        practice: true,
        sides,
        width,
        height,
        ticket: (n.to_string(), frame.tag.clone()),
        trap: None,
        choices: choices(&frame),
        last: false,
        undo: false,
        next: srcsets(app, Place::Training(n + 1)),
        frame,
    };
    show(app, StatusCode::OK, &page)
}

fn pair(app: &App, frame: Frame<'_>, rater: &Rater, open: Open) -> Response {
    let place = Place::Set { deck: open.deck, position: open.position };
    let set = app.deck.sets.get(open.deck);
    let slot = set.and_then(|s| s.get(open.position));
    let (Some(set), Some(slot), Some((sides, width, height))) = (set, slot, sides(app, place)) else {
        return nowhere(app);
    };
    let (n, of, words) = (open.position + 1, set.len(), frame.words);
    let number = filled(&words.set, &[("n", &(rater.finished + 1))]);
    let choice = slot.ask.map(|ask| &words.scale[usize::from(ask) - 1]);
    let page = PairPage {
        place: format!("{number} · {}", filled(&words.pair, &[("n", &n), ("of", &of)])),
        n,
        of,
        practice: false,
        sides,
        width,
        height,
        ticket: open.ticket(&app.secret),
        trap: choice.map(|choice| filled(&words.trap, &[("choice", choice)])),
        choices: choices(&frame),
        last: n == of,
        undo: open.may_undo(),
        next: srcsets(app, Place::Set { deck: open.deck, position: open.position + 1 }),
        frame,
    };
    show(app, StatusCode::OK, &page)
}

fn sides(app: &App, place: Place) -> Option<([Shown; 2], usize, usize)> {
    let (files, clean) = place.sides(app)?;
    let shown = |side: usize| {
        let url = place.url(app, side);
        Shown { original: (side == 0) == (clean == Side::Left), srcset: assets::srcset(&url), url }
    };
    Some(([shown(0), shown(1)], files[0].width, files[0].height))
}

fn srcsets(app: &App, place: Place) -> Vec<String> {
    place
        .sides(app)
        .map(|_| (0..2).map(|side| assets::srcset(&place.url(app, side))).collect())
        .unwrap_or_default()
}

/// Before the first set, after one, and when there are no more.
fn between(app: &App, frame: Frame<'_>, rater: &Rater) -> Response {
    let (words, most, pairs) = (frame.words, app.plan.sets_per_rater.get(), app.plan.set.get());
    let minutes = (pairs * SECONDS_A_PAIR).div_ceil(60);
    let about = filled(&words.begin_text, &[("pairs", &pairs), ("minutes", &minutes)]);
    let count = filled(&words.done_count, &[("n", &rater.finished), ("of", &most)]);
    let (heading, note, button) = match rater.finished {
        0 => (&words.begin_title, None, Some(words.begin.as_str())),
        n if n < most => (&words.done_title, Some(count), Some(words.done_another.as_str())),
        _ => (&words.done_title, Some(words.enough.clone()), None),
    };
    let code = (rater.finished > 0).then_some(rater.code.as_str());
    show(app, StatusCode::OK, &BeginPage { frame, heading, note, code, button, about })
}

/// No set is free: what was earned is shown all the same.
fn nothing_left(app: &App, frame: Frame<'_>, rater: &Rater) -> Response {
    let words = frame.words;
    let heading = if rater.finished > 0 { &words.done_title } else { &words.begin_title };
    let code = (rater.finished > 0).then_some(rater.code.as_str());
    let (note, about) = (Some(words.nothing.clone()), String::new());
    show(app, StatusCode::OK, &BeginPage { frame, heading, note, code, button: None, about })
}

pub(super) async fn pause(
    State(app): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    match rater(&app, &token).await {
        Ok(rater) => {
            let frame = frame(&app, &rater, &token, &headers);
            let words = frame.words;
            let text = filled(&words.pause_text, &[("minutes", &app.plan.lease_minutes.get())]);
            let go = Some((format!("/r/{token}"), words.pause_return.as_str()));
            show(&app, StatusCode::OK, &Plain { heading: &words.pause_title, text, go, send: None, frame })
        }
        Err(response) => response,
    }
}

/// A form whose tag is this rater's, or the page to answer with.
async fn sent<T>(
    app: &Shared,
    token: &str,
    form: Sent<T>,
    tag: fn(&T) -> &str,
) -> Result<(Rater, T), Response> {
    let Form(form) = form.map_err(|_| malformed(app))?;
    let rater = rater(app, token).await?;
    if app.secret.signed("step", &[rater.id as u64], tag(&form)) {
        Ok((rater, form))
    } else {
        Err(refused(app))
    }
}

/// Notes a step of this rater, and leads back to their page.
async fn note(app: &Shared, token: &str, rater: Rater, step: Step) -> Response {
    let now = (app.clock)();
    match app.queue.run(move |db| rater.step(db, step, now)).await {
        Ok(()) => back(token),
        Err(e) => failed(app, &e),
    }
}

/// Consent, instructions, and the beginning of a set.
pub(super) async fn step(
    State(app): State<Shared>,
    Path((token, step)): Path<(String, String)>,
    headers: HeaderMap,
    form: Sent<StepForm>,
) -> Response {
    let (rater, _) = match sent(&app, &token, form, |f: &StepForm| &f.tag).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    match step.as_str() {
        "consent" => note(&app, &token, rater, Step::Consent).await,
        "instructions" => note(&app, &token, rater, Step::Instructions).await,
        "begin" if ready(&app, &rater) => {
            let (most, now) = (app.plan.sets_per_rater.get(), (app.clock)());
            let expired = now - 60 * app.plan.lease_minutes.get() as i64;
            let who = token.clone();
            // The rater is read again: two clicks are one set.
            let begun = app.queue.run(move |db| match Rater::find(db, &who)? {
                Some(rater) => rater.begin(db, most, now, expired),
                None => Ok(Begun::Nothing),
            });
            match begun.await {
                Ok(Begun::Open(_) | Begun::Enough) => back(&token),
                Ok(Begun::Nothing) => nothing_left(&app, frame(&app, &rater, &token, &headers), &rater),
                Err(e) => failed(&app, &e),
            }
        }
        "begin" => back(&token),
        _ => nowhere(&app),
    }
}

/// Whether everything that comes before a set is done.
fn ready(app: &App, rater: &Rater) -> bool {
    rater.consented
        && rater.instructed
        && (rater.checked || app.plan.screen_check == ScreenCheck::Skip)
        && rater.trained >= app.deck.training.len()
}

pub(super) async fn screen(
    State(app): State<Shared>,
    Path(token): Path<String>,
    form: Sent<StepForm>,
) -> Response {
    match sent(&app, &token, form, |f: &StepForm| &f.tag).await {
        Ok((rater, form)) => {
            let check = check(&app, &rater);
            let read = |text: &str, expected: u8| text.trim().parse() == Ok(expected);
            let vision = read(&form.number, check.number);
            // The faintest square may be missed on a good screen.
            let contrast = read(&form.squares, check.squares) || read(&form.squares, check.squares - 1);
            note(&app, &token, rater, Step::Screen { vision, contrast }).await
        }
        Err(response) => response,
    }
}

pub(super) async fn language(
    State(app): State<Shared>,
    Path(token): Path<String>,
    form: Sent<StepForm>,
) -> Response {
    match sent(&app, &token, form, |f: &StepForm| &f.tag).await {
        Ok((_, form)) if !app.languages.contains_key(&form.language) => malformed(&app),
        Ok((rater, form)) => match app.queue.run(move |db| rater.speak(db, &form.language)).await {
            Ok(()) => back(&token),
            Err(e) => failed(&app, &e),
        },
        Err(response) => response,
    }
}

pub(super) async fn training(
    State(app): State<Shared>,
    Path(token): Path<String>,
    form: Sent<PairForm>,
) -> Response {
    match sent(&app, &token, form, |f: &PairForm| &f.tag).await {
        Ok((rater, form)) => match (form.place.parse(), form.score()) {
            (Ok(n), Some(_)) if n < app.deck.training.len() => {
                note(&app, &token, rater, Step::Training(n)).await
            }
            _ => malformed(&app),
        },
        Err(response) => response,
    }
}

/// A form about a pair whose ticket is ours, with the place.
fn ticket(app: &Shared, token: &str, form: Sent<PairForm>) -> Result<(PairForm, Open), Box<Response>> {
    let Form(form) = form.map_err(|_| malformed(app))?;
    if !app.limits.person(token) {
        return Err((StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "5")]).into_response().into());
    }
    let place = Open::of_ticket(&app.secret, &form.place, &form.tag).ok_or_else(|| refused(app))?;
    Ok((form, place))
}

/// Keeps an answer. The page that follows is only sent once it is on the disk.
pub(super) async fn answer(
    State(app): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Sent<PairForm>,
) -> Response {
    let (form, place) = match ticket(&app, &token, form) {
        Ok(sent) => sent,
        Err(response) => return *response,
    };
    let (Some(score), Some(length)) = (form.score(), app.deck.sets.get(place.deck).map(Vec::len)) else {
        return malformed(&app);
    };
    let given = Given {
        place,
        score,
        milliseconds: form.ms.parse().ok(),
        fits: match form.fits.as_str() {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        },
        pixel_ratio: form.ratio.parse().ok().filter(|r: &f64| (0.1..=20.0).contains(r)),
    };
    let (now, who) = ((app.clock)(), token.clone());
    let heard = app.queue.run(move |db| {
        let Some(rater) = Rater::find(db, &who)? else { return Ok(None) };
        Ok(Some((rater.answer(db, &given, length, now)?, rater)))
    });
    match heard.await {
        Ok(Some((Heard::Now | Heard::Before, _))) => back(&token),
        Ok(Some((Heard::Late, rater))) => {
            let frame = frame(&app, &rater, &token, &headers);
            let words = frame.words;
            let (heading, text) = (words.late_title.as_str(), words.late_text.clone());
            let go = Some((format!("/r/{token}"), words.go_on.as_str()));
            show(&app, StatusCode::CONFLICT, &Plain { heading, text, go, send: None, frame })
        }
        Ok(None) => nowhere(&app),
        Err(e) => failed(&app, &e),
    }
}

pub(super) async fn undo(
    State(app): State<Shared>,
    Path(token): Path<String>,
    form: Sent<PairForm>,
) -> Response {
    let place = match ticket(&app, &token, form) {
        Ok((_, place)) => place,
        Err(response) => return *response,
    };
    let (now, who) = ((app.clock)(), token.clone());
    let undone = app.queue.run(move |db| {
        let rater = Rater::find(db, &who)?;
        rater.map(|rater| rater.undo(db, place, now)).transpose()
    });
    match undone.await {
        Ok(Some(())) => back(&token),
        Ok(None) => nowhere(&app),
        Err(e) => failed(&app, &e),
    }
}
