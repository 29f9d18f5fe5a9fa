//! A cases file to cases, with errors that say where and what to write instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::to_raw_value;
use serde_json::{Map, Value as Json};

use crate::cli::cases::CASES;
use crate::cli::input::{self, ActionArg, GatewayArgs};
use crate::cli::queries::{thumbprint, workload};
use crate::explain::{Query, QueryError, Values, check_header};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::source::Span;
use crate::resource::tree::{Node, Value};
use crate::resource::{json, shape};

/// One document of a cases file.
#[derive(Debug)]
pub struct Suite {
    /// Where the Gateway is.
    pub gateways: Vec<PathBuf>,
    /// How it is read.
    pub args: GatewayArgs,
    /// Key files, as `ISSUER=FILE`.
    pub jwks: Vec<String>,
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// A request and what must become of it.
#[derive(Debug)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// The request.
    pub query: Query,
    /// Names of the fields of an answer that matter, with their values.
    pub expected: Vec<(&'static str, String)>,
}

/// Fields of `expect`, in the order in which they are reported.
const EXPECTED: [&str; 6] = ["decision", "status", "reason", "mechanism", "server", "rule"];

/// Reads one document; nothing when it has an error. Paths are relative to `folder`.
pub fn suite(root: Node<'_>, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Suite> {
    let mut found = Diagnostics::default();
    shape::check(root, &CASES, "the cases file", &mut found);
    let mut suite = None;
    if !found.has_errors() {
        let mut reader = Reader { diagnostics: &mut found, folder };
        let args = reader.options(root.get("options"));
        let domain = args.trust_domains.first().map_or("cluster.local", String::as_str);
        let defaults = reader.defaults(root.get("defaults"), domain);
        let cases = root.get("cases").into_iter().flat_map(Node::items);
        let cases = cases.map(|node| reader.case(node, &defaults, domain)).collect();
        let options = root.get("options");
        let key_files = options.and_then(|node| node.get("jwks")).into_iter();
        suite = Some(Suite {
            gateways: texts(root, "gateways").map(|(text, _)| folder.join(text)).collect(),
            jwks: key_files
                .flat_map(Node::entries)
                .filter_map(|(issuer, file)| {
                    let file = folder.join(file.string()?);
                    Some(format!("{}={}", issuer.scalar_text()?, file.display()))
                })
                .collect(),
            args,
            cases,
        });
    }
    let failed = found.has_errors();
    diagnostics.append(found);
    suite.filter(|_| !failed)
}

/// Whether a document is one of Kubernetes or of Service Bridge rather than cases.
pub fn is_resource(root: Node<'_>) -> bool {
    root.get("apiVersion").is_some() && root.get("kind").is_some() && root.get("cases").is_none()
}

struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
    /// Where the cases file is.
    folder: &'d Path,
}

/// What cases have that say nothing else.
#[derive(Default)]
struct Defaults {
    claims: Map<String, Json>,
    typ: Option<String>,
    source: Option<String>,
    certificate: Option<String>,
    headers: BTreeMap<String, Values>,
}

fn text<'a>(node: Node<'a>, field: &str) -> Option<&'a str> {
    node.get(field)?.string()
}

fn texts<'a>(node: Node<'a>, field: &str) -> impl Iterator<Item = (&'a str, Node<'a>)> {
    let items = node.get(field).into_iter().flat_map(Node::items);
    items.filter_map(|item| Some((item.string()?, item)))
}

impl Reader<'_> {
    fn error(&mut self, node: Node<'_>, message: impl ToString, hint: &str) {
        self.diagnostics.push(Diagnostic::error(message.to_string()).on(node).hint(hint));
    }

    /// The flags that `options` stands for.
    fn options(&mut self, node: Option<Node<'_>>) -> GatewayArgs {
        let mut args = GatewayArgs::default();
        let Some(node) = node else { return args };
        if let Some(named) = node.get("gateway").filter(|named| named.string().is_some()) {
            match named.string().unwrap_or_default().parse() {
                Ok(name) => args.gateway = Some(name),
                Err(error) => self.error(named, error, "write the name as check shows it"),
            }
        }
        if text(node, "defaultAction") == Some("allow") {
            args.default_action = ActionArg::Allow;
        }
        args.discover = node.get("discover").is_some_and(|it| it.value() == Value::Boolean(true));
        args.cluster = text(node, "cluster").map(str::to_owned);
        if node.get("trustDomains").is_some() {
            args.trust_domains = self.read_all(node, "trustDomains", input::trust_domain);
        }
        if let Some(header) = node.get("sourceIdentityHeader") {
            match input::identity_header(header.string().unwrap_or_default()) {
                Ok(name) => args.source_identity_header = Some(name),
                Err(error) => self.error(header, error, "write the name alone"),
            }
        }
        args.trust_sources = self.read_all(node, "trustSources", input::trusted_source);
        // As the flags do, each asks for the other.
        for (one, other) in
            [("sourceIdentityHeader", "trustSources"), ("trustSources", "sourceIdentityHeader")]
        {
            if let (Some((key, _)), None) = (node.entry(one), node.get(other)) {
                let hint = format!("add `{other}`, or remove `{one}`");
                self.error(key, format!("`{one}` means nothing without `{other}`"), &hint);
            }
        }
        args.shadow = texts(node, "shadow").map(|(text, _)| text.to_owned()).collect();
        let hosts = texts(node, "shadowAuthentication");
        args.shadow_authentication = hosts.map(|(text, _)| text.to_owned()).collect();
        args
    }

    fn read_all<E: ToString>(
        &mut self,
        node: Node<'_>,
        field: &str,
        read: impl Fn(&str) -> Result<String, E>,
    ) -> Vec<String> {
        let mut values = Vec::new();
        for (text, item) in texts(node, field) {
            match read(text) {
                Ok(value) => values.push(value),
                Err(error) => self.error(item, error, "write it as the flag of that name takes it"),
            }
        }
        values
    }

    fn defaults(&mut self, node: Option<Node<'_>>, domain: &str) -> Defaults {
        let Some(node) = node else { return Defaults::default() };
        Defaults {
            claims: node.get("claims").map(|node| self.claims(node)).unwrap_or_default(),
            typ: text(node, "typ").map(str::to_owned),
            source: self.source(node, domain),
            certificate: self.certificate(node),
            headers: self.headers(node),
        }
    }

    fn claims(&mut self, node: Node<'_>) -> Map<String, Json> {
        json::object(node).unwrap_or_else(|error| {
            self.diagnostics.push(*error);
            Map::new()
        })
    }

    /// The SPIFFE ID that `source` stands for; empty for `none`.
    fn source(&mut self, node: Node<'_>, domain: &str) -> Option<String> {
        let source = node.get("source")?;
        let text = source.string().unwrap_or_default();
        let workload = workload(text, domain);
        if workload.is_none() {
            let message = format!("`{text}` names no workload");
            let hint = "write `namespace/service-account`, a SPIFFE ID, or `none`";
            self.error(source, message, hint);
        }
        workload
    }

    /// The SHA-256 that `certificate` stands for.
    fn certificate(&mut self, node: Node<'_>) -> Option<String> {
        let certificate = node.get("certificate")?;
        match thumbprint(certificate.string().unwrap_or_default(), self.folder) {
            Ok(thumbprint) => Some(thumbprint),
            Err(error) => {
                self.error(certificate, error, "write one or the other");
                None
            }
        }
    }

    fn headers(&mut self, node: Node<'_>) -> BTreeMap<String, Values> {
        let mut headers = BTreeMap::new();
        for (key, value) in node.get("headers").into_iter().flat_map(Node::entries) {
            let name = key.scalar_text().unwrap_or_default().to_ascii_lowercase();
            if let Err(error) = check_header(&name) {
                self.error(key, error, "write headers alone here");
                continue;
            }
            let values = match value.value() {
                Value::String(text) => Values::One(text.to_owned()),
                Value::Sequence if value.items().next().is_none() => {
                    self.error(value, format!("`{name}` has no value"), "leave the header out");
                    continue;
                }
                Value::Sequence if value.items().all(|item| item.string().is_some()) => {
                    let texts = value.items().filter_map(Node::string);
                    Values::Many(texts.map(str::to_owned).collect())
                }
                other => {
                    let message = format!("`{name}` must be a string, not {}", other.describe());
                    let hint = "write the value in quotes; for a repeated header, a list of them";
                    self.error(value, message, hint);
                    continue;
                }
            };
            headers.insert(name, values);
        }
        headers
    }

    fn case(&mut self, node: Node<'_>, defaults: &Defaults, domain: &str) -> Case {
        let mut query = Query {
            request: text(node, "request").unwrap_or_default().to_owned(),
            token: text(node, "token").map(str::to_owned),
            claims: None,
            typ: None,
            source: self.source(node, domain).or_else(|| defaults.source.clone()),
            certificate: self.certificate(node).or_else(|| defaults.certificate.clone()),
            headers: defaults.headers.clone(),
        };
        query.headers.extend(self.headers(node));
        if let Some(written) = node.get("claims") {
            let mut claims = defaults.claims.clone();
            claims.extend(self.claims(written));
            query.claims = to_raw_value(&claims).ok();
            let typ = text(node, "typ").map(str::to_owned);
            query.typ = typ.or_else(|| defaults.typ.clone());
            if let Some((key, _)) = node.entry("token") {
                self.error(key, "a case has a token or claims, not both", "remove one of them");
            } else if let Err(error) = query.claims() {
                self.error(written, error, "write them as a token's payload would hold them");
            }
        }
        if let (Some((key, _)), None) = (node.entry("typ"), node.get("claims")) {
            self.error(key, QueryError::TypeOfToken, "remove it, or write claims");
        }
        if let (Err(error), Some(request)) = (query.headers(), node.get("request")) {
            self.error(request, error, "write the method in upper case, a space, and the URL");
        }
        let expect = node.get("expect").unwrap_or(node);
        let expected = EXPECTED.into_iter().filter_map(|field| {
            Some((field, expect.get(field)?.scalar_text().unwrap_or_default().to_owned()))
        });
        Case {
            name: text(node, "name").unwrap_or_default().to_owned(),
            span: node.span(),
            query,
            expected: expected.collect(),
        }
    }
}
