//! What is wrong in a TOML file, as one line.

/// The parser's message after its line, without the picture of it that it draws over several lines.
pub(crate) fn told(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    match error.span() {
        Some(span) => {
            let before = &text.as_bytes()[..span.start.min(text.len())];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            format!("line {line}: {message}")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::Table;

    #[test]
    fn a_fault_has_its_line() {
        for (text, line) in [("a = 1\nb = \n", "line 2: "), ("a = 1\na = 2", "line 2: "), ("[x\n", "line 1: ")] {
            let told = told(text, &toml::from_str::<Table>(text).unwrap_err());
            assert!(told.starts_with(line) && told.len() > line.len() && !told.contains(['\n', '^']), "{told}");
        }
    }
}
