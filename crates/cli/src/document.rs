//! What every page that the program writes has in common: one file that needs nothing else, light and dark.

use crate::Error;
use crate::sink::unwritable;
use lsra_exec::atomic;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

/// Colours, tables, figures and charts of all pages.
const STYLE: &str = include_str!("document.css");

/// How often a page that will change loads itself again, in seconds.
const RELOAD: u32 = 60;

/// A page. `style` is CSS beside what all pages have.
pub fn document(title: &str, style: &str, body: Markup) -> String {
    page(title, style, html! {}, body)
}

/// A page that loads itself again once a minute, since what it shows goes on.
pub fn changing_document(title: &str, style: &str, body: Markup) -> String {
    page(title, style, html! { meta http-equiv="refresh" content=(RELOAD); }, body)
}

fn page(title: &str, style: &str, head: Markup, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (head)
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Writes a page, all or nothing.
///
/// Errors: the file cannot be written.
pub fn write(path: &Path, page: &str) -> Result<(), Error> {
    atomic::replace(path, |f| f.write_all(page.as_bytes())).map_err(unwritable(path))
}

/// What does not show, as its code point: control characters, zero widths and marks of direction.
pub fn visible(text: &str) -> String {
    let show = |c: char| {
        let hidden =
            c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if hidden { format!("⟨{:04X}⟩", c as u32) } else { c.to_string() }
    };
    text.chars().map(show).collect()
}

/// What every page is held to.
#[cfg(test)]
pub(crate) mod well_formed {
    /// Panics unless every element that opens closes in order, and nothing is taken from elsewhere.
    pub(crate) fn assert_well_formed(page: &str) {
        const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page;
        while let Some(start) = rest.find('<') {
            let end = start + rest[start..].find('>').expect("a tag ends");
            let tag = &rest[start + 1..end];
            assert!(!tag.contains('<'), "{tag}");
            let name = tag.split_whitespace().next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "closes in order"),
                None if VOID.contains(&name) => (),
                None => open.push(name),
            }
            rest = &rest[end + 1..];
        }
        assert_eq!(open, Vec::<&str>::new(), "all are closed");
        for foreign in ["http://", "https://", "src=", "href=", "@import", "url(", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(!page.contains("NaN") && !page.contains(">inf"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_whole_and_escapes_its_title() {
        let page = document("a < b", "p { color: red; }", html! { p { "x & y" } });
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{page}");
        assert!(page.contains("<title>a &lt; b</title>") && page.contains("p { color: red; }"), "{page}");
        assert!(page.contains("<p>x &amp; y</p>") && !page.contains("refresh"), "{page}");
        assert!(changing_document("a", "", html! {}).contains(r#"http-equiv="refresh""#));
    }

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("a\u{1b}[2J\u{202E}ö"), "a⟨001B⟩[2J⟨202E⟩ö");
    }
}
