//! Other ways to be quicker, as runs that can be made: what each changes, what it costs, and its request.

use crate::catalog::Entry;
use lab::{
    budget::{Alternative, Basis, Candidate, Change, Costs, rank},
    samplers::{Noise, traits},
};
use protocol::{GenerateRequest, ModelInfo, SchedulerKind};

/// Samplers that are offered in place of a slower one: one evaluation a step, the quickest to converge.
const SOLVERS: [SchedulerKind; 4] =
    [SchedulerKind::DpmPp2M, SchedulerKind::UniPc, SchedulerKind::DpmPp2MKarras, SchedulerKind::Deis];
/// Sizes that are offered, as shares of the width and height.
const SIZES: [f64; 2] = [0.75, 0.5];

/// A way to be quicker, with the run that it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Quicker {
    /// What it is, what it takes, whether it fits.
    pub alternative: Alternative,
    /// The run.
    pub request: GenerateRequest,
}

/// What is known of this device.
pub struct Known<'a> {
    /// Cost of a run's parts by request; `None` where none like it was measured.
    pub costs: &'a dyn Fn(&GenerateRequest) -> Option<Costs>,
    /// Seconds of a run that was made exactly so.
    pub made: &'a dyn Fn(&GenerateRequest) -> Option<f64>,
    /// Models that could be loaded instead.
    pub models: &'a [Entry],
    /// Steps that were found to be enough for a sampler, with their error.
    pub enough: &'a dyn Fn(SchedulerKind) -> Option<(u32, f64)>,
}

/// Ways to be quicker than `request`, which those that fit into `budget` come first of. `most` is the number of steps
/// that fits.
pub fn options(
    request: &GenerateRequest,
    most: Option<u32>,
    budget: f64,
    info: &ModelInfo,
    known: &Known,
) -> Vec<Quicker> {
    let Some(costs) = (known.costs)(request) else { return Vec::new() };
    let steps = request.num_inference_steps;
    let evaluations = lab::grid::evaluations(request);
    let mut pairs: Vec<(Candidate, GenerateRequest)> = Vec::new();
    let order = traits(request.scheduler).order;
    for kind in SOLVERS.into_iter().filter(|kind| *kind != request.scheduler) {
        let enough = (known.enough)(kind);
        // One that converges no faster, and that nobody measured, would be a guess.
        if enough.is_none() && traits(kind).order <= order && traits(request.scheduler).noise == Noise::Never {
            continue;
        }
        let own = enough.map_or(most.unwrap_or(steps).min(steps), |(n, _)| n);
        let changed = GenerateRequest { scheduler: kind, num_inference_steps: own, eta: None, ..request.clone() };
        pairs.push((Candidate::scheduler(kind, own, &costs, enough.map(|(_, error)| error)), changed));
    }
    if request.guidance_scale > 1.0 {
        let changed = GenerateRequest { guidance_scale: 1.0, ..request.clone() };
        let single = (known.costs)(&changed).map(|costs| costs.evaluation);
        pairs.push((Candidate::guidance_off_late(steps, evaluations, &costs, 0.0, single), changed));
        let half = GenerateRequest { guidance_stop: 0.5, ..request.clone() };
        // What it costs now may have no guidance at the end already.
        if request.guidance_stop > 0.5 {
            let full = GenerateRequest { guidance_stop: 1.0, ..request.clone() };
            let costs = (known.costs)(&full).unwrap_or(costs);
            pairs.push((Candidate::guidance_off_late(steps, evaluations, &costs, 0.5, single), half));
        }
    }
    for share in SIZES {
        let side = |side: u32| {
            let scaled = (f64::from(side) * share) as u32 / info.size.multiple.max(1) * info.size.multiple;
            Some(scaled).filter(|scaled| info.size.allows(*scaled) && *scaled < side)
        };
        let (Some(width), Some(height)) = (side(request.width), side(request.height)) else { continue };
        let changed = GenerateRequest { width, height, ..request.clone() };
        let from = [request.width, request.height];
        pairs.push((Candidate::smaller(steps, evaluations, &costs, from, [width, height]), changed));
    }
    let distilled = known.models.iter().filter_map(|entry| Some((entry, entry.distilled.as_ref()?)));
    for (entry, few) in distilled.filter(|(_, few)| few.of == info.id) {
        let changed = GenerateRequest {
            model: entry.id.clone(),
            num_inference_steps: few.steps,
            scheduler: few.scheduler,
            guidance_scale: few.guidance_scale,
            eta: None,
            ..request.clone()
        };
        // Its evaluations cost what those of the original do.
        pairs.push((
            Candidate::distilled(&entry.id, few.steps, halved(&costs, request, &changed), Basis::Predicted),
            changed,
        ));
    }
    for (candidate, changed) in &mut pairs {
        if let Some(seconds) = (known.made)(changed) {
            candidate.costs = Costs { text: seconds, ..Costs::default() };
            candidate.basis = Basis::Measured;
        } else if let Some(measured) = (known.costs)(changed).filter(|_| candidate.error.is_none()) {
            candidate.costs = measured;
        }
    }
    let requests: Vec<(Change, GenerateRequest)> =
        pairs.iter().map(|(candidate, request)| (candidate.change.clone(), request.clone())).collect();
    let ranked = rank(pairs.into_iter().map(|(candidate, _)| candidate).collect(), budget);
    let of = |alternative: Alternative| {
        let (_, request) = requests.iter().find(|(change, _)| *change == alternative.change)?;
        Some(Quicker { request: request.clone(), alternative })
    };
    ranked.into_iter().filter_map(of).collect()
}

/// Costs where guidance is dropped: half an evaluation.
fn halved(costs: &Costs, from: &GenerateRequest, to: &GenerateRequest) -> Costs {
    let dropped = from.guidance_scale > 1.0 && to.guidance_scale <= 1.0;
    Costs { evaluation: if dropped { costs.evaluation / 2.0 } else { costs.evaluation }, ..*costs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Distilled;
    use crate::settings::{Settings, tests::model};

    fn request() -> GenerateRequest {
        let mut request = Settings::of_model(&model(), "").request(&model()).unwrap();
        request.scheduler = SchedulerKind::Euler;
        (request.width, request.height, request.num_inference_steps) = (128, 128, 32);
        request
    }

    fn few_step() -> Entry {
        let of = model().id;
        let distilled = Some(Distilled { of, steps: 4, scheduler: SchedulerKind::Lcm, guidance_scale: 1.0 });
        Entry { id: "few".into(), name: "Few".into(), bytes: 1, prompt: String::new(), distilled }
    }

    #[test]
    fn those_that_fit_come_first_and_what_was_measured_counts() {
        let costs = Costs { text: 0.0, evaluation: 0.1, decode: 0.0, preview: 0.0 };
        let known = Known {
            costs: &|other| (*other == request()).then_some(costs),
            models: &[few_step(), Entry { distilled: None, ..few_step() }],
            made: &|other| (other.width == 64).then_some(0.77),
            enough: &|kind| (kind == SchedulerKind::UniPc).then_some((12, 0.01)),
        };
        let all = options(&request(), Some(15), 1.5, &model(), &known);
        let find = |wanted: &dyn Fn(&GenerateRequest) -> bool| all.iter().find(|it| wanted(&it.request)).unwrap();
        let unipc = find(&|it| it.scheduler == SchedulerKind::UniPc);
        assert_eq!(
            (unipc.alternative.steps, unipc.alternative.basis, unipc.alternative.fits),
            (12, Basis::Measured, true)
        );
        let dpm = find(&|it| it.scheduler == SchedulerKind::DpmPp2M);
        assert_eq!((dpm.request.num_inference_steps, dpm.alternative.basis), (15, Basis::Predicted));
        let small = find(&|it| it.width == 64);
        assert_eq!((small.alternative.seconds, small.alternative.basis), (0.77, Basis::Measured));
        let off = find(&|it| it.guidance_scale == 1.0 && it.model != "few");
        assert!((off.alternative.seconds - 1.6).abs() < 1e-9 && !off.alternative.fits, "half of 3.2 s");
        let few = find(&|it| it.model == "few");
        assert_eq!((few.request.num_inference_steps, few.request.scheduler), (4, SchedulerKind::Lcm));
        assert!((few.alternative.seconds - 0.2).abs() < 1e-9 && few.alternative.fits, "four halves of 0.1 s");
        assert_eq!(all.iter().filter(|it| it.request.model == "few").count(), 1, "only what was distilled from this");
        let fits: Vec<bool> = all.iter().map(|it| it.alternative.fits).collect();
        assert!(fits.windows(2).all(|pair| pair[0] >= pair[1]), "{fits:?}");
    }

    #[test]
    fn nothing_is_offered_before_anything_was_measured() {
        let known = Known { costs: &|_| None, made: &|_| None, models: &[], enough: &|_| None };
        assert_eq!(options(&request(), None, 1.0, &model(), &known), vec![]);
    }
}
