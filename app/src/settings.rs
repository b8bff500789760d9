//! What the form holds: the raw text of every field, so that a bad value stays visible next to what is wrong with it.
//! Plain Rust; it becomes a [`GenerateRequest`] only through the parsers that links and the command line use too.

use crate::field::{Field, OFF, ON, RNGS, TIMESTEPS, check, parse_choice, parse_pictures, parse_scheduler};
use protocol::{FieldError, GenerateRequest, InitImage, ModelInfo, SchedulerKind, SizeRule, Timesteps};

/// How many timesteps "Align Your Steps" has.
pub const AYS_STEPS: u32 = 10;

/// The text of every field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings([String; Field::ALL.len()]);

impl Settings {
    /// What the form starts with before a model has told its own defaults.
    pub fn built_in(model: &str, prompt: &str) -> Self {
        let mut settings = Self::default();
        settings.set(Field::Prompt, prompt);
        settings.set(Field::Steps, "20");
        settings.set(Field::Scheduler, SchedulerKind::Euler.name());
        settings.set(Field::Guidance, "4");
        settings.set(Field::GuidanceStop, "1");
        settings.set(Field::Seed, "7");
        settings.set(Field::Strength, "0.75");
        settings.set(Field::Eta, "0");
        settings.set(Field::Rng, RNGS[0].0);
        settings.set(Field::Timesteps, TIMESTEPS[0].0);
        settings.set(Field::Weights, OFF);
        settings.set(Field::Pictures, "1");
        settings.set(Field::Model, model);
        settings
    }

    /// What the form starts with for this model; `prompt` where the model has no example.
    pub fn of_model(info: &ModelInfo, prompt: &str) -> Self {
        let defaults = &info.defaults;
        let prompt = info.example_prompts.first().map_or(prompt, String::as_str);
        let mut settings = Self::built_in(&info.id, prompt);
        settings.set(Field::Steps, defaults.steps.to_string());
        settings.set(Field::Scheduler, defaults.scheduler.name());
        settings.set(Field::Guidance, defaults.guidance.to_string());
        settings.set(Field::Width, defaults.width.to_string());
        settings.set(Field::Height, defaults.height.to_string());
        settings
    }

    /// The text of a field.
    pub fn get(&self, field: Field) -> &str {
        &self.0[field as usize]
    }

    /// Replaces the text of a field.
    pub fn set(&mut self, field: Field, text: impl Into<String>) {
        self.0[field as usize] = text.into();
    }

    /// Moves every field that the user has not touched since it was filled with `old` on to what `new` says.
    pub fn adopt(&mut self, old: &Settings, new: &Settings) {
        for field in Field::ALL.iter().copied() {
            if self.get(field) == old.get(field) {
                self.set(field, new.get(field));
            }
        }
    }

    /// Replaces the text of a field as the user's choice: "Align Your Steps" brings its number of steps along.
    pub fn choose(&mut self, field: Field, text: impl Into<String>) {
        self.set(field, text);
        if field == Field::Timesteps && self.is_ays() {
            self.set(Field::Steps, AYS_STEPS.to_string());
        }
    }

    /// Whether the timesteps are those of "Align Your Steps".
    pub fn is_ays(&self) -> bool {
        parse_choice(Field::Timesteps, &TIMESTEPS, self.get(Field::Timesteps)) == Ok(Timesteps::Ays)
    }

    /// Whether the sampler has noise for eta to scale.
    pub fn takes_eta(&self) -> bool {
        matches!(parse_scheduler(self.get(Field::Scheduler)), Ok(SchedulerKind::Ddim | SchedulerKind::Tcd))
    }

    /// How many of the options are not as the model has them.
    pub fn options_changed(&self, info: &ModelInfo) -> usize {
        let defaults = Self::of_model(info, "");
        let counts = |field: Field| field.is_advanced() && (field != Field::Eta || self.takes_eta());
        Field::ALL.iter().filter(|field| counts(**field) && self.get(**field) != defaults.get(**field)).count()
    }

    /// Width and height in pixels; `None` while one of them cannot be used.
    pub fn size(&self, info: &ModelInfo) -> Option<(u32, u32)> {
        self.parse_size(info).ok()
    }

    fn parse_size(&self, info: &ModelInfo) -> Result<(u32, u32), FieldError> {
        let size = |field: Field, default: u32| match self.get(field).trim() {
            "" => Ok(default),
            text => protocol::parse_size(field.key(), text, info.size),
        };
        Ok((size(Field::Width, info.defaults.width)?, size(Field::Height, info.defaults.height)?))
    }

    /// How many pictures, one seed after the other.
    ///
    /// # Errors
    /// When it is no number that can be asked for.
    pub fn pictures(&self) -> Result<u32, FieldError> {
        parse_pictures(self.get(Field::Pictures))
    }

    /// What a run from a picture asks for beside the picture.
    ///
    /// # Errors
    /// When the strength cannot be used.
    pub fn init(&self, mask: bool) -> Result<InitImage, FieldError> {
        Ok(InitImage { strength: protocol::parse_strength(self.get(Field::Strength))?, mask })
    }

    /// What is wrong with one field. Sizes are judged once the model's rule is known; what does not count is not judged,
    /// except for the strength: only the caller knows whether there is a picture.
    pub fn error(&self, field: Field, rule: Option<SizeRule>) -> Option<FieldError> {
        let text = self.get(field);
        match field {
            Field::Eta if !self.takes_eta() => None,
            Field::Steps if self.is_ays() && protocol::parse_steps(text).is_ok_and(|steps| steps != AYS_STEPS) => {
                let message = format!(
                    "Align Your Steps is a list of {AYS_STEPS} timesteps, so Steps must be {AYS_STEPS}, not '{}'. Choose \
                     other timesteps under Advanced for another number.",
                    text.trim()
                );
                Some(FieldError::new(field.key(), message))
            }
            _ => check(field, text, rule).err(),
        }
    }

    /// The request for this model, without a picture to start from.
    ///
    /// # Errors
    /// Every field that cannot be used, in the order of the form.
    pub fn request(&self, info: &ModelInfo) -> Result<GenerateRequest, Vec<FieldError>> {
        let judged = Field::ALL.iter().copied().filter(|field| *field != Field::Strength);
        let errors: Vec<_> = judged.filter_map(|field| self.error(field, Some(info.size))).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        self.parse(info).map_err(|error| vec![error])
    }

    fn parse(&self, info: &ModelInfo) -> Result<GenerateRequest, FieldError> {
        let (width, height) = self.parse_size(info)?;
        let negative = self.get(Field::Negative);
        // Without eta is with an eta of 0.
        let eta = self.takes_eta().then(|| protocol::parse_eta(self.get(Field::Eta))).transpose()?;
        Ok(GenerateRequest {
            model: info.id.clone(),
            prompt: self.get(Field::Prompt).to_owned(),
            negative_prompt: (!negative.trim().is_empty()).then(|| negative.to_owned()),
            num_inference_steps: protocol::parse_steps(self.get(Field::Steps))?,
            scheduler: parse_scheduler(self.get(Field::Scheduler))?,
            guidance_scale: protocol::parse_guidance(self.get(Field::Guidance))?,
            guidance_stop: protocol::parse_guidance_stop(self.get(Field::GuidanceStop))?,
            seed: protocol::parse_seed(self.get(Field::Seed))?,
            width,
            height,
            eta: eta.filter(|eta| *eta > 0.0),
            rng: parse_choice(Field::Rng, &RNGS, self.get(Field::Rng))?,
            timesteps: parse_choice(Field::Timesteps, &TIMESTEPS, self.get(Field::Timesteps))?,
            prompt_weights: self.get(Field::Weights) == ON,
            init: None,
        })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use protocol::{ResolvedDefaults, RngKind};

    pub fn model() -> ModelInfo {
        ModelInfo {
            id: "emoji".into(),
            revision: "1".into(),
            display_name: "Emoji".into(),
            license: None,
            parameters: 1,
            bytes: 1,
            defaults: ResolvedDefaults {
                steps: 12,
                scheduler: SchedulerKind::DpmPp2M,
                guidance: 3.5,
                width: 64,
                height: 96,
            },
            size: SizeRule { min: 32, max: 128, multiple: 32 },
            trained_steps: None,
            example_prompts: vec!["a red heart".into()],
            max_prompt_tokens: 75,
            vae_scale_factor: 4,
            has_encoder: true,
            needs_mask: false,
        }
    }

    #[test]
    fn the_models_defaults_make_a_request() {
        let request = Settings::of_model(&model(), "").request(&model()).unwrap();
        assert_eq!(request.prompt, "a red heart");
        assert_eq!((request.num_inference_steps, request.scheduler), (12, SchedulerKind::DpmPp2M));
        assert_eq!((request.width, request.height, request.guidance_scale), (64, 96, 3.5));
        assert_eq!(request.negative_prompt, None);
    }

    #[test]
    fn a_model_without_examples_keeps_the_prompt_of_the_list() {
        let info = ModelInfo { example_prompts: vec![], ..model() };
        assert_eq!(Settings::of_model(&info, "a cat").get(Field::Prompt), "a cat");
    }

    #[test]
    fn every_bad_field_is_named_in_the_order_of_the_form() {
        let mut settings = Settings::of_model(&model(), "");
        for (field, text) in
            [(Field::Seed, "-1"), (Field::Steps, "0"), (Field::Width, "100"), (Field::Scheduler, "eular")]
        {
            settings.set(field, text);
        }
        let errors = settings.request(&model()).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["steps", "scheduler", "seed", "width"]);
        assert!(errors[1].message.starts_with("Unknown scheduler 'eular'"), "{}", errors[1].message);
    }

    #[test]
    fn empty_prompts_are_fine_and_no_size_is_the_models_size() {
        let mut settings = Settings::of_model(&model(), "");
        settings.set(Field::Prompt, "");
        settings.set(Field::Height, " ");
        settings.set(Field::Negative, "blurry");
        let request = settings.request(&model()).unwrap();
        assert_eq!((request.prompt.as_str(), request.height), ("", 96));
        assert_eq!(request.negative_prompt.as_deref(), Some("blurry"));
    }

    #[test]
    fn what_the_user_typed_while_the_model_loaded_survives_its_defaults() {
        let built_in = Settings::built_in("emoji", "a cat");
        let mut settings = built_in.clone();
        settings.set(Field::Steps, "abc");
        settings.adopt(&built_in, &Settings::of_model(&model(), ""));
        assert_eq!(settings.get(Field::Steps), "abc");
        assert_eq!(settings.get(Field::Prompt), "a red heart");
        assert_eq!(settings.get(Field::Scheduler), "dpmpp-2m");
    }

    #[test]
    fn the_options_reach_the_request_only_where_they_count() {
        let mut settings = Settings::of_model(&model(), "");
        settings.set(Field::Eta, "0.5");
        settings.set(Field::Rng, "philox");
        settings.set(Field::Weights, ON);
        let request = settings.request(&model()).unwrap();
        assert_eq!((request.eta, request.rng, request.prompt_weights), (None, RngKind::Philox, true));
        settings.set(Field::Eta, "2");
        settings.set(Field::Strength, "2");
        assert!(settings.request(&model()).is_ok(), "DPM++ 2M has no eta, and there is no picture");
        assert!(settings.init(false).is_err());
        settings.set(Field::Scheduler, "ddim");
        assert_eq!(settings.request(&model()).unwrap_err()[0].field, "eta");
        settings.set(Field::Eta, "0.5");
        assert_eq!(settings.request(&model()).unwrap().eta, Some(0.5));
    }

    #[test]
    fn align_your_steps_has_ten_steps() {
        let mut settings = Settings::of_model(&model(), "");
        settings.choose(Field::Timesteps, "ays");
        let request = settings.request(&model()).unwrap();
        assert_eq!((request.num_inference_steps, request.timesteps), (10, Timesteps::Ays));
        settings.set(Field::Steps, "12");
        let errors = settings.request(&model()).unwrap_err();
        assert!(errors[0].field == "steps" && errors[0].message.contains("must be 10, not '12'"), "{errors:?}");
        settings.choose(Field::Timesteps, "spaced");
        assert_eq!(settings.request(&model()).unwrap().num_inference_steps, 12);
    }
}
