//! Where the keys of an issuer come from.

use std::collections::HashMap;

use super::Compiler;
use super::model::{DestinationHost, JwksCluster, ServerDeployment, TrustedCa};
use crate::engine::RemoteJwks;
use crate::jwt::{KeyOrigin, KeySet, MAX_CANDIDATES};
use crate::policy::JwksSource;
use crate::resource::gateway::{JwtRule, Text};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// What a `jwksUri` says about its host.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint {
    tls: bool,
    host: String,
    port: u16,
}

const NOT_ABSOLUTE: &str = "is not an absolute http or https URI";

impl Endpoint {
    /// Reads an absolute http or https URI (RFC 3986); the error says what is wrong with it.
    fn parse(uri: &str) -> Result<Self, &'static str> {
        // The filter reads the URI again, and needs the scheme in lower case and a path to ask for.
        let wanted = RemoteJwks { uri: uri.to_owned(), cluster: String::new() };
        let readable = wanted.authority_and_path().is_some();
        let parsed: http::Uri = uri.parse().map_err(|_| NOT_ABSOLUTE)?;
        let tls = match parsed.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(NOT_ABSOLUTE),
        };
        let authority = parsed.authority().ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("holds user-info");
        }
        if uri.contains('#') {
            return Err("holds a fragment");
        }
        let host = super::hostname::canonical_host(authority.host())
            .map_err(|_| "names no host that can be looked up")?;
        let written_port = authority.as_str().rsplit_once(':').filter(|(_, port)| {
            // The colons of an IPv6 address stand inside its brackets.
            !port.contains(']')
        });
        let port = match (written_port, authority.port_u16()) {
            (None, _) => default_port(tls),
            (Some(_), Some(port)) if port > 0 => port,
            (Some(_), _) => return Err("has a port that is none"),
        };
        if !readable {
            return Err("has no path, or a scheme in upper case");
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { tls, host, port })
    }

    fn cluster_name(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("jwks|{scheme}|{}|{}", self.host, self.port)
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl<'a> Compiler<'a, '_> {
    /// The key source of a JWT rule; nothing when it has none that is usable, which is reported.
    pub(super) fn jwks(&mut self, rule: JwtRule<'a>) -> Option<JwksSource> {
        match (rule.jwks_uri(), rule.jwks()) {
            (Some(_), Some(inline)) => {
                self.error(
                    inline.node,
                    "`jwks` and `jwksUri` cannot stand together",
                    "keep `jwksUri` to have keys fetched, or `jwks` to have exactly these",
                );
                None
            }
            // An empty one was reported when the fields were checked.
            (Some(uri), None) if uri.text.is_empty() => None,
            (Some(uri), None) => self.remote(uri.text, uri.node),
            (None, Some(inline)) => self.inline(rule, inline),
            (None, None) if rule.0.is_empty() || rule.names_keys() => None,
            (None, None) => self.discovered(rule),
        }
    }

    /// The keys that the issuer itself names, where it was asked.
    fn discovered(&mut self, rule: JwtRule<'a>) -> Option<JwksSource> {
        let options = self.options;
        let issuer = rule.issuer()?;
        match options.discovered.get(issuer.text) {
            Some(Ok(uri)) => self.remote(uri, issuer.node),
            Some(Err(why)) => {
                self.error(
                    issuer.node,
                    format!("the issuer does not say where its keys are: {why}"),
                    "write `jwksUri`",
                );
                None
            }
            None => {
                self.error(
                    issuer.node,
                    "the JWT rule has neither `jwks` nor `jwksUri`",
                    "write `jwksUri`, or have the issuer asked with --discover: its \
                     `/.well-known/openid-configuration` says the URI as `jwks_uri`",
                );
                None
            }
        }
    }

    fn remote(&mut self, uri: &str, place: Node<'a>) -> Option<JwksSource> {
        let endpoint = match Endpoint::parse(uri) {
            Ok(endpoint) => endpoint,
            Err(why) => {
                self.error(
                    place,
                    format!("the jwksUri `{}` {why}", uri.escape_debug()),
                    "write the whole URI, such as `https://auth.example.com/.well-known/jwks.json`",
                );
                return None;
            }
        };
        if !endpoint.tls {
            self.warn(
                Warning::KeysInPlainText,
                place,
                "keys are fetched in plain text: whoever can change them can sign any token",
                "write an https URI",
            );
        }
        self.warn_of_unreachable(place, &endpoint.host);
        let name = endpoint.cluster_name();
        if self.tables.cluster_names.insert(name.clone()) {
            let Endpoint { tls, host, port } = endpoint;
            let origin = self.place.origin(place);
            let trusted = TrustedCa::System;
            let name = name.clone();
            let cluster = JwksCluster { name, host, port, tls, trusted, origin };
            self.tables.clusters.push(cluster);
        }
        Some(JwksSource::Remote { uri: uri.to_owned(), cluster: name })
    }

    /// Points at the issuer: a finding repeats the line that it is about, and this one may not be
    /// in anybody's log.
    fn warn_of_private_keys(&mut self, rule: JwtRule<'a>, jwks: &str) {
        let found = private_members(jwks);
        let Some(first) = found.first() else { return };
        let place = rule.issuer().map_or(rule.0, |issuer| issuer.node);
        let others = match found.len().saturating_sub(1) {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        self.warn(
            Warning::PrivateKey,
            place,
            format!("the inline `jwks` holds a private key ({first}{others})"),
            "whoever can read this configuration can sign tokens: have the issuer replace the key, \
             and write down its public members only",
        );
    }

    fn inline(&mut self, rule: JwtRule<'a>, jwks: Text<'a>) -> Option<JwksSource> {
        if jwks.text.is_empty() {
            return None;
        }
        match KeySet::parse(jwks.text.as_bytes(), KeyOrigin::Inline) {
            Err(error) => {
                let message = format!("the inline `jwks` is refused: {error}");
                self.error(jwks.node, message, error.help());
                None
            }
            Ok(keys) => {
                for skipped in keys.skipped() {
                    self.warn(
                        Warning::KeyLeftOut,
                        jwks.node,
                        format!("a key of the inline `jwks` is left out: {skipped}"),
                        "tokens that it signed will be refused; remove it or correct it",
                    );
                }
                if let Some((algorithm, fitting)) = keys.crowded() {
                    let message = format!(
                        "{fitting} keys of the inline `jwks` fit {algorithm}, and a token without \
                         `kid` is tried with the first {MAX_CANDIDATES}"
                    );
                    let hint = "write down the keys that the issuer still signs with, or have it \
                                name them in its tokens";
                    self.warn(Warning::KeysNotTried, jwks.node, message, hint);
                }
                self.warn_of_private_keys(rule, jwks.text);
                Some(JwksSource::Inline(jwks.text.to_owned()))
            }
        }
    }
}

/// Members of a JWK that are private (RFC 7518, sections 6.2.2 and 6.3.2; RFC 8037, section 2). A
/// shared secret, `k`, is not among them: whoever writes one has no other key to give.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// The private members of each public key of a JWKS, as `keys[0]: d, p`.
fn private_members(jwks: &str) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(jwks).unwrap_or_default();
    let keys = document.get("keys").and_then(serde_json::Value::as_array).into_iter().flatten();
    keys.enumerate()
        .filter_map(|(index, key)| {
            let found = PRIVATE.into_iter().filter(|member| key.get(member).is_some());
            let found: Vec<_> = found.collect();
            (!found.is_empty()).then(|| format!("keys[{index}]: {}", found.join(", ")))
        })
        .collect()
}

/// The clusters, each with the CAs of a server that sends requests to the same host: who wrote
/// down which CAs to trust for a host means its keys, too.
pub(super) fn with_own_cas(
    clusters: Vec<JwksCluster>,
    servers: &[ServerDeployment],
) -> Vec<JwksCluster> {
    let mut cas: HashMap<&str, &TrustedCa> = HashMap::new();
    for destination in servers.iter().flat_map(ServerDeployment::destinations) {
        if let (DestinationHost::Fixed(host), Some(tls)) = (&destination.host, &destination.tls)
            && tls.trusted != TrustedCa::System
        {
            cas.entry(host).or_insert(&tls.trusted);
        }
    }
    let own =
        |cluster: &JwksCluster| cas.get(cluster.host.as_str()).filter(|_| cluster.tls).copied();
    clusters
        .into_iter()
        .map(|cluster| JwksCluster {
            trusted: own(&cluster).cloned().unwrap_or(TrustedCa::System),
            ..cluster
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(tls: bool, host: &str, port: u16) -> Result<Endpoint, &'static str> {
        Ok(Endpoint { tls, host: host.to_owned(), port })
    }

    #[test]
    fn endpoints_of_uris() {
        for (uri, expected) in [
            ("https://auth.example.com/jwks", endpoint(true, "auth.example.com", 443)),
            ("https://AUTH.example.com:8443", endpoint(true, "auth.example.com", 8443)),
            ("http://127.0.0.1/a?b=c", endpoint(false, "127.0.0.1", 80)),
            ("https://[::1]:9000/a", endpoint(true, "::1", 9000)),
            ("https://[::1]/a", endpoint(true, "::1", 443)),
        ] {
            assert_eq!(Endpoint::parse(uri), expected, "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_fetched_is_refused() {
        for uri in [
            "",
            "/jwks.json",
            "auth.example.com/jwks.json",
            "ftp://auth.example.com/jwks",
            "file:///etc/jwks.json",
            "https://",
            "https:///jwks",
            "https://user@auth.example.com/",
            "https://auth.example.com:0/",
            "https://auth.example.com:99999/",
            "https://auth.example.com:/",
            "https://auth .example.com/",
            "https://auth.example.com/#keys",
            "https://auth.example.com?keys",
            "HTTPS://auth.example.com/jwks",
        ] {
            assert!(Endpoint::parse(uri).is_err(), "{uri}");
        }
    }
}
