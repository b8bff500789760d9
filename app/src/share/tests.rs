//! Links are written and read back; bad ones fall back. Old ones are in `golden.rs`.

use super::*;
use crate::settings::tests::model;
use crate::{
    field::ON,
    settings::Settings,
    sweep::form::{Other, SweepForm},
};
use protocol::{GenerateRequest, RngKind, SchedulerKind, Timesteps};

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

#[test]
fn a_recipe_carries_every_setting_and_the_models_revision() {
    let mut settings = Settings::of_model(&model(), "");
    for (field, text) in [
        (Field::Prompt, "100% café & cream #1 + 大=big\nnext line"),
        (Field::Scheduler, "ddim"),
        (Field::Eta, "0.25"),
        (Field::GuidanceStop, "0.6"),
        (Field::Rng, "philox"),
        (Field::Seed, "18446744073709551615"),
        (Field::Weights, ON),
    ] {
        settings.set(field, text);
    }
    let request = settings.request(&model()).unwrap();
    let recipe = recipe_fragment(&request, 1, "abc");
    let (_, packed) = recipe.split_once('=').unwrap();
    assert!(packed.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)), "{recipe}");
    let link = Link::parse(&format!("#{recipe}"));
    assert!(Field::ALL.iter().all(|field| link.names(*field) != (*field == Field::Strength)), "{link:?}");
    assert!(link.is_of_other_revision("abd") && !link.is_of_other_revision("abc"));
    // Not even a page with other defaults changes anything.
    let mut other = Settings::built_in("emoji", "a cat");
    other.set(Field::Negative, "ugly");
    other.set(Field::Timesteps, "ays");
    let info = model();
    let (read, notices) = link.over(&other, std::slice::from_ref(&info.id), Some(info.size));
    assert_eq!((read.request(&info).unwrap(), notices), (request, vec![]));
}

#[test]
fn a_pair_survives_its_link_whatever_differs() {
    let base = Settings::of_model(&model(), "").request(&model()).unwrap();
    let rich = GenerateRequest {
        negative_prompt: Some("blurry".into()),
        scheduler: SchedulerKind::Ddim,
        eta: Some(0.5),
        guidance_stop: 0.6,
        rng: RngKind::Philox,
        prompt_weights: true,
        seed: 9,
        ..base.clone()
    };
    let ays = GenerateRequest { num_inference_steps: 10, timesteps: Timesteps::Ays, ..base.clone() };
    let all = [&base, &rich, &ays];
    for (a, b) in all.iter().flat_map(|a| all.map(|b| (*a, b))) {
        let fragment = pair_fragment(a, b, [Some(2), None]);
        let link = Link::parse(&fragment);
        let info = model();
        let (first, notices) =
            link.over(&Settings::of_model(&info, ""), std::slice::from_ref(&info.id), Some(info.size));
        let (pair, problems) = link.pair(&first, Some(info.size)).unwrap();
        assert_eq!((notices, problems), (vec![], vec![]), "{fragment}");
        assert_eq!(first.request(&info).as_ref(), Ok(a), "{fragment}");
        assert_eq!((pair.second.request(&info).as_ref(), pair.shown), (Ok(b), [Some(2), None]), "{fragment}");
    }
}

#[test]
fn presets_change_the_steps_and_nothing_else() {
    let request = Settings::of_model(&model(), "").request(&model()).unwrap();
    for (preset, steps) in [(Preset::Fast, 4), (Preset::Final, 30)] {
        let link = preset_fragment(&request, 2, preset).unwrap();
        let (settings, _) = read(&link);
        assert_eq!(settings.pictures(), Ok(2));
        assert_eq!(
            settings.request(&model()).unwrap(),
            GenerateRequest { num_inference_steps: steps, ..request.clone() }
        );
    }
    let ays = GenerateRequest { timesteps: Timesteps::Ays, ..request };
    assert_eq!(preset_fragment(&ays, 1, Preset::Fast), None, "it has ten steps and no others");
}

#[test]
fn the_reader_is_told_what_a_link_sets_and_what_happens() {
    let say = |fragment: &str, action: Action| {
        let info = model();
        let defaults = Settings::of_model(&info, "");
        let link = Link::parse(fragment);
        let (settings, _) = link.over(&defaults, std::slice::from_ref(&info.id), Some(info.size));
        let pair = link.pair(&settings, Some(info.size)).map(|(pair, _)| pair);
        let opened = Opened::new(&link, &settings, &defaults, pair.as_ref(), action);
        format!("{} {}", opened.settings(), opened.what_happens(None))
    };
    assert_eq!(
        say("#prompt=a+cat&steps=4&scheduler=euler-a&width=64&seed=x", Action::Runs(1)),
        "This link sets prompt “a cat”, steps 4, scheduler Euler a; everything else is as the model has it. It runs at \
         once."
    );
    let told = say("#steps=4&compare-steps=30&compare-guidance=1", Action::Compares);
    assert!(told.contains("The second picture has steps 30, guidance 1."), "{told}");
    assert!(
        say("#model=emoji", Action::NeedsModel("Big".into()))
            .ends_with("It needs the model Big, which is loaded first.")
    );
    let waits = Opened { told: vec![], second: vec![], action: Action::Waits };
    assert_eq!(waits.what_happens(Some(("Big", "2 MB"))), "Missing: the model Big, 2 MB to download if you allow it.");
    assert!(say("#sweep=2,4", Action::Sweeps).starts_with("This link changes no setting."), "the sweep is its own");
}
