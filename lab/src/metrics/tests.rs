use super::*;
use proptest::prelude::*;

fn picture(width: u32, height: u32) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), (4 * width * height) as usize)
}

fn sized() -> impl Strategy<Value = (u32, u32, Vec<u8>, Vec<u8>)> {
    (1u32..20, 1u32..20).prop_flat_map(|(w, h)| (Just(w), Just(h), picture(w, h), picture(w, h)))
}

/// SSIM as its definition reads, one window after the other.
fn ssim_by_definition(a: &[f64], b: &[f64], width: usize, height: usize) -> f64 {
    let weight = |i: usize, j: usize| (-((i as f64 - 5.0).powi(2) + (j as f64 - 5.0).powi(2)) / 4.5).exp();
    let total: f64 = (0..121).map(|k| weight(k % 11, k / 11)).sum();
    let mut sum = 0.0;
    for y in 0..=height - 11 {
        for x in 0..=width - 11 {
            let mean = |f: &dyn Fn(usize) -> f64| -> f64 {
                (0..121).map(|k| weight(k % 11, k / 11) / total * f((y + k / 11) * width + x + k % 11)).sum()
            };
            let (ma, mb) = (mean(&|i| a[i]), mean(&|i| b[i]));
            let va = mean(&|i| (a[i] - ma).powi(2));
            let vb = mean(&|i| (b[i] - mb).powi(2));
            let cov = mean(&|i| (a[i] - ma) * (b[i] - mb));
            sum += (2.0 * ma * mb + 1e-4) * (2.0 * cov + 9e-4) / ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4));
        }
    }
    sum / ((width - 10) * (height - 10)) as f64
}

proptest! {
    #[test]
    fn distances_are_symmetric_and_zero_only_for_equals((w, h, a, b) in sized()) {
        let (x, y) = (Rgba::new(w, h, &a).unwrap(), Rgba::new(w, h, &b).unwrap());
        prop_assert_eq!(mse(x, y).unwrap(), mse(y, x).unwrap());
        prop_assert_eq!(mse(x, x).unwrap(), 0.0);
        prop_assert_eq!(psnr(x, x).unwrap(), f64::INFINITY);
        let same = x.pixels().eq(y.pixels());
        prop_assert_eq!(mse(x, y).unwrap() == 0.0, same);
        prop_assert!((0.0..=1.0).contains(&mse(x, y).unwrap()));
        for channels in [Channels::Luma, Channels::Rgb] {
            let s = ssim(x, y, channels).unwrap();
            prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&s), "{}", s);
            prop_assert!((s - ssim(y, x, channels).unwrap()).abs() < 1e-9);
            prop_assert!((ssim(x, x, channels).unwrap() - 1.0).abs() < 1e-9);
        }
        let share = changed_share(x, y, JUST_NOTICEABLE).unwrap();
        prop_assert!(share >= changed_share(x, y, 0.1).unwrap() && share <= 1.0);
        prop_assert_eq!(heat_map(x, y, 0.25).unwrap().len(), a.len());
    }

    #[test]
    fn ssim_is_what_its_definition_says((a, b) in (picture(14, 12), picture(14, 12))) {
        let grey = |bytes: &[u8]| bytes.chunks_exact(4).flat_map(|p| [p[0], p[0], p[0], 255]).collect::<Vec<u8>>();
        let (a, b) = (grey(&a), grey(&b));
        let plane = |bytes: &[u8]| bytes.chunks_exact(4).map(|p| f64::from(p[0]) / 255.0).collect::<Vec<f64>>();
        let want = ssim_by_definition(&plane(&a), &plane(&b), 14, 12);
        let (a, b) = (Rgba::new(14, 12, &a).unwrap(), Rgba::new(14, 12, &b).unwrap());
        for channels in [Channels::Luma, Channels::Rgb] {
            prop_assert!((ssim(a, b, channels).unwrap() - want).abs() < 1e-9);
        }
    }

    #[test]
    fn oklab_goes_there_and_back(rgb in any::<[u8; 3]>()) {
        prop_assert_eq!(colour::srgb(oklab(rgb)), rgb);
    }
}

#[test]
fn known_values() {
    assert_eq!(latent_rmse(&[1.0, 2.0], &[1.0, 4.0]).unwrap(), 2f64.sqrt());
    let (black, white) = ([0, 0, 0, 255].repeat(4), [255; 16]);
    let (black, white) = (Rgba::new(2, 2, &black).unwrap(), Rgba::new(2, 2, &white).unwrap());
    assert_eq!((mse(black, white).unwrap(), psnr(black, white).unwrap()), (1.0, 0.0));
    assert_eq!(changed_share(black, white, 0.5).unwrap(), 1.0);
    let grey = [128, 128, 128, 0].repeat(4);
    let near = [129, 129, 129, 255].repeat(4);
    let (grey, near) = (Rgba::new(2, 2, &grey).unwrap(), Rgba::new(2, 2, &near).unwrap());
    assert!((psnr(grey, near).unwrap() - 48.1308).abs() < 1e-3);
    assert_eq!(changed_share(grey, near, JUST_NOTICEABLE).unwrap(), 0.0, "one level of grey is not seen");
    let [l, a, b] = oklab([255, 255, 255]);
    assert!((l - 1.0).abs() < 1e-6 && a.abs() < 1e-6 && b.abs() < 1e-6);
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Rgba::new(2, 2, &[0; 15]).unwrap_err().to_string().contains("which has 16"));
    assert!(Rgba::new(0, 2, &[]).is_err());
    let bytes = [0; 16];
    let (wide, tall) = (Rgba::new(4, 1, &bytes).unwrap(), Rgba::new(1, 4, &bytes).unwrap());
    assert!(mse(wide, tall).unwrap_err().to_string().contains("4x1"));
    assert!(latent_rmse(&[], &[]).is_err() && latent_rmse(&[1.0], &[1.0, 2.0]).is_err());
}

#[test]
fn heat_gets_lighter_all_the_way() {
    let lightness: Vec<f64> = (0..=100).map(|i| oklab(colour_of(f64::from(i) / 100.0))[0]).collect();
    assert!(lightness.windows(2).all(|w| w[1] > w[0]), "{lightness:?}");
    assert!(lightness[0] < 0.2 && lightness[100] > 0.9);
}

#[test]
fn the_knee_moves_with_the_range_which_is_why_it_is_not_the_answer() {
    let knee_of = |to: u32| {
        let points: Vec<_> = (5..=to).map(|n| (f64::from(n), 1.0 / f64::from(n))).collect();
        points[knee(&points).unwrap()].0
    };
    assert_eq!((knee_of(50), knee_of(100)), (16.0, 22.0));
    assert_eq!(knee(&[(1.0, 1.0), (2.0, 0.5), (3.0, 0.0)]), None, "a straight line has none");
    assert_eq!(knee(&[(1.0, 1.0), (2.0, 0.1)]), None);
    assert_eq!(knee(&[(1.0, 1.0), (2.0, f64::NAN), (4.0, 1.0)]), None);
}
