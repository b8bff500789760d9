//! `plotters` onto SVG text with classes: the style sheet decides the colours, so the chart follows light and dark, and
//! the content security policy needs no exception.

use super::FINE;
use plotters::style::RGBColor;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::{convert::Infallible, fmt::Write};

/// What the style sheet knows. `plotters` knows colours only, so each stands for one of these.
const CLASSES: [&str; 5] = ["chart-text", "chart-grid", "chart-axis", "chart-rule", "chart-line-"];
const BAND: &str = "chart-band-";
/// Width of a letter as a share of its height, about; text is placed by its middle or end, so little hangs on it.
const LETTER: f64 = 0.55;

/// The colour that stands for a class. Lines and bands have a number.
pub fn class(name: &str) -> RGBColor {
    let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<u8>().ok();
    if let Some(number) = number(CLASSES[4]) {
        return RGBColor(1, number, 0);
    }
    if let Some(number) = number(BAND) {
        return RGBColor(2, number, 0);
    }
    RGBColor(0, CLASSES.iter().position(|known| *known == name).unwrap_or(0) as u8, 0)
}

fn name(color: BackendColor) -> String {
    match color.rgb {
        (1, number, _) => format!("{}{number}", CLASSES[4]),
        (2, number, _) => format!("{BAND}{number}"),
        (_, index, _) => CLASSES.get(usize::from(index)).copied().unwrap_or_default().to_owned(),
    }
}

type Done = Result<(), DrawingErrorKind<Infallible>>;

/// Writes an `<svg>` element.
pub struct Svg<'a> {
    out: &'a mut String,
    size: (u32, u32),
    closed: bool,
}

impl<'a> Svg<'a> {
    /// Begins the element.
    pub fn new(out: &'a mut String, width: u32, height: u32) -> Self {
        *out = format!("<svg viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\" focusable=\"false\">");
        Self { out, size: (width, height), closed: false }
    }

    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>, color: BackendColor, width: u32, closed: bool) {
        if color.alpha == 0.0 {
            return;
        }
        let mut data = String::new();
        for (i, (x, y)) in points.into_iter().enumerate() {
            // Writing into a string cannot fail.
            let _ = write!(data, "{}{x} {y}", if i == 0 { "M" } else { "L" });
        }
        if data.is_empty() {
            return;
        }
        let (end, paint) =
            if closed { ("Z", String::new()) } else { ("", format!(" fill=\"none\" stroke-width=\"{width}\"")) };
        let _ = write!(self.out, "<path class=\"{}\"{paint} d=\"{data}{end}\"/>", name(color));
    }
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Done {
        Ok(())
    }

    fn present(&mut self) -> Done {
        if !std::mem::replace(&mut self.closed, true) {
            self.out.push_str("</svg>");
        }
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Done {
        self.path([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], color, 0, true);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        self.path([from, to], style.color(), style.stroke_width(), false);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        self.path(path, style.color(), style.stroke_width(), false);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, vert: I, style: &S) -> Done {
        self.path(vert, style.color(), 0, true);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Done {
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let size = style.size();
        // Shares of the letters' height from the line that they stand on.
        let down = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.33,
            VPos::Bottom => -0.24,
        } * size;
        let turn = match style.transform() {
            plotters::style::FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            plotters::style::FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
            _ => String::new(),
        };
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(
            self.out,
            "<text class=\"{}\" x=\"{x}\" y=\"{y}\" dy=\"{down:.0}\" font-size=\"{size:.0}\" text-anchor=\"{anchor}\"{turn}>{escaped}</text>",
            name(style.color())
        );
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok(((LETTER * size * text.chars().count() as f64).max(f64::from(FINE)) as u32, size as u32))
    }
}
