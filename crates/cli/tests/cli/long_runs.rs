//! A pipe may run for days: memory stays as it was, however many lines come and however long one is.
#![cfg(target_os = "linux")]

use crate::program::Workshop;
use lsra_text::prepare::Casing;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// What a run may take more after its first lines: rooms of the longest chunk that it has met, and what has not been freed yet.
const MORE: u64 = 12 << 20;

/// The program at the other end of two pipes.
struct Pipe {
    child: Child,
    stdin: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Pipe {
    fn open(w: &Workshop) -> Pipe {
        let mut command = w.command("translate", &["--threads", "2", "--max-length", "4"]);
        // What is freed goes back: else glibc keeps as much as twice the largest piece that it ever got back.
        command.envs([
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_MMAP_THRESHOLD_", "131072"),
            ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Pipe { child, stdin, answers }
    }

    /// Gives lines while the answers are read, which must be as many.
    fn lines(&mut self, text: &str) {
        let count = text.lines().count();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                self.stdin.write_all(text.as_bytes()).unwrap();
                self.stdin.flush().unwrap();
            });
            for i in 0..count {
                let mut answer = String::new();
                assert!(self.answers.read_line(&mut answer).unwrap() > 0, "line {i} of {count} has no answer");
            }
        });
    }

    /// Bytes of memory that the program has now.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }
}

/// Lines of many lengths, no word twice the same for long: whatever remembers words would grow.
fn lines(count: usize, seed: usize) -> String {
    let word = |i: usize| format!("Haus{}", (seed + i).wrapping_mul(2_654_435_761) % 100_003);
    let line = |i: usize| {
        (0..i * 7 % 23).map(|j| word(i * 29 + j) + if j % 6 == 5 { ". Das" } else { "" }).collect::<Vec<_>>()
    };
    (0..count).map(|i| line(i).join(" ") + "\n").collect()
}

#[test]
fn memory_is_flat() {
    let w = Workshop::raw(Casing::Keep);
    let mut pipe = Pipe::open(&w);
    // A mebibyte of one word, of words, and of sentences, each without an end of line: the longest things that come as one.
    let huge = ["x".repeat(1 << 20), "Haus, ".repeat(1 << 17), "Das ist. ".repeat(1 << 17)].map(|line| line + "\n");
    pipe.lines(&lines(500, 0));
    huge.iter().for_each(|line| pipe.lines(line));
    let first = pipe.resident();
    for round in 1..4 {
        pipe.lines(&lines(1500, round * 1_000_000));
        // Longer than what is read at a time.
        pipe.lines(&("Das ist ein Haus. ".repeat(1 << 16) + "\n"));
        let now = pipe.resident();
        println!("round {round}: {} MB, {} MB at first", now >> 20, first >> 20);
        assert!(now <= first + MORE, "{now} bytes in round {round}, {first} at first");
    }
    drop(pipe.stdin);
    assert!(pipe.child.wait().unwrap().success());
}
