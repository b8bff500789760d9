//! Links: a whole experiment in the fragment of the address, which never leaves the browser.
//! Unknown keys are ignored; a value that cannot be used gives way to the default, and the reader is told.

use crate::field::{Field, ON, RNGS, TIMESTEPS, check};
use crate::settings::{AYS_STEPS, Settings};
use crate::sweep::form::{Other, SweepForm};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use protocol::{GenerateRequest, SizeRule};

/// Everything but RFC 3986's unreserved characters, so that no chat program cuts a link short.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The settings that a fragment names, not yet judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    values: Vec<(Field, Result<String, String>)>,
    /// The fields of a sweep, if the link is to one, and what is wrong with them.
    sweep: Vec<(SweepKey, String)>,
    /// Which view of the page, if the fragment says.
    pub view: Option<String>,
    /// Whether the settings stood in a file.
    is_file: bool,
}

impl Link {
    /// Reads a fragment, with or without its `#`.
    pub fn parse(fragment: &str) -> Self {
        let mut link = Self::default();
        for pair in fragment.trim_start_matches('#').split('&') {
            let (key, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let spaced = raw.replace('+', " ");
            let text = percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned()).map_err(|_| raw.into());
            match Field::from_key(key) {
                Some(field) => {
                    link.values.retain(|(other, _)| *other != field);
                    link.values.push((field, text));
                }
                None if key == "view" => link.view = text.ok(),
                None => {
                    let known = SweepKey::ALL.iter().find(|(name, _)| *name == key);
                    link.sweep.extend(known.and_then(|(_, key)| Some((*key, text.ok()?))));
                }
            }
        }
        link
    }

    /// Settings by the keys of a link.
    pub fn of_settings(settings: &[(&'static str, String)]) -> Self {
        let known = |(key, text): &(&str, String)| Some((Field::from_key(key)?, Ok(text.clone())));
        Self { values: settings.iter().filter_map(known).collect(), ..Self::default() }
    }

    /// The same settings, with notices that speak of a file.
    pub fn within_file(self) -> Self {
        Self { is_file: true, ..self }
    }

    /// Whether it says anything about a field.
    pub fn names(&self, field: Field) -> bool {
        self.values.iter().any(|(other, _)| *other == field)
    }

    /// Whether the fragment names a setting at all; if so, the page runs it at once.
    pub fn has_settings(&self) -> bool {
        !self.values.is_empty()
    }

    /// Leaves a setting to the default.
    pub fn forget(&mut self, field: Field) {
        self.values.retain(|(other, _)| *other != field);
    }

    /// The sweep that the link is to, and a sentence for each of its values that cannot be read.
    pub fn sweep(&self) -> Option<(SweepForm, Vec<String>)> {
        if !self.sweep.iter().any(|(key, _)| *key == SweepKey::Steps) {
            return None;
        }
        let standard = SweepForm::default();
        let mut form = standard.clone();
        for (key, text) in &self.sweep {
            match key {
                SweepKey::Steps => form.steps.clone_from(text),
                SweepKey::Seeds => form.seeds.clone_from(text),
                SweepKey::Vary => {
                    form.other = Other::ALL.into_iter().find(|other| other.key() == text).unwrap_or_default();
                }
                SweepKey::Values => form.values.clone_from(text),
                SweepKey::Tolerance => form.tolerance.clone_from(text),
            }
        }
        let mut notices = Vec::new();
        let mut check = |problem: Option<String>| {
            notices.extend(problem.map(|problem| format!("In the link, the sweep cannot be used as it is: {problem}")));
        };
        if let Err(error) = form.steps() {
            check(Some(error.to_string()));
            form.steps = standard.steps;
        }
        if let Err(error) = lab::axis::parse_seeds(&form.seeds)
            && !form.seeds.trim().is_empty()
        {
            check(Some(error.to_string()));
            form.seeds = standard.seeds;
        }
        if let Err(error) = form.other() {
            check(Some(error.to_string()));
            (form.other, form.values) = (standard.other, standard.values);
        }
        if let Err(problem) = form.tolerance(None) {
            check(Some(problem));
            form.tolerance = standard.tolerance;
        }
        Some((form, notices))
    }

    /// Whether the link was made with a picture to start from, which no link can carry.
    pub fn wants_picture(&self) -> bool {
        self.names(Field::Strength)
    }

    /// Lays the link's values over `defaults`. Also returns one sentence for each value that could not be used.
    /// `models` are the identifiers that exist; the size rule is that of the model, once it is known.
    pub fn over(&self, defaults: &Settings, models: &[String], rule: Option<SizeRule>) -> (Settings, Vec<String>) {
        let mut settings = defaults.clone();
        let mut notices = Vec::new();
        let place = if self.is_file { "file" } else { "link" };
        for (field, text) in &self.values {
            let problem = match text {
                Err(raw) => Some(format!("the {place}'s {} '{raw}' is not valid text.", field.key())),
                Ok(text) if *field == Field::Model && !models.is_empty() && !models.contains(text) => {
                    Some(format!("there is no model '{text}' here."))
                }
                Ok(text) => check(*field, text, rule).err().map(|error| error.message),
            };
            match (problem, text) {
                (None, Ok(text)) => settings.set(*field, text.as_str()),
                (problem, _) => notices.push(format!(
                    "In the {place}, {} cannot be used: {} Using {} instead.",
                    field.key(),
                    problem.unwrap_or_default(),
                    match defaults.get(*field) {
                        "" => "the default",
                        text => text,
                    }
                )),
            }
        }
        if settings.is_ays() {
            let asked = settings.get(Field::Steps).to_owned();
            let names_steps = self.names(Field::Steps);
            if names_steps && settings.error(Field::Steps, rule).is_some() {
                notices.push(format!(
                    "In the {place}, {asked} steps do not go with Align Your Steps, which has {AYS_STEPS}. Using {AYS_STEPS}."
                ));
            }
            settings.set(Field::Steps, AYS_STEPS.to_string());
        }
        (settings, notices)
    }
}

/// A key of a link that belongs to the sweep, not to the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SweepKey {
    Steps,
    Seeds,
    Vary,
    Values,
    Tolerance,
}

impl SweepKey {
    const ALL: [(&str, SweepKey); 5] = [
        ("sweep", SweepKey::Steps),
        ("sweep-seeds", SweepKey::Seeds),
        ("sweep-vary", SweepKey::Vary),
        ("sweep-values", SweepKey::Values),
        ("sweep-tolerance", SweepKey::Tolerance),
    ];
}

/// The part of a fragment that is about the sweep. Commas stay as they are: `sweep=2,4,8,16`.
pub fn sweep_fragment(form: &SweepForm) -> String {
    const LIST: &AsciiSet = &ESCAPED.remove(b',');
    let pairs = [
        ("sweep", form.steps.as_str()),
        ("sweep-seeds", form.seeds.as_str()),
        ("sweep-vary", if form.other == Other::None { "" } else { form.other.key() }),
        ("sweep-values", if form.other == Other::None { "" } else { &form.values }),
        ("sweep-tolerance", form.tolerance.as_str()),
    ];
    let filled = pairs.into_iter().filter(|(_, text)| !text.trim().is_empty());
    filled.map(|(key, text)| format!("{key}={}", utf8_percent_encode(text.trim(), LIST))).collect::<Vec<_>>().join("&")
}

/// The fragment, without `#`, that makes these pictures again. What is as in `diffusers` is left out. The picture that
/// a run starts from cannot be in it; its strength tells the reader that there was one.
pub fn fragment(request: &GenerateRequest, pictures: u32) -> String {
    let steps = request.num_inference_steps.to_string();
    let guidance = request.guidance_scale.to_string();
    let guidance_stop = (request.guidance_stop < 1.0).then(|| request.guidance_stop.to_string());
    let [seed, width, height] = [request.seed, request.width.into(), request.height.into()].map(|n: u64| n.to_string());
    let eta = request.eta.map(|eta| eta.to_string());
    let strength = request.init.map(|init| init.strength.to_string());
    let pictures = (pictures > 1).then(|| pictures.to_string());
    // The first of each is the default.
    let rng = RNGS[1..].iter().find(|(.., kind)| *kind == request.rng).map(|(value, ..)| *value);
    let timesteps = TIMESTEPS[1..].iter().find(|(.., kind)| *kind == request.timesteps).map(|(value, ..)| *value);
    [
        ("prompt", Some(request.prompt.as_str())),
        ("negative", request.negative_prompt.as_deref()),
        ("steps", Some(&steps)),
        ("scheduler", Some(request.scheduler.name())),
        ("guidance", Some(&guidance)),
        ("guidance-stop", guidance_stop.as_deref()),
        ("seed", Some(&seed)),
        ("strength", strength.as_deref()),
        ("width", Some(&width)),
        ("height", Some(&height)),
        ("eta", eta.as_deref()),
        ("rng", rng),
        ("timesteps", timesteps),
        ("weights", request.prompt_weights.then_some(ON)),
        ("pictures", pictures.as_deref()),
        ("model", Some(&request.model)),
    ]
    .into_iter()
    .filter_map(|(key, text)| Some(format!("{key}={}", utf8_percent_encode(text?, ESCAPED))))
    .collect::<Vec<_>>()
    .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::model;

    fn read(fragment: &str) -> (Settings, Vec<String>) {
        let info = model();
        Link::parse(fragment).over(&Settings::of_model(&info, ""), std::slice::from_ref(&info.id), Some(info.size))
    }

    #[test]
    fn a_request_survives_its_link() {
        let mut settings = Settings::of_model(&model(), "");
        settings.set(Field::Prompt, "100% café & cream #1 + 大=big\nnext line");
        settings.set(Field::Negative, "a&b=c");
        settings.set(Field::Seed, u64::MAX.to_string());
        settings.set(Field::Guidance, "0.1");
        let request = settings.request(&model()).unwrap();
        let fragment = fragment(&request, 1);
        assert!(!fragment.contains([' ', '+', '#', '\n']), "{fragment}");
        let (read, notices) = read(&format!("#{fragment}"));
        assert_eq!(notices, Vec::<String>::new());
        assert_eq!(read.request(&model()).unwrap(), request);
    }

    #[test]
    fn options_survive_their_link_and_defaults_stay_out_of_it() {
        let mut settings = Settings::of_model(&model(), "");
        let plain = fragment(&settings.request(&model()).unwrap(), 1);
        for key in ["eta", "rng", "timesteps", "weights", "pictures", "strength"] {
            assert!(!plain.contains(&format!("&{key}=")), "{plain}");
        }
        for (field, text) in [
            (Field::Scheduler, "ddim"),
            (Field::Eta, "0.25"),
            (Field::Rng, "philox"),
            (Field::Weights, ON),
            (Field::Pictures, "3"),
            (Field::Strength, "0.4"),
            (Field::Width, "96"),
        ] {
            settings.set(field, text);
        }
        settings.choose(Field::Timesteps, "ays");
        let mut request = settings.request(&model()).unwrap();
        request.init = settings.init(true).ok();
        let link = fragment(&request, settings.pictures().unwrap());
        let (read, notices) = read(&link);
        assert_eq!((notices, Link::parse(&link).wants_picture()), (vec![], true));
        assert_eq!(read, settings);
    }

    #[test]
    fn align_your_steps_in_a_link_means_ten_steps() {
        let (settings, notices) = read("#timesteps=ays");
        assert_eq!((settings.get(Field::Steps), notices.len()), ("10", 0));
        let (settings, notices) = read("#timesteps=ays&steps=30");
        assert_eq!(settings.get(Field::Steps), "10");
        assert!(notices[0].contains("30 steps"), "{notices:?}");
    }

    #[test]
    fn bad_values_fall_back_and_are_named() {
        let (settings, notices) =
            read("#steps=abc&seed=99999999999999999999&guidance=-1&width=100&scheduler=x&model=nope&prompt=%ff");
        assert_eq!(settings, Settings::of_model(&model(), ""));
        assert_eq!(notices.len(), 7, "{notices:?}");
        for (notice, named) in notices.iter().zip(["abc", "99999999999999999999", "-1", "100", "'x'", "nope", "%ff"]) {
            assert!(notice.contains(named), "{notice}");
        }
        assert!(notices[0].ends_with("Using 12 instead."), "{}", notices[0]);
    }

    #[test]
    fn a_sweep_survives_its_link_with_the_form() {
        let form = SweepForm {
            steps: "2,4 ,5-50 (+5)".into(),
            seeds: "1-3".into(),
            other: Other::Prompt,
            values: "a & b\n100% c".into(),
            tolerance: "0.1".into(),
            ..SweepForm::default()
        };
        let request = Settings::of_model(&model(), "").request(&model()).unwrap();
        let link = format!("{}&{}", fragment(&request, 1), sweep_fragment(&form));
        assert!(!link.contains([' ', '+', '#', '\n']), "{link}");
        assert_eq!(Link::parse(&link).sweep(), Some((form, vec![])));
        assert_eq!(read(&link).0.request(&model()).unwrap(), request);
        assert_eq!(sweep_fragment(&SweepForm { steps: "2,4,8,16".into(), ..SweepForm::default() }), "sweep=2,4,8,16");
    }

    #[test]
    fn a_typed_link_to_a_sweep_is_understood_and_a_bad_one_falls_back_and_says_so() {
        let (form, notices) = Link::parse("#sweep=5-50+(+5)").sweep().unwrap();
        assert_eq!((form.steps().unwrap().len(), notices.len()), (10, 0));
        let (form, notices) =
            Link::parse("#sweep=x&sweep-seeds=y&sweep-vary=scheduler&sweep-values=eular").sweep().unwrap();
        assert_eq!((form, notices.len()), (SweepForm::default(), 3));
        assert_eq!(Link::parse("#steps=4&sweep-seeds=3").sweep(), None);
    }

    #[test]
    fn unknown_keys_and_empty_fragments_change_nothing() {
        for fragment in ["", "#", "#&&=&", "#foo=1&sweep=2,4,8", "#view=models"] {
            assert!(!Link::parse(fragment).has_settings(), "{fragment}");
            assert_eq!(read(fragment), (Settings::of_model(&model(), ""), vec![]));
        }
        assert_eq!(Link::parse("#view=models").view.as_deref(), Some("models"));
    }

    #[test]
    fn form_encoding_and_repeated_keys_are_understood() {
        let link = "#prompt=a+red%20heart&steps=4&steps=8";
        let (settings, notices) = read(link);
        assert!(Link::parse(link).has_settings() && notices.is_empty());
        assert_eq!((settings.get(Field::Prompt), settings.get(Field::Steps)), ("a red heart", "8"));
    }
}
