//! The fields of the form: their keys, which links use too, and what each may hold.

use protocol::{FieldError, RngKind, SchedulerKind, SizeRule, Timesteps};

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $key:literal;)*) => {
        /// A field of the form and, by the same name, a key of a link.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// In the order of the form, which is the order in which a bad field takes the focus.
            pub const ALL: &[Field] = &[$(Field::$variant,)*];

            /// The key in a link, and the name that [`FieldError`] uses.
            pub const fn key(self) -> &'static str {
                match self { $(Field::$variant => $key,)* }
            }
        }
    };
}

fields! {
    /// May be empty.
    Prompt = "prompt";
    /// Empty is no negative prompt.
    Negative = "negative";
    /// 1 to 150.
    Steps = "steps";
    /// A [`SchedulerKind`] by name.
    Scheduler = "scheduler";
    /// Classifier-free guidance scale.
    Guidance = "guidance";
    /// 0 to 1: share of the steps that are guided.
    GuidanceStop = "guidance-stop";
    /// Unsigned 64 bits.
    Seed = "seed";
    /// 0 to 1; counts only where there is a picture to start from.
    Strength = "strength";
    /// Pixels; empty is the model's own size.
    Width = "width";
    /// Pixels; empty is the model's own size.
    Height = "height";
    /// 0 to 1; counts only for samplers that take it.
    Eta = "eta";
    /// One of [`RNGS`].
    Rng = "rng";
    /// One of [`TIMESTEPS`].
    Timesteps = "timesteps";
    /// [`ON`] or [`OFF`].
    Weights = "weights";
    /// 1 to [`PICTURES_MAX`]: how many seeds, one after another.
    Pictures = "pictures";
    /// Folder name of the model.
    Model = "model";
}

/// Most pictures that one press of the button makes.
pub const PICTURES_MAX: u32 = 16;
/// A switch that is on.
pub const ON: &str = "1";
/// A switch that is off.
pub const OFF: &str = "0";
/// Whose random numbers a seed means: value, label, meaning.
pub const RNGS: [(&str, &str, RngKind); 2] =
    [("cpu", "CPU (diffusers, ComfyUI)", RngKind::Cpu), ("philox", "GPU, Philox (AUTOMATIC1111)", RngKind::Philox)];
/// Which timesteps a run visits: value, label, meaning.
pub const TIMESTEPS: [(&str, &str, Timesteps); 2] =
    [("spaced", "As the scheduler spaces them", Timesteps::Spaced), ("ays", "Align Your Steps (10)", Timesteps::Ays)];

impl Field {
    /// The field with this key.
    pub fn from_key(key: &str) -> Option<Field> {
        Self::ALL.iter().copied().find(|field| field.key() == key)
    }

    /// The name that the form gives to it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Prompt => "Prompt",
            Self::Negative => "Negative prompt",
            Self::Steps => "Steps",
            Self::Scheduler => "Scheduler",
            Self::Guidance => "Guidance",
            Self::GuidanceStop => "CFG end",
            Self::Seed => "Seed",
            Self::Strength => "Strength",
            Self::Width => "Width",
            Self::Height => "Height",
            Self::Eta => "Eta",
            Self::Rng => "Random numbers",
            Self::Timesteps => "Timesteps",
            Self::Weights => "Prompt weights",
            Self::Pictures => "Pictures",
            Self::Model => "Model",
        }
    }

    /// The `id` of the field's control in the page.
    pub fn element_id(self) -> String {
        format!("field-{}", self.key())
    }

    /// Whether the control lies in the part of the form that is closed at first.
    pub const fn is_advanced(self) -> bool {
        use Field::{Eta, GuidanceStop, Height, Pictures, Rng, Timesteps, Weights, Width};
        matches!(self, Width | Height | GuidanceStop | Eta | Rng | Timesteps | Weights | Pictures)
    }
}

/// Whether a text can be used for a field, whatever the others say. Sizes are judged once the model's rule is known.
///
/// # Errors
/// The parser's own message.
pub fn check(field: Field, text: &str, rule: Option<SizeRule>) -> Result<(), FieldError> {
    match field {
        Field::Prompt | Field::Negative | Field::Model => Ok(()),
        Field::Steps => protocol::parse_steps(text).map(drop),
        Field::Scheduler => parse_scheduler(text).map(drop),
        Field::Guidance => protocol::parse_guidance(text).map(drop),
        Field::GuidanceStop => protocol::parse_guidance_stop(text).map(drop),
        Field::Seed => protocol::parse_seed(text).map(drop),
        Field::Strength => protocol::parse_strength(text).map(drop),
        Field::Eta => protocol::parse_eta(text).map(drop),
        Field::Rng => parse_choice(field, &RNGS, text).map(drop),
        Field::Timesteps => parse_choice(field, &TIMESTEPS, text).map(drop),
        Field::Weights => parse_choice(field, &[(ON, "", ()), (OFF, "", ())], text),
        Field::Pictures => parse_pictures(text).map(drop),
        Field::Width | Field::Height => match rule {
            Some(rule) if !text.trim().is_empty() => protocol::parse_size(field.key(), text, rule).map(drop),
            _ => Ok(()),
        },
    }
}

/// A sampler by name.
///
/// # Errors
/// With the names that there are.
pub fn parse_scheduler(text: &str) -> Result<SchedulerKind, FieldError> {
    text.parse().map_err(|error: protocol::UnknownScheduler| FieldError::new("scheduler", sentence(&error.to_string())))
}

/// One of a few values.
///
/// # Errors
/// With the values that there are.
pub fn parse_choice<T: Copy>(field: Field, choices: &[(&str, &str, T)], text: &str) -> Result<T, FieldError> {
    let text = text.trim();
    choices.iter().find(|(value, ..)| value.eq_ignore_ascii_case(text)).map(|(_, _, meaning)| *meaning).ok_or_else(
        || {
            let values: Vec<_> = choices.iter().map(|(value, ..)| *value).collect();
            let key = field.key();
            FieldError::new(
                key,
                format!("{}{} takes {}, not '{text}'.", key[..1].to_uppercase(), &key[1..], values.join(" or ")),
            )
        },
    )
}

/// How many pictures.
///
/// # Errors
/// When it is no number from 1 to [`PICTURES_MAX`].
pub fn parse_pictures(text: &str) -> Result<u32, FieldError> {
    let text = text.trim();
    match text.parse::<u32>() {
        Ok(pictures) if (1..=PICTURES_MAX).contains(&pictures) => Ok(pictures),
        _ => Err(FieldError::new(
            "pictures",
            format!("Pictures must be a whole number from 1 to {PICTURES_MAX}, not '{text}'."),
        )),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).chain(['.']).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_distinct_and_lead_back() {
        for (index, field) in Field::ALL.iter().copied().enumerate() {
            assert_eq!(field as usize, index);
            assert_eq!(Field::from_key(field.key()), Some(field));
        }
    }

    #[test]
    fn choices_name_their_values() {
        assert_eq!(parse_choice(Field::Rng, &RNGS, " Philox "), Ok(RngKind::Philox));
        let error = check(Field::Timesteps, "karras", None).unwrap_err();
        assert_eq!(error.message, "Timesteps takes spaced or ays, not 'karras'.");
        assert!(check(Field::Weights, "yes", None).is_err() && check(Field::Weights, ON, None).is_ok());
    }

    #[test]
    fn pictures_are_one_to_sixteen() {
        assert_eq!(parse_pictures(" 16 "), Ok(16));
        for bad in ["0", "17", "two", "", "1.5"] {
            assert!(parse_pictures(bad).unwrap_err().message.contains("1 to 16"), "{bad}");
        }
    }
}
