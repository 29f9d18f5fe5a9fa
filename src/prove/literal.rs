//! Paths that a policy admits and nobody can make use of: whoever sends one, servers may read another
//! path, too.
//!
//! A path of which one reading is some path has all readings of that path as well, since readings are
//! closed under what makes them ([`crate::engine::path`]). So where a pattern without wildcards has
//! a reading that nobody is admitted but those whom the other policy admits the pattern's own path,
//! that the other policy does not admit it to all others makes no difference.

use super::side::Atom;
use super::tables::Tables;
use crate::engine::path::{Readings, readings};
use crate::policy::path_pattern::PathPattern;

/// Whether a pattern matches itself alone.
pub fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '{'])
}

/// Whether a path has another reading that `admits_too` is true of for everyone whom these atoms admit
/// it for a method.
pub fn is_read_otherwise(
    path: &str,
    method: &str,
    atoms: &[Atom],
    tables: &Tables<'_>,
    mut admits_too: impl FnMut(&Atom) -> bool,
) -> bool {
    let Ok(Readings::Several(all)) = readings(path.as_bytes()) else { return false };
    all.iter().skip(1).any(|reading| {
        let mut admitting = atoms.iter().filter(|atom| admits(atom, method, reading, tables));
        admitting.all(&mut admits_too)
    })
}

fn admits(atom: &Atom, method: &str, path: &str, tables: &Tables<'_>) -> bool {
    let Some(number) = atom.operation else { return true };
    let Some(operation) = tables.operations.get(number) else { return true };
    let matches =
        |pattern: &String| PathPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(path));
    operation.methods.as_ref().is_none_or(|all| all.iter().any(|it| it == method))
        && operation.paths.as_ref().is_none_or(|all| all.iter().any(matches))
}
