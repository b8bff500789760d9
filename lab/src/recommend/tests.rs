use super::*;
use proptest::prelude::*;

/// Runs of a solver of order `p`: the result is a number, off by `c / N^p`.
fn runs(steps: &[u32], offsets: &[f64], p: f64) -> Vec<Run<f64>> {
    let mut runs = Vec::new();
    for (seed, c) in offsets.iter().enumerate() {
        for n in steps {
            let result = 10.0 * seed as f64 + c / f64::from(*n).powf(p);
            runs.push(Run { prompt: 0, seed: seed as u64, steps: *n, seconds: f64::from(*n), result });
        }
    }
    runs
}

fn evidence(steps: &[u32], offsets: &[f64], p: f64) -> Evidence {
    Evidence::collect(&runs(steps, offsets, p), |a, b| (a - b).abs())
}

fn method(order: f64) -> Method {
    Method { order, stochastic: false, start_moves: false }
}

fn criteria(tolerance: f64) -> Criteria {
    Criteria { tolerance, ..Criteria::default() }
}

fn ladder_of(doublings: u32, first: u32) -> Vec<u32> {
    (0..doublings).map(|i| first << i).collect()
}

proptest! {
    /// The failure of knees: the answer must not depend on how far the sweep went.
    #[test]
    fn more_steps_do_not_move_a_converged_answer(
        first in 1u32..4,
        short in 4u32..6,
        offsets in proptest::collection::vec(0.1f64..4.0, 4..8),
        p in prop_oneof![Just(1.0), Just(2.0)],
        tolerance in 0.01f64..0.5,
        declared in prop_oneof![Just(Order::Declared), Just(Order::Observed)],
    ) {
        let criteria = Criteria { order: declared, ..criteria(tolerance) };
        let of = |steps: &[u32]| recommend(&evidence(steps, &offsets, p), &method(p), &criteria).steps();
        if let Some(steps) = of(&ladder_of(short, first)) {
            for longer in short + 1..=7 {
                prop_assert_eq!(of(&ladder_of(longer, first)), Some(steps));
            }
            // Nor on what else was tested above it.
            let mut dense = ladder_of(short, first);
            dense.extend((1..20).map(|i| (first << (short - 1)) + i));
            prop_assert_eq!(of(&dense), Some(steps));
        }
    }

    #[test]
    fn errors_are_exact_where_the_order_is(
        offset in 0.1f64..4.0,
        p in prop_oneof![Just(1.0), Just(2.0), Just(3.0)],
        steps in proptest::collection::btree_set(1u32..150, 3..12),
    ) {
        let steps: Vec<u32> = steps.into_iter().collect();
        let found = recommend(&evidence(&steps, &[offset; 4], p), &method(p), &criteria(0.1));
        for error in found.ladders.iter().flat_map(|ladder| &ladder.errors) {
            let truth = offset / f64::from(error.steps).powf(p);
            prop_assert!((error.error - truth).abs() <= 1e-6 * truth.max(1e-3), "{:?} {}", error, truth);
        }
    }

    #[test]
    fn nothing_is_recommended_where_nothing_converges(
        seeds in proptest::collection::vec(proptest::collection::vec(1.0f64..100.0, 5), 4..8),
    ) {
        // Every run is somewhere else, at least the tolerance away from the others.
        let mut runs = Vec::new();
        for (seed, values) in seeds.iter().enumerate() {
            for (i, value) in values.iter().enumerate() {
                let result = value.floor() + 200.0 * i as f64;
                runs.push(Run { prompt: 0, seed: seed as u64, steps: 2 << i, seconds: 1.0, result });
            }
        }
        let found = recommend(&Evidence::collect(&runs, |a, b| (a - b).abs()), &method(1.0), &criteria(1.0));
        let none = matches!(found.verdict, Verdict::NotConverged { steps: 16, test: Some(64), share, .. } if share == 0.0);
        prop_assert!(none, "{:?}", found.verdict);
    }

    #[test]
    fn a_stricter_tolerance_never_needs_fewer_steps(
        offsets in proptest::collection::vec(0.1f64..4.0, 4..8),
        loose in 0.01f64..1.0,
        by in 0.1f64..1.0,
    ) {
        let evidence = evidence(&ladder_of(7, 2), &offsets, 1.0);
        let of = |tolerance| recommend(&evidence, &method(1.0), &criteria(tolerance)).steps().unwrap_or(u32::MAX);
        prop_assert!(of(loose * by) >= of(loose));
    }

    #[test]
    fn the_pareto_front_is_what_nothing_beats(points in proptest::collection::vec((0.0f64..10.0, 0.0f64..10.0), 1..20)) {
        let marked = pareto(&points);
        prop_assert!(marked.contains(&true));
        for (i, a) in points.iter().enumerate() {
            let beaten = points.iter().any(|b| b.0 <= a.0 && b.1 <= a.1 && b != a);
            prop_assert_eq!(marked[i], !beaten);
        }
    }

    #[test]
    fn votes_find_the_tolerance_of_a_user_who_slips_once(
        limit in 3usize..17,
        slip in 0usize..20,
    ) {
        let mut votes: Vec<Vote> =
            (0..20).map(|i| Vote { error: i as f64 * 0.01, told_apart: i >= limit }).collect();
        votes[slip].told_apart = !votes[slip].told_apart;
        let found = calibrate(&votes).unwrap();
        prop_assert!((found.tolerance / 0.01 - (limit as f64 - 1.0)).abs() < 2.5, "{:?}", found);
        prop_assert!(found.agreement >= 0.95 - 1e-9);
    }
}

#[test]
fn the_answer_has_its_reasons() {
    let found = recommend(&evidence(&[2, 4, 8, 16, 32, 64], &[1.0, 1.0, 1.0, 5.0], 1.0), &method(1.0), &criteria(0.13));
    let Verdict::Enough { steps, band, error, confidence, reasons, .. } = &found.verdict else {
        panic!("{:?}", found.verdict)
    };
    assert_eq!((*steps, band.from, band.to, band.easiest, band.hardest), (8, 8, 64, 8, None));
    assert!((error - 0.125).abs() < 1e-9);
    assert_eq!(reasons[0], Reason::WithinTolerance { passing: 3, ladders: 4 });
    assert!(matches!(reasons[1], Reason::FewerFails { steps: 4, .. }));
    assert!(matches!(reasons[2], Reason::NearTolerance { .. }));
    assert_eq!(reasons[3], Reason::SeedsDiffer { ladders: 1, most: None });
    assert_eq!(*confidence, Confidence::Low);
    assert_eq!(found.between(), Some(6));
    let json = serde_json::to_string(&found).unwrap();
    assert!(json.contains("\"verdict\":\"enough\"") && json.contains("\"seed\":\"3\""), "{json}");
    assert_eq!(serde_json::from_str::<Recommendation>(&json).unwrap(), found);
}

#[test]
fn a_late_relapse_counts_against_all_smaller_numbers() {
    // 4 and 8 agree by accident; 8 and 16 do not.
    let place = |n: u32| if n <= 8 { 1.0_f64 } else { 2.0 };
    let run = |seed, steps| Run { prompt: 0, seed, steps, seconds: 1.0, result: place(steps) };
    let runs: Vec<_> = (0..4).flat_map(|seed| [2, 4, 8, 16, 32, 64].map(|n| run(seed, n))).collect();
    let found = recommend(&Evidence::collect(&runs, |a, b| (a - b).abs()), &method(1.0), &criteria(0.1));
    assert_eq!(found.steps(), Some(16));
}

#[test]
fn what_is_not_known_is_not_answered() {
    let verdict = |evidence: &Evidence, method: &Method| recommend(evidence, method, &criteria(0.1)).verdict;
    let three = evidence(&[2, 4, 8, 16], &[1.0; 3], 1.0);
    assert_eq!(verdict(&three, &method(1.0)), Verdict::TooFewSeeds { seeds: 3, least: 4 });
    let two = evidence(&[4, 8], &[0.1; 4], 1.0);
    assert_eq!(verdict(&two, &method(1.0)), Verdict::TooFewPoints { doublings: 1, least: 2 });
    assert_eq!(verdict(&Evidence::default(), &method(1.0)), Verdict::TooFewSeeds { seeds: 0, least: 4 });
    let noisy = Method { stochastic: true, ..method(1.0) };
    let Verdict::Stochastic { spread, change } = verdict(&three, &noisy) else { panic!("not told as noisy") };
    assert_eq!((spread.len(), change.len()), (4, 3));
    assert!((change[0].distance - 0.25).abs() < 1e-9 && (spread[0].distance - 10.0).abs() < 1e-9);
    // Numbers that are none pass no tolerance.
    let mut broken = runs(&[2, 4, 8, 16], &[1.0; 4], 1.0);
    broken.iter_mut().for_each(|run| run.result = f64::NAN);
    let broken = Evidence::collect(&broken, |a, b| (a - b).abs());
    assert!(matches!(verdict(&broken, &method(1.0)), Verdict::NotConverged { .. }));
}

#[test]
fn a_sweep_that_was_stopped_early_is_judged_by_its_finished_columns() {
    let all = runs(&[2, 4, 8, 16, 32], &[1.0; 4], 1.0);
    let stopped: Vec<_> = all.iter().filter(|run| run.steps < 32 || run.seed == 0).cloned().collect();
    let whole: Vec<_> = all.into_iter().filter(|run| run.steps < 32).collect();
    let judge =
        |runs: &[Run<f64>]| recommend(&Evidence::collect(runs, |a, b| (a - b).abs()), &method(1.0), &criteria(0.3));
    assert_eq!(judge(&stopped), judge(&whole));
    assert_eq!(judge(&stopped).steps(), Some(4));
}

#[test]
fn held_out_runs_are_counted_as_they_are() {
    let found = recheck(&evidence(&[4, 8, 16], &[1.0, 1.0, 9.0], 1.0), 8, &method(1.0), &criteria(0.2));
    assert_eq!((found.hits, found.tested, found.hit_rate()), (2, 3, Some(2.0 / 3.0)));
    let untested = recheck(&evidence(&[4, 8], &[1.0], 1.0), 8, &method(1.0), &criteria(0.2));
    assert_eq!(untested.hit_rate(), None);
}

#[test]
fn votes_that_say_nothing_are_refused() {
    let vote = |error, told_apart| Vote { error, told_apart };
    assert!(calibrate(&[vote(0.1, false); 5]).is_err());
    assert!(calibrate(&[vote(0.1, true); 9]).is_err());
    assert!(calibrate(&[vote(f64::NAN, false); 9]).is_err());
    let all_alike = calibrate(&[vote(0.1, false); 9]).unwrap();
    assert_eq!((all_alike.tolerance, all_alike.at_most_known), (0.1, true));
}

#[test]
fn noise_by_design_is_known_by_name() {
    use protocol::SchedulerKind;
    let base = crate::grid::tests::request();
    let of = |scheduler, eta| Method::of(&GenerateRequest { scheduler, eta, ..base.clone() }, false).stochastic;
    assert!(of(SchedulerKind::EulerA, None) && of(SchedulerKind::Lcm, None) && of(SchedulerKind::DpmPpSde, None));
    assert!(of(SchedulerKind::Ddim, Some(0.5)) && of(SchedulerKind::Tcd, Some(0.3)));
    assert!(
        !of(SchedulerKind::Ddim, None) && !of(SchedulerKind::Tcd, Some(0.0)) && !of(SchedulerKind::Euler, Some(1.0))
    );
}

#[test]
fn the_order_follows_from_how_the_schedule_ends() {
    use protocol::SchedulerKind;
    let request = GenerateRequest { scheduler: SchedulerKind::DpmPp2M, ..crate::grid::tests::request() };
    let of = |ends: &[[f64; 2]]| Method::of_ends(&request, ends);
    assert_eq!((of(&[]).order, of(&[]).start_moves), (1.0, false));
    assert_eq!(of(&[[14.6, 0.03], [14.61, 0.03]]).order, 2.0);
    assert_eq!(of(&[[14.6, 0.3], [14.6, 0.2]]).order, 1.0);
    assert_eq!(of(&[[14.6, 0.03], [14.6, 14.6]]).order, 1.0, "one step says nothing");
    let leading = of(&[[9.0, 0.03], [11.0, 0.03]]);
    assert_eq!((leading.order, leading.start_moves), (1.0, true));
}
