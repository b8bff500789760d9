//! Line charts: axes, ticks, lines and bands by `plotters`, written as SVG that the style sheet colours. What can be
//! pressed (the points) is not in the SVG: the component lays real buttons over it, at the places that come back from
//! here.

mod svg;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use svg::{Svg, class};

/// Drawn this much larger than shown, because `plotters` counts in whole pixels.
const FINE: u32 = 8;
/// Fewest decades that a logarithmic axis shows, so that near-equal values do not fill it.
const DECADES_MIN: f64 = 0.25;

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: String,
    /// Whether equal ratios have equal lengths. Values of 0 and below cannot be shown then.
    pub log: bool,
    /// Where the ticks are; empty leaves them to the axis.
    pub ticks: Vec<f64>,
}

/// One line, or the band between two.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which colour of the style sheet.
    pub colour: usize,
    /// What it is.
    pub kind: Kind,
    /// Places in the axes' units, by rising x.
    pub points: Vec<[f64; 2]>,
}

/// What a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One seed: thin.
    Thin,
    /// The median of all seeds: thick.
    Thick,
    /// Around the median: there along the lower edge and back along the upper one.
    Band,
    /// A level that is compared with: dashed.
    Rule,
}

/// What to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Pixels.
    pub size: [u32; 2],
    /// Horizontal.
    pub x: Axis,
    /// Vertical.
    pub y: Axis,
    /// In the order in which they are drawn.
    pub series: Vec<Series>,
    /// What is laid over the drawing.
    pub points: Vec<[f64; 2]>,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// An `<svg>` element.
    pub svg: String,
    /// The chart's points as shares of its width and height; `None` for what a logarithmic axis cannot show.
    pub points: Vec<Option<[f64; 2]>>,
}

/// An axis with the values on it known.
struct Scale {
    log: bool,
    from: f64,
    to: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn new(axis: &Axis, values: impl Iterator<Item = f64>, ticks_max: usize) -> Option<Self> {
        let log = axis.log;
        let usable = values.map(|value| if log { value.log10() } else { value }).filter(|value| value.is_finite());
        let (mut from, mut to) = usable.fold((f64::MAX, f64::MIN), |(a, b), value| (a.min(value), b.max(value)));
        if from > to {
            return None;
        }
        if log {
            let widen = (DECADES_MIN - (to - from)).max(0.0) / 2.0 + 0.04 * (to - from);
            (from, to) = (from - widen, to + widen);
        } else {
            from = from.min(0.0);
            to = if to > from { to + 0.04 * (to - from) } else { from + 1.0 };
        }
        let place = |tick: f64| if log { tick.log10() } else { tick };
        let ticks = match axis.ticks.as_slice() {
            [] if log => log_ticks(from, to),
            [] => RangedCoordf64::from(from..to).key_points(ticks_max),
            ticks => ticks.iter().map(|tick| place(*tick)).collect(),
        };
        Some(Self { log, from, to, ticks })
    }

    fn place(&self, value: f64) -> Option<f64> {
        let placed = if self.log { value.log10() } else { value };
        placed.is_finite().then_some(placed)
    }

    fn value(&self, place: f64) -> f64 {
        if self.log { 10f64.powf(place) } else { place }
    }

    fn coord(&self) -> Places {
        Places { coord: (self.from..self.to).into(), ticks: self.ticks.clone() }
    }
}

/// `plotters`' axis with our ticks. Its own combinator for that has no label formatter for floats.
struct Places {
    coord: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Ranged for Places {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.coord.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.coord.range()
    }
}

/// Ticks of a logarithmic axis: the roundest numbers of which at least three fit.
fn log_ticks(from: f64, to: f64) -> Vec<f64> {
    const ROUND: [&[f64]; 3] =
        [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]];
    let decades = || from.floor() as i32..=to.ceil() as i32;
    let ticks = |steps: &[f64]| -> Vec<f64> {
        let all = decades().flat_map(|decade| steps.iter().map(move |step| f64::from(decade) + step.log10()));
        all.filter(|tick| (from..=to).contains(tick)).collect()
    };
    let fit = ROUND.iter().map(|steps| ticks(steps)).find(|ticks| ticks.len() >= 3);
    fit.unwrap_or_else(|| ticks(ROUND[2]))
}

/// Draws a chart; `None` where no point can be shown.
pub fn draw(chart: &Chart, label: impl Fn(f64) -> String) -> Option<Drawing> {
    let mut out = String::new();
    let points = draw_into(chart, &mut out, &label)?;
    Some(Drawing { svg: out, points })
}

fn draw_into(chart: &Chart, out: &mut String, label: &dyn Fn(f64) -> String) -> Option<Vec<Option<[f64; 2]>>> {
    let [width, height] = chart.size.map(|side| side * FINE);
    let all = || chart.series.iter().flat_map(|series| &series.points).chain(&chart.points);
    let of_data = |axis: usize| {
        let rules = move |series: &&Series| axis == 1 || series.kind != Kind::Rule;
        let lines = chart.series.iter().filter(rules).flat_map(|series| &series.points);
        lines.chain(&chart.points).map(move |point| point[axis])
    };
    all().next()?;
    let x = Scale::new(&chart.x, of_data(0), (chart.size[0] / 70) as usize)?;
    let y = Scale::new(&chart.y, of_data(1), (chart.size[1] / 45) as usize)?;

    let area = Svg::new(out, width, height).into_drawing_area();
    let font = |size: u32| ("sans-serif", f64::from(size * FINE)).into_font().color(&class("chart-text"));
    let mut context = ChartBuilder::on(&area)
        .margin_top(8 * FINE)
        .margin_right(12 * FINE)
        .x_label_area_size(40 * FINE)
        .y_label_area_size(58 * FINE)
        .build_cartesian_2d(x.coord(), y.coord())
        .ok()?;
    context
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(class("chart-grid").stroke_width(FINE))
        .axis_style(class("chart-axis").stroke_width(FINE))
        .set_all_tick_mark_size(4 * FINE)
        .x_label_formatter(&|place| label(x.value(*place)))
        .y_label_formatter(&|place| label(y.value(*place)))
        .label_style(font(12))
        .axis_desc_style(font(13))
        .x_desc(chart.x.title.as_str())
        .y_desc(chart.y.title.as_str())
        .draw()
        .ok()?;
    for series in &chart.series {
        let places = series.points.iter().filter_map(|[a, b]| Some((x.place(*a)?, y.place(*b)?)));
        let colour = class(&format!("chart-line-{}", series.colour));
        match series.kind {
            Kind::Thin => context.draw_series(LineSeries::new(places, colour.stroke_width(FINE))).ok().map(drop),
            Kind::Thick => {
                context.draw_series(LineSeries::new(places, colour.stroke_width(2 * FINE + 2))).ok().map(drop)
            }
            Kind::Band => {
                let fill = class(&format!("chart-band-{}", series.colour)).filled();
                context.draw_series([Polygon::new(places.collect::<Vec<_>>(), fill)]).ok().map(drop)
            }
            Kind::Rule => {
                let style = class("chart-rule").stroke_width(FINE);
                let level = series.points.first().and_then(|point| y.place(point[1]))?;
                context.draw_series(LineSeries::new([(x.from, level), (x.to, level)], style)).ok().map(drop)
            }
        }?;
    }
    let share = |[a, b]: &[f64; 2]| {
        let (px, py) = context.backend_coord(&(x.place(*a)?, y.place(*b)?));
        Some([f64::from(px) / f64::from(width), f64::from(py) / f64::from(height)])
    };
    let points = chart.points.iter().map(share).collect();
    area.present().ok()?;
    drop(context);
    drop(area);
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(log: bool) -> Chart {
        let axis = |title: &str| Axis { title: title.into(), log, ticks: vec![] };
        let points = vec![[2.0, 0.4], [4.0, 0.1], [8.0, 0.025]];
        Chart {
            size: [400, 240],
            x: Axis { ticks: vec![2.0, 4.0, 8.0], ..axis("Steps") },
            y: axis("Error & <more>"),
            series: vec![
                Series { colour: 1, kind: Kind::Band, points: vec![[2.0, 0.3], [8.0, 0.02], [8.0, 0.03], [2.0, 0.5]] },
                Series { colour: 1, kind: Kind::Thick, points: points.clone() },
                Series { colour: 0, kind: Kind::Rule, points: vec![[0.0, 0.05]] },
            ],
            points,
        }
    }

    #[test]
    fn equal_ratios_are_equal_lengths_on_logarithmic_axes() {
        let drawing = draw(&chart(true), |value| value.to_string()).unwrap();
        let [a, b, c] = [0, 1, 2].map(|i| drawing.points[i].unwrap());
        for axis in [0, 1] {
            let (first, second) = (b[axis] - a[axis], c[axis] - b[axis]);
            assert!((first - second).abs() < 2e-3 && first.abs() > 0.1, "{first} {second}");
        }
        let drawing = draw(&chart(false), |value| value.to_string()).unwrap();
        let [a, b, c] = [0, 1, 2].map(|i| drawing.points[i].unwrap());
        assert!(((c[0] - b[0]) - 2.0 * (b[0] - a[0])).abs() < 2e-3);
    }

    #[test]
    fn the_drawing_names_classes_not_colours_and_escapes_text() {
        let svg = draw(&chart(true), |value| format!("{value:.2}")).unwrap().svg;
        for wanted in ["chart-band-1", "chart-line-1", "chart-rule", "chart-grid", "Error &amp; &lt;more&gt;", ">4.00<"]
        {
            assert!(svg.contains(wanted), "{wanted} is missing in {svg}");
        }
        assert!(!svg.contains("style=") && !svg.contains('#'), "the content security policy allows no inline style");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_to_read_it_by_whatever_its_length() {
        let ticks = |from: f64, to: f64| -> Vec<String> {
            log_ticks(from.log10(), to.log10()).iter().map(|tick| format!("{:.1}", 10f64.powf(*tick))).collect()
        };
        assert_eq!(ticks(0.5, 2000.0), ["1.0", "10.0", "100.0", "1000.0"]);
        assert_eq!(ticks(0.9, 6.0), ["1.0", "2.0", "5.0"]);
        // Runs of 2 to 8 steps, most of whose time is the same for all.
        assert!((3..12).contains(&ticks(0.55, 1.9).len()), "{:?}", ticks(0.55, 1.9));
        assert!((2..12).contains(&ticks(1.01, 1.01 * 10f64.powf(DECADES_MIN)).len()));
    }

    #[test]
    fn what_has_no_logarithm_is_left_out() {
        let mut zero = chart(true);
        zero.points.push([16.0, 0.0]);
        assert_eq!(draw(&zero, |value| value.to_string()).unwrap().points[3], None);
        zero.series.clear();
        zero.points = vec![[2.0, 0.0]];
        assert_eq!(draw(&zero, |value| value.to_string()), None);
        zero.points.clear();
        assert_eq!(draw(&zero, |value| value.to_string()), None);
    }

    #[test]
    fn a_single_point_and_equal_values_make_a_chart() {
        for log in [true, false] {
            let mut one = chart(log);
            one.series.clear();
            one.points = vec![[4.0, 0.2], [4.0, 0.2]];
            let drawing = draw(&one, |value| value.to_string()).unwrap();
            assert!(drawing.points.iter().flatten().flatten().all(|share| (0.0..=1.0).contains(share)));
        }
    }
}
