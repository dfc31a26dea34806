//! `lsra watch`: a run on the terminal while it learns.

mod blocks;
mod screen;
mod terminal;

use crate::Error;
use crate::report;
use crate::run_log::{Follower, Outlook};
use crate::sink::Sink;
use clap::Args;
use console::Term;
use screen::{Screen, Size};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;
use terminal::FullScreen;

/// Show a run on the terminal while it learns.
///
/// Where it is and how long it will take, losses, speed, BLEU, and what it makes of a few sentences, from metrics.jsonl in the
/// run's folder. It ends with the run; Ctrl-C ends it before, and the training goes on. Of a run that has ended it shows all at once.
/// report.html in the same folder has more.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// The folder of a run, as --out of `lsra train` named it
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Show it as it is now and end; so it is where standard output is no terminal
    #[arg(long)]
    once: bool,
    /// Write report.html anew to this file, as of now, and end: for a run that was killed, or one of an earlier version
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    page: Option<PathBuf>,
}

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a key to end it takes at most to be heard.
const TICK: Duration = Duration::from_millis(100);

/// Columns where no terminal says how many it has.
const PLAIN_WIDTH: usize = 100;

/// Shows a run, until it ends or somebody wishes it.
///
/// Errors: no such folder, no log in it that can be read, or a page that cannot be written.
pub fn run(args: &WatchArgs) -> Result<ExitCode, Error> {
    let mut follower = Follower::open(&args.run)?;
    if let Some(page) = &args.page {
        report::write_once(page, follower.record(), follower.age())?;
        return Ok(ExitCode::SUCCESS);
    }
    let terminal = Term::stdout();
    if !args.once && terminal.is_term() {
        follow(&terminal, &mut follower)?;
    }
    let width = if terminal.is_term() { columns(&terminal) } else { PLAIN_WIDTH };
    let mut sink = Sink::open(None)?;
    // All of it, however high the terminal is: it scrolls.
    screen(&follower).lines(Size { width, height: usize::MAX }).iter().try_for_each(|line| sink.line(line))?;
    sink.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Draws anew once a second, until the run is over or Ctrl-C.
fn follow(terminal: &Term, follower: &mut Follower) -> Result<(), Error> {
    static STOP: AtomicBool = AtomicBool::new(false);
    // A host program may have a handler of its own: then it is the one to decide.
    let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed));
    if Outlook::of(follower.record()).is_over() {
        return Ok(());
    }
    let full = FullScreen::enter(terminal).map_err(Error::Output)?;
    loop {
        let size = Size { width: columns(terminal), height: usize::from(terminal.size().0) };
        full.draw(&screen(follower).lines(size)).map_err(Error::Output)?;
        for _ in 0..LOOK_EVERY.as_millis() / TICK.as_millis() {
            sleep(TICK);
            if STOP.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        follower.poll()?;
        if Outlook::of(follower.record()).is_over() {
            return Ok(());
        }
    }
}

/// The last column stays free: a full one would wrap on some terminals.
fn columns(terminal: &Term) -> usize {
    usize::from(terminal.size().1).saturating_sub(1).max(1)
}

fn screen(follower: &Follower) -> Screen<'_> {
    Screen { record: follower.record(), age: follower.age() }
}
