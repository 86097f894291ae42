//! Loss curves as an SVG picture: text in, text out. It stands on its own (no scripts, no fonts to
//! fetch) and reads on light and dark backgrounds.

use std::fmt::Write;

/// Of the whole picture, in SVG units.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;

/// Room for the axes' labels.
const LEFT: f64 = 78.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 52.0;

/// Colours that those who see red and green alike can tell apart (Okabe and Ito).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// A line: one value an epoch, from the first. Lines of one name share a colour.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// Name in the legend.
    pub name: &'a str,
    /// Its values; those that are not finite leave a hole.
    pub values: Vec<f64>,
    /// The epoch, from 0, whose weights were kept: it gets a dot.
    pub kept: Option<usize>,
}

/// Draws loss over epochs, on a logarithmic scale when the losses span more than a factor of 20.
#[must_use]
pub fn loss_curves(title: &str, curves: &[Curve<'_>]) -> String {
    let finite = || {
        curves
            .iter()
            .flat_map(|curve| curve.values.iter().copied())
            .filter(|value| value.is_finite())
    };
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let scale = Scale::new(low, high);
    let epochs = curves
        .iter()
        .map(|curve| curve.values.len())
        .max()
        .unwrap_or(0);
    let mut svg = String::new();
    // Writing into a `String` cannot fail, here and below.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" fill=\"#222222\">{title}</text>\n",
        title = escape(title)
    );
    for value in scale.ticks() {
        let y = scale.y(value);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444444\">{}</text>\n",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            number(value)
        );
    }
    for epoch in epoch_ticks(epochs) {
        let x = x(epoch, epochs);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444444\">{}</text>",
            HEIGHT - BOTTOM + 18.0,
            epoch + 1
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444444\">epoch</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0
    );
    let mut names: Vec<&str> = Vec::new();
    for curve in curves {
        let place = names.iter().position(|name| *name == curve.name);
        let place = place.unwrap_or_else(|| {
            names.push(curve.name);
            names.len() - 1
        });
        draw(
            &mut svg,
            curve,
            COLOURS[place % COLOURS.len()],
            epochs,
            scale,
        );
    }
    for (at, name) in names.iter().enumerate() {
        let left = LEFT + 150.0 * at as f64;
        let _ = write!(
            svg,
            "<line x1=\"{left:.1}\" x2=\"{:.1}\" y1=\"34\" y2=\"34\" stroke=\"{}\" stroke-width=\"2\"/>\n\
             <text x=\"{:.1}\" y=\"38\" fill=\"#222222\">{}</text>\n",
            left + 18.0,
            COLOURS[at % COLOURS.len()],
            left + 24.0,
            escape(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, curve: &Curve<'_>, colour: &str, epochs: usize, scale: Scale) {
    let mut path = String::new();
    let mut pen_down = false;
    for (epoch, value) in curve.values.iter().enumerate() {
        if !value.is_finite() {
            pen_down = false;
            continue;
        }
        let command = if pen_down { 'L' } else { 'M' };
        let _ = write!(
            path,
            "{command}{:.1} {:.1}",
            x(epoch, epochs),
            scale.y(*value)
        );
        pen_down = true;
    }
    let _ = writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
         stroke-linejoin=\"round\" stroke-linecap=\"round\"/>"
    );
    if let Some((epoch, value)) = curve
        .kept
        .and_then(|epoch| Some((epoch, *curve.values.get(epoch)?)))
        .filter(|(_, value)| value.is_finite())
    {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"><title>weights kept: epoch {}</title></circle>",
            x(epoch, epochs),
            scale.y(value),
            epoch + 1
        );
    }
}

fn x(epoch: usize, epochs: usize) -> f64 {
    let last = epochs.saturating_sub(1).max(1) as f64;
    LEFT + (WIDTH - LEFT - RIGHT) * epoch as f64 / last
}

/// Up to eleven epochs to label, the first among them.
fn epoch_ticks(epochs: usize) -> impl Iterator<Item = usize> {
    (0..epochs).step_by(epochs.div_ceil(10).max(1))
}

/// Scale from values to heights.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn new(low: f64, high: f64) -> Self {
        if low > high {
            // Nothing to show.
            return Self {
                low: 0.0,
                high: 1.0,
                logarithmic: false,
            };
        }
        let logarithmic = low > 0.0 && high / low > 20.0;
        let room = if high > low {
            0.05 * (high - low)
        } else {
            0.5 * high.abs().max(1e-12)
        };
        if logarithmic {
            return Self {
                low: low / 1.1,
                high: high * 1.1,
                logarithmic,
            };
        }
        Self {
            low: low - room,
            high: high + room,
            logarithmic,
        }
    }

    fn y(self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part
    }

    /// Six values from bottom to top.
    fn ticks(self) -> impl Iterator<Item = f64> {
        (0..6).map(move |step| {
            let part = f64::from(step) / 5.0;
            if self.logarithmic {
                self.low * (self.high / self.low).powf(part)
            } else {
                self.low + (self.high - self.low) * part
            }
        })
    }
}

/// With three significant digits.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-3..1e5).contains(&value.abs()) {
        let digits = if value.abs() >= 100.0 {
            0
        } else if value.abs() >= 1.0 {
            2
        } else {
            4
        };
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve<'a>(name: &'a str, values: &[f64]) -> Curve<'a> {
        Curve {
            name,
            values: values.to_vec(),
            kept: values.len().checked_sub(1),
        }
    }

    fn points(svg: &str) -> Vec<(f64, f64)> {
        svg.split("<path d=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .flat_map(|path| path.split(['M', 'L']).skip(1))
            .filter_map(|point| point.split_once(' '))
            .filter_map(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)))
            .collect()
    }

    #[test]
    fn every_value_is_a_point_inside_the_axes_and_falls_as_the_loss_does() {
        for top in [1.0, 1_000.0] {
            let values: Vec<f64> = (1..=50).map(|epoch| top / f64::from(epoch)).collect();
            let svg = loss_curves("loss", &[curve("training", &values)]);
            let points = points(&svg);
            assert_eq!(points.len(), 50);
            for pair in points.windows(2) {
                assert!(pair[0].0 < pair[1].0, "time goes right");
                assert!(pair[0].1 <= pair[1].1, "a lower loss is lower");
            }
            for (x, y) in points {
                assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{x}");
                assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{y}");
            }
            assert!(svg.contains("weights kept: epoch 50"));
        }
    }

    #[test]
    fn nothing_one_value_and_a_hole_are_drawn_too() {
        for values in [&[][..], &[0.5], &[0.0, 0.0], &[1.0, f64::NAN, 3.0]] {
            let svg = loss_curves("loss", &[curve("validation", values)]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.ends_with("</svg>\n"));
        }
        assert!(loss_curves("loss", &[]).ends_with("</svg>\n"));
    }

    #[test]
    fn lines_of_one_name_share_a_colour_and_a_legend() {
        let svg = loss_curves(
            "loss",
            &[
                curve("training", &[2.0, 1.0]),
                curve("validation", &[3.0, 2.0]),
                curve("training", &[2.5, 1.5]),
            ],
        );
        assert_eq!(svg.matches(">training</text>").count(), 1);
        assert_eq!(svg.matches("<path").count(), 3);
        assert_eq!(
            svg.matches(&format!("stroke=\"{}\"", COLOURS[0])).count(),
            3
        );
    }

    #[test]
    fn names_cannot_become_markup() {
        let svg = loss_curves("<script>\"&", &[curve("<b>", &[1.0])]);
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        assert!(svg.contains("&lt;script&gt;&quot;&amp;"));
    }
}
