//! Curves in letters: braille for charts, blocks of eight heights for a line.

use crate::line_chart::{Axis, Scale, short, thin};

/// Letters in front of a chart, for the values at its ends.
const LABEL: usize = 8;

/// A chart of a curve, and an `o` for each point of another, from 0 to `end` at least: `height` lines of at most `width` letters, and a line with the ends of x.
/// Nothing where there is no point to draw or no room.
pub(super) fn chart(curve: &[(f64, f64)], points: &[(f64, f64)], end: f64, width: usize, height: usize) -> Vec<String> {
    let columns = width.saturating_sub(LABEL + 1);
    if columns < 8 || height == 0 {
        return Vec::new();
    }
    // A letter of braille is two dots wide and four high.
    let (curve, points) = (thin(curve, 2 * columns), thin(points, columns));
    let both = || curve.iter().chain(&points);
    let across = Axis::of(Scale::Linear, both().flat_map(|b| b.x).chain([0.0, end]));
    let (Some(across), Some(up)) = (across, Axis::of(Scale::Linear, both().map(|b| b.mean))) else { return Vec::new() };
    let place = |axis: &Axis, value: f64, count: usize| {
        (axis.share(value).unwrap_or(0.0) * (count - 1) as f64).round() as usize
    };

    let mut dots = Dots::new(columns, height);
    let mut before: Option<(usize, usize)> = None;
    for b in &curve {
        let (x, y) = (place(&across, b.middle(), 2 * columns), place(&up, b.mean, 4 * height));
        dots.stroke(before.unwrap_or((x, y)), (x, y));
        before = Some((x, y));
    }
    let mut rows = dots.rows();
    for b in &points {
        let (x, y) = (place(&across, b.middle(), columns), place(&up, b.mean, height));
        rows[height - 1 - y][x] = 'o';
    }
    let label = |row: usize| match row {
        0 => short(up.ends()[1]),
        r if r == height - 1 => short(up.ends()[0]),
        _ => String::new(),
    };
    let line =
        |(row, letters): (usize, Vec<char>)| format!("{:>LABEL$} {}", label(row), letters.iter().collect::<String>());
    let mut lines: Vec<String> = rows.into_iter().enumerate().map(line).collect();
    let [first, last] = across.ends().map(short);
    lines.push(format!("{:LABEL$} {first}{last:>1$}", "", columns - first.chars().count()));
    lines
}

/// A curve in one line, from the least value to the most.
pub(super) fn spark(curve: &[(f64, f64)], scale: Scale, width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let curve = thin(curve, width);
    let Some(up) = Axis::of(scale, curve.iter().map(|b| b.mean)) else { return String::new() };
    curve.iter().map(|b| BLOCKS[(up.share(b.mean).unwrap_or(0.0) * 7.0).round() as usize]).collect()
}

/// So much of a bar of so many letters, `share` from 0 to 1.
pub(super) fn bar(share: f64, width: usize) -> String {
    let done = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "█".repeat(done) + &"░".repeat(width - done)
}

/// Dots from the lower left corner, as letters of braille.
struct Dots {
    height: usize,
    cells: Vec<Vec<u32>>,
}

impl Dots {
    fn new(columns: usize, height: usize) -> Dots {
        Dots { height, cells: vec![vec![0; columns]; height] }
    }

    fn set(&mut self, x: usize, y: usize) {
        // Unicode numbers the dots of a letter down its left side, then down its right one, and the lowest row last.
        const BITS: [[u32; 2]; 4] = [[0x40, 0x80], [0x04, 0x20], [0x02, 0x10], [0x01, 0x08]];
        self.cells[self.height - 1 - y / 4][x / 2] |= BITS[y % 4][x % 2];
    }

    /// From one place to another that is not left of it: in each column the dots from the height it begins at to that it ends at.
    fn stroke(&mut self, (x0, y0): (usize, usize), (x1, y1): (usize, usize)) {
        let height = |x: usize| match x1 - x0 {
            0 => y1,
            all => (y0 as f64 + (y1 as f64 - y0 as f64) * (x - x0) as f64 / all as f64).round() as usize,
        };
        let mut from = y0;
        for x in x0..=x1 {
            let to = height(x);
            (from.min(to)..=from.max(to)).for_each(|y| self.set(x, y));
            from = to;
        }
    }

    fn rows(self) -> Vec<Vec<char>> {
        let letter =
            |bits: u32| if bits == 0 { ' ' } else { char::from_u32(0x2800 + bits).expect("a letter of braille") };
        self.cells.into_iter().map(|row| row.into_iter().map(letter).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_rises_from_the_lower_left_to_the_upper_right() {
        let points: Vec<(f64, f64)> = (0..=100).map(|i| (f64::from(i), f64::from(i))).collect();
        let lines = chart(&points, &[(50.0, 0.0), (100.0, 100.0)], 100.0, 29, 5);
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().all(|l| l.chars().count() <= 29), "{lines:#?}");
        assert!(lines[0].starts_with("     100 ") && lines[0].ends_with('o'), "{lines:#?}");
        assert!(lines[4].starts_with("       0 ⣀") || lines[4].starts_with("       0 ⣠"), "{lines:#?}");
        assert_eq!(lines[4].chars().filter(|&c| c == 'o').count(), 1);
        assert_eq!(lines[5], "         0                100");
    }

    #[test]
    fn steep_curves_have_no_holes() {
        let letters = |line: &str| line.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count();
        let tent = chart(&[(0.0, 0.0), (1.0, 100.0), (2.0, 0.0)], &[], 2.0, 10 + LABEL, 4);
        let drawn = [
            "     100    ⢀⡼⢧   ",
            "           ⢀⡞ ⠈⢧⡀ ",
            "          ⢠⠏    ⢳⡀",
            "       0 ⣰⠋      ⢳",
            "         0       2",
        ];
        assert_eq!(tent, drawn, "points far apart are joined");
        let saw: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i), f64::from(i / 50 % 2))).collect();
        let middle = letters(&chart(&saw, &[], 999.0, 20 + LABEL + 1, 4)[1]);
        assert!(middle >= 10, "the middle of every stroke is drawn: {middle}");
    }

    #[test]
    fn nothing_to_draw_or_no_room_draws_nothing() {
        assert!(chart(&[], &[], 9.0, 80, 5).is_empty());
        assert!(chart(&[(1.0, f64::NAN)], &[], 9.0, 80, 5).is_empty());
        assert!(chart(&[(1.0, 1.0)], &[], 9.0, 12, 5).is_empty() && chart(&[(1.0, 1.0)], &[], 9.0, 80, 0).is_empty());
        assert!(!chart(&[(1.0, 1.0)], &[], 9.0, 80, 1).is_empty());
        assert_eq!(spark(&[], Scale::Linear, 10), "");
    }

    #[test]
    fn sparks_and_bars_have_their_width() {
        assert_eq!(spark(&[(0.0, 0.0), (1.0, 3.5), (2.0, 7.0)], Scale::Linear, 10), "▁▅█");
        assert_eq!(spark(&[(0.0, 1.0), (1.0, 10.0), (2.0, 100.0)], Scale::Log, 10), "▁▅█");
        assert_eq!(spark(&(0..1000).map(|i| (f64::from(i), 1.0)).collect::<Vec<_>>(), Scale::Log, 5), "▅▅▅▅▅");
        assert_eq!((bar(0.5, 4), bar(7.0, 3), bar(-1.0, 2)), ("██░░".to_owned(), "███".to_owned(), "░░".to_owned()));
    }
}
