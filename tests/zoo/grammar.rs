//! Paths, made from seeds: the bypass catalogue and the walks of a small grammar, and mutations of
//! both. Some of them try to leave what the policy admits, and others stay near its edge.

use fastrand::Rng;

use super::catalogue::{Attack, rows};
use super::policies::Policy;

/// What stands between segments.
const SLASHES: &str = "/ / / / / / / // %2f %2F %5c \\ %252f %25252f /./ ;/ ;x=1/ %3b/ ;%2f %2f%2f \
                       %253b%2f %25%32%66 %5C %255c ;%5c";
/// Segments that go up.
const CLIMBS: &str = ".. .. .. ..; ..;x %2e%2e .%2e %2e. %252e%252e %2e%2e;";
/// Segments that seem to, and may for somebody.
const STRANGE_CLIMBS: &str =
    "..%3b ..%3bx=y ..%00 ..%09 ... ..%20 %2e%2e%3b ..%253b ..%5c.. ..\\ ..%2f.. ..%ff %2%65%2e";
/// Segments that stay where they are.
const NAMES: &str = "x y 42 a a x secret public x.json . x;y x;v=1;w=2 ;x ; a%20b caf%c3%a9 x%3dy \
                     %40scope a+b a,b $value k%27v x%3by 100%25 %78 a%2eb %41 ~u a:b x%26y ...";
/// Characters that end a path for some.
const CUTS: &str = "%3f %23 %253f %2523 %3F ? ?x=/../admin %3fx=y";
/// What nothing should let pass.
const BROKEN: &str = "%00 %0a %0d%0a %c0%af %e0%80%af %c0%ae %u002f %zz %";
/// What follows the name of something that is not admitted.
const BEHIND: &[&str] = &["", "/x", "/x", "/x", "/a/x", "/", ";x", "/;x"];

/// Where paths come from.
pub struct Grammar {
    /// Targets of the catalogue for `/v1/payments/*`.
    seeds: Vec<String>,
    slashes: Vec<&'static str>,
    climbs: Vec<&'static str>,
    strange_climbs: Vec<&'static str>,
    names: Vec<&'static str>,
    cuts: Vec<&'static str>,
    broken: Vec<&'static str>,
}

impl Grammar {
    /// The grammar with the seeds of the catalogue.
    pub fn new() -> Self {
        let target = |attack: Attack| match attack {
            Attack::Http1(bytes) => {
                let text = String::from_utf8(bytes).ok()?;
                text.split(' ').nth(1).map(ToOwned::to_owned)
            }
            Attack::Http2(..) => None,
        };
        let paths = rows().into_iter().filter(|row| row.class == "Paths");
        let seeds: Vec<String> = paths.filter_map(|row| target(row.request)).collect();
        assert!(seeds.len() > 20, "the catalogue has lost its paths");
        let words = |text: &'static str| text.split_whitespace().collect();
        Self {
            seeds,
            slashes: words(SLASHES),
            climbs: words(CLIMBS),
            strange_climbs: words(STRANGE_CLIMBS),
            names: words(NAMES),
            cuts: words(CUTS),
            broken: words(BROKEN),
        }
    }

    /// A path for a policy.
    pub fn path(&self, random: &mut Rng, policy: &Policy) -> Vec<u8> {
        let path = match random.u8(0..100) {
            0..55 => self.near(random, policy),
            55..80 => self.out(random, policy),
            _ => self.seed(random, policy),
        };
        let mut path = path.into_bytes();
        for _ in 0..random.usize(0..3) {
            self.mutate(random, &mut path);
        }
        path.retain(|byte| *byte > b' ' && *byte < 0x7f);
        path
    }

    /// A seed, with the policy's own folders for those of the catalogue.
    fn seed(&self, random: &mut Rng, policy: &Policy) -> String {
        let seed = &self.seeds[random.usize(0..self.seeds.len())];
        let outside = any(random, policy.outside);
        let seed = seed.replace("/v1/payments/", any(random, policy.inside));
        seed.replace("v1/admin", outside).replace("admin", outside)
    }

    /// A path that stays below what is admitted, read in the plainest way.
    fn near(&self, random: &mut Rng, policy: &Policy) -> String {
        let mut path = any(random, policy.inside).to_owned();
        let mut depth = 0;
        for _ in 0..random.usize(1..5) {
            if depth > 0 && random.u8(0..4) == 0 {
                path += any(random, &self.climbs);
                depth -= 1;
            } else {
                path += any(random, &self.names);
                depth += 1;
            }
            path += any(random, &self.slashes);
        }
        path += any(random, &self.names);
        if random.u8(0..8) == 0 {
            path += any(random, &self.cuts);
        }
        path + any(random, policy.ends)
    }

    /// A path that climbs out of it, and on to something else.
    fn out(&self, random: &mut Rng, policy: &Policy) -> String {
        let mut path = any(random, policy.inside).to_owned();
        let down = random.usize(0..3);
        for _ in 0..down {
            path += any(random, &self.names);
            path += any(random, &self.slashes);
        }
        // Just as far as it takes, or any distance.
        let far = path.matches('/').count().saturating_sub(1);
        let exact = random.bool();
        for _ in 0..if exact { far } else { random.usize(1..far + 3) } {
            let strange = !exact && random.u8(0..3) == 0;
            path += any(random, if strange { &self.strange_climbs } else { &self.climbs });
            path += if exact && random.bool() { "/" } else { any(random, &self.slashes) };
        }
        path += any(random, policy.outside);
        path += any(random, BEHIND);
        match random.u8(0..6) {
            0 => path += any(random, &self.cuts),
            1 => path += any(random, &self.broken),
            _ => {}
        }
        if random.bool() {
            path += any(random, policy.ends);
        }
        path
    }

    /// One small change.
    fn mutate(&self, random: &mut Rng, path: &mut Vec<u8>) {
        let at = random.usize(1..=path.len().max(1)).min(path.len());
        let inserted = match random.u8(0..8) {
            0 => any(random, &self.slashes),
            1 => any(random, &self.climbs),
            2 => any(random, &self.cuts),
            3 => any(random, &self.names),
            4 if at < path.len() => {
                let end = (at + random.usize(1..5)).min(path.len());
                path.drain(at..end);
                ""
            }
            5 if at < path.len() => {
                let end = (at + random.usize(1..8)).min(path.len());
                let copy = path[at..end].to_vec();
                path.splice(at..at, copy);
                ""
            }
            // One character is escaped, perhaps the `%` of another escape.
            _ if at < path.len() => {
                let escape = format!("%{:02x}", path[at]);
                path.splice(at..=at, escape.into_bytes());
                ""
            }
            _ => "",
        };
        path.splice(at..at, inserted.bytes());
    }
}

fn any<'a>(random: &mut Rng, of: &[&'a str]) -> &'a str {
    of[random.usize(0..of.len())]
}
