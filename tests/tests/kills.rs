//! A real training process, killed at random moments and resumed, ends with the bits of one that never was.

use lsra_exec::ModelFile;
use lsra_tests::tiny;
use lsra_train::checkpoint::CheckpointFolder;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

const PROGRAM: &str = env!("CARGO_BIN_EXE_train");
const KILLS: usize = 24;
const UPDATES: usize = 400;

/// A training of the tiny corpus that saves every 12 milliseconds.
fn training(data: &Path, out: &Path, threads: usize, updates: usize) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("iwslt14").arg("--data").arg(data).arg("--preset").arg(data.join("tiny.toml")).arg("--out").arg(out);
    command.args(["--resume", "--max-updates", &updates.to_string(), "--threads", &threads.to_string()]);
    command.args(["--set", "training.checkpoint_minutes=0.0002"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Random numbers for moments; nothing that is tested depends on them.
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: u64) -> u64 {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn metrics(out: &Path) -> PathBuf {
    out.join("metrics.jsonl")
}

/// Waits until the log has grown by so many lines, or the process has ended.
fn wait_for_lines(child: &mut Child, out: &Path, more: u64) -> Option<ExitStatus> {
    let lines = || fs::read(metrics(out)).map_or(0, |b| b.iter().filter(|&&b| b == b'\n').count() as u64);
    // A process that resumes first rewrites the log without what it will do again: the growth is counted from there.
    let (mut fewest, patience) = (lines(), Instant::now() + Duration::from_secs(120));
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        let now = lines();
        fewest = fewest.min(now);
        if now >= fewest + more {
            return None;
        }
        assert!(Instant::now() < patience, "no progress within two minutes");
        sleep(Duration::from_millis(1));
    }
}

fn finish(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The lines of the log that tell of updates or validations, without what depends on the clock.
fn history(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(metrics(out)).unwrap();
    let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    let told = |l: &Value| ["update", "validation", "sample", "scores"].contains(&l["event"].as_str().unwrap());
    let timeless = |mut line: Value| {
        for key in ["seconds", "lanes_seconds", "tokens_per_second"] {
            line.as_object_mut().unwrap().remove(key);
        }
        line
    };
    lines.filter(told).map(timeless).collect()
}

fn weights(out: &Path) -> Vec<u32> {
    let file = ModelFile::load(&out.join("model.safetensors")).unwrap();
    file.weights.iter().flat_map(|t| t.to_vec()).map(f32::to_bits).collect()
}

#[test]
fn kills_at_random_moments_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (data, whole) = (folder.path(), folder.path().join("whole"));
    tiny::write(data);
    let begun = Instant::now();
    finish(training(data, &whole, 2, UPDATES));
    // However fast the machine is, a pause is a small part of a run.
    let pause = (begun.elapsed().as_micros() as u64 / 20).clamp(1, 40_000);

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("moments from {seed}");
    let mut moments = Moments(seed);
    let mut kills = 0;
    // A run may come to its end between two kills; then another one takes the rest of them.
    for run in 0..KILLS {
        let killed = folder.path().join(format!("killed-{run}"));
        while kills < KILLS && kill_once(data, &killed, kills, pause, &mut moments) {
            kills += 1;
        }
        finish(training(data, &killed, 2, UPDATES));
        assert_same_run(&whole, &killed);
        if kills == KILLS {
            return;
        }
    }
    panic!("{kills} kills in {KILLS} runs");
}

/// Goes on with a run and kills it at some moment; false where it came to its end before.
fn kill_once(data: &Path, out: &Path, kill: usize, pause: u64, moments: &mut Moments) -> bool {
    let mut child = training(data, out, [1, 2, 4][kill % 3], UPDATES).stderr(Stdio::null()).spawn().unwrap();
    // Every fourth time at any moment from the start of the process on: while it reads, resumes, rewrites its log. Else
    // after some progress, so that the kills spread over the run.
    let ended = if kill % 4 == 3 { None } else { wait_for_lines(&mut child, out, 2 + moments.below(12)) };
    if ended.is_none() {
        sleep(Duration::from_micros(moments.below(pause)));
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(ended.is_none() || status.success(), "a run that nobody killed failed: {status}");
    !status.success()
}

/// The same updates, validations and scores, and the same weights at the end.
fn assert_same_run(whole: &Path, killed: &Path) {
    let (expected, found) = (history(whole), history(killed));
    let updates = |lines: &[Value]| lines.iter().filter(|l| l["event"] == "update").count();
    assert_eq!((updates(&expected), updates(&found)), (UPDATES, UPDATES));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    assert_eq!(expected.len(), found.len());
    assert!(weights(whole) == weights(killed));
}

#[test]
#[cfg(unix)]
fn ctrl_c_saves_the_very_last_update() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path(), folder.path().join("out"));
    tiny::write(data);
    let mut command = training(data, &out, 2, usize::MAX >> 1);
    command.args(["--set", "training.checkpoint_minutes=5"]);
    let mut child = command.spawn().unwrap();
    assert!(wait_for_lines(&mut child, &out, 8).is_none());
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(told.lines().last().unwrap().contains("--resume"), "{told}");
    let newest = CheckpointFolder::open(out.join("checkpoints")).unwrap().newest().unwrap().0.unwrap();
    let last = history(&out).last().unwrap()["updates"].as_u64();
    assert_eq!(Some(newest.saved().progress.updates), last);
}

/// The files of a folder with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|f| (f.clone(), fs::read(&f).unwrap())).collect()
}

/// A limit on the size of files stands for a full disk: writing beyond it fails just so.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path(), folder.path().join("out"));
    tiny::write(data);
    finish(training(data, &out, 1, 12));
    let before = contents(&out.join("checkpoints"));
    assert!(
        !before.is_empty() && before.iter().all(|(_, bytes)| bytes.len() > 1 << 15),
        "checkpoints exceed the limit"
    );

    let run = training(data, &out, 1, 40);
    let mut shell = Command::new("sh");
    // 32 blocks of 512 or 1024 bytes: enough for the log, too little for a checkpoint. The signal that tells of the
    // limit is ignored, so that the write fails instead.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 32; exec \"$@\"", "sh"]).arg(PROGRAM).args(run.get_args());
    let output = shell.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let error: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(error.len() == 1 && error[0].contains("the checkpoint cannot be written"), "{told}");
    assert!(contents(&out.join("checkpoints")) == before, "the old checkpoints are as they were");
}
