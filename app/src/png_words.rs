//! What a picture's file told, in words: which of its settings go into the form, and why the others do not.

use crate::{field::Field, settings::Settings, share::Link};
use lab::png_info::{PngInfo, Program, Why};
use protocol::SizeRule;

/// A file's settings as they are offered to the user.
#[derive(Clone, Debug, PartialEq)]
pub struct PngOffer {
    /// The file's name.
    pub file: String,
    /// Who wrote it.
    pub program: &'static str,
    /// What to put into the form.
    pub link: Link,
    /// What the form would have that is not the model's own default: label and value.
    pub taken: Vec<(&'static str, String)>,
    /// One sentence for everything that cannot be taken over.
    pub left_out: Vec<String>,
}

impl PngOffer {
    /// What `info` means for a form with these defaults, models and size rule.
    pub fn new(file: &str, info: PngInfo, defaults: &Settings, models: &[String], rule: Option<SizeRule>) -> Self {
        let link = match &info.link {
            Some(fragment) => Link::parse(fragment),
            None => Link::of_settings(&info.settings),
        }
        .within_file();
        let (settings, notices) = link.over(defaults, models, rule);
        let is_told = |field: &Field| link.names(*field) && !settings.get(*field).trim().is_empty();
        let taken = Field::ALL.iter().filter(|field| is_told(field));
        let taken = taken.map(|field| (field.label(), settings.get(*field).to_owned())).collect();
        let left_out = info.left_out.iter().map(|left| sentence(&left.name, &left.value, left.why));
        let left_out = left_out.chain(notices).collect();
        Self { file: file.to_owned(), program: program(info.program), link, taken, left_out }
    }
}

fn program(program: Program) -> &'static str {
    match program {
        Program::Stepscope => "Stepscope",
        Program::Automatic1111 => "AUTOMATIC1111",
        Program::ComfyUi => "ComfyUI",
        Program::InvokeAi => "InvokeAI",
    }
}

fn sentence(name: &str, value: &str, why: Why) -> String {
    let reason = match why {
        Why::NoSuchSampler => "there is no such sampler here; the model's own is used",
        Why::NoSuchSchedule => "this sampler has no such noise levels here; its plain ones are used",
        Why::NeedsPicture => "the picture was made from another one, which is not in the file: choose that one, too",
        Why::Model => "which of the models here it is, only you can tell: choose the model yourself",
        Why::PromptSyntax => "weights are written or meant in another way there; they may come out stronger or weaker",
        Why::NoSuchNoise => "random numbers of this kind are not made here; the picture will be another one",
        Why::NotHere => "there is nothing like it here",
    };
    let colon = if value.is_empty() { "" } else { ": " };
    format!("{name}{colon}{value} – {reason}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::model;
    use lab::png_info::LeftOut;

    fn offer(info: PngInfo) -> PngOffer {
        let model = model();
        let defaults = Settings::of_model(&model, "a red heart");
        PngOffer::new("a.png", info, &defaults, std::slice::from_ref(&model.id), Some(model.size))
    }

    #[test]
    fn what_cannot_be_used_is_told_and_the_rest_is_taken() {
        let settings = vec![("prompt", "a cat".to_owned()), ("steps", "500".into()), ("scheduler", "heun".into())];
        let left_out = vec![LeftOut { name: "Clip skip".into(), value: "2".into(), why: Why::NotHere }];
        let offer = offer(PngInfo { program: Program::ComfyUi, link: None, settings, left_out });
        assert_eq!(offer.program, "ComfyUI");
        assert!(
            offer.taken.contains(&("Prompt", "a cat".into())) && offer.taken.contains(&("Scheduler", "heun".into()))
        );
        assert_eq!(offer.left_out[0], "Clip skip: 2 – there is nothing like it here.");
        assert!(offer.left_out[1].starts_with("In the file, steps cannot be used:"), "{}", offer.left_out[1]);
    }

    #[test]
    fn our_own_file_is_read_as_the_link_that_it_holds() {
        let link = Some("prompt=a+cat&steps=3&model=emoji".to_owned());
        let offer = offer(PngInfo { program: Program::Stepscope, link, settings: vec![], left_out: vec![] });
        assert!(offer.left_out.is_empty(), "{:?}", offer.left_out);
        assert!(offer.taken.contains(&("Steps", "3".into())));
    }
}
