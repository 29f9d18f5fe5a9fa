//! Methods and paths that tell rules apart.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexSet;

use super::effective::Atom;
use super::parts::Part;
use super::stand_in::{free_method, free_path, free_segment};
use crate::policy::path_pattern::PathPattern;

/// Methods and paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Operations {
    /// As [`super::Requests::methods`].
    pub(crate) methods: Vec<String>,
    /// As [`super::Requests::other_method`].
    pub(crate) other_method: String,
    /// As [`super::Requests::paths`].
    pub(crate) paths: Vec<String>,
    /// As [`super::Requests::patterns`].
    pub(crate) patterns: BTreeMap<String, BTreeSet<usize>>,
}

/// What stands for all that rules do not name.
pub(super) struct OperationStandIns {
    method: String,
    path: String,
    /// What fills open places of patterns.
    segment: String,
}

impl OperationStandIns {
    pub(super) fn new(whole: &Part<'_>) -> Self {
        let paths = compiled(&whole.named_paths());
        Self {
            method: free_method(&whole.named_methods()),
            path: free_path(&paths),
            segment: free_segment(&paths),
        }
    }
}

impl Operations {
    /// Those that all of these name, with what stands for the rest.
    pub(crate) fn of(atoms: &[&Atom<'_>]) -> Self {
        let part = Part::of(atoms.iter().copied());
        Self::made(&part, &OperationStandIns::new(&part), true)
    }

    /// Those that a part of the rules names, with what stands for the rest where it admits that
    /// as well, or where `others` are wanted.
    pub(super) fn made(part: &Part<'_>, stand_ins: &OperationStandIns, others: bool) -> Self {
        let mut methods = part.named_methods();
        if others || part.methods.contains(&None) {
            methods.insert(&stand_ins.method);
        }
        let others = others || part.paths.contains(&None);
        let (paths, patterns) = paths(&part.named_paths(), stand_ins, others);
        Self {
            methods: methods.into_iter().map(str::to_owned).collect(),
            other_method: stand_ins.method.clone(),
            paths,
            patterns,
        }
    }
}

fn compiled<'p>(patterns: &BTreeSet<&'p str>) -> Vec<(&'p str, PathPattern)> {
    let compile = |text: &&'p str| Some((*text, PathPattern::parse(text).ok()?));
    patterns.iter().filter_map(compile).collect()
}

/// Paths that the patterns match, each with nothing, one segment and two where a pattern is open,
/// and where `others` are wanted one that none matches; with the positions of those of every
/// pattern.
fn paths(
    patterns: &BTreeSet<&str>,
    stand_ins: &OperationStandIns,
    others: bool,
) -> (Vec<String>, BTreeMap<String, BTreeSet<usize>>) {
    let mut paths: IndexSet<_> = others.then(|| stand_ins.path.clone()).into_iter().collect();
    let mut positions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let one = &stand_ins.segment;
    for (pattern, compiled) in compiled(patterns) {
        for filling in ["", one, &format!("{one}/y")] {
            let path = fill(pattern, one, filling);
            if path.starts_with('/') && compiled.matches(&path) {
                let (position, _) = paths.insert_full(path);
                positions.entry(pattern.to_owned()).or_default().insert(position);
            }
        }
    }
    (paths.into_iter().collect(), positions)
}

/// A pattern with its open places filled; `one` is a segment.
fn fill(pattern: &str, one: &str, filling: &str) -> String {
    let mut segments = Vec::new();
    for segment in pattern.split('/') {
        match segment {
            "{*}" => segments.push(one.to_owned()),
            // Zero segments.
            "{**}" if filling.is_empty() => {}
            "{**}" => segments.push(filling.to_owned()),
            other => segments.push(other.replace("**", "*").replace('*', filling)),
        }
    }
    let path = segments.join("/");
    match path.starts_with('/') {
        true => path,
        false => format!("/{path}"),
    }
}
