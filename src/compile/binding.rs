//! What kind of token counts, and in whose hands.

use std::collections::BTreeMap;

use super::Compiler;
use crate::jwt::canonical_type;
use crate::policy::{CertificateBound, WorkloadBound};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{JwtRule, Text};
use crate::resource::source::Origin;

/// The type of access tokens (RFC 9068, section 2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// What a JWT rule says of kind and holder, compiled.
#[derive(Debug)]
pub(super) struct Bound {
    pub token_types: Option<Vec<String>>,
    pub certificate: CertificateBound,
    pub workload: Option<WorkloadBound>,
}

/// What the JWT rules of a Gateway say of the holder of a token, and of its type.
#[derive(Debug, Default)]
pub(super) struct Holders<'a> {
    /// The first JWT rule.
    first: Option<Origin>,
    /// Whether any says whether tokens are bound; that they are not may be said, too.
    said: bool,
    /// The issuers that send access tokens of a type of their own, as a JWT rule says.
    typed: BTreeMap<&'a str, Text<'a>>,
    /// The first JWT rule of each issuer that takes tokens of any type.
    untyped: BTreeMap<&'a str, Origin>,
}

impl Holders<'_> {
    /// The first JWT rule where none says whether tokens are bound.
    pub(super) fn unbound(&self) -> Option<Origin> {
        self.first.clone().filter(|_| !self.said)
    }
}

impl<'a> Compiler<'a, '_> {
    /// Compiles what a JWT rule says of kind and holder.
    pub(super) fn bound(&mut self, rule: JwtRule<'a>) -> Bound {
        let certificate = rule.certificate_bound().map(|word| word.text);
        let workload = rule.workload_bound().and_then(|word| match word.text {
            "spiffe" => Some((WorkloadBound::Spiffe, word)),
            "kubernetes" => Some((WorkloadBound::Kubernetes, word)),
            _ => None,
        });
        if let Some((WorkloadBound::Spiffe, word)) = workload
            && rule.audiences().next().is_none()
        {
            self.error(
                word.node,
                "tokens that are SVIDs are for an audience, and `audiences` lists none",
                "list what `aud` must hold in `audiences`: an SVID for another service is not one \
                 for this gateway",
            );
        }
        let token_types = rule.token_types().map(|types| types.collect::<Vec<_>>());
        for written in token_types.iter().flatten() {
            self.check_type(*written);
        }
        self.note_holder(rule);
        let token_types = token_types
            .map(|types| types.into_iter().map(|it| canonical_type(it.text)).collect::<Vec<_>>());
        self.note_type(rule, token_types.as_deref());
        Bound {
            token_types,
            certificate: match certificate {
                Some("ifPresent") => CertificateBound::IfPresent,
                Some("required") => CertificateBound::Required,
                _ => CertificateBound::Ignored,
            },
            workload: workload.map(|(bound, _)| bound),
        }
    }

    /// A type is a media type, perhaps without `application/` (RFC 7515, section 4.1.9).
    fn check_type(&mut self, written: Text<'a>) {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
        let type_name = canonical_type(written.text);
        if !type_name.bytes().all(in_name) || type_name == "application/" {
            self.error(
                written.node,
                format!("`{}` is no type of tokens", written.text.escape_debug()),
                "write what stands as `typ` in the header of a token, such as `at+jwt`",
            );
        }
    }

    fn note_holder(&mut self, rule: JwtRule<'a>) {
        let place = rule.issuer().map_or(rule.0, |issuer| issuer.node);
        self.holders.first.get_or_insert_with(|| self.place.origin(place));
        self.holders.said |= rule.certificate_bound().is_some() || rule.workload_bound().is_some();
    }

    fn note_type(&mut self, rule: JwtRule<'a>, types: Option<&[String]>) {
        let Some(issuer) = rule.issuer() else { return };
        match types {
            None => {
                let origin = self.place.origin(issuer.node);
                self.holders.untyped.entry(issuer.text).or_insert(origin);
            }
            Some(types) if types.iter().all(|it| it == ACCESS_TOKEN) => {
                self.holders.typed.entry(issuer.text).or_insert(issuer);
            }
            Some(_) => {}
        }
    }

    /// Proposes the type of access tokens where the documents say that the issuer sends it.
    pub(super) fn propose_types(&mut self) {
        let holders = std::mem::take(&mut self.holders);
        for (issuer, typed) in &holders.typed {
            let Some(origin) = holders.untyped.get(issuer) else { continue };
            let message = format!(
                "`{}` sends access tokens as `{ACCESS_TOKEN}`, and here its tokens of any type count",
                issuer.escape_debug()
            );
            self.report(
                Diagnostic::note(message)
                    .at(origin)
                    .related(typed.node.span(), "this JWT rule says so")
                    .hint("write `tokenTypes: [at+jwt]` here too: an ID token is not meant to open anything"),
            );
        }
        self.holders = holders;
    }
}
