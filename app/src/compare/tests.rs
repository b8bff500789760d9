use super::*;
use crate::run::tests::run;

fn finished(job: u32, frames: u32) -> Run {
    Run { job, picture: Pixels::new(12, 12, &[job as u8 * 10; 576]), ..run(frames, frames) }
}

fn item(run: &Run, source: Source) -> Item {
    of_run(run, &source, record(run, None, None)).unwrap()
}

#[test]
fn keys_lead_back_to_their_source() {
    for source in [Source::Run(7), Source::Step(7, 12), Source::Log("000001700000000000-000003".into())] {
        assert_eq!(Source::from_key(&source.key()), Some(source));
    }
    for nonsense in ["", "run", "run-x", "step-1", "step-1-", "cell-1"] {
        assert_eq!(Source::from_key(nonsense), None, "{nonsense}");
    }
}

#[test]
fn the_latest_two_are_compared_or_how_the_only_one_began() {
    let (one, two, three) = (finished(1, 5), finished(2, 4), finished(3, 4));
    assert_eq!(default_pair(&[]), [None, None]);
    assert_eq!(default_pair(&[&one]), [Some(Source::Step(1, 3)), Some(Source::Run(1))]);
    assert_eq!(default_pair(&[&one, &two, &three]), [Some(Source::Run(2)), Some(Source::Run(3))]);
    let bare = Run { frames: vec![], ..finished(1, 5) };
    assert_eq!(default_pair(&[&bare]), [None, Some(Source::Run(1))], "its steps were let go");
}

#[test]
fn an_item_is_what_the_run_has() {
    let mut run = finished(3, 4);
    let latents: Arc<[f32]> = [1.0f32, 2.0].into();
    run.latents = Some(latents.clone());
    assert_eq!(item(&run, Source::Run(3)).latents, Some(latents));
    let step = item(&run, Source::Step(3, 2));
    assert_eq!((step.step, step.is_preview, &step.pixels), (Some((2, 4)), true, run.frames[1].view(View::Denoised)));
    assert!(step.label().starts_with("Step 2 of 4 · "), "{}", step.label());
    run.frames[1].refine(View::Denoised, Pixels::new(1, 1, &[0; 4]).unwrap());
    assert!(!item(&run, Source::Step(3, 2)).is_preview);
    for gone in [Source::Step(3, 0), Source::Step(3, 5)] {
        assert_eq!(of_run(&run, &gone, record(&run, None, None)), None);
    }
}

#[test]
fn only_what_differs_is_told_with_the_step() {
    let (a, mut b) = (finished(1, 4), finished(2, 4));
    b.request.seed += 1;
    b.request.num_inference_steps *= 2;
    let told = differences(&item(&a, Source::Step(1, 3)), &item(&b, Source::Run(2)));
    let names: Vec<_> = told.iter().map(|difference| difference.name.as_str()).collect();
    assert_eq!(names, ["Steps", "Seed", "Step shown"]);
    assert_eq!(told[2].values, ["3 of 4".to_owned(), "the finished picture".to_owned()]);
    assert_eq!(differences(&item(&a, Source::Run(1)), &item(&a, Source::Run(1))), []);
}

#[test]
fn figures_are_those_of_the_lab_and_need_one_size() {
    let (a, b) = (item(&finished(1, 4), Source::Run(1)), item(&finished(2, 4), Source::Run(2)));
    let figures = Figures::of(&a, &b).unwrap();
    // Grey 10 against grey 20 of 255.
    assert!((figures.psnr - 20.0 * 25.5f64.log10()).abs() < 1e-9, "{}", figures.psnr);
    assert_eq!((figures.changed, figures.latent_rmse), (1.0, None));
    let same = Figures::of(&a, &a).unwrap();
    assert_eq!((rate_psnr(same.psnr), rate_ssim(same.ssim), same.changed), (Rating::Same, Rating::Same, 0.0));
    let step = item(&finished(1, 4), Source::Step(1, 1));
    assert!(Figures::of(&a, &step).is_err() && heat(&a.pixels, &step.pixels, 0.25).is_none());
    let map = heat(&a.pixels, &b.pixels, 0.25).unwrap();
    assert_eq!((map.width, map.height), (12, 12));
}

#[test]
fn latents_are_compared_where_both_have_them() {
    let with = |values: &[f32]| {
        let mut run = finished(1, 4);
        run.latents = Some(values.into());
        item(&run, Source::Run(1))
    };
    let rmse = |a: &[f32], b: &[f32]| Figures::of(&with(a), &with(b)).unwrap().latent_rmse;
    assert_eq!(rmse(&[0.0, 2.0], &[0.0, 0.0]), Some(2.0f64.sqrt()));
    assert_eq!(rmse(&[0.0, 2.0], &[0.0]), None, "another size");
}
