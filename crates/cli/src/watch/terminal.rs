//! A screen of one's own, which is given back whatever happens.

use console::Term;
use std::io;

/// ANSI: the other screen, the cursor away; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The terminal's other screen; dropping it brings back what was there.
pub(super) struct FullScreen<'a> {
    terminal: &'a Term,
}

impl FullScreen<'_> {
    /// Errors: the terminal cannot be written to.
    pub(super) fn enter(terminal: &Term) -> io::Result<FullScreen<'_>> {
        terminal.write_str(ENTER)?;
        Ok(FullScreen { terminal })
    }

    /// Draws lines over what is there, without a moment of nothing.
    ///
    /// Errors: the terminal cannot be written to.
    pub(super) fn draw(&self, lines: &[String]) -> io::Result<()> {
        self.terminal.write_str(&frame(lines))
    }
}

impl Drop for FullScreen<'_> {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.terminal.write_str(LEAVE);
    }
}

/// From the upper left corner on; each line clears what was longer, the last one all below.
fn frame(lines: &[String]) -> String {
    let rows: Vec<String> = lines.iter().map(|line| format!("{line}\x1b[K")).collect();
    format!("\x1b[H{}\x1b[J", rows.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_covers_the_one_before() {
        assert_eq!(frame(&["a".to_owned(), "b".to_owned()]), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
    }
}
