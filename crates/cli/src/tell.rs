//! Lines for the user that are no results.

/// A line on standard error. Where its reader has left, the work goes on without one; `eprintln!` would end it in a panic.
macro_rules! tell {
    ($($arguments:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($arguments)*);
    }};
}
pub(crate) use tell;
