//! Whether whoever sends a token is the one that it was issued to.
//!
//! One certificate and one name count, never either of two: those of the direct peer or, where that
//! is trusted and speaks for another, those that it hands on. Nothing of it is remembered with a
//! token: the same token may come over another connection next.

use super::request::Request;
use super::source::{Identities, PeerCertificate, Spoken, Workload, spiffe_id};
use super::told;
use super::trace::Trace;
use crate::jwt::{Claims, Confirmation, Thumbprint, TokenError};
use crate::policy::{CertificateBound, JwtRule, WorkloadBound};

/// What stands before namespace and account in the subject of a token of Kubernetes.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// Claims of a token of Kubernetes about its service account (projected tokens).
const KUBERNETES: &str = "kubernetes.io";
/// The same in tokens that are kept as secrets.
const OF_SECRETS: [&str; 2] =
    ["kubernetes.io/serviceaccount/namespace", "kubernetes.io/serviceaccount/service-account.name"];

/// The certificate that a token has to come with, if any.
///
/// # Errors
/// When the rule asks for one and the token names none that can be compared.
fn wanted(
    bound: CertificateBound,
    confirmation: Confirmation,
) -> Result<Option<Thumbprint>, TokenError> {
    match (bound, confirmation) {
        (CertificateBound::Ignored, _) | (CertificateBound::IfPresent, Confirmation::Absent) => {
            Ok(None)
        }
        (_, Confirmation::Certificate(thumbprint)) => Ok(Some(thumbprint)),
        // A key of another kind is one that nobody here can ask for.
        (_, Confirmation::Absent | Confirmation::Other) => Err(TokenError::WrongHolder),
    }
}

/// Judges whether a token is held by whoever sends it, by one rule. The peer is looked at only where
/// that matters.
///
/// # Errors
/// When it is not.
pub(crate) fn judge(
    rule: &JwtRule,
    claims: &Claims,
    confirmation: Confirmation,
    identities: &Identities,
    peer: &dyn PeerCertificate,
    request: &Request<'_>,
    trace: &mut impl Trace,
) -> Result<(), TokenError> {
    let wanted = wanted(rule.certificate_bound, confirmation).inspect_err(|_| {
        trace.step(|| told::unbound(confirmation));
    })?;
    if wanted.is_none() && rule.workload_bound.is_none() {
        return Ok(());
    }
    let spoken = identities.spoken(peer, request);
    if spoken == Spoken::Unreadable {
        trace.step(|| told::unreadable().to_owned());
        return Err(TokenError::WrongHolder);
    }
    if let Some(wanted) = wanted {
        let digits = match &spoken {
            Spoken::Behind(element) => element.hash.clone().unwrap_or_default(),
            _ => peer.sha256(),
        };
        let shown = Thumbprint::from_hex(&digits);
        trace.step(|| told::certificate(wanted, shown, &spoken));
        if shown != Some(wanted) {
            return Err(TokenError::WrongHolder);
        }
    }
    if let Some(bound) = rule.workload_bound {
        let id = match &spoken {
            Spoken::Behind(element) => element.uri.clone().unwrap_or_default(),
            _ => peer.uri_sans(),
        };
        let is_workload = match bound {
            WorkloadBound::Spiffe => is_spiffe(claims, &id, identities.trust_domains()),
            WorkloadBound::Kubernetes => is_kubernetes(claims, &id, identities.trust_domains()),
        };
        trace
            .step(|| told::workload(is_workload, claims, &id, &spoken, identities.trust_domains()));
        if !is_workload {
            return Err(TokenError::WrongHolder);
        }
    }
    Ok(())
}

/// Whether the subject is the SPIFFE ID.
fn is_spiffe(claims: &Claims, id: &[u8], trust_domains: &[String]) -> bool {
    let id = spiffe_id(id, trust_domains);
    id.is_some() && id == claims.subject()
}

/// Whether the subject is the service account of the SPIFFE ID, and what the token says beside of
/// its service account is, too.
fn is_kubernetes(claims: &Claims, id: &[u8], trust_domains: &[String]) -> bool {
    let Some(workload) = Workload::from_spiffe_id(id, trust_domains) else { return false };
    let (namespace, account) = (workload.namespace(), workload.service_account());
    // No name of a workload holds a colon.
    let is_subject = claims
        .subject()
        .and_then(|subject| subject.strip_prefix(SERVICE_ACCOUNT)?.split_once(':'))
        .is_some_and(|subject| subject == (namespace, account));
    let of_secrets = OF_SECRETS.into_iter().zip([namespace, account]);
    is_subject
        && of_secrets
            .into_iter()
            .all(|(name, value)| claims.get(name).is_none_or(|it| it.as_str() == Some(value)))
        && claims.get(KUBERNETES).is_none_or(|said| agrees(said, namespace, account))
}

/// Whether `kubernetes.io` of a projected token names this service account where it names one.
fn agrees(said: &serde_json::Value, namespace: &str, account: &str) -> bool {
    let Some(said) = said.as_object() else { return false };
    let of_account = match said.get("serviceaccount") {
        None => true,
        Some(serde_json::Value::Object(named)) => {
            named.get("name").is_none_or(|name| name.as_str() == Some(account))
        }
        Some(_) => false,
    };
    of_account && said.get("namespace").is_none_or(|name| name.as_str() == Some(namespace))
}
