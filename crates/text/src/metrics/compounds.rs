//! Compounds, which the literature splits before scoring English-German.

/// Splits compounds at hyphens, `a-b` into `a ##AT##-##AT## b`, as the literature does on both sides before scoring
/// English-German.
pub fn split_compounds(line: &str) -> String {
    let characters: Vec<char> = line.chars().collect();
    let mut split = String::with_capacity(line.len() + 16);
    let mut at = 0;
    while at < characters.len() {
        split.push(characters[at]);
        // The pattern takes both neighbours of the hyphen, so in `a-b-c` the second hyphen has lost its left one.
        match characters[at..] {
            [before, '-', after, ..] if !before.is_whitespace() && !after.is_whitespace() => {
                split.push_str(" ##AT##-##AT## ");
                split.push(after);
                at += 3;
            }
            _ => at += 1,
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compounds_are_split_where_both_sides_are_free() {
        for (line, split) in [
            ("a-b", "a ##AT##-##AT## b"),
            ("a-b-c", "a ##AT##-##AT## b-c"),
            ("x--y", "x ##AT##-##AT## -y"),
            ("- a - b -", "- a - b -"),
            ("-a b-", "-a b-"),
            ("ab-cd ü-ö", "ab ##AT##-##AT## cd ü ##AT##-##AT## ö"),
        ] {
            assert_eq!(split_compounds(line), split);
        }
    }
}
