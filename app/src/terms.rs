//! The sampler's numbers as people read them: formulas, and what happens at a noise level in plain words. Plain Rust;
//! every number is the engine's own.

use crate::format;
use protocol::{EvalTerms, UpdateTerms};

/// What a step of a noise level can settle: a rule of thumb by the signal-to-noise ratio 1/σ² (0.01 and 1), after
/// Choi et al. 2022, "Perception Prioritized Training of Diffusion Models" (arXiv 2204.00227).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// σ above 10.
    Layout,
    /// σ from 1 to 10.
    Content,
    /// σ below 1.
    Detail,
}

impl Stage {
    /// From the noisiest.
    pub const ALL: [Stage; 3] = [Stage::Layout, Stage::Content, Stage::Detail];

    /// The stage of a noise level.
    pub fn of(sigma: f64) -> Self {
        match sigma {
            sigma if sigma > 10.0 => Self::Layout,
            sigma if sigma >= 1.0 => Self::Content,
            _ => Self::Detail,
        }
    }

    /// Noise levels of the stage, largest first.
    pub fn bounds(self) -> [f64; 2] {
        match self {
            Self::Layout => [f64::INFINITY, 10.0],
            Self::Content => [10.0, 1.0],
            Self::Detail => [1.0, 0.0],
        }
    }

    /// One word.
    pub fn label(self) -> &'static str {
        match self {
            Self::Layout => "layout",
            Self::Content => "content",
            Self::Detail => "detail",
        }
    }

    /// What happens, in two sentences.
    pub fn caption(self) -> &'static str {
        match self {
            Self::Layout => {
                "Next to nothing of a picture can be seen through it, so only the layout can be settled: large areas \
                 and overall colours. The predicted picture is blurred because it is the average of all pictures that \
                 would still fit."
            }
            Self::Content => {
                "Large shapes can be told from the noise, so now it is decided what they are: parts, outlines, \
                 colours. Most of what makes this picture this picture happens about here."
            }
            Self::Detail => {
                "The picture can be seen well, and what is in it hardly changes any more: edges get sharp, texture \
                 comes in, left-over noise goes."
            }
        }
    }
}

/// The share of noise in the variance of what the model sees, in percent: `98 %`, never a round 100 while there is
/// something else.
pub fn noise_share(eval: &EvalTerms) -> String {
    percent(1.0 - eval.alpha_bar)
}

/// `12 %`, `0.4 %`, `99.8 %`.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p <= 0.0 => "0 %".into(),
        p if p < 0.1 => "under 0.1 %".into(),
        p if p < 10.0 || (p > 99.0 && p < 99.95) => format!("{p:.1} %"),
        p if (99.95..100.0).contains(&p) => "over 99.9 %".into(),
        p => format!("{p:.0} %"),
    }
}

/// A factor with four digits; a minus sign, not a hyphen.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        a if a == 0.0 || !a.is_finite() => return format::figure(value),
        a => 3 - a.log10().floor() as i32,
    };
    let text = format!("{:.*}", digits.clamp(0, 9) as usize, value.abs());
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if value < 0.0 { format!("−{text}") } else { text.to_owned() }
}

/// `0.5 · x − 2 · out`; terms of factor 0 are left out, a factor of 1 is not written.
fn sum<'a>(terms: impl IntoIterator<Item = (f64, &'a str)>) -> String {
    let mut text = String::new();
    for (factor, name) in terms.into_iter().filter(|(factor, _)| *factor != 0.0) {
        let sign = match (text.is_empty(), factor < 0.0) {
            (true, false) => "",
            (true, true) => "−",
            (false, false) => " + ",
            (false, true) => " − ",
        };
        text += sign;
        match number(factor.abs()).as_str() {
            "1" => text += name,
            size => text += &format!("{size} · {name}"),
        }
    }
    if text.is_empty() { "0".into() } else { text }
}

/// What a remembered value is, by the factors of x and out: the prediction, the model's answer, or a mix of its own.
fn memory(eval: &EvalTerms) -> [&'static str; 4] {
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0);
    let is = |[a, b]: [f64; 2]| close(eval.to_history[0], a) && close(eval.to_history[1], b);
    if eval.clip.is_none() && is(eval.to_denoised) || eval.clip.is_some() && is([0.0, 1.0]) {
        ["x0", "previous x0", "x0 two calls ago", "x0 three calls ago"]
    } else if is([0.0, 1.0]) {
        ["out", "previous out", "out two calls ago", "out three calls ago"]
    } else {
        ["m", "previous m", "m two calls ago", "m three calls ago"]
    }
}

fn combination(terms: &UpdateTerms, memory: [&'static str; 4]) -> String {
    let past = terms.history.iter().copied().zip(memory);
    let first = [(terms.x, "x"), (terms.saved, "saved x")];
    sum(first.into_iter().chain(past).chain([(terms.output, "out"), (terms.noise, "noise")]))
}

/// What the call computes, one line each: what it is, and the formula.
pub fn formulas(eval: &EvalTerms, guidance: Option<f64>) -> Vec<(&'static str, String)> {
    let names = memory(eval);
    let clamp = eval.clip.map_or(String::new(), |limit| format!(", kept within ± {}", number(limit)));
    let model = if eval.input_scale == 1.0 { "x".to_owned() } else { format!("{} · x", number(eval.input_scale)) };
    let timestep = number(eval.timestep);
    let mut lines = vec![("The model sees", format!("{model}, and the timestep {timestep}"))];
    lines.push((
        "Its answer",
        match guidance {
            Some(scale) => format!("out = without + {} · (with − without)", number(scale)),
            None => "out, from one run with the prompt".to_owned(),
        },
    ));
    let [a, b] = eval.to_denoised;
    lines.push(("Predicted picture", format!("x0 = {}{clamp}", sum([(a, "x"), (b, "out")]))));
    if names[0] == "m" {
        let [a, b] = eval.to_history;
        lines.push((
            "Remembered",
            format!("m = {}", sum([(a, "x"), (b, if eval.clip.is_some() { "x0" } else { "out" })])),
        ));
    }
    if let Some(save) = &eval.save {
        lines.push(("Put aside", format!("saved x ← {}", combination(save, names))));
    }
    lines.push(("Next latents", format!("x ← {}", combination(&eval.update, names))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval() -> EvalTerms {
        EvalTerms {
            step: 1,
            timestep: 999.0,
            sigma: 2.0,
            alpha_bar: 0.2,
            input_scale: 0.447_213_6,
            to_denoised: [1.0, -2.0],
            to_history: [1.0, -2.0],
            update: UpdateTerms { x: 0.25, history: vec![1.125, -0.375], noise: 0.5, ..UpdateTerms::default() },
            ..EvalTerms::default()
        }
    }

    #[test]
    fn formulas_name_what_they_add() {
        let lines = formulas(&eval(), Some(7.5));
        let of = |name: &str| lines.iter().find(|(label, _)| *label == name).unwrap().1.clone();
        assert_eq!(of("The model sees"), "0.4472 · x, and the timestep 999");
        assert_eq!(of("Its answer"), "out = without + 7.5 · (with − without)");
        assert_eq!(of("Predicted picture"), "x0 = x − 2 · out");
        assert_eq!(of("Next latents"), "x ← 0.25 · x + 1.125 · x0 − 0.375 · previous x0 + 0.5 · noise");
    }

    #[test]
    fn a_memory_of_its_own_is_defined_and_a_saved_copy_is_told() {
        let save = Some(UpdateTerms { x: 1.0, ..UpdateTerms::default() });
        let lines = formulas(&EvalTerms { to_history: [0.5, 0.0], save, ..eval() }, None);
        assert!(lines.contains(&("Remembered", "m = 0.5 · x".into())), "{lines:?}");
        assert!(lines.contains(&("Put aside", "saved x ← x".into())), "{lines:?}");
        assert!(lines.last().unwrap().1.contains("1.125 · m − 0.375 · previous m"), "{lines:?}");
    }

    #[test]
    fn stages_follow_the_noise_and_shares_never_round_to_all() {
        assert_eq!(
            [14.6, 10.0, 1.0, 0.03].map(Stage::of).map(Stage::label),
            ["layout", "content", "content", "detail"]
        );
        assert_eq!(
            [0.0, 0.0005, 0.034, 0.5, 0.998, 0.9999, 1.0].map(percent),
            ["0 %", "under 0.1 %", "3.4 %", "50 %", "99.8 %", "over 99.9 %", "100 %"]
        );
        assert_eq!((number(-0.000_123_456), number(1234.56)), ("−0.0001235".into(), "1235".into()));
    }
}
