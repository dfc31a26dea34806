//! A small HTTP server with faults.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How it answers.
#[derive(Clone)]
pub struct Answers {
    pub content: Vec<u8>,
    /// None: the server has no marks of versions.
    pub etag: Option<String>,
    pub ranges: bool,
    /// Bytes after which the connection is closed, by request; whole once there are no more.
    pub cuts: Vec<usize>,
    pub status: &'static str,
    pub length: Length,
}

/// What is said of the length.
#[derive(Clone, Copy)]
pub enum Length {
    Announced,
    Wrong(u64),
    Unsaid,
}

impl Answers {
    pub fn of(content: &[u8]) -> Answers {
        Answers {
            content: content.to_vec(),
            etag: Some("\"v1\"".to_owned()),
            ranges: true,
            cuts: Vec::new(),
            status: "200 OK",
            length: Length::Announced,
        }
    }
}

/// A running server. It ends with the process.
pub struct Server {
    pub url: String,
    answers: Arc<Mutex<Answers>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(answers: Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/de-en.tgz", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (shared, log) = (answers.clone(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                // One request a connection; a client that left is no matter.
                let _ = answer(stream.unwrap(), &shared, &log);
            }
        });
        Server { url, answers, requests }
    }

    pub fn change(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }

    /// The heads of all requests so far, in small letters.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, answers: &Mutex<Answers>, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let head = head.to_lowercase();
    let header = |name: &str| head.lines().find_map(|l| l.strip_prefix(&format!("{name}: "))).map(str::to_owned);
    let (first, if_range) = (header("range"), header("if-range"));
    log.lock().unwrap().push(head.clone());
    let (a, cut) = {
        let mut answers = answers.lock().unwrap();
        let cut = if answers.cuts.is_empty() { usize::MAX } else { answers.cuts.remove(0) };
        (answers.clone(), cut)
    };
    let same = if_range.is_none() || if_range == a.etag;
    let first = first.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let first = first.filter(|_| a.ranges && same && a.status == "200 OK");
    let (status, from) = match first {
        Some(first) if first >= a.content.len() => ("416 Range Not Satisfiable", a.content.len()),
        Some(first) => ("206 Partial Content", first),
        None => (a.status, 0),
    };
    let body = &a.content[from..];
    let length = match a.length {
        Length::Announced => format!("Content-Length: {}\r\n", body.len()),
        Length::Wrong(length) => format!("Content-Length: {length}\r\n"),
        Length::Unsaid => String::new(),
    };
    let mut text = format!("HTTP/1.1 {status}\r\n{length}Connection: close\r\n");
    if status.starts_with("302") {
        text += "Location: /again.tgz\r\n";
    }
    if let Some(etag) = &a.etag {
        text += &format!("ETag: {etag}\r\n");
    }
    if status.starts_with("206") {
        text += &format!("Content-Range: bytes {from}-{}/{}\r\n", a.content.len() - 1, a.content.len());
    }
    stream.write_all(text.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&body[..body.len().min(cut)])?;
    stream.flush()
}
