use super::*;
use crate::grid::tests::request;
use proptest::prelude::*;
use protocol::SchedulerKind;

fn costs() -> impl Strategy<Value = Costs> {
    (0.0f64..1.0, 0.001f64..1.0, 0.0f64..1.0, 0.0f64..0.1).prop_map(|(text, evaluation, decode, preview)| Costs {
        text,
        evaluation,
        decode,
        preview,
    })
}

fn kind() -> impl Strategy<Value = SchedulerKind> {
    proptest::sample::select(SchedulerKind::ALL)
}

proptest! {
    #[test]
    fn the_most_steps_fit_and_one_more_does_not(costs in costs(), kind in kind(), budget in 0.0f64..60.0) {
        let base = GenerateRequest { scheduler: kind, ..request() };
        let seconds = |n| costs.of(&GenerateRequest { num_inference_steps: n, ..base.clone() });
        match costs.most_steps(&base, budget) {
            None => prop_assert!(seconds(1) > budget),
            Some(n) => prop_assert!(seconds(n) <= budget && (n == STEPS_MAX || seconds(n + 1) > budget)),
        }
    }

    #[test]
    fn warm_up_and_outliers_do_not_move_the_cost(cost in 0.01f64..1.0, steps in 8usize..40, outlier in 2usize..8) {
        let mut times = vec![StepTime { seconds: cost, evaluations: 1 }; steps];
        times[0].seconds = 50.0 * cost;
        times[1].seconds = 5.0 * cost;
        times[outlier].seconds = 9.0 * cost;
        let measured = measure(&times).unwrap();
        prop_assert_eq!((measured.evaluation, measured.steps), (cost, steps - 2));
    }

    #[test]
    fn what_fits_comes_first_then_what_is_quick(costs in costs(), budget in 0.0f64..30.0, steps in 1u32..60) {
        let candidates = vec![
            Candidate::scheduler(SchedulerKind::Heun, steps, &costs, None),
            Candidate::scheduler(SchedulerKind::DpmPp2M, steps, &costs, Some(0.1)),
            Candidate::guidance_off_late(steps, steps, &costs, 0.5, None),
            Candidate::tiny_decoder(steps, steps, &costs, costs.decode / 10.0),
            Candidate::no_previews(steps, steps, &costs),
            Candidate::distilled("turbo", 4, costs, Basis::Predicted),
            Candidate::smaller(steps, steps, &costs, [512, 512], [256, 256]),
        ];
        let ranked = rank(candidates, budget);
        prop_assert_eq!(ranked.len(), 7);
        prop_assert!(ranked.windows(2).all(|w| (!w[0].fits, w[0].seconds) <= (!w[1].fits, w[1].seconds)));
        let plain = costs.seconds(steps, steps);
        let smaller = ranked.iter().find(|a| matches!(a.change, Change::Smaller { .. })).unwrap();
        prop_assert!(smaller.seconds <= plain);
    }
}

#[test]
fn evaluations_of_two_call_steps_count_each() {
    let mut times = vec![StepTime { seconds: 2.0, evaluations: 2 }; 9];
    times.push(StepTime { seconds: 1.0, evaluations: 1 });
    let measured = measure(&times).unwrap();
    assert_eq!((measured.evaluation, measured.slowdown), (1.0, 1.0));
    assert_eq!(measure(&times[..1]), None);
    assert_eq!(measure(&[]), None);
}

#[test]
fn throttling_is_noticed() {
    let times: Vec<StepTime> =
        (0..20).map(|i| StepTime { seconds: if i < 11 { 1.0 } else { 1.5 }, evaluations: 1 }).collect();
    let measured = measure(&times).unwrap();
    assert!(measured.throttling() && (measured.slowdown - 1.5).abs() < 1e-9);
    assert!(!measure(&times[..10]).unwrap().throttling());
}

#[test]
fn a_budget_takes_no_more_than_is_recommended_and_says_what_less_loses() {
    let costs = Costs { text: 0.5, evaluation: 0.1, decode: 0.4, preview: 0.0 };
    let point = |steps, error| CurvePoint { steps, seconds: 1.0, error, share: 0.0, pareto: false };
    let curve = [point(10, Some([0.1, 0.2, 0.3])), point(20, Some([0.05, 0.1, 0.15])), point(40, None)];
    let of = |budget| fit(&costs, &request(), budget, Some(20), &curve, 1.0);
    let rich = of(10.0);
    assert_eq!((rich.steps, rich.most, rich.reaches, rich.error), (Some(20), Some(91), Some(true), Some(0.1)));
    let tight = of(1.4);
    assert_eq!((tight.steps, tight.reaches, tight.error), (Some(5), Some(false), Some(0.4)));
    let nothing = of(0.5);
    assert_eq!((nothing.steps, nothing.seconds, nothing.reaches), (None, None, Some(false)));
}
