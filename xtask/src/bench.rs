//! `cargo xtask bench`: kernels and whole jobs, against their roofs and against peers.

use clap::Args;
use lsra::Error;
use lsra::columns::columns;
use lsra::sink::Sink;
use lsra_bench::compare::{Change, compare};
use lsra_bench::summary::About;
use lsra_bench::{Effort, Figure, Peers, Record, Roofs, chart, jobs, measure, plans, save};
use lsra_kernels::Isa;
use lsra_kernels::denormals::flush_denormals;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Time kernels and whole jobs, each answer checked, as a share of this machine's peaks and against peers.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Fewer and shorter rounds: a first look, not for keeping
    #[arg(long)]
    quick: bool,
    /// Only what has this in its name, as in gemm/int8 or decode; several are separated by commas
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    filter: Vec<String>,
    /// Beside PyTorch and CTranslate2, in a Python environment that is set up on the first use
    #[arg(long)]
    peers: bool,
    /// Where that environment is
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    peers_environment: PathBuf,
    /// Add the figures to bench-results/CPU/DATE.json, and write its page and charts
    #[arg(long)]
    save: bool,
    /// Write the figures here: a list of objects with name, value, unit, percent_of_roof, baseline, ratio, noise
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Hold the figures against those of an older file; exit status 1 where one fell by more than its noise
    #[arg(long, value_name = "OLD")]
    compare: Option<PathBuf>,
    /// With --compare: hold this file against the older one and measure nothing
    #[arg(long, value_name = "NEW", requires = "compare")]
    with: Option<PathBuf>,
    /// List the names and measure nothing
    #[arg(long)]
    list: bool,
}

/// Measures, prints as it goes, and writes what was asked for.
///
/// Errors: a file that cannot be read or written, a peer that cannot be set up, or a filter that nothing matches.
pub fn run(args: &BenchArgs) -> Result<ExitCode, Error> {
    let chosen: Vec<_> = plans().into_iter().filter(|p| matches(&args.filter, &p.name)).collect();
    // Beside a rival only where there is one to run.
    let chosen: Vec<_> = chosen.into_iter().filter(|p| args.peers || !p.name.contains("/against/")).collect();
    let mut shown = Sink::open(None)?;
    if args.list {
        chosen.iter().try_for_each(|p| shown.line(&p.name))?;
        shown.finish()?;
        return Ok(ExitCode::SUCCESS);
    }
    if chosen.is_empty() {
        return Err(Error::Bench(format!("nothing is called {}; --list names all", args.filter.join(" or "))));
    }
    let old = args.compare.as_deref().map(read).transpose()?;
    let new = match &args.with {
        Some(path) => read(path)?,
        None => measured(args, chosen, &mut shown)?,
    };
    let status = old.map_or(Ok(ExitCode::SUCCESS), |old| held_against(&old, &new, &mut shown))?;
    shown.finish()?;
    Ok(status)
}

fn measured(args: &BenchArgs, chosen: Vec<lsra_bench::Plan>, shown: &mut Sink) -> Result<Record, Error> {
    let isa = Isa::from_env()?;
    // Before anything is measured: that takes minutes.
    let json = args.json.as_deref().map(|path| Sink::open(Some(path))).transpose()?;
    let _flushed = flush_denormals();
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let mut roofs = Roofs::new(isa);
    let failed = |e: lsra_bench::peers::PeerError| Error::Bench(e.to_string());
    let mut peers = args.peers.then(|| Peers::start(&args.peers_environment)).transpose().map_err(failed)?;
    let mut record = Record::new();
    for plan in chosen {
        let figure = measure(&plan.name, (plan.build)(isa), &mut roofs, peers.as_mut(), effort).map_err(failed)?;
        shown.line(&line(&figure))?;
        // They come minutes apart.
        shown.flush()?;
        record.push(figure);
    }
    for figure in jobs::derived(&record) {
        shown.line(&line(&figure))?;
        record.push(figure);
    }
    let void = peers.as_ref().map(Peers::below_their_figures).unwrap_or_default();
    if !void.is_empty() {
        shown.line(
            "void: no ratio to a peer counts, because these stayed below four fifths of what is known of them:",
        )?;
        void.iter().try_for_each(|v| shown.line(&format!("  {v}")))?;
    }
    if let Some(mut json) = json {
        json.line(&serde_json::to_string_pretty(&record).expect("numbers and text make JSON"))?;
        json.finish()?;
    }
    if args.save {
        let versions = peers.as_ref().map(|p| p.versions.iter().map(|(n, v)| format!("{n} {v}")).collect::<Vec<_>>());
        let about = About {
            machine: save::machine(),
            date: save::today(),
            peers: versions.unwrap_or_default().join(", "),
            void,
        };
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("bench-results");
        let written = |cause| Error::Unwritable { path: results.display().to_string(), cause };
        let folder = save::save(&results, &about, &record).map_err(written)?;
        shown.line(&format!("saved in {}", folder.display()))?;
    }
    Ok(record)
}

fn matches(filters: &[String], name: &str) -> bool {
    filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()))
}

fn read(path: &Path) -> Result<Record, Error> {
    save::read(path).map_err(|e| {
        Error::Bench(format!(
            "{}: not a record of figures ({e}); give a file that --json or --save wrote",
            path.display()
        ))
    })
}

fn line(f: &Figure) -> String {
    let roof = f.percent_of_roof.map(|p| format!("{p:5.1}% of the roof")).unwrap_or_default();
    let peer = match (&f.peer, f.ratio, f.baseline) {
        (Some(peer), Some(ratio), Some(value)) => format!("  {ratio:.2}x {peer} ({})", chart::number(value)),
        _ => String::new(),
    };
    format!("{:<58} {:>9} {:<9} {roof} ±{:.1}%{peer}", f.name, chart::number(f.value), f.unit, 100.0 * f.noise)
}

fn held_against(old: &Record, new: &Record, shown: &mut Sink) -> Result<ExitCode, Error> {
    let changes = compare(old, new);
    let row = |c: &Change| {
        let verdict = if c.is_fall() {
            "FELL"
        } else if c.is_rise() {
            "rose"
        } else {
            ""
        };
        vec![c.name.clone(), format!("{:.3}", c.times), format!("{:.3}", c.noise), c.by.clone(), verdict.to_owned()]
    };
    shown.text(&columns(&["figure", "times as good", "noise", "by", ""], changes.iter().map(row).collect()))?;
    let fell = changes.iter().filter(|c| c.is_fall()).count();
    shown.line(&format!("{} figures in both, {fell} fell", changes.len()))?;
    Ok(ExitCode::from(u8::from(fell > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_choose_by_part_of_a_name() {
        let filters = ["gemm/int8".to_owned(), "decode".to_owned()];
        assert!(matches(&filters, "gemm/int8/1x160x160") && matches(&filters, "decode/x"));
        assert!(!matches(&filters, "gemm/f32/1x160x160") && matches(&[], "anything"));
    }

    #[test]
    fn a_fall_is_told_by_the_exit_status() {
        let figure = |value| vec![Figure { noise: 0.01, ..Figure::derived("a", value, "tokens/s") }];
        let mut shown = Sink::open(None).unwrap();
        let mut status = |new| format!("{:?}", held_against(&figure(100.0), &figure(new), &mut shown).unwrap());
        assert_eq!(status(80.0), format!("{:?}", ExitCode::from(1)));
        assert_eq!(status(99.0), format!("{:?}", ExitCode::SUCCESS));
    }
}
