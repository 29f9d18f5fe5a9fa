//! The shortest path that still fails.

/// How often a path is tried at most.
const TRIES: usize = 3_000;

/// Leaves out parts of a path as long as it goes on failing.
pub fn shortest(path: &[u8], mut fails: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut best = tokens(path);
    let mut tries = 0;
    let mut size = best.len() / 2;
    while size > 0 {
        let (mut at, mut shorter) = (0, false);
        while at + size <= best.len() && tries < TRIES {
            let without = [&best[..at], &best[at + size..]].concat();
            tries += 1;
            if without.first() == Some(&&b"/"[..]) && fails(&without.concat()) {
                best = without;
                shorter = true;
            } else {
                at += 1;
            }
        }
        size = if shorter { size.min(best.len()) } else { size / 2 };
    }
    best.concat()
}

/// Escapes, words and single characters.
fn tokens(mut path: &[u8]) -> Vec<&[u8]> {
    let mut tokens = Vec::new();
    while let [first, ..] = path {
        let word = path.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let length = if *first == b'%' { path.len().min(3) } else { word.max(1) };
        let (token, rest) = path.split_at(length);
        tokens.push(token);
        path = rest;
    }
    tokens
}
