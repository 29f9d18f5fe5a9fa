//! The prover against the engine on pairs of policies made by chance, over every request of a small
//! world (`fuzz/src/prove.rs`): what it calls proved holds, what it shows was decided so, and how
//! often it could not tell.

use crate::targets::prove::{Compared, pair};

/// Pairs that are tried where `FULL` is set, and where it is not.
const PAIRS: [usize; 2] = [8_000, 250];
/// How many bytes make a pair.
const CHOICES: usize = 160;

/// Numbers that look like chance, and are the same in every run (Steele, Lea and Flood, Fast
/// splittable pseudorandom number generators, OOPSLA 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..CHOICES).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

#[test]
fn what_is_proved_holds_for_every_request_of_a_small_world() {
    let full = std::env::var_os("FULL").is_some_and(|value| !value.is_empty());
    let pairs = PAIRS[usize::from(!full)];
    let mut numbers = Numbers(17);
    let all: Vec<Compared> = (0..pairs).map(|_| pair(&numbers.bytes())).collect();
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
