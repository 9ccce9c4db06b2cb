//! A rating experiment for tests: a study made here, the server as a process, and a browser's least.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use super::moire;

/// The server as a process of its own.
pub(crate) struct Server {
    child: Child,
    /// Kept open: the server may say more.
    stdout: BufReader<ChildStdout>,
    pub(crate) host: String,
    pub(crate) password: String,
    pub(crate) open_link: String,
    study: PathBuf,
}

impl Server {
    pub(crate) fn start(study: &Path) -> Self {
        Self::listen(study, "127.0.0.1:0")
    }

    fn listen(study: &Path, at: &str) -> Self {
        let mut child = moire()
            .args(["rate", "serve"])
            .arg(study)
            .args(["--listen", at])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.by_ref().lines().map_while(Result::ok);
        let mut word = |label: &str, at: usize| {
            let line = lines.by_ref().find(|l| l.starts_with(label)).expect("the server says where it is");
            line.split_whitespace().nth(at).expect("a word").to_owned()
        };
        let host = word("listening", 2).replace("http://", "");
        let password = word("administrator", 3);
        let open_link = word("open link", 2).replace(&format!("http://{host}"), "");
        Self { child, stdout, host, password, open_link, study: study.to_owned() }
    }

    /// As a power cut would: no time to say goodbye.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it and starts it again at the same place.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let (study, host) = (self.study.clone(), self.host.clone());
        *self = Self::listen(&study, &host);
    }

    pub(crate) fn client(&self) -> Client {
        Client { host: self.host.clone(), stream: None, headers: String::new() }
    }

    /// Personal links with their codes.
    pub(crate) fn links(&self, count: usize) -> Vec<(String, String)> {
        let output = moire()
            .args(["rate", "links"])
            .arg(&self.study)
            .args(["--count", &count.to_string()])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let path = |line: &str| {
            let (link, code) = line.split_once(',').unwrap();
            (link[link.find("/r/").unwrap()..].to_owned(), code.to_owned())
        };
        text.lines().skip(1).map(path).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One that keeps its connection, follows nothing and believes everything.
pub(crate) struct Client {
    host: String,
    stream: Option<BufReader<TcpStream>>,
    /// Headers to send with every request, each with its line's end.
    pub(crate) headers: String,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|l| l.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    /// The value of a field of the page's form.
    pub(crate) fn field(&self, name: &str) -> String {
        between(&self.text(), &format!("name=\"{name}\" value=\""), "\"")
    }
}

/// What stands between two texts, or nothing.
pub(crate) fn between(text: &str, before: &str, after: &str) -> String {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or("", |(found, _)| found).to_owned()
}

impl Client {
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.try_send("GET", path, None).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.try_post(path, form).unwrap()
    }

    pub(crate) fn try_post(&mut self, path: &str, form: &[(&str, &str)]) -> std::io::Result<Reply> {
        // Values are tags, numbers and codes: nothing in them needs encoding.
        let body = form.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
        self.try_send("POST", path, Some(&body))
    }

    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> std::io::Result<Reply> {
        let result = self.exchange(method, path, body);
        if result.is_err() {
            self.stream = None;
        }
        result
    }

    fn exchange(&mut self, method: &str, path: &str, body: Option<&str>) -> std::io::Result<Reply> {
        let stream = if let Some(stream) = self.stream.take() {
            self.stream.insert(stream)
        } else {
            let stream = TcpStream::connect(&self.host)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            stream.set_nodelay(true)?;
            self.stream.insert(BufReader::new(stream))
        };
        let form = body.map_or(String::new(), |b| {
            format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n", b.len())
        });
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{}{form}\r\n{}",
            self.host,
            self.headers,
            body.unwrap_or("")
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let mut reply = Reply { status: 0, head, body: Vec::new() };
        reply.status = reply.head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let length = reply.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body)?;
        if reply.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close")) {
            self.stream = None;
        }
        Ok(reply)
    }

    /// Takes every step before the first set, and begins it.
    pub(crate) fn begin(&mut self, link: &str) {
        for _ in 0..40 {
            let page = self.get(link);
            assert_eq!(page.status, 200, "{}", page.head);
            let (text, tag) = (page.text(), page.field("tag"));
            let Some(step) = ["consent", "instructions", "screen", "training", "begin"]
                .into_iter()
                .find(|s| text.contains(&format!("{link}/{s}\"")))
            else {
                return;
            };
            let place = page.field("place");
            let form =
                [("tag", tag.as_str()), ("place", &place), ("score", "3"), ("number", "0"), ("squares", "4")];
            assert_eq!(self.post(&format!("{link}/{step}"), &form).status, 303, "{step}");
        }
        panic!("no set came after forty pages");
    }
}

/// What a page of a pair asks for: its place, its tag, and the answer if the page says which.
pub(crate) fn asked(page: &Reply) -> Option<(String, String, Option<String>)> {
    let text = page.text();
    let scale =
        ["Very annoying", "Annoying", "Slightly annoying", "Perceptible but not annoying", "Imperceptible"];
    let wanted = between(&text, "choose “", "”");
    let score = scale.iter().position(|s| *s == wanted).map(|i| (i + 1).to_string());
    // The pair's form comes after that of the languages, which has a tag of its own.
    let form = text.split_once("/answer\"").map(|(_, form)| form.to_owned())?;
    let field = |name: &str| between(&form, &format!("name=\"{name}\" value=\""), "\"");
    Some((field("place"), field("tag"), score))
}

/// What `answers.json` holds.
pub(crate) fn exported(study: &Path) -> serde_json::Value {
    let output = moire().args(["rate", "export"]).arg(study).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&fs::read(study.join("rating/answers.json")).unwrap()).unwrap()
}
