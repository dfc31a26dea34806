//! What runs are called: as little of their paths as tells them apart.

use std::path::{Component, Path, PathBuf};

/// A name for each folder, no two the same.
pub(super) fn of(folders: &[PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<String>> = folders.iter().map(|f| parts(f)).collect();
    let last = |i: usize, count: usize| {
        let all = &parts[i];
        all[all.len().saturating_sub(count)..].join("/")
    };
    let names: Vec<String> = (0..folders.len())
        .map(|i| {
            let unique = |&count: &usize| (0..folders.len()).all(|j| j == i || last(j, count) != last(i, count));
            last(i, (1..=parts[i].len()).find(unique).unwrap_or(1))
        })
        .collect();
    // What is left is the same folder given twice.
    let numbered = |i: usize| match names[..i].iter().filter(|n| **n == names[i]).count() {
        0 => names[i].clone(),
        again => format!("{} ({})", names[i], again + 1),
    };
    (0..names.len()).map(numbered).collect()
}

fn parts(folder: &Path) -> Vec<String> {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = |c: Component<'_>| match c {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    };
    let parts: Vec<String> = whole.components().filter_map(name).collect();
    if parts.is_empty() { vec![folder.display().to_string()] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folders: &[&str]) -> Vec<String> {
        of(&folders.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_short_and_differ() {
        assert_eq!(names(&["/none/a", "/none/b"]), ["a", "b"]);
        assert_eq!(names(&["/none/x/run", "/none/y/run", "/none/z"]), ["x/run", "y/run", "z"]);
        assert_eq!(names(&["/none/run", "/none/b/run"]), ["none/run", "b/run"]);
        assert_eq!(names(&["/none/a", "/none/a/", "/none/a"]), ["a", "a (2)", "a (3)"]);
        assert_eq!(names(&["/", "/"]), ["/", "/ (2)"]);
    }
}
