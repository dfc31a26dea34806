//! A profile as text.

use super::profile::{Cost, Profile, share, unrecorded_share};
use crate::columns::columns;
use lsra_kernels::trace::Category;
use std::fmt;

/// Rows of the longest that are shown.
const SHOWN: usize = 20;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.spans == 0 {
            return f.write_str("Nothing was recorded: what was to be ended before it began.");
        }
        writeln!(f, "{} spans; recording one takes about {:.0} ns outside it.", self.spans, self.span_cost)?;
        writeln!(
            f,
            "Outside: the share outside kernels, of which waiting and recording. Unrecorded: without recording."
        )?;
        if self.is_full {
            writeln!(f, "recording ended early, with as many events as a trace may have")?;
        }
        for (what, table) in [
            ("Steps", self.steps_table()),
            ("Phases (one may lie within another)", self.phases_table()),
            ("Kernels, their own time", self.costs_table(&self.kernels)),
            ("Outside kernels, own time without waiting", self.costs_table(&self.outside)),
        ] {
            write!(f, "\n{what}\n{table}")?;
        }
        Ok(())
    }
}

impl Profile {
    fn steps_table(&self) -> String {
        let rows = self.steps.iter().map(|s| {
            vec![
                s.name.to_owned(),
                s.calls.to_string(),
                milliseconds(s.nanoseconds / s.calls as u64),
                percent(share(s.in_kernels, s.of_threads)),
                percent(s.share_outside()),
                percent(share(s.waiting, s.of_threads)),
                self.recording(s.spans, s.of_threads),
                percent(unrecorded_share(s.of_threads, s.in_kernels, s.spans, self.span_cost)),
                percent(s.shares_outside[s.calls / 2]),
                percent(s.shares_outside[s.calls - 1]),
            ]
        });
        let heads = [
            "step",
            "steps",
            "ms each",
            "in kernels",
            "outside",
            "waiting",
            "recording",
            "unrecorded",
            "median",
            "most",
        ];
        columns(&heads, rows.collect())
    }

    fn phases_table(&self) -> String {
        let rows = self.phases.iter().map(|p| {
            vec![
                p.name.to_owned(),
                p.calls.to_string(),
                milliseconds(p.nanoseconds),
                percent(share(p.in_kernels, p.nanoseconds)),
                percent(p.share_outside()),
                self.recording(p.spans, p.nanoseconds),
                percent(unrecorded_share(p.nanoseconds, p.in_kernels, p.spans, self.span_cost)),
            ]
        });
        columns(&["phase", "calls", "ms", "in kernels", "outside", "recording", "unrecorded"], rows.collect())
    }

    fn costs_table(&self, costs: &[Cost]) -> String {
        let rows = costs.iter().take(SHOWN).map(|c| {
            let rate = 2.0 * c.multiply_adds as f64 / c.nanoseconds.max(1) as f64;
            vec![
                if c.category == Category::Kernel {
                    c.name.to_owned()
                } else {
                    format!("{} {}", c.category.name(), c.name)
                },
                c.calls.to_string(),
                milliseconds(c.nanoseconds),
                percent(share(c.nanoseconds, self.busy)),
                format!("{:.2}", c.nanoseconds as f64 / 1e3 / c.calls as f64),
                if c.multiply_adds == 0 { String::new() } else { format!("{rate:.1}") },
            ]
        });
        columns(&["", "calls", "ms", "share", "us each", "GFLOP/s"], rows.collect())
    }

    /// The part of some time that recording so many spans took.
    fn recording(&self, spans: usize, nanoseconds: u64) -> String {
        percent(self.span_cost * spans as f64 / nanoseconds.max(1) as f64)
    }
}

fn milliseconds(nanoseconds: u64) -> String {
    format!("{:.3}", nanoseconds as f64 / 1e6)
}

fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}
