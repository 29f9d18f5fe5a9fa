//! What Istio cannot say is an error that names it, or narrower when asked for.

use egress_auth::compile::Options;
use egress_auth::emit::istio::native;
use egress_auth::policy::PropagatedIdentity;
use serde_json::{Value, json};

use super::{compile_with, errors};

const JWT: &str = "issuer: https://auth.test, jwksUri: https://auth.test/keys";

fn gateway(servers: &[String], rest: &str) -> String {
    let servers: String = servers.iter().map(|server| format!("  - {{{server}}}\n")).collect();
    format!(
        "apiVersion: gateway.tsb.tetrate.io/v2\nkind: Gateway\nmetadata: {{name: g}}\nspec:\n  \
         workloadSelector: {{namespace: egress, labels: {{app: g}}}}\n  http:\n{servers}{rest}"
    )
}

fn with_jwt(host: &str, jwt: &str) -> String {
    format!("name: \"{host}\", hostname: \"{host}\", authentication: {{jwt: {{{JWT}, {jwt}}}}}")
}

fn with_rule(rule: &str) -> String {
    let authentication = with_jwt("a.test", "audiences: [mesh]");
    format!("{authentication}, authorization: {{local: {{rules: [{{name: r, {rule}}}]}}}}")
}

/// Each Gateway, what the error names, and whether something narrower can stand for it.
#[test]
fn each_field_that_istio_cannot_say_is_named() {
    let jwt = |jwt: &str| gateway(&[with_jwt("a.test", jwt)], "");
    let rule = |rule: &str| gateway(&[with_rule(rule)], "");
    let claims = |jwt: &str| rule(&format!("from: [{{jwt: {{{jwt}}}}}]"));
    let paths = |path: &str| rule(&format!("to: [{{paths: [\"{path}\"]}}]"));
    let two =
        |one: &str, other: &str| gateway(&[with_jwt("a.test", one), with_jwt("b.test", other)], "");
    let cases = [
        (jwt("requireExpiration: true"), "requireExpiration", false),
        (jwt("maxLifetimeSeconds: 60"), "maxLifetimeSeconds", false),
        (jwt("clockSkewSeconds: 30"), "clockSkewSeconds", false),
        (jwt("clockSkewSeconds: 90"), "clockSkewSeconds", true),
        (jwt("fromCookies: [session]"), "cookies", false),
        (jwt("audiences: [\"x*\"]"), "x*", false),
        (two("audiences: [x]", "fromParams: [t]"), "fromParams", false),
        (two("outputPayloadToHeader: x-a", "audiences: [x]"), "outputPayloadToHeader", false),
        (
            gateway(
                &[
                    with_jwt("a.test", "audiences: [x]"),
                    with_jwt("b.test", "audiences: [x]").replace("/keys", "/other-keys"),
                ],
                "",
            ),
            "jwks",
            false,
        ),
        (
            jwt("audiences: [x]").replace("/keys", &format!("/{}", "k".repeat(2_048))),
            "jwksUri",
            false,
        ),
        (claims("sub: \"*x*\""), "*x*", true),
        (claims("sub: \"*x**\""), "*x**", false),
        (claims("sub: \"**x*\""), "**x*", false),
        (claims("other: {level: \"3\"}"), "level", true),
        (claims("other: {a.b: admin}"), "a.b", true),
        (claims("other: {scope: \"read write\"}"), "scope", true),
        (claims("other: {\"[scp]\": \"read write\"}"), "[scp]", true),
        (paths("/a*b"), "/a*b", true),
        (paths("*x*"), "*x*", true),
        (paths("/{id}"), "/{id}", true),
        (paths("/{**}/{*}"), "/{**}/{*}", true),
        (gateway(&[with_jwt("*.a.test", "audiences: [x]")], ""), "*.a.test", true),
        (
            gateway(&[with_jwt("*", "audiences: [x]"), with_jwt("*.a.test", "audiences: [x]")], ""),
            "`*` and `*.a.test`",
            false,
        ),
    ];
    for (text, named, has_narrower) in cases {
        let compiled = compile_with(&text, &Options::default()).unwrap();
        let strict = super::native(&compiled, false);
        let found = errors(&strict.findings);
        assert!(found.iter().any(|error| error.contains(named)), "{named}: {found:?}\n{text}");
        assert!(strict.objects.is_empty());
        let lenient = super::native(&compiled, true);
        assert_eq!(lenient.findings.has_errors(), !has_narrower, "{named}");
        assert_eq!(lenient.objects.is_empty(), !has_narrower, "{named}");
    }
}

/// Istio splits `scope` and `permission` into words; others it is told to, where it can be.
/// The spec of the RequestAuthentication.
fn authentication(objects: &[Value]) -> &Value {
    let found = objects.iter().find(|object| object["kind"] == "RequestAuthentication");
    &found.unwrap()["spec"]
}

#[test]
fn claims_of_words_are_named_where_istio_knows_how() {
    let emitted = |claim: &str, version: &str, allow_narrower: bool| {
        let rule = format!("from: [{{jwt: {{other: {{\"{claim}\": read}}}}}}]");
        let compiled =
            compile_with(&gateway(&[with_rule(&rule)], ""), &Options::default()).unwrap();
        let version = version.parse().unwrap();
        let options = native::Options { version, allow_narrower, http2_hosts: Vec::new() };
        native::objects(&compiled, &options)
    };
    let told = |claim: &str, version: &str| {
        let objects = super::objects(emitted(claim, version, false));
        authentication(&objects)["jwtRules"][0]["spaceDelimitedClaims"].clone()
    };
    for claim in ["scope", "[scope]", "permission"] {
        assert_eq!(told(claim, "1.27"), Value::Null, "{claim}");
        assert_eq!(told(claim, "1.28"), Value::Null, "{claim}");
    }
    for claim in ["scp", "[scp]"] {
        assert_eq!(told(claim, "1.28"), json!(["scp"]), "{claim}");
        let strict = errors(&emitted(claim, "1.27", false).findings);
        assert!(strict.iter().any(|it| it.contains("Istio before 1.28")), "{strict:?}");
        assert!(!emitted(claim, "1.27", true).findings.has_errors(), "one word alone is narrower");
    }
}

#[test]
fn what_stands_alike_at_every_server_is_no_error() {
    let text =
        gateway(&[with_jwt("a.test", "audiences: [x]"), with_jwt("b.test", "audiences: [y]")], "");
    let emitted = super::native(&compile_with(&text, &Options::default()).unwrap(), false);
    assert_eq!(errors(&emitted.findings), [""; 0]);
    let rules = &authentication(&emitted.objects)["jwtRules"];
    assert_eq!(rules.as_array().unwrap().len(), 1);
    assert_eq!(rules[0]["audiences"], serde_json::json!(["x", "y"]));
}

#[test]
fn identities_that_are_handed_on_admit_nobody() {
    let egress = "  egressAuthorization: [{from: {serviceAccounts: [n/s]}, to: [{host: {exact: \
                  a.test}}]}]\n";
    let text = gateway(&["name: a, hostname: a.test".to_owned()], egress);
    let mut options = Options::default();
    options.source_identity.propagated = Some(PropagatedIdentity {
        header: "x-forwarded-client-cert".to_owned(),
        trusted_sources: vec!["n/gateway".to_owned()],
    });
    let compiled = compile_with(&text, &options).unwrap();
    let found = errors(&super::native(&compiled, false).findings);
    assert!(found[0].contains("x-forwarded-client-cert"), "{found:?}");
    assert!(!super::native(&compiled, true).findings.has_errors());
}

#[test]
fn what_is_only_tried_out_is_never_enforced_unasked() {
    let options = Options { shadow: vec!["a.test".to_owned()], ..Options::default() };
    let compiled = compile_with(&gateway(&[with_rule("to: [{methods: [GET]}]")], ""), &options);
    let emitted = super::native(&compiled.unwrap(), true);
    assert_eq!(errors(&emitted.findings), ["the authorization of `a.test` is only tried out"]);
}

#[test]
fn a_gateway_that_denies_nothing_needs_no_objects_and_says_so() {
    let options =
        Options { default_action: egress_auth::policy::DefaultAction::Allow, ..Options::default() };
    let text = gateway(&["name: a, hostname: a.test".to_owned()], "");
    let emitted = super::native(&compile_with(&text, &options).unwrap(), false);
    assert_eq!(super::deciding(&emitted.objects), [""; 0]);
    let findings: Vec<_> = emitted.findings.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(findings, ["there is nothing to enforce: no object denies anything"]);
}

#[test]
fn labels_that_no_pod_can_have_are_refused() {
    let long = "l".repeat(64);
    for (key, value, fits) in [
        ("app", "g", true),
        ("app.kubernetes.io/name", "G_1.2-x", true),
        ("app", "", true),
        ("app", "two words", false),
        ("app", "-g", false),
        ("app", long.as_str(), false),
        ("/app", "g", false),
        ("App Kit/app", "g", false),
        ("a/b/c", "g", false),
    ] {
        let text = gateway(&["name: a, hostname: a.test".to_owned()], "")
            .replace("{app: g}", &format!("{{\"{key}\": \"{value}\"}}"));
        let found = errors(
            &super::native(&compile_with(&text, &Options::default()).unwrap(), false).findings,
        );
        assert_eq!(found.is_empty(), fits, "{key}: {value}: {found:?}");
        assert!(fits || found[0].contains("no pod can have the label"), "{found:?}");
    }
}
