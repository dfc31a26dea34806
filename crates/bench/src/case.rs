//! One thing that is measured.

use crate::Bound;
use lsra_kernels::Isa;

/// How a time is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// So many of something, in 10^9 a second where the name begins with G.
    Rate {
        /// How many in one run.
        amount: f64,
        /// The unit's name.
        name: &'static str,
    },
    /// Milliseconds for each of so many.
    Milliseconds {
        /// How many in one run.
        each_of: f64,
    },
}

impl Unit {
    /// What a run of so many seconds comes to.
    pub fn value(self, seconds: f64) -> f64 {
        match self {
            Unit::Rate { amount, name } => amount / seconds / if name.starts_with('G') { 1e9 } else { 1.0 },
            Unit::Milliseconds { each_of } => 1e3 * seconds / each_of,
        }
    }

    /// `GFLOP/s`, `tokens/s`, `ms`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Rate { name, .. } => name,
            Unit::Milliseconds { .. } => "ms",
        }
    }
}

/// The same work, done by somebody else.
pub struct Peer {
    /// The peer's name of it.
    pub case: String,
    /// The peer's work in one run, as parts of ours.
    pub share: f64,
}

/// Something ready to be timed. Its answer has been checked.
pub struct Case {
    /// How its time is told.
    pub unit: Unit,
    /// What no run can beat.
    pub bounds: Vec<Bound>,
    /// Cores that it uses.
    pub threads: usize,
    /// Who else does it.
    pub peers: Vec<Peer>,
    /// One run.
    pub run: Box<dyn FnMut()>,
}

impl Case {
    /// On one core, with no peer.
    pub fn new(unit: Unit, bounds: Vec<Bound>, run: impl FnMut() + 'static) -> Case {
        Case { unit, bounds, threads: 1, peers: Vec::new(), run: Box::new(run) }
    }

    /// Operations, two a multiply-add, as a rate and as the bound.
    pub fn multiply_adds(precision: lsra_kernels::gemm::Precision, n: usize, run: impl FnMut() + 'static) -> Case {
        let n = n as f64;
        let unit = Unit::Rate { amount: 2.0 * n, name: "GFLOP/s" };
        Case::new(unit, vec![Bound::MultiplyAdds(precision, n)], run)
    }

    /// Bytes moved, within data of as many bytes, as a rate and as the bound.
    pub fn bytes(moved: usize, run: impl FnMut() + 'static) -> Case {
        let unit = Unit::Rate { amount: moved as f64, name: "GB/s" };
        Case::new(unit, vec![Bound::Bytes { within: moved, moved: moved as f64 }], run)
    }

    /// With another bound.
    pub fn bound(mut self, bound: Bound) -> Case {
        self.bounds.push(bound);
        self
    }

    /// With a peer that does `share` of the work in a run.
    pub fn peer(mut self, case: impl Into<String>, share: f64) -> Case {
        self.peers.push(Peer { case: case.into(), share });
        self
    }

    /// On so many cores.
    pub fn threads(mut self, threads: usize) -> Case {
        self.threads = threads;
        self
    }
}

/// Something that can be measured.
pub struct Plan {
    /// As it is recorded: `gemm/f32/4096x480x160`.
    pub name: String,
    /// Makes its data and checks its answer. Panics where the answer is wrong: what is wrong has no speed.
    pub build: Box<dyn FnOnce(Isa) -> Case>,
}

impl Plan {
    /// A plan of this name.
    pub fn new(name: impl Into<String>, build: impl FnOnce(Isa) -> Case + 'static) -> Plan {
        Plan { name: name.into(), build: Box::new(build) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_unit() {
        assert_eq!(Unit::Rate { amount: 3e9, name: "GFLOP/s" }.value(0.5), 6.0);
        assert_eq!(Unit::Rate { amount: 4000.0, name: "tokens/s" }.value(0.5), 8000.0);
        assert_eq!(Unit::Milliseconds { each_of: 32.0 }.value(0.064), 2.0);
    }
}
