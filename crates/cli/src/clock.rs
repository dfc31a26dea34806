//! Times as people read them.

use std::time::Duration;

/// h:mm:ss.
pub fn clock(time: Duration) -> String {
    let s = time.as_secs();
    format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

/// h:mm:ss of seconds; a dash where they are no time.
pub fn clock_of_seconds(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "–".to_owned(), clock)
}

/// Now in UTC to the second, `2026-11-24 21:30:05 UTC`.
pub fn now() -> String {
    let now = jiff::Timestamp::now().to_string();
    format!("{} {} UTC", &now[..10], &now[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(clock_of_seconds(3_723.9), "1:02:03");
        assert_eq!(clock_of_seconds(f64::NAN), "–");
        assert_eq!(clock_of_seconds(-1.0), "–");
        let now = now();
        assert!(now.len() == 23 && now.starts_with("20") && now.ends_with(" UTC"), "{now}");
    }
}
