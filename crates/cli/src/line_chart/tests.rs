//! Charts of ordinary and of strange curves.

use super::*;

type Curve<'a> = (&'a str, Mark, &'a [(f64, f64)]);

fn chart(scale: Scale, curves: &[Curve<'_>]) -> String {
    let series = curves.iter().enumerate().map(|(i, (name, mark, points))| Series::new(name, i, *mark, points, 100));
    let chart = LineChart {
        title: "Loss < 9".to_owned(),
        across: "updates".to_owned(),
        extent: [0.0, 1000.0],
        scale,
        series: series.collect(),
    };
    chart.figure().into_string()
}

#[test]
fn curves_have_axes_names_and_values_to_point_at() {
    let points: Vec<(f64, f64)> = (1..=1000).map(|i| (f64::from(i), 10.0 - f64::from(i) / 200.0)).collect();
    let figure = chart(
        Scale::Linear,
        &[("train <b>", Mark::Band, &points), ("valid", Mark::Points, &[(500.0, 8.0), (1000.0, 6.5)])],
    );
    assert!(figure.contains("Loss &lt; 9") && figure.contains("train &lt;b&gt;"), "{figure}");
    for part in [">200<", ">1000<", ">6<", ">10<", "updates", "valid 8", "polygon"] {
        assert!(figure.contains(part), "{part}: {figure}");
    }
    assert_eq!(figure.matches("<circle").count(), 2);
    assert_eq!(figure.matches("<polyline").count(), 2);
    assert!(figure.len() < 30_000, "{} bytes", figure.len());
}

#[test]
fn a_curve_beside_one_without_points_has_its_name() {
    let figure = chart(Scale::Linear, &[("one", Mark::Line, &[(1.0, 5.0), (900.0, 6.0)]), ("other", Mark::Line, &[])]);
    assert!(figure.contains("</i>one</span>") && !figure.contains("other"), "{figure}");
    assert!(!chart(Scale::Linear, &[("alone", Mark::Line, &[(1.0, 5.0)])]).contains("</i>"));
}

#[test]
fn a_short_curve_beside_a_long_one_is_a_dot() {
    let long: Vec<(f64, f64)> = (0..1000).map(|i| (f64::from(i) * 500.0, f64::from(i % 7))).collect();
    let short: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), 5.0 + f64::from(i) / 10_000.0)).collect();
    let circles = |curves: &[Curve<'_>]| chart(Scale::Linear, curves).matches("<circle").count();
    assert_eq!(circles(&[("long", Mark::Band, &long)]), 0);
    assert_eq!(circles(&[("long", Mark::Line, &long), ("short", Mark::Line, &short)]), 1);
    // High enough to be seen.
    let steep: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), f64::from(i % 5))).collect();
    assert_eq!(circles(&[("long", Mark::Line, &long), ("steep", Mark::Line, &steep)]), 0);
}

#[test]
fn numbers_at_the_ends_are_within_the_drawing() {
    // Rather more than half of the height of a letter is its width, half of a middle one lies right of its place.
    let ends: Vec<(f64, f64)> = vec![(0.0, 1.0), (1000.0, 2.0)];
    let figure = chart(Scale::Linear, &[("one", Mark::Line, &ends)]);
    let (_, from) =
        figure.rsplit_once("y=\"204\">1000<").map(|(before, _)| before.rsplit_once("x=\"").unwrap()).unwrap();
    let x: f64 = from.split('"').next().unwrap().parse().unwrap();
    assert!(x + 7.0 * 12.0 * 0.55 / 2.0 <= 420.0, "{x}");
}

#[test]
fn strange_curves_are_drawn_with_numbers_only() {
    let figures = [
        chart(Scale::Linear, &[("one", Mark::Line, &[(1.0, 5.0)])]),
        chart(Scale::Linear, &[("flat", Mark::Band, &[(0.0, 0.0), (0.0, 0.0), (1.0, 0.0)])]),
        chart(Scale::Log, &[("mixed", Mark::Points, &[(1.0, -5.0), (2.0, 0.0), (3.0, 1e-9), (4.0, 1e9)])]),
        chart(Scale::Linear, &[("far", Mark::Line, &[(1.0, -1e150), (1.8e19, 1e150)])]),
        chart(Scale::Linear, &[("none", Mark::Line, &[(1.0, f64::NAN), (f64::INFINITY, 1.0)])]),
        chart(Scale::Log, &[("below", Mark::Line, &[(1.0, -5.0)])]),
        chart(Scale::Linear, &[]),
    ];
    for figure in &figures {
        assert!(!figure.contains("NaN") && !figure.contains("inf"), "{figure}");
    }
    assert!(figures[0].contains("<circle"), "one point alone is a dot");
    assert!(figures[4].contains("Nothing yet") && figures[6].contains("Nothing yet"));
    assert!(figures[5].contains("Nothing above 0"));
}
