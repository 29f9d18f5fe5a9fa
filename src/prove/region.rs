//! Parts of all requests, as guarantees name them.

use super::hosts::covers;
use crate::engine::Principal;
use crate::engine::path::{Readings, readings};
use crate::engine::source::{Source, SourcePattern, SourcePatternError};
use crate::jwt::Claims;
use crate::policy::path_pattern::{PathPattern, PathPatternError};
use crate::policy::{self, IdentityMatch};

/// Requests for which everything holds that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Area {
    /// Hostnames in canonical form, any of them: exact, `*.suffix` or `*`.
    pub hosts: Option<Vec<String>>,
    /// Workloads, any of them, as `namespace/service-account`: those that the direct peer is, or
    /// that a trusted peer speaks for.
    pub workloads: Option<Vec<String>>,
    /// Patterns over the claims of the token, any of them.
    pub tokens: Option<Vec<policy::Principal>>,
    /// Methods, any of them.
    pub methods: Option<Vec<String>>,
    /// Path patterns, any of them. A path is in the area as soon as one of its readings is.
    pub paths: Option<Vec<String>>,
}

/// Requests of one area that are not in another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Region {
    /// The one.
    pub area: Area,
    /// The other.
    pub except: Option<Area>,
}

/// An area as it is compared with requests.
#[derive(Debug)]
pub(super) struct Compiled<'a> {
    pub(super) area: &'a Area,
    pub(super) tokens: Option<Vec<Principal>>,
    sources: Option<Vec<SourcePattern>>,
    paths: Option<Vec<PathPattern>>,
}

/// A pattern of an area that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// Of workloads.
    #[error(transparent)]
    Source(#[from] SourcePatternError),
    /// Of paths.
    #[error("a path pattern is refused: {0}")]
    Path(#[from] PathPatternError),
}

impl Area {
    /// Whether it is about a host.
    pub(super) fn has_host(&self, host: &str) -> bool {
        let covered = |hosts: &Vec<String>| hosts.iter().any(|name| covers(name, host));
        self.hosts.as_ref().is_none_or(covered)
    }
}

impl Region {
    /// The hostnames that it names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let areas = std::iter::once(&self.area).chain(&self.except);
        areas.filter_map(|area| area.hosts.as_ref()).flatten().map(String::as_str)
    }
}

impl<'a> Compiled<'a> {
    /// Compiles an area.
    ///
    /// # Errors
    /// When a workload or a path pattern of it is none.
    pub(super) fn new(area: &'a Area) -> Result<Self, RegionError> {
        let source = |text: &String| SourcePattern::parse(text);
        let sources = area.workloads.as_ref().map(|all| all.iter().map(source).collect());
        let path = |text: &String| PathPattern::parse(text);
        let paths = area.paths.as_ref().map(|all| all.iter().map(path).collect());
        let tokens = area.tokens.as_ref().map(|all| all.iter().map(Principal::new).collect());
        Ok(Self { area, tokens, sources: sources.transpose()?, paths: paths.transpose()? })
    }

    /// Whether it is about whoever has this token, if any, and stands behind a request so.
    pub(super) fn has_caller(&self, claims: Option<&Claims>, source: Option<&Source>) -> bool {
        let is_token = |all: &Vec<Principal>| {
            claims.is_some_and(|claims| all.iter().any(|it| it.matches(claims)))
        };
        let is_source = |all: &Vec<SourcePattern>| {
            let mut workloads =
                source.into_iter().flat_map(|it| it.identities(IdentityMatch::Permissive));
            workloads.any(|workload| all.iter().any(|pattern| pattern.matches(workload)))
        };
        self.tokens.as_ref().is_none_or(is_token) && self.sources.as_ref().is_none_or(is_source)
    }

    /// Whether it is about a method.
    pub(super) fn has_method(&self, method: &str) -> bool {
        let methods = self.area.methods.as_ref();
        methods.is_none_or(|all| all.iter().any(|it| it == method))
    }

    /// Whether it is about a path in one of its readings.
    fn has_reading(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|all| all.iter().any(|it| it.matches(path)))
    }

    /// Whether one reading of a path is in here, and not in what is left out. A path that nobody can
    /// read is, where no pattern decides.
    pub(super) fn has_path(&self, path: Option<&str>, except: Option<&Self>) -> bool {
        let is_in = |path: &str| {
            self.has_reading(path) && !except.is_some_and(|except| except.has_reading(path))
        };
        match readings(path.unwrap_or_default().as_bytes()) {
            Ok(Readings::One(path)) => is_in(path),
            Ok(Readings::Several(all)) => all.iter().any(|path| is_in(path)),
            Err(_) => self.paths.is_none() && except.is_none_or(|except| except.paths.is_some()),
        }
    }
}
