//! `scheduler_config.json` with upstream's names. A key that is absent stays absent: its default belongs to the class
//! that is built from the config, not to the config.

use protocol::SchedulerKind;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::SchedulerError;

/// A model's scheduler config; `None` where the file has no such key (or `null`, or a number that is not finite).
/// Unknown keys are ignored. Field names are those of `diffusers`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are upstream's, and documented there")]
pub struct SchedulerConfig {
    pub class_name: Option<String>,
    pub num_train_timesteps: Option<usize>,
    pub beta_start: Option<f64>,
    pub beta_end: Option<f64>,
    pub beta_schedule: Option<String>,
    pub trained_betas: Option<Vec<f64>>,
    pub prediction_type: Option<String>,
    pub timestep_spacing: Option<String>,
    pub timestep_type: Option<String>,
    pub interpolation_type: Option<String>,
    pub steps_offset: Option<i64>,
    pub set_alpha_to_one: Option<bool>,
    pub skip_prk_steps: Option<bool>,
    pub clip_sample: Option<bool>,
    pub clip_sample_range: Option<f64>,
    pub thresholding: Option<bool>,
    pub rescale_betas_zero_snr: Option<bool>,
    pub use_karras_sigmas: Option<bool>,
    pub use_exponential_sigmas: Option<bool>,
    pub use_beta_sigmas: Option<bool>,
    pub use_lu_lambdas: Option<bool>,
    pub use_flow_sigmas: Option<bool>,
    pub sigma_min: Option<f64>,
    pub sigma_max: Option<f64>,
    pub final_sigmas_type: Option<String>,
    pub algorithm_type: Option<String>,
    pub solver_order: Option<usize>,
    pub solver_type: Option<String>,
    pub predict_x0: Option<bool>,
    pub disable_corrector: Option<Vec<usize>>,
    pub lower_order_final: Option<bool>,
    pub euler_at_final: Option<bool>,
    pub lambda_min_clipped: Option<f64>,
    pub variance_type: Option<String>,
    pub original_inference_steps: Option<usize>,
    pub timestep_scaling: Option<f64>,
    pub noise_sampler_seed: Option<u64>,
}

/// What the model's output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity `sqrt(alpha_bar) · noise − sqrt(1 − alpha_bar) · clean`.
    V,
    /// The clean latents.
    Sample,
}

/// How the steps are spread over the training timesteps (Lin et al. 2023, table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly, both ends included.
    Linspace,
    /// Multiples of `train / N`, plus an offset; the noisiest steps are left out.
    Leading,
    /// Counted down from the noisiest step.
    Trailing,
}

impl SchedulerConfig {
    /// Reads a `scheduler_config.json`.
    ///
    /// # Errors
    /// When the text is no JSON object, or a known key has a value of another type (the error names the key).
    pub fn from_json(text: &str) -> Result<Self, SchedulerError> {
        let map: Map<String, Value> =
            serde_json::from_str(&finite(text)).map_err(|error| SchedulerError::Json(error.to_string()))?;
        Ok(Self {
            class_name: field(&map, "_class_name")?,
            num_train_timesteps: field(&map, "num_train_timesteps")?,
            beta_start: field(&map, "beta_start")?,
            beta_end: field(&map, "beta_end")?,
            beta_schedule: field(&map, "beta_schedule")?,
            trained_betas: field(&map, "trained_betas")?,
            prediction_type: field(&map, "prediction_type")?,
            timestep_spacing: field(&map, "timestep_spacing")?,
            timestep_type: field(&map, "timestep_type")?,
            interpolation_type: field(&map, "interpolation_type")?,
            steps_offset: field(&map, "steps_offset")?,
            set_alpha_to_one: field(&map, "set_alpha_to_one")?,
            skip_prk_steps: field(&map, "skip_prk_steps")?,
            clip_sample: field(&map, "clip_sample")?,
            clip_sample_range: field(&map, "clip_sample_range")?,
            thresholding: field(&map, "thresholding")?,
            rescale_betas_zero_snr: field(&map, "rescale_betas_zero_snr")?,
            use_karras_sigmas: field(&map, "use_karras_sigmas")?,
            use_exponential_sigmas: field(&map, "use_exponential_sigmas")?,
            use_beta_sigmas: field(&map, "use_beta_sigmas")?,
            use_lu_lambdas: field(&map, "use_lu_lambdas")?,
            use_flow_sigmas: field(&map, "use_flow_sigmas")?,
            sigma_min: field(&map, "sigma_min")?,
            sigma_max: field(&map, "sigma_max")?,
            final_sigmas_type: field(&map, "final_sigmas_type")?,
            algorithm_type: field(&map, "algorithm_type")?,
            solver_order: field(&map, "solver_order")?,
            solver_type: field(&map, "solver_type")?,
            predict_x0: field(&map, "predict_x0")?,
            disable_corrector: field(&map, "disable_corrector")?,
            lower_order_final: field(&map, "lower_order_final")?,
            euler_at_final: field(&map, "euler_at_final")?,
            lambda_min_clipped: field(&map, "lambda_min_clipped")?,
            variance_type: field(&map, "variance_type")?,
            original_inference_steps: field(&map, "original_inference_steps")?,
            timestep_scaling: field(&map, "timestep_scaling")?,
            noise_sampler_seed: field(&map, "noise_sampler_seed")?,
        })
    }

    /// Length of the training schedule; every class has the same default.
    pub fn num_train_timesteps(&self) -> usize {
        self.num_train_timesteps.unwrap_or(1000)
    }

    /// What the model predicts; noise where the config does not say.
    pub(super) fn prediction(&self, kind: SchedulerKind) -> Result<Prediction, SchedulerError> {
        use SchedulerKind::{Dpm2, Dpm2A, DpmPpSde, EulerA, Pndm};
        let without_sample = [EulerA, Dpm2, Dpm2A, DpmPpSde, Pndm];
        match self.prediction_type.as_deref().unwrap_or("epsilon") {
            "epsilon" => Ok(Prediction::Epsilon),
            "v_prediction" => Ok(Prediction::V),
            "sample" if !without_sample.contains(&kind) => Ok(Prediction::Sample),
            "original_sample" if kind == SchedulerKind::Euler => Ok(Prediction::Sample),
            other => Err(unsupported(kind, "prediction_type", other, "use a model that predicts epsilon or v")),
        }
    }

    /// `solver_order`, at least 1; every class that has it takes 2 where it is not given.
    pub(super) fn solver_order(&self, kind: SchedulerKind) -> Result<usize, SchedulerError> {
        match self.solver_order.unwrap_or(2) {
            0 => Err(unsupported(kind, "solver_order", "0", "use 1, 2 or 3")),
            order => Ok(order),
        }
    }

    /// How steps are spread, with the class's own default.
    pub(super) fn spacing(&self, kind: SchedulerKind, default: Spacing) -> Result<Spacing, SchedulerError> {
        match self.timestep_spacing.as_deref() {
            None => Ok(default),
            Some("linspace") => Ok(Spacing::Linspace),
            Some("leading") => Ok(Spacing::Leading),
            Some("trailing") => Ok(Spacing::Trailing),
            Some(other) => Err(unsupported(kind, "timestep_spacing", other, "use linspace, leading or trailing")),
        }
    }

    /// Refuses switches that would make a sampler non-linear or follow another family of schedules.
    pub(super) fn refuse(
        &self,
        kind: SchedulerKind,
        switches: &[(&'static str, Option<bool>)],
    ) -> Result<(), SchedulerError> {
        match switches.iter().find(|(_, on)| *on == Some(true)) {
            Some((key, _)) => Err(unsupported(kind, key, "true", "set it to false or choose another scheduler")),
            None => Ok(()),
        }
    }
}

/// The error for a key whose value is understood but not implemented.
pub(super) fn unsupported(kind: SchedulerKind, key: &'static str, value: &str, remedy: &str) -> SchedulerError {
    SchedulerError::Unsupported { key, value: format!("\"{value}\""), scheduler: kind, remedy: remedy.into() }
}

fn field<T: DeserializeOwned>(map: &Map<String, Value>, key: &'static str) -> Result<Option<T>, SchedulerError> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|error| SchedulerError::WrongType { key, detail: error.to_string() }),
    }
}

/// Python writes `-Infinity` and `NaN` into these files, which JSON lacks. All that upstream ever writes that way is a
/// default, so `null` says the same.
fn finite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        if !quoted && let Some(word) = ["-Infinity", "Infinity", "NaN"].iter().find(|word| rest.starts_with(**word)) {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let mut length = c.len_utf8();
        if quoted && c == '\\' {
            length += rest[length..].chars().next().map_or(0, char::len_utf8);
        } else if c == '"' {
            quoted = !quoted;
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_writes_and_ignores_unknown_keys() {
        let config = SchedulerConfig::from_json(
            r#"{"_class_name": "A \"NaN\" B", "lambda_min_clipped": -Infinity, "new_key": [1], "trained_betas": null,
               "steps_offset": 1, "beta_start": 8.5e-4}"#,
        )
        .unwrap();
        assert_eq!(config.class_name.as_deref(), Some("A \"NaN\" B"));
        assert_eq!((config.lambda_min_clipped, config.steps_offset), (None, Some(1)));
        assert_eq!((config.beta_start, config.beta_end), (Some(8.5e-4), None));
    }

    #[test]
    fn errors_name_the_key() {
        let error = SchedulerConfig::from_json(r#"{"beta_start": "low"}"#).unwrap_err();
        assert!(error.to_string().contains("'beta_start'"), "{error}");
        assert!(matches!(SchedulerConfig::from_json("[]"), Err(SchedulerError::Json(_))));
    }
}
