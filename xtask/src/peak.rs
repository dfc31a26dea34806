//! `cargo xtask peak`: what this machine can do at most, in the terms that benches are judged in.

use clap::Args;
use lsra::Error;
use lsra::columns::columns;
use lsra::sink::Sink;
use lsra_kernels::Isa;
use lsra_kernels::peak::{Reader, all_cores, bf16_gflops, caches, cores, fma_gflops, int8_gops, read_bandwidth};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measure what this machine can do at most.
#[derive(Args, Clone, Debug)]
pub struct PeakArgs {
    /// Write the figures here too: a list of objects with name, one_core, all_cores and unit
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A roof of this machine.
#[derive(Clone, Debug, Serialize)]
struct Peak {
    name: String,
    one_core: f64,
    all_cores: f64,
    unit: &'static str,
}

/// Rounds of all cores, the best of which counts: in the others a neighbour had a core.
const ROUNDS: usize = 8;

/// Measures, prints a table, and writes JSON where asked for.
///
/// Errors: the file, or standard output, cannot be written.
pub fn run(args: &PeakArgs) -> Result<ExitCode, Error> {
    let peaks = [multiply_adds(), reads()].concat();
    let mut shown = Sink::open(None)?;
    shown.text(&table(&peaks))?;
    shown.line(&format!("\n{} cores; the best of some runs, each core reading or computing for itself", cores()))?;
    shown.finish()?;
    if let Some(path) = &args.json {
        let mut sink = Sink::open(Some(path))?;
        sink.line(&serde_json::to_string_pretty(&peaks).expect("numbers and text make JSON"))?;
        sink.finish()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A way to measure a rate on this core, in 10^9 operations a second.
type Rate = fn(Isa) -> f64;

fn multiply_adds() -> Vec<Peak> {
    let types =
        [("f32", fma_gflops as Rate, "GFLOP/s"), ("bf16", bf16_gflops, "GFLOP/s"), ("int8", int8_gops, "GOP/s")];
    let on = |kind| Isa::available().into_iter().map(move |isa| (kind, isa));
    types
        .into_iter()
        .flat_map(on)
        // Tiles do nothing in f32.
        .filter(|((name, ..), isa)| *name != "f32" || !isa.has_tiles())
        .map(|((name, rate, unit), isa)| Peak {
            name: format!("{name} {isa:?}"),
            one_core: rate(isa),
            all_cores: all_cores(ROUNDS, || || rate(isa)),
            unit,
        })
        // A CPU without the instructions has no such roof.
        .filter(|p| p.one_core > 0.0)
        .collect()
}

fn reads() -> Vec<Peak> {
    let isa = Isa::best();
    let caches = caches();
    // Half a cache, so that what else runs does not push the data out; of a shared one, each core's part of the half.
    let halves = caches.iter().map(|c| (format!("read L{}", c.level), c.bytes / 2 / c.cores.min(cores())));
    let last = caches.last().map_or(32 << 20, |c| c.bytes);
    halves
        .chain([("read memory".to_owned(), 4 * last)])
        .map(|(name, bytes)| {
            let together = || {
                let reader = Reader::new(bytes);
                move || reader.read(isa)
            };
            let name = format!("{name} ({})", size(bytes));
            Peak { name, one_core: read_bandwidth(isa, bytes), all_cores: all_cores(ROUNDS, together), unit: "GB/s" }
        })
        .collect()
}

/// `16 KiB`, `64 MiB`.
fn size(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

fn table(peaks: &[Peak]) -> String {
    let row = |p: &Peak| {
        let times = format!("{:.2}x", p.all_cores / p.one_core);
        vec![p.name.clone(), format!("{:.1}", p.one_core), format!("{:.1}", p.all_cores), times, p.unit.to_owned()]
    };
    columns(&["peak", "one core", "all cores", "scaling", "unit"], peaks.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let peak =
            |name: &str, one_core| Peak { name: name.to_owned(), one_core, all_cores: 2.0 * one_core, unit: "GB/s" };
        let text = table(&[peak("read L1", 123.45), peak("read memory", 9.0)]);
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|l| l.len() == text.lines().next().unwrap().len()), "{text}");
        assert!(text.contains("123.5") && text.contains("2.00x"), "{text}");
    }

    #[test]
    fn sizes_are_read_easily() {
        assert_eq!([16 << 10, 512 << 10, 1 << 20, 128 << 20].map(size), ["16 KiB", "512 KiB", "1 MiB", "128 MiB"]);
    }
}
