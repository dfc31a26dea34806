//! What a user sees while a model learns.

use crate::clock::clock;
use crate::tell::tell;
use indicatif::{ProgressBar, ProgressStyle};
use lsra_train::checkpoint::CheckpointError;
use lsra_train::{Observer, Trainer, Update, Validation};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a line is printed where there is no terminal to draw on.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Updates that the shown loss and speed are means over, at most.
const WINDOW: f64 = 50.0;

/// A bar on a terminal, or a line now and then elsewhere; a line for each validation on both.
pub struct Progress {
    bar: ProgressBar,
    recent: Recent,
    last_line: Instant,
    hint: Option<&'static str>,
    /// Whether it is to go on with what is there.
    resumes: bool,
}

/// Means that forget.
#[derive(Default)]
struct Recent {
    weight: f64,
    tokens: f64,
    seconds: f64,
    loss: f64,
    nll: f64,
}

impl Recent {
    fn add(&mut self, u: &Update) {
        let keep = 1.0 - 1.0 / WINDOW;
        let add = |mean: &mut f64, x: f64| *mean = *mean * keep + x;
        add(&mut self.weight, 1.0);
        add(&mut self.tokens, u.losses.tokens as f64);
        add(&mut self.seconds, u.time.as_secs_f64());
        add(&mut self.loss, u.losses.loss() * u.losses.tokens as f64);
        add(&mut self.nll, u.losses.nll_bits() * u.losses.tokens as f64);
    }

    fn message(&self, left: u64) -> String {
        let eta = Duration::try_from_secs_f64(self.seconds / self.weight * left as f64).unwrap_or(Duration::MAX);
        format!(
            "loss {:.3}  ppl {:.2}  {:.0} tokens/s  ETA {}",
            self.loss / self.tokens,
            (self.nll / self.tokens).exp2(),
            self.tokens / self.seconds,
            clock(eta),
        )
    }
}

impl Progress {
    /// Nothing done yet; the hint is told when it begins, as is that there is nothing to go on with where it `resumes`.
    pub fn new(hint: Option<&'static str>, resumes: bool) -> Progress {
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  epoch {prefix}  {msg}");
        let bar = ProgressBar::new(0).with_style(style.expect("a template of known keys"));
        Progress { bar, recent: Recent::default(), last_line: Instant::now(), hint, resumes }
    }

    /// A line above the bar.
    pub fn say(&self, line: &str) {
        if self.bar.is_hidden() { tell!("{line}") } else { self.bar.println(line) }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// The update that training ends at, unless something ends it earlier.
fn last_update(trainer: &Trainer<'_>) -> u64 {
    let config = trainer.config();
    match config.max_epochs {
        0 => config.max_updates,
        epochs => config.max_updates.min(epochs * trainer.updates_per_epoch()),
    }
}

/// `1 thread`, `2 threads`.
fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn introduction(trainer: &Trainer<'_>) -> String {
    let (source, target) = trainer.train_corpus().tokens();
    let pairs = trainer.train_corpus().len();
    let [train, valid] = trainer.too_long();
    let left_out = match trainer.model().config.max_positions {
        most if train + valid > 0 => {
            format!(
                "; left out as longer than the model's {most} positions: {train} training and {valid} validation pairs"
            )
        }
        _ => String::new(),
    };
    format!(
        "{} parameters, {pairs} pairs, {source} source and {target} target tokens, {} updates an epoch, {}, {}{left_out}",
        trainer.model().params.values(),
        trainer.updates_per_epoch(),
        counted(trainer.threads(), "thread"),
        trainer.isa().tier().name(),
    )
}

impl Observer for Progress {
    fn started(&mut self, trainer: &Trainer<'_>, from: Option<&Path>, broken: &[CheckpointError]) {
        self.say(&introduction(trainer));
        self.hint.iter().for_each(|hint| self.say(hint));
        broken.iter().for_each(|b| self.say(&format!("warning: {b}")));
        match from {
            Some(from) => {
                let progress = trainer.progress();
                let (updates, epoch) = (progress.updates, progress.epoch);
                self.say(&format!("resuming after update {updates}, in epoch {epoch}: {}", from.display()));
                self.bar.set_position(updates);
            }
            None if self.resumes => self.say("there is no checkpoint to go on from in --out: this is a new run"),
            None => (),
        }
    }

    fn updated(&mut self, trainer: &Trainer<'_>, update: &Update) {
        self.recent.add(update);
        let last = last_update(trainer);
        let message = self.recent.message(last.saturating_sub(update.updates));
        if self.bar.is_hidden() {
            if self.last_line.elapsed() >= LINE_EVERY {
                self.last_line = Instant::now();
                self.say(&format!("update {}/{last}  epoch {}  {message}", update.updates, update.epoch));
            }
            return;
        }
        self.bar.set_length(last);
        self.bar.set_prefix(update.epoch.to_string());
        self.bar.set_message(message);
        self.bar.set_position(update.updates);
    }

    fn validated(&mut self, _: &Trainer<'_>, v: &Validation) {
        self.say(&format!(
            "epoch {}, update {}: train loss {:.3}, valid loss {:.3}, nll {:.3} bits, perplexity {:.2}",
            v.epoch,
            v.updates,
            v.train.loss(),
            v.valid.loss(),
            v.valid.nll_bits(),
            v.valid.perplexity(),
        ));
    }
}
