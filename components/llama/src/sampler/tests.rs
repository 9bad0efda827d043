#![allow(clippy::unwrap_used, reason = "tests")]

use super::{Sampler, Sampling};

const WEIGHTS: [f32; 6] = [1.0, 3.0, 2.5, 3.0, -1.0, 2.0];

fn drawn(sampling: Sampling, times: usize) -> Vec<u32> {
    let mut sampler = Sampler::new(sampling);
    (0..times).map(|_| sampler.choose(&WEIGHTS, &[], &mut |_| true).unwrap().token).collect()
}

#[test]
fn temperature_zero_takes_the_first_of_the_likeliest() {
    let choice = Sampler::new(Sampling { temperature: 0.0, ..Sampling::default() })
        .choose(&WEIGHTS, &[], &mut |_| true)
        .unwrap();
    assert_eq!(choice.token, 1);
    let sum: f32 = WEIGHTS.iter().map(|weight| weight.exp()).sum();
    assert!((choice.logprob - (3.0_f32.exp() / sum).ln()).abs() < 1e-5);
}

#[test]
fn what_is_not_allowed_is_passed_over() {
    let mut sampler = Sampler::new(Sampling { temperature: 0.0, ..Sampling::default() });
    assert_eq!(sampler.choose(&WEIGHTS, &[], &mut |token| token >= 4).unwrap().token, 5);
    assert_eq!(sampler.choose(&WEIGHTS, &[], &mut |_| false), None);
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    let of = |seed| drawn(Sampling { seed, temperature: 1.0, ..Sampling::default() }, 100);
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn bounds_leave_out_the_unlikely() {
    let hot = Sampling { temperature: 100.0, top_p: 1.0, top_k: 0, ..Sampling::default() };
    let seen = |sampling: Sampling| {
        let mut tokens = drawn(sampling, 500);
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    };
    assert_eq!(seen(hot.clone()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(seen(Sampling { top_k: 3, ..hot.clone() }), [1, 2, 3]);
    assert_eq!(seen(Sampling { min_p: 0.5, ..hot.clone() }), [1, 2, 3]);
    // e^3 twice are 62 percent of the sum.
    assert_eq!(seen(Sampling { top_p: 0.5, ..hot }), [1, 3]);
}

#[test]
fn what_was_there_weighs_less() {
    let next = |sampling: Sampling, recent: &[u32]| {
        Sampler::new(Sampling { temperature: 0.0, ..sampling }).choose(&WEIGHTS, recent, &mut |_| true).unwrap().token
    };
    assert_eq!(next(Sampling { repetition: 2.0, ..Sampling::default() }, &[1]), 3);
    assert_eq!(next(Sampling { repetition: 2.0, ..Sampling::default() }, &[1, 3]), 2);
    assert_eq!(next(Sampling { presence: 0.6, ..Sampling::default() }, &[1, 3]), 2);
    assert_eq!(next(Sampling { frequency: 0.6, window: 1, ..Sampling::default() }, &[1, 3]), 1);
}

#[test]
fn numbers_without_meaning_are_refused() {
    for wrong in [
        Sampling { temperature: f32::NAN, ..Sampling::default() },
        Sampling { top_p: 1.5, ..Sampling::default() },
        Sampling { repetition: 0.0, ..Sampling::default() },
        Sampling { min_p: -0.1, ..Sampling::default() },
    ] {
        assert!(wrong.check().is_err());
    }
    assert_eq!(Sampling::default().check(), Ok(()));
}
