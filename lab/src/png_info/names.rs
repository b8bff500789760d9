//! Samplers by the names of other programs.

use protocol::SchedulerKind as Kind;

/// Names in small letters without anything but letters, digits and `+`.
const SAMPLERS: &[(&str, Kind)] = &[
    ("euler", Kind::Euler),
    ("eulera", Kind::EulerA),
    ("eulerancestral", Kind::EulerA),
    ("ddim", Kind::Ddim),
    ("dpm++2m", Kind::DpmPp2M),
    ("dpmpp2m", Kind::DpmPp2M),
    ("heun", Kind::Heun),
    ("plms", Kind::Pndm),
    ("pndm", Kind::Pndm),
    ("lms", Kind::Lms),
    ("dpm2", Kind::Dpm2),
    ("kdpm2", Kind::Dpm2),
    ("dpm2a", Kind::Dpm2A),
    ("dpm2ancestral", Kind::Dpm2A),
    ("kdpm2a", Kind::Dpm2A),
    ("dpm++2msde", Kind::DpmPp2MSde),
    ("dpmpp2msde", Kind::DpmPp2MSde),
    ("dpmpp2msdegpu", Kind::DpmPp2MSde),
    ("dpm++sde", Kind::DpmPpSde),
    ("dpmppsde", Kind::DpmPpSde),
    ("dpmppsdegpu", Kind::DpmPpSde),
    ("unipc", Kind::UniPc),
    ("unipcbh2", Kind::UniPc),
    ("deis", Kind::Deis),
    ("lcm", Kind::Lcm),
    ("tcd", Kind::Tcd),
];

/// Spacings that every program has as its plain one.
const PLAIN: &[&str] = &["", "automatic", "uniform", "normal", "discrete", "ddimuniform", "ddim"];

/// The sampler of a name and a schedule, and whether the schedule is ours as well. Old files have both in one name:
/// `DPM++ 2M Karras`, `dpmpp_2m_k`.
pub fn sampler(name: &str, schedule: &str) -> Option<(Kind, bool)> {
    let (mut name, mut schedule) = (plain(name), plain(schedule));
    let known = |name: &str| SAMPLERS.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind);
    if known(&name).is_none() {
        for (suffix, means) in [("karras", "karras"), ("exponential", "exponential"), ("k", "karras")] {
            if let Some(base) = name.strip_suffix(suffix).filter(|base| known(base).is_some()) {
                (name, schedule) = (base.to_owned(), means.to_owned());
                break;
            }
        }
    }
    match (known(&name)?, schedule.as_str()) {
        (Kind::DpmPp2M, "karras") => Some((Kind::DpmPp2MKarras, true)),
        (kind, schedule) => Some((kind, PLAIN.contains(&schedule))),
    }
}

fn plain(name: &str) -> String {
    name.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '+').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::SAMPLERS as WRITTEN;

    #[test]
    fn every_name_that_is_written_is_read() {
        for (kind, name, schedule) in WRITTEN {
            assert_eq!(sampler(name, schedule), Some((*kind, true)), "{name}");
        }
    }

    #[test]
    fn old_and_foreign_names_are_known() {
        for (name, schedule, kind, whole) in [
            ("DPM++ 2M Karras", "", Kind::DpmPp2MKarras, true),
            ("dpmpp_2m", "karras", Kind::DpmPp2MKarras, true),
            ("dpmpp_2m_k", "", Kind::DpmPp2MKarras, true),
            ("Euler", "Karras", Kind::Euler, false),
            ("euler_k", "", Kind::Euler, false),
            ("uni_pc_bh2", "simple", Kind::UniPc, false),
            ("euler_ancestral", "normal", Kind::EulerA, true),
        ] {
            assert_eq!(sampler(name, schedule), Some((kind, whole)), "{name} {schedule}");
        }
        assert_eq!(sampler("dpm_adaptive", "karras"), None);
        assert_eq!(sampler("", ""), None);
    }
}
