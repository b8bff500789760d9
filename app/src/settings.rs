//! What the form holds: the raw text of every field, so that a bad value stays visible next to what is wrong with it.
//! Plain Rust; it becomes a [`GenerateRequest`] only through the parsers that links and the command line use too.

use protocol::{FieldError, GenerateRequest, ModelInfo, RngKind, SchedulerKind, SizeRule, Timesteps};

/// A field of the form and, by the same name, a key of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// May be empty.
    Prompt,
    /// Empty is no negative prompt.
    Negative,
    /// 1 to 150.
    Steps,
    /// A [`SchedulerKind`] by name.
    Scheduler,
    /// Classifier-free guidance scale.
    Guidance,
    /// Unsigned 64 bits.
    Seed,
    /// Pixels; empty is the model's own size.
    Width,
    /// Pixels; empty is the model's own size.
    Height,
    /// Folder name of the model.
    Model,
}

impl Field {
    /// In the order of the form, which is the order in which a bad field takes the focus and a link lists them.
    pub const ALL: [Field; 9] = [
        Field::Prompt,
        Field::Negative,
        Field::Steps,
        Field::Scheduler,
        Field::Guidance,
        Field::Seed,
        Field::Width,
        Field::Height,
        Field::Model,
    ];

    /// The key in a link, and the name that [`FieldError`] uses.
    pub const fn key(self) -> &'static str {
        match self {
            Field::Prompt => "prompt",
            Field::Negative => "negative",
            Field::Steps => "steps",
            Field::Scheduler => "scheduler",
            Field::Guidance => "guidance",
            Field::Seed => "seed",
            Field::Width => "width",
            Field::Height => "height",
            Field::Model => "model",
        }
    }

    /// The field with this key.
    pub fn from_key(key: &str) -> Option<Field> {
        Self::ALL.into_iter().find(|field| field.key() == key)
    }

    /// The `id` of the field's control in the page.
    pub fn element_id(self) -> String {
        format!("field-{}", self.key())
    }
}

/// The text of every field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings([String; 9]);

impl Settings {
    /// What the form starts with before a model has told its own defaults.
    pub fn built_in(model: &str, prompt: &str) -> Self {
        let mut settings = Self::default();
        settings.set(Field::Prompt, prompt);
        settings.set(Field::Steps, "20");
        settings.set(Field::Scheduler, SchedulerKind::Euler.name());
        settings.set(Field::Guidance, "4");
        settings.set(Field::Seed, "7");
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
        for field in Field::ALL {
            if self.get(field) == old.get(field) {
                self.set(field, new.get(field));
            }
        }
    }

    /// What is wrong with one field. Sizes are judged once the model's rule is known.
    pub fn error(&self, field: Field, rule: Option<SizeRule>) -> Option<FieldError> {
        check(field, self.get(field), rule).err()
    }

    /// The request for this model.
    ///
    /// # Errors
    /// Every field that cannot be used, in the order of the form.
    pub fn request(&self, info: &ModelInfo) -> Result<GenerateRequest, Vec<FieldError>> {
        let errors: Vec<_> = Field::ALL.into_iter().filter_map(|field| self.error(field, Some(info.size))).collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        self.parse(info).map_err(|error| vec![error])
    }

    fn parse(&self, info: &ModelInfo) -> Result<GenerateRequest, FieldError> {
        let size = |field: Field, default: u32| match self.get(field).trim() {
            "" => Ok(default),
            text => protocol::parse_size(field.key(), text, info.size),
        };
        let negative = self.get(Field::Negative);
        Ok(GenerateRequest {
            model: info.id.clone(),
            prompt: self.get(Field::Prompt).to_owned(),
            negative_prompt: (!negative.trim().is_empty()).then(|| negative.to_owned()),
            num_inference_steps: protocol::parse_steps(self.get(Field::Steps))?,
            scheduler: parse_scheduler(self.get(Field::Scheduler))?,
            guidance_scale: protocol::parse_guidance(self.get(Field::Guidance))?,
            seed: protocol::parse_seed(self.get(Field::Seed))?,
            width: size(Field::Width, info.defaults.width)?,
            height: size(Field::Height, info.defaults.height)?,
            eta: None,
            rng: RngKind::Cpu,
            timesteps: Timesteps::Spaced,
            prompt_weights: false,
            init: None,
        })
    }
}

/// Whether a text can be used for a field.
///
/// # Errors
/// The parser's own message.
pub fn check(field: Field, text: &str, rule: Option<SizeRule>) -> Result<(), FieldError> {
    match field {
        Field::Prompt | Field::Negative | Field::Model => Ok(()),
        Field::Steps => protocol::parse_steps(text).map(drop),
        Field::Scheduler => parse_scheduler(text).map(drop),
        Field::Guidance => protocol::parse_guidance(text).map(drop),
        Field::Seed => protocol::parse_seed(text).map(drop),
        Field::Width | Field::Height => match rule {
            Some(rule) if !text.trim().is_empty() => protocol::parse_size(field.key(), text, rule).map(drop),
            _ => Ok(()),
        },
    }
}

fn parse_scheduler(text: &str) -> Result<SchedulerKind, FieldError> {
    text.parse().map_err(|error: protocol::UnknownScheduler| FieldError::new("scheduler", sentence(&error.to_string())))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).chain(['.']).collect()).unwrap_or_default()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use protocol::ResolvedDefaults;

    pub fn model() -> ModelInfo {
        ModelInfo {
            id: "emoji".into(),
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
    fn keys_are_distinct_and_lead_back() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, index);
            assert_eq!(Field::from_key(field.key()), Some(field));
        }
    }
}
