//! The prover against the engine on pairs of policies made by chance, over every request of a small
//! world (`fuzz/src/prove.rs`): what it calls proved holds, what it shows was decided so, and how
//! often it could not tell.

use crate::numbers::Numbers;
use crate::targets::prove::{Compared, mutation, pair};

/// Pairs that are tried where `FULL` is set, and where it is not.
const PAIRS: [usize; 2] = [8_000, 250];
/// Changes of one rule, likewise.
const CHANGES: [usize; 2] = [4_500, 60];
/// How many bytes make a pair.
const CHOICES: usize = 160;

#[test]
fn what_is_proved_holds_for_every_request_of_a_small_world() {
    let pairs = PAIRS[usize::from(!is_full())];
    let mut numbers = Numbers::new(17);
    let all: Vec<Compared> = (0..pairs).map(|_| pair(&numbers.bytes(CHOICES))).collect();
    println!("| patterns | pairs | differ | shown | undecided |");
    for plain in [true, false] {
        let of_kind: Vec<_> = all.iter().filter(|it| it.plain == plain).collect();
        let count = |is: fn(&Compared) -> bool| of_kind.iter().filter(|it| is(it)).count();
        let (differ, shown) = (count(|it| it.differs), count(|it| it.shown));
        let undecided = count(|it| it.undecided);
        let kind = if plain { "plain" } else { "ambiguous" };
        println!("| {kind} | {} | {differ} | {shown} | {undecided} |", of_kind.len());
        // Where the world holds a request that tells them apart, the prover never says that they are
        // equal; with plain patterns it always shows one.
        if plain {
            assert_eq!(undecided, 0);
            assert!(of_kind.iter().all(|it| !it.differs || it.shown));
        }
        assert!(undecided * 10 < of_kind.len(), "{undecided} of {}", of_kind.len());
    }
}

/// One rule of a policy that is changed: where a request of the small world is decided otherwise, the
/// policies are never equal, nor is the new one narrower where it admits more.
#[test]
fn every_change_of_one_rule_is_found() {
    let changes = CHANGES[usize::from(!is_full())];
    let mut numbers = Numbers::new(18);
    let all: Vec<Compared> = (0..changes).map(|_| mutation(&numbers.bytes(CHOICES))).collect();
    let real: Vec<_> = all.iter().filter(|it| it.differs).collect();
    let shown = real.iter().filter(|it| it.shown).count();
    let undecided = real.iter().filter(|it| it.undecided).count();
    println!(
        "{changes} changes, {} of them real: {shown} shown, {undecided} undecided",
        real.len()
    );
    assert!(real.iter().all(|it| it.shown || it.undecided));
    assert!(real.len() * 3 > changes, "{} of {changes} change something", real.len());
}

fn is_full() -> bool {
    std::env::var_os("FULL").is_some_and(|value| !value.is_empty())
}
