//! The lab's data in plain words. The one place where the Sweep screen's sentences about results are written.

use crate::format::{self, figure};
use lab::{
    budget::Change,
    recommend::{Confidence, Criteria, Metric, Reason, Recommendation, Verdict},
};
use protocol::GenerateRequest;

/// A verdict to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The answer, in a few words.
    pub headline: String,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
}

/// What distances are measured in, as the list shows it.
pub const METRICS: [(&str, &str, Metric); 3] = [
    ("latent", "Latents (RMSE)", Metric::LatentRmse),
    ("pixels", "Pixels (RMSE)", Metric::PixelRmse),
    ("dssim", "Structure (1 − SSIM)", Metric::Dssim),
];

/// The metric's name within a sentence.
pub const fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::LatentRmse => "root mean square of the latents",
        Metric::PixelRmse => "root mean square of the pixels, where white is 1",
        Metric::Dssim => "1 − SSIM of the pictures",
    }
}

/// `4 seeds`, `1 seed`.
pub fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "Confidence: high.",
        Confidence::Medium => "Confidence: medium, for the reason below.",
        Confidence::Low => "Confidence: low, for the reasons below.",
    }
}

fn reason(reason: &Reason, criteria: &Criteria) -> String {
    match reason {
        Reason::WithinTolerance { passing, ladders } => format!(
            "From here on, {passing} of {} stay within the tolerance of {}; {} are asked for.",
            count(*ladders, "seed"),
            figure(criteria.tolerance),
            percent(criteria.share),
        ),
        Reason::FewerFails { steps, error } => format!("{steps} steps are too few: their error is {}.", figure(*error)),
        Reason::LastDoubling { test } => {
            format!("It is the largest number that has a longer run to compare with: test {test} steps to be sure.")
        }
        Reason::NearTolerance { ratio } => format!("The error is close to the tolerance: {} of it.", percent(*ratio)),
        Reason::SeedsDiffer { ladders, most: Some(most) } => {
            format!("{} need much more, up to {most} steps.", count(*ladders, "seed"))
        }
        Reason::SeedsDiffer { ladders, most: None } => {
            format!("{} never got within the tolerance.", count(*ladders, "seed"))
        }
        Reason::SlowerThanOrder { observed, declared } => format!(
            "The error falls slower than this sampler's should (order {} instead of {}), so it may be larger than estimated.",
            figure(*observed),
            figure(*declared),
        ),
        Reason::StartMoves => {
            "Runs of different lengths start at different noise levels with this model's timestep spacing, \
             so pictures move a little at any number of steps."
                .into()
        }
    }
}

/// The verdict in words.
pub fn verdict(recommendation: &Recommendation) -> Words {
    let criteria = &recommendation.criteria;
    match &recommendation.verdict {
        Verdict::Enough { steps, band, seconds, error, confidence: sure, reasons } => {
            let hardest = match band.hardest {
                Some(hardest) if hardest == band.easiest => format!("Every seed needs {hardest}."),
                Some(hardest) => format!("The easiest seed needs {}, the hardest {hardest}.", band.easiest),
                None => format!("The easiest seed needs {}; for the hardest, nothing tested is enough.", band.easiest),
            };
            let facts = format!(
                "Anything from {} to the {} that were tested gives the same picture as far as you can see. {hardest}",
                band.from, band.to
            );
            let cost = format!(
                "A run takes {} here; its estimated error is {} ({}), over {}.",
                format::duration(seconds * 1000.0),
                figure(*error),
                metric(criteria.metric),
                count(recommendation.seeds, "seed"),
            );
            let mut all = vec![facts, cost, confidence(*sure).to_owned()];
            all.extend(reasons.iter().map(|it| reason(it, criteria)));
            Words {
                headline: format!(
                    "{} enough",
                    if *steps == 1 { "1 step is".into() } else { format!("{steps} steps are") }
                ),
                reasons: all,
            }
        }
        Verdict::NotConverged { steps, error, share, test } => {
            let mut all = vec![format!(
                "At {steps} steps the error is still {} ({}), and {} of the seeds are within the tolerance of {}. Any number \
                 would be a guess.",
                figure(*error),
                metric(criteria.metric),
                percent(*share),
                figure(criteria.tolerance),
            )];
            all.extend(test.map(|test| format!("Add {test} steps to the sweep to go on.")));
            Words { headline: "Not converged in the tested range".into(), reasons: all }
        }
        Verdict::Stochastic { spread, change } => {
            let mut all = vec![
                "This sampler draws fresh noise, so another number of steps is another picture, however many there are. No \
                 number is the right one; compare how good the pictures are, not how alike."
                    .to_owned(),
            ];
            all.extend(change.last().zip(spread.last()).map(|(change, spread)| {
                format!(
                    "From {} steps to twice as many, a seed's picture moves by {}; two seeds are {} apart.",
                    change.steps,
                    figure(change.distance),
                    figure(spread.distance),
                )
            }));
            Words { headline: "Changes with the steps by design".into(), reasons: all }
        }
        Verdict::TooFewSeeds { seeds, least } => Words {
            headline: "Not enough runs yet".into(),
            reasons: vec![format!(
                "{} of {least} have complete runs; one seed alone could be luck.",
                count(*seeds, "seed")
            )],
        },
        Verdict::TooFewPoints { doublings, least } => Words {
            headline: "Not enough runs yet".into(),
            reasons: vec![format!(
                "Errors are estimated by doubling: N against at least 2N steps. {} {} finished, {least} are needed.",
                count(*doublings, "such pair"),
                if *doublings == 1 { "is" } else { "are" },
            )],
        },
    }
}

/// What differs between two runs besides steps and seed, in words.
pub fn changes(before: &GenerateRequest, now: &GenerateRequest) -> Vec<String> {
    let mut out = Vec::new();
    let mut differ = |what: &str, before: String, now: String| {
        if before != now {
            out.push(format!("{what}: {before} → {now}"));
        }
    };
    let quoted = |text: &str| format!("“{text}”");
    let size = |request: &GenerateRequest| format!("{} × {}", request.width, request.height);
    let eta = |request: &GenerateRequest| request.eta.unwrap_or(0.0).to_string();
    differ("model", before.model.clone(), now.model.clone());
    differ("prompt", quoted(&before.prompt), quoted(&now.prompt));
    let negative = |request: &GenerateRequest| quoted(request.negative_prompt.as_deref().unwrap_or_default());
    differ("negative prompt", negative(before), negative(now));
    differ("scheduler", before.scheduler.label().into(), now.scheduler.label().into());
    differ("guidance", before.guidance_scale.to_string(), now.guidance_scale.to_string());
    differ("guidance stop", before.guidance_stop.to_string(), now.guidance_stop.to_string());
    differ("size", size(before), size(now));
    differ("eta", eta(before), eta(now));
    differ("random numbers", format!("{:?}", before.rng), format!("{:?}", now.rng));
    differ("prompt weights", before.prompt_weights.to_string(), now.prompt_weights.to_string());
    out
}

/// A change that makes a run quicker, in words.
pub fn change(change: &Change) -> String {
    match change {
        Change::Scheduler { kind } => format!("Scheduler {}", kind.label()),
        Change::GuidanceOffLate { after } if *after == 0.0 => "Guidance off".into(),
        Change::GuidanceOffLate { after } => format!("Guidance off after {} of the steps", percent(*after)),
        Change::TinyDecoder => "Tiny decoder".into(),
        Change::NoPreviews => "No previews".into(),
        Change::DistilledModel { model } => format!("Model {model}"),
        Change::Smaller { width, height } => format!("Size {width} × {height}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, tests::model};
    use lab::recommend::{Evidence, Method, Run, recommend};
    use protocol::SchedulerKind;

    fn told(kind: SchedulerKind, tolerance: f64, seeds: u64, steps: &[u32]) -> Words {
        let mut request = Settings::of_model(&model(), "").request(&model()).unwrap();
        request.scheduler = kind;
        let run = |seed: u64, steps: u32| Run { prompt: 0, seed, steps, seconds: 0.1, result: 1.0 / f64::from(steps) };
        let runs: Vec<_> = (0..seeds).flat_map(|seed| steps.iter().map(move |n| run(seed, *n))).collect();
        let evidence = Evidence::collect(&runs, |a, b| (a - b).abs());
        let criteria = Criteria { tolerance, ..Criteria::default() };
        verdict(&recommend(&evidence, &Method::of(&request, false), &criteria))
    }

    const DOUBLINGS: [u32; 5] = [2, 4, 8, 16, 32];

    #[test]
    fn every_verdict_has_a_headline_that_says_it() {
        let enough = told(SchedulerKind::Euler, 0.13, 4, &DOUBLINGS);
        assert_eq!(enough.headline, "8 steps are enough");
        assert!(enough.reasons.iter().any(|reason| reason.contains("4 of 4 seeds")), "{enough:?}");
        assert!(enough.reasons.iter().any(|reason| reason.starts_with("4 steps are too few")), "{enough:?}");
        let not = told(SchedulerKind::Euler, 1e-3, 4, &DOUBLINGS);
        assert_eq!(not.headline, "Not converged in the tested range");
        assert!(not.reasons[1].contains("64 steps"), "{not:?}");
        assert_eq!(told(SchedulerKind::EulerA, 0.1, 4, &DOUBLINGS).headline, "Changes with the steps by design");
        assert!(told(SchedulerKind::Euler, 0.1, 2, &DOUBLINGS).reasons[0].starts_with("2 seeds of 4"));
        assert!(
            told(SchedulerKind::Euler, 0.1, 4, &[4, 8]).reasons[0].contains("1 such pair is finished, 2 are needed")
        );
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = Settings::of_model(&model(), "").request(&model()).unwrap();
        let mut now = GenerateRequest { num_inference_steps: 99, seed: 99, ..before.clone() };
        assert_eq!(changes(&before, &now), Vec::<String>::new());
        now.guidance_scale = 5.0;
        now.scheduler = SchedulerKind::Heun;
        assert_eq!(changes(&before, &now), ["scheduler: DPM++ 2M → Heun", "guidance: 3.5 → 5"]);
    }
}
