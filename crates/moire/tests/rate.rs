//! A rating experiment over HTTP, as raters, an administrator and those who mean ill see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::rating::{Client, Server, asked, between, exported};
use support::rating_study::study;
use support::{run, text};

const PLAN: &str = "set = 7\nratings_per_pair = 2\ntraining = 2\nsets_per_rater = 2";

fn experiment() -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    study(folder.path(), 8, 3, 48, PLAN);
    let server = Server::start(folder.path());
    (folder, server)
}

/// Answers one pair with this score, or with that which the page asks for.
fn answer(client: &mut Client, link: &str, score: &str) -> Option<(String, String, String)> {
    let page = client.get(link);
    let (place, tag, wanted) = asked(&page)?;
    let score = wanted.unwrap_or_else(|| score.to_owned());
    let form = [("place", place.as_str()), ("tag", &tag), ("score", &score), ("ms", "2500"), ("fits", "1")];
    let reply = client.post(&format!("{link}/answer"), &form);
    assert_eq!((reply.status, reply.header("location")), (303, Some(link)));
    Some((place, tag, score))
}

#[test]
fn a_session_from_consent_to_code_survives_a_kill_and_tells_nothing() {
    let (folder, mut server) = experiment();
    let (link, code) = server.links(1).remove(0);
    let mut client = server.client();
    let first = client.get(&link);
    assert!(first.text().contains("Take part in it &#60;b&#62;if&#60;/b&#62;"), "{}", first.text());

    // The other language, and back.
    let tag = first.field("tag");
    assert_eq!(client.post(&format!("{link}/language"), &[("tag", &tag), ("language", "de")]).status, 303);
    assert!(client.get(&link).text().contains("Einwilligungstext."));
    client.post(&format!("{link}/language"), &[("tag", &tag), ("language", "en")]);
    client.begin(&link);

    let mut given = Vec::new();
    for n in 0..7 {
        let page = client.get(&link).text();
        assert!(page.contains(&format!("Pair {} of 7", n + 1)), "{page}");
        for secret in ["hush", "urn(", "golden", "fake/", "images/", "/255"] {
            assert!(!page.contains(secret), "the page tells {secret}");
        }
        if n == 3 {
            // Nothing that was confirmed is lost, and the link leads back to the same pair.
            let before = asked(&client.get(&link));
            server.restart();
            client = server.client();
            assert_eq!(asked(&client.get(&link)), before);
        }
        if n == 5 {
            // Taken back once, and given again; the first answer's form is stale by then.
            let (place, tag, _) = asked(&client.get(&link)).unwrap();
            let undo = [("place", place.as_str()), ("tag", tag.as_str())];
            assert_eq!(client.post(&format!("{link}/undo"), &undo).status, 303);
            assert!(client.get(&link).text().contains("Pair 5 of 7"));
            assert_eq!(client.post(&format!("{link}/undo"), &undo).status, 303, "twice is once");
            assert!(client.get(&link).text().contains("Pair 5 of 7"));
            given.pop();
            given.push(answer(&mut client, &link, "2").unwrap());
        }
        given.push(answer(&mut client, &link, "2").unwrap());
    }
    let done = client.get(&link).text();
    assert!(done.contains("Set complete") && done.contains(&code), "{done}");
    // Sent again, answers are known, whatever they say now.
    let (place, tag, _) = &given[6];
    let again = [("place", place.as_str()), ("tag", tag.as_str()), ("score", "5")];
    assert_eq!(client.post(&format!("{link}/answer"), &again).status, 303);

    let answers = exported(folder.path());
    let found: Vec<u64> =
        answers["answers"].as_array().unwrap().iter().map(|a| a["score"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = given.iter().map(|g| g.2.parse().unwrap()).collect();
    assert_eq!(found, expected, "the store holds the answers that count");
    assert!(
        answers["answers"][0]["set_counts"].as_bool().unwrap()
            && answers["answers"][0]["milliseconds"] == 2500
    );

    // A second set, of other pairs; then no more.
    client.begin(&link);
    while answer(&mut client, &link, "2").is_some() {}
    assert!(client.get(&link).text().contains("as many sets as one person may"));
    let answers = exported(folder.path());
    let mut pairs: Vec<u64> = answers["answers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["purpose"] == "rated")
        .map(|a| a["pair"].as_u64().unwrap())
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), 10, "nobody rates a pair twice");

    let output = run(&["rate", "analyse", &folder.path().display().to_string()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("hush 1"), "{}", text(&output.stdout));
    let report = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.contains("What people see") && report.contains("hush 1"));
}

#[test]
fn pictures_are_those_of_the_study_to_the_byte() {
    let (folder, server) = experiment();
    let (link, _) = server.links(1).remove(0);
    let mut client = server.client();
    client.begin(&link);
    let page = client.get(&link).text();
    let urls: Vec<String> = page
        .split("src=\"/i/")
        .skip(1)
        .map(|r| format!("/i/{}", between(&format!("\"{r}"), "\"", "\"")))
        .collect();
    assert_eq!(urls.len(), 2);
    let mut saved = Vec::new();
    for place in ["images/net/0", "images/net/1", "images/net/2", "rating/images"] {
        let files = fs::read_dir(folder.path().join(place)).unwrap();
        saved.extend(files.map(|f| fs::read(f.unwrap().path()).unwrap()));
    }
    for url in &urls {
        let reply = client.get(url);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/png")));
        assert!(saved.contains(&reply.body), "{url} is no picture of the study");
        // One letter off leads nowhere.
        let forged = url.replace(".png", "A.png");
        assert_eq!(client.get(&forged).status, 404);
    }
    // A file that changed under the server is not shown.
    for k in 0..3 {
        for image in 0..8 {
            fs::write(folder.path().join(format!("images/net/{k}/{image:03}.png")), b"other").unwrap();
        }
    }
    let changed = urls.iter().filter(|u| client.get(u).status == 503).count();
    assert!(changed >= 1, "the original at least has changed");
}

#[test]
fn the_administrator_enters_by_the_password_alone() {
    let (_folder, server) = experiment();
    let (link, code) = server.links(1).remove(0);
    let mut client = server.client();
    client.begin(&link);
    answer(&mut client, &link, "2");
    for path in ["/admin/answers.csv", "/admin/answers.json", "/admin"] {
        let reply = client.get(path);
        assert!(reply.text().contains("password") && !reply.text().contains(&code), "{path}");
    }
    assert_eq!(client.post("/admin", &[("password", "guess")]).status, 403);
    let reply = client.post("/admin", &[("password", &server.password)]);
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    assert!(reply.status == 303 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    client.headers = format!("cookie: {}\r\n", cookie.split(';').next().unwrap());
    let board = client.get("/admin").text();
    assert!(
        board.contains(&code) && board.contains("hush 1") && board.contains(&server.open_link),
        "{board}"
    );
    let csv = client.get("/admin/answers.csv").text();
    assert_eq!(csv.lines().count(), 2, "{csv}");
    // A cookie that somebody else wrote, and one of another time.
    let (until, tag) = cookie.split(';').next().unwrap().split_once('=').unwrap().1.split_once('.').unwrap();
    for forged in [format!("{until}.{}", "A".repeat(22)), format!("9{until}.{tag}"), ".".to_owned()] {
        client.headers = format!("cookie: moire_administrator={forged}\r\n");
        assert!(!client.get("/admin").text().contains(&code));
    }
}

#[test]
fn the_open_link_gives_each_browser_one_link() {
    let (_folder, server) = experiment();
    let mut client = server.client();
    assert_eq!(client.get("/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").status, 404);
    assert_eq!(client.get(&server.open_link).status, 200, "looking takes nobody's place");
    let reply = client.post(&server.open_link, &[]);
    let link = reply.header("location").unwrap().to_owned();
    let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    client.headers = format!("cookie: {cookie}\r\n");
    assert_eq!(client.get(&server.open_link).header("location"), Some(link.as_str()));
    client.headers.clear();
    client.begin(&link);
    assert!(asked(&client.get(&link)).is_some());
}

#[test]
fn what_is_forged_malformed_or_from_elsewhere_changes_nothing() {
    let (folder, server) = experiment();
    let (link, _) = server.links(1).remove(0);
    let mut client = server.client();
    client.begin(&link);
    let before = asked(&client.get(&link));
    let (place, tag, _) = before.clone().unwrap();
    let post = |client: &mut Client, path: String, form: &[(&str, &str)]| client.post(&path, form).status;
    let at = |action: &str| format!("{link}/{action}");
    let wrong = "A".repeat(22);
    for (score, place, tag, expected) in [
        ("3", place.as_str(), wrong.as_str(), 403),
        ("3", "1-0-1-0", &tag, 403),
        ("3", "1-0-0-0%27%3BDROP%20TABLE%20answer--", &tag, 403),
        ("3", "", "", 403),
        ("0", &place, &tag, 400),
        ("6", &place, &tag, 400),
        ("3%27", &place, &tag, 400),
    ] {
        assert_eq!(
            post(&mut client, at("answer"), &[("place", place), ("tag", tag), ("score", score)]),
            expected,
            "{score} {place} {tag}"
        );
    }
    assert_eq!(post(&mut client, at("answer"), &[]), 400);
    assert_eq!(post(&mut client, at("begin"), &[("tag", &tag)]), 403, "a tag for another purpose");
    assert_eq!(
        post(&mut client, at("language"), &[("tag", &client_tag(&server, &link)), ("language", "../en")]),
        400
    );
    let other = format!("/r/{}/answer", "B".repeat(32));
    let form = [("place", place.as_str()), ("tag", tag.as_str()), ("score", "3")];
    assert_eq!(post(&mut client, other, &form), 404, "somebody else's link");
    for from in ["sec-fetch-site: cross-site", "origin: https://evil.example", "origin: null"] {
        client.headers = format!("{from}\r\n");
        assert_eq!(post(&mut client, at("answer"), &form), 403, "{from}");
    }
    client.headers.clear();
    assert_eq!(asked(&client.get(&link)), before);
    assert!(exported(folder.path())["answers"].as_array().unwrap().is_empty());
}

/// The tag of a rater's forms that are about no pair.
fn client_tag(server: &Server, link: &str) -> String {
    between(&server.client().get(link).text(), "name=\"tag\" value=\"", "\"")
}

#[test]
fn there_is_no_way_around_the_pages() {
    let (_folder, server) = experiment();
    let mut client = server.client();
    for path in [
        "/",
        "/..",
        "/i/../../../etc/passwd",
        "/i/..%2f..%2fstudy.sqlite.png",
        "/i/%00.png",
        "/i/",
        "/i/AAAAAAAA.png",
        "/assets/../rating.sqlite",
        "/assets/fit/1x1",
        "/assets/fit/..x...css",
        "/r/",
        "/r/'%20OR%201=1--",
        "/r/%2e%2e",
        "/rating.sqlite",
        "/study.sqlite",
        "/images/net/1/000.png",
        "/admin/../rating.sqlite",
        "/.git/config",
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, 404, "{path}");
    }
    // A client of its own each: some are hung up on.
    let send = |method: &str, path: &str, body: Option<&str>| {
        server.client().try_send(method, path, body).map(|r| r.status)
    };
    assert_eq!(send("DELETE", "/r/x", None).unwrap(), 405);
    assert_eq!(send("TRACE", "/", None).unwrap(), 405);
    let large = format!("password={}", "x".repeat(100_000));
    assert!(matches!(send("POST", "/admin", Some(&large)), Ok(400 | 413) | Err(_)));
    assert!(matches!(send("GET", &format!("/{}", "x".repeat(60_000)), None), Ok(414 | 431) | Err(_)));

    let page = client.get("/admin");
    for (name, says) in [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert!(page.header(name).is_some_and(|v| v.contains(says)), "{name}");
    }
    assert!(!page.header("content-security-policy").unwrap().contains("unsafe"));
    let inline = |text: &str| text.contains("<style") || text.contains(" style=") || text.contains("onclick");
    assert!(!inline(&page.text()));
}

#[test]
fn guessing_is_slowed_down_and_raters_are_not() {
    let (_folder, server) = experiment();
    let (link, _) = server.links(1).remove(0);
    let mut client = server.client();
    let tries: Vec<u16> = (0..60).map(|_| client.post("/admin", &[("password", "guess")]).status).collect();
    assert!(tries[0] == 403 && tries[59] == 429, "{tries:?}");
    assert_eq!(
        client.post("/admin", &[("password", &server.password)]).status,
        429,
        "not even the right one"
    );
    assert_eq!(client.get(&link).status, 200, "who has a link is not in the way");
}

#[test]
fn slow_clients_are_not_waited_for() {
    let (_folder, server) = experiment();
    let (link, _) = server.links(1).remove(0);
    // A hundred that send a head one letter at a time, and never its end.
    let mut slow: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&server.host).unwrap()).collect();
    slow.iter_mut().for_each(|s| s.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").unwrap());
    // One whose body never comes.
    let mut body = TcpStream::connect(&server.host).unwrap();
    let head = "POST /admin HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 99\r\n\r\np";
    body.write_all(head.as_bytes()).unwrap();
    let start = Instant::now();
    let mut client = server.client();
    client.begin(&link);
    assert!(start.elapsed() < Duration::from_secs(5), "others wait for the slow");
    body.set_read_timeout(Some(Duration::from_secs(25))).unwrap();
    let mut said = [0; 12];
    body.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
    let mut rest = Vec::new();
    slow[0].set_read_timeout(Some(Duration::from_secs(25))).unwrap();
    slow[0].read_to_end(&mut rest).expect("the server hangs up");
}

#[test]
fn plans_are_written_once_and_errors_name_the_place() {
    let folder = tempfile::tempdir().unwrap();
    study(folder.path(), 8, 2, 16, PLAN);
    let at = folder.path().display().to_string();
    let plan = folder.path().join("rating/plan.toml");
    let said = text(&run(&["rate", "plan", &at]).stderr);
    assert!(said.contains("is there already"), "{said}");
    fs::remove_dir_all(folder.path().join("rating")).unwrap();
    assert!(run(&["rate", "plan", &at]).status.success());
    let proposed = fs::read_to_string(&plan).unwrap();
    assert!(proposed.contains("urn(k=1) at 4/255, net"), "{proposed}");
    let said = text(&run(&["rate", "serve", &at, "--listen", "127.0.0.1:0"]).stderr);
    assert!(said.contains("at least 21 images"), "{said}");
    fs::write(&plan, proposed.replace("set = 21", "set = 7\nsat = 7")).unwrap();
    let said = text(&run(&["rate", "serve", &at, "--listen", "127.0.0.1:0"]).stderr);
    assert!(said.contains("plan.toml") && said.contains("sat") && said.contains("line"), "{said}");
    fs::write(&plan, proposed.replace("set = 21", "set = 7")).unwrap();
    let said = text(&run(&["rate", "serve", &at, "--listen", "127.0.0.1:0"]).stderr);
    assert!(said.contains("'[Name") && !said.contains("panic"), "{said}");
    fs::write(&plan, proposed.replace("set = 21", "set = 6")).unwrap();
    let said = text(&run(&["rate", "links", &at, "--count", "1"]).stderr);
    assert!(said.contains("another plan") && said.contains("'set = 7'"), "{said}");
}

#[test]
fn a_table_of_scores_gives_the_estimates_of_p910() {
    let Some(root) = moire_testkit::shared() else { return };
    let folder = root.join("oracles/mos");
    let output = run(&["rate", "analyse", &folder.join("ratings.csv").display().to_string(), "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("p910_expected.json")).unwrap()).unwrap();
    for (list, field, key) in [
        ("stimuli", "mos", "mos_j"),
        ("stimuli", "standard_error", "sos_j"),
        ("raters", "bias", "bias_i"),
        ("raters", "inconsistency", "inconsistency_i"),
    ] {
        let (found, expected) = (found[list].as_array().unwrap(), expected[key].as_array().unwrap());
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            let (f, e) = (f[field].as_f64().unwrap(), e.as_f64().unwrap());
            assert!((f - e).abs() < 1e-3, "{key}: {f}, expected {e}");
        }
    }
}
