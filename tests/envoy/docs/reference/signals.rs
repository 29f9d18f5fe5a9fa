//! Reason codes, metrics and fields of the access log, and that metrics are as they are said to be.

use std::collections::{BTreeMap, BTreeSet};

use egress_auth::signals::access_log::LOG_FIELDS;
use egress_auth::signals::catalogue::{self, Kind, PREFIX};
use egress_auth::signals::{Mechanism, Reason};

use super::table;
use crate::docs::reasons;
use crate::support::gateway::Gateway;
use crate::support::jwks::Jwks;
use crate::support::raw::Request;
use crate::support::token::Recipe;
use crate::support::{LIMIT, within};

/// The whole page.
pub fn page() -> String {
    let answers = reasons::answers();
    let reasons = Reason::ALL.iter().map(|reason| {
        let [status, _, body] = &answers[reason.as_str()];
        let body = if body == "–" { String::new() } else { format!("`{body}`") };
        vec![format!("`{reason}`"), status.clone(), body, reason.meaning().to_owned()]
    });
    let mechanisms =
        Mechanism::ALL.iter().map(|it| vec![format!("`{it}`"), it.meaning().to_owned()]);
    let metrics = catalogue::ALL.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| format!("`{}`: {}", label.name, label.doc));
        vec![
            format!("`{PREFIX}.{}`", metric.name),
            kind(metric.kind).to_owned(),
            metric.doc.to_owned(),
            labels.collect::<Vec<_>>().join("; "),
        ]
    });
    let fields = LOG_FIELDS.iter().map(|field| {
        let [plain, other, format] =
            [field.plain, field.open_telemetry, field.format].map(|it| format!("`{it}`"));
        vec![plain, other, format, field.doc.to_owned()]
    });
    format!(
        "# Reasons, metrics and access log\n\n\
         What the filter says of its decisions. What to do about it is in \
         [semantics.md](../semantics.md#reason-codes) for reasons, and in \
         [operating.md](../operating.md) for the rest.\n\n\
         ## Reasons\n\n\
         The body is an example where it depends on the token. With the prefix `shadow_`, a code is \
         what would have been denied on a host that is \
         [only tried out](../configuration.md#trying-a-policy-out).\n\n{}\n\
         ## Mechanisms\n\n{}\n\
         ## Metrics\n\n\
         Envoy's statistics have them below `wasmcustom.`, with the labels in the name; its Prometheus \
         page as `{PREFIX}_requests{{server=\"api\",...}}`.\n\n{}\n\
         ## Access log\n\n\
         The names on the right are those of `--access-log-names opentelemetry`.\n\n{}",
        table(&["code", "status", "body", "meaning"], reasons),
        table(&["mechanism", "meaning"], mechanisms),
        table(&["metric", "kind", "meaning", "labels"], metrics),
        table(&["field", "opentelemetry", "Envoy's format", "meaning"], fields),
    )
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
    }
}

/// What Envoy's Prometheus page says of a metric: its kind and labels.
type Said = BTreeMap<String, (String, BTreeSet<String>)>;

fn said(page: &str) -> Said {
    let mut all = Said::new();
    for line in page.lines() {
        let typed = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '));
        if let Some((name, kind)) = typed.filter(|(name, _)| name.starts_with(PREFIX)) {
            all.entry(name.to_owned()).or_default().0 = kind.to_owned();
        }
        let sample = line.split_once('{').filter(|(name, _)| name.starts_with(PREFIX));
        if let Some((name, rest)) = sample {
            let labels = rest.split_once('}').unwrap().0.split("\",");
            let names = labels.map(|label| label.split_once('=').unwrap().0.to_owned());
            all.entry(name.to_owned()).or_default().1.extend(names);
        }
    }
    all
}

#[test]
fn envoy_has_the_metrics_of_the_table_and_no_others() {
    let keys = Jwks::start();
    let gateway = Gateway::of_servers(
        "- name: api\n  hostname: api.test\n  authentication: {jwt: {issuer: https://auth.example.com, \
         jwksUri: 'http://auth.test/jwks', audiences: [a]}}\n",
    );
    let envoy = gateway.upstream("auth.test", keys.address()).upstream("api.test", keys.address());
    let envoy = envoy.start(1);
    // The audience is wrong, so nothing goes on; the signature is verified before.
    let answer = Request::new("GET", "api.test", "/").bearer(&Recipe::good().token("RS256"));
    assert_eq!(answer.send(envoy.gateway()).status, 403);

    let table = catalogue::ALL.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| label.name.to_owned()).collect();
        let name = format!("{PREFIX}_{}", metric.name);
        (name, (kind(metric.kind).to_owned(), labels))
    });
    let table: Said = table.collect();
    let mut last = Said::new();
    let same = within(LIMIT, || {
        last = said(&envoy.admin("/stats/prometheus"));
        (last == table).then_some(())
    });
    assert!(same.is_some(), "{last:#?} is not {table:#?}");
}
