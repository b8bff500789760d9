//! A sweep's results as rows, and those rows as CSV (RFC 4180): what the page exports and `stepscope sweep` writes.

use crate::grid::{Cell, executed_steps};
use protocol::GenerateRequest;
use serde::{Deserialize, Serialize};

/// What was measured of one run. Numbers that are not known are `None` and make empty fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was run.
    pub request: GenerateRequest,
    /// Whether the run is part of the re-check, not of the sweep.
    pub held_out: bool,
    /// Model evaluations, as the run's plan had them.
    pub evaluations: u32,
    /// Where it ran: engine and adapter.
    pub device: String,
    /// Seconds of the whole run.
    pub seconds: f64,
    /// Seconds of text encoding, evaluations and decoding.
    pub parts: [f64; 3],
    /// Seconds that were predicted before it ran.
    pub predicted: Option<f64>,
    /// How it compares with the run of at least twice as many steps.
    pub comparison: Option<Comparison>,
    /// The picture's file, or its key.
    pub image: String,
}

impl Row {
    /// A row of a run that is done, before it is compared.
    pub fn new(cell: &Cell, device: &str, parts: [f64; 3], image: String) -> Self {
        Self {
            request: cell.request.clone(),
            held_out: false,
            evaluations: cell.evaluations,
            device: device.to_owned(),
            seconds: parts.iter().sum(),
            parts,
            predicted: None,
            comparison: None,
            image,
        }
    }
}

/// One run against a longer one of the same seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Steps of the longer run.
    pub reference_steps: u32,
    /// Estimated error, in the unit of the recommendation's metric.
    pub error: Option<f64>,
    /// [`crate::metrics::latent_rmse`].
    pub latent_rmse: Option<f64>,
    /// [`crate::metrics::psnr`], dB.
    pub psnr: Option<f64>,
    /// [`crate::metrics::ssim`] of the luma.
    pub ssim: Option<f64>,
    /// [`crate::metrics::changed_share`] at [`crate::metrics::JUST_NOTICEABLE`].
    pub changed: Option<f64>,
}

type Column = (&'static str, fn(&Row) -> String);

/// The columns, in order. New ones go to the end, so that a reader by position keeps working.
const COLUMNS: &[Column] = &[
    ("model", |row| row.request.model.clone()),
    ("prompt", |row| row.request.prompt.clone()),
    ("negative_prompt", |row| row.request.negative_prompt.clone().unwrap_or_default()),
    ("scheduler", |row| row.request.scheduler.to_string()),
    ("num_inference_steps", |row| row.request.num_inference_steps.to_string()),
    ("executed_steps", |row| executed_steps(&row.request).to_string()),
    ("evaluations", |row| row.evaluations.to_string()),
    ("guidance_scale", |row| row.request.guidance_scale.to_string()),
    ("guidance_stop", |row| row.request.guidance_stop.to_string()),
    ("seed", |row| row.request.seed.to_string()),
    ("width", |row| row.request.width.to_string()),
    ("height", |row| row.request.height.to_string()),
    ("eta", |row| maybe(row.request.eta)),
    ("held_out", |row| row.held_out.to_string()),
    ("seconds", |row| number(row.seconds)),
    ("text_seconds", |row| number(row.parts[0])),
    ("evaluation_seconds", |row| number(row.parts[1])),
    ("decode_seconds", |row| number(row.parts[2])),
    ("predicted_seconds", |row| maybe(row.predicted)),
    ("reference_steps", |row| row.comparison.map(|c| c.reference_steps.to_string()).unwrap_or_default()),
    ("estimated_error", |row| maybe(row.comparison.and_then(|c| c.error))),
    ("latent_rmse", |row| maybe(row.comparison.and_then(|c| c.latent_rmse))),
    ("psnr_db", |row| maybe(row.comparison.and_then(|c| c.psnr))),
    ("ssim", |row| maybe(row.comparison.and_then(|c| c.ssim))),
    ("changed_share", |row| maybe(row.comparison.and_then(|c| c.changed))),
    ("device", |row| row.device.clone()),
    ("image", |row| row.image.clone()),
];

/// All rows with a header, one line each, lines ended as the standard has it.
pub fn to_csv(rows: &[Row]) -> String {
    let mut out = COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\r\n";
    for row in rows {
        let fields: Vec<String> = COLUMNS.iter().map(|(_, of)| quoted(&of(row))).collect();
        out += &(fields.join(",") + "\r\n");
    }
    out
}

/// Six digits after the point are more than any clock or metric here has.
fn number(x: f64) -> String {
    match x {
        x if x.is_nan() => String::new(),
        x if x.is_infinite() => (if x > 0.0 { "inf" } else { "-inf" }).to_owned(),
        x => ((x * 1e6).round() / 1e6).to_string(),
    }
}

fn maybe(x: Option<f64>) -> String {
    x.map(number).unwrap_or_default()
}

pub(crate) fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) || field.trim() != field {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

/// 64-bit numbers as text: JavaScript numbers lose digits beyond 2^53.
pub(crate) mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The same for lists.
pub(crate) mod all_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(values: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(u64::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let values = Vec::<String>::deserialize(deserializer)?;
        values.iter().map(|value| value.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Axis, Grid, tests::request};
    use proptest::prelude::*;

    /// A reader of its own, after the standard.
    fn read(csv: &str) -> Vec<Vec<String>> {
        let (mut lines, mut fields, mut field, mut inside) = (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = csv.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if inside && chars.peek() == Some(&'"') => field.extend(chars.next()),
                '"' => inside = !inside,
                ',' if !inside => fields.push(std::mem::take(&mut field)),
                '\r' if !inside && chars.peek() == Some(&'\n') => {
                    chars.next();
                    fields.push(std::mem::take(&mut field));
                    lines.push(std::mem::take(&mut fields));
                }
                c => field.push(c),
            }
        }
        lines
    }

    proptest! {
        #[test]
        fn whatever_a_prompt_holds_comes_back(prompt in "[ a-z,;\"\r\n=é]{0,20}", seed in any::<u64>()) {
            let base = GenerateRequest { prompt: prompt.clone(), ..request() };
            let grid = Grid::new(base, vec![4], vec![seed], Axis::None).unwrap();
            let row = Row::new(&grid.cells()[0], "cpu, 2 cores", [0.1, 0.25, 0.05], "4-0.png".into());
            let lines = read(&to_csv(&[row.clone(), row]));
            prop_assert_eq!(lines.len(), 3);
            prop_assert!(lines.iter().all(|line| line.len() == COLUMNS.len()));
            let field = |name: &str| lines[2][lines[0].iter().position(|n| n == name).unwrap()].clone();
            prop_assert_eq!(field("prompt"), prompt);
            prop_assert_eq!(field("seed"), seed.to_string());
            prop_assert_eq!((field("seconds"), field("device")), ("0.4".to_string(), "cpu, 2 cores".to_string()));
            prop_assert_eq!(field("psnr_db"), "");
        }
    }

    #[test]
    fn infinite_and_missing_numbers_have_their_own_fields() {
        assert_eq!(
            (number(f64::INFINITY), number(f64::NAN), number(1.0 / 3.0)),
            ("inf".into(), String::new(), "0.333333".into())
        );
    }
}
