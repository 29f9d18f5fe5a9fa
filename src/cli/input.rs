//! The flags by which commands read Gateways, and reading them.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::plain::plain;
use super::{deployed, diagnostics, discover, output, progress};
use crate::compile::same_pods::Neighbour;
use crate::compile::select::{self, GatewayName};
use crate::compile::{self, Compiled, Discovered};
use crate::engine::source::SourcePattern;
use crate::policy::header::{can_hold_identity, folded};
use crate::policy::{DefaultAction, PropagatedIdentity, SourceIdentity};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::document::{self, Found};
use crate::resource::input::{self, Exclusion};
use crate::resource::source::Sources;

/// Which documents are read, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct InputArgs {
    /// YAML or JSON files, folders with such files, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How they are read.
    #[command(flatten)]
    pub gateway: GatewayArgs,
}

/// How documents are read.
#[derive(Debug, Clone, clap::Args)]
pub struct GatewayArgs {
    /// The Gateway to use when the input holds several
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub gateway: Option<GatewayName>,
    /// What happens to a request for a host that nothing governs
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = ActionArg::Deny)]
    pub default_action: ActionArg,
    /// Refuse documents of kinds that are not read, instead of skipping them
    #[arg(long)]
    pub strict: bool,
    /// Leave out files and folders whose path matches, such as 'charts/**' or '*.tpl.yaml';
    /// repeatable
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<Exclusion>,
    /// Ask issuers whose JWT rules name no keys where they keep them (OpenID Connect Discovery)
    #[arg(long)]
    pub discover: bool,
    /// The cluster that the gateway is in, for selectors such as `cluster/namespace`
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Trust domain of workload identities; repeatable
    #[arg(
        long = "trust-domain",
        value_name = "DOMAIN",
        default_value = "cluster.local",
        value_parser = trust_domain
    )]
    pub trust_domains: Vec<String>,
    /// Header in which trusted peers hand on the identity of the workload behind them, in the form
    /// of Envoy's x-forwarded-client-cert
    #[arg(long, value_name = "HEADER", requires = "trust_sources", value_parser = identity_header)]
    pub source_identity_header: Option<String>,
    /// A peer that is believed when it hands on an identity, as NAMESPACE/SERVICE-ACCOUNT or
    /// NAMESPACE/*; repeatable
    #[arg(
        long = "trust-source",
        value_name = "SOURCE",
        requires = "source_identity_header",
        value_parser = trusted_source
    )]
    pub trust_sources: Vec<String>,
    /// Only try out the authorization of a hostname: report what it would deny; repeatable
    #[arg(long, value_name = "HOST")]
    pub shadow: Vec<String>,
    /// Only try out the authentication of a hostname; repeatable
    #[arg(long, value_name = "HOST")]
    pub shadow_authentication: Vec<String>,
}

/// Reads a trust domain (SPIFFE-ID, section 2.1).
///
/// # Errors
/// When the text is none.
pub fn trust_domain(text: &str) -> Result<String, &'static str> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(allowed);
    match text.len() <= 255 && text.split('.').all(is_name) {
        true => Ok(text.to_owned()),
        false => Err("expected a trust domain such as cluster.local, without spiffe://"),
    }
}

/// Reads a header name, into lower case.
///
/// # Errors
/// When the text is none.
pub fn header_name(text: &str) -> Result<String, &'static str> {
    match http::HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err("expected a header name such as x-forwarded-client-cert"),
    }
}

/// Reads the name of a header in which an identity can be handed on, into lower case.
///
/// # Errors
/// When the text is none, or the header means something else to every proxy.
pub fn identity_header(text: &str) -> Result<String, &'static str> {
    match header_name(text)? {
        name if can_hold_identity(&name) => Ok(name),
        _ => Err("this header has a meaning of its own; expected one such as \
                  x-forwarded-client-cert"),
    }
}

/// Where `--out` leads: nothing is standard output. Ends the program where that is one of the
/// files to read, by whatever name or link.
pub fn destination(
    out: Option<&Path>,
    inputs: impl Iterator<Item = impl AsRef<Path>>,
) -> Option<&Path> {
    let out = out.filter(|path| *path != Path::new("-"))?;
    let mut files = inputs.filter_map(|path| input::files(path.as_ref()).ok()).flatten();
    if let Some(input) = files.find(|input| output::is_same(input, out)) {
        let message = format!(
            "--out {} is an input, {}, which would be lost; name another file\n",
            plain(&out.display().to_string()),
            plain(&input.display().to_string()),
        );
        clap::Error::raw(clap::error::ErrorKind::ValueValidation, message).exit();
    }
    Some(out)
}

/// Reads service accounts of one namespace.
///
/// # Errors
/// When the text does not name any, or a namespace only by pattern.
pub fn trusted_source(text: &str) -> Result<String, String> {
    SourcePattern::parse(text).map_err(|error| error.to_string())?;
    match text.split('/').next().is_some_and(|namespace| namespace.contains('*')) {
        true => Err("name the namespace whole: whoever is in it can speak for anyone".to_owned()),
        false => Ok(text.to_owned()),
    }
}

/// `--default-action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ActionArg {
    /// It passes through unchecked
    Allow,
    /// It is denied
    Deny,
}

impl From<ActionArg> for DefaultAction {
    fn from(action: ActionArg) -> Self {
        match action {
            ActionArg::Allow => Self::Allow,
            ActionArg::Deny => Self::Deny,
        }
    }
}

/// What reading and compiling yielded.
#[derive(Debug)]
pub struct Loaded {
    /// The texts that were read.
    pub sources: Sources,
    /// Everything that was found.
    pub diagnostics: Diagnostics,
    /// The Gateway; absent when there are errors.
    pub compiled: Option<Compiled>,
    /// What was compiled before and read instead of a Gateway, such as
    /// `the WasmPlugin egress/shared-egress-gateway`.
    pub deployed: Option<String>,
}

/// Which documents of the input are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// One Gateway.
    Gateway,
    /// One Gateway, or what was compiled from one.
    Policy,
    /// All of either.
    All,
}

impl Loaded {
    /// Prints the diagnostics to standard error.
    pub fn print(&self) {
        diagnostics::print(&self.sources, &self.diagnostics);
    }

    /// Adds what is worth knowing about a Gateway that is looked at and not put into force.
    pub fn note(&mut self) {
        self.diagnostics.extend(self.compiled.as_ref().and_then(unbound));
    }
}

impl InputArgs {
    /// Reads the documents and compiles the one Gateway that is meant, or reads what was compiled
    /// from one.
    ///
    /// # Errors
    /// When a path cannot be read. Errors in documents are diagnostics.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        self.gateway.load(&self.paths)
    }

    /// The same where nothing but a Gateway will do.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_gateway(&self) -> anyhow::Result<Loaded> {
        self.gateway.load_with(&self.paths, Meant::Gateway)
    }

    /// The same for files that have been read before.
    ///
    /// # Errors
    /// As [`Self::load_gateway`], and when a path has become something that may never end, such as a pipe:
    /// nothing would come of it, and waiting could not be interrupted.
    pub fn load_again(&self) -> anyhow::Result<Loaded> {
        for path in &self.paths {
            let other = std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
            anyhow::ensure!(
                !other,
                "{} is neither a file nor a folder: put one in its place",
                path.display()
            );
        }
        self.load_gateway()
    }

    /// Reads the documents and compiles every Gateway, to find what is wrong with any of them.
    ///
    /// # Errors
    /// When a path cannot be read. Errors in documents are diagnostics.
    pub fn load_all(&self) -> anyhow::Result<Loaded> {
        self.gateway.load_with(&self.paths, Meant::All)
    }
}

impl Default for GatewayArgs {
    /// What holds where no flag is given.
    fn default() -> Self {
        Self {
            gateway: None,
            default_action: ActionArg::Deny,
            strict: false,
            exclude: Vec::new(),
            discover: false,
            cluster: None,
            trust_domains: SourceIdentity::default().trust_domains,
            source_identity_header: None,
            trust_sources: Vec::new(),
            shadow: Vec::new(),
            shadow_authentication: Vec::new(),
        }
    }
}

impl GatewayArgs {
    /// Reads documents and compiles the one Gateway that is meant, or reads what was compiled from
    /// one.
    ///
    /// # Errors
    /// When a path cannot be read. Errors in documents are diagnostics.
    pub fn load(&self, paths: &[PathBuf]) -> anyhow::Result<Loaded> {
        self.load_with(paths, Meant::Policy)
    }

    /// The flags with which documents are decided so, as they are typed.
    pub fn written(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        if let Some(gateway) = &self.gateway {
            flag("--gateway", &gateway.to_string());
        }
        if self.default_action == ActionArg::Allow {
            flag("--default-action", "allow");
        }
        for (name, values) in [
            ("--trust-domain", &self.trust_domains),
            ("--trust-source", &self.trust_sources),
            ("--shadow", &self.shadow),
            ("--shadow-authentication", &self.shadow_authentication),
        ] {
            if name == "--trust-domain" && *values == Self::default().trust_domains {
                continue;
            }
            values.iter().for_each(|value| flag(name, value));
        }
        for (name, value) in [
            ("--cluster", &self.cluster),
            ("--source-identity-header", &self.source_identity_header),
        ] {
            if let Some(value) = value {
                flag(name, value);
            }
        }
        for excluded in &self.exclude {
            flag("--exclude", excluded.as_str());
        }
        words.extend(self.discover.then(|| "--discover".to_owned()));
        words
    }

    fn options(&self) -> compile::Options {
        let propagated = self.source_identity_header.as_ref().map(|header| PropagatedIdentity {
            header: header.clone(),
            trusted_sources: self.trust_sources.clone(),
        });
        compile::Options {
            default_action: self.default_action.into(),
            cluster: self.cluster.clone(),
            source_identity: SourceIdentity {
                trust_domains: self.trust_domains.clone(),
                propagated,
            },
            shadow: self.shadow.clone(),
            shadow_authentication: self.shadow_authentication.clone(),
            discovered: Discovered::new(),
            neighbours: Vec::new(),
        }
    }

    fn load_with(&self, paths: &[PathBuf], meant: Meant) -> anyhow::Result<Loaded> {
        let mut diagnostics = Diagnostics::default();
        let sources = input::read(paths, &self.exclude, &mut diagnostics)?;
        let _progress = progress::start("Compiling");
        let documents = document::read_all(&sources, &mut diagnostics);
        let Found { gateways, plugins } = document::find(&documents, self.strict, &mut diagnostics);
        if !plugins.is_empty() {
            let read = match meant {
                Meant::Gateway => deployed::refuse(&plugins, &mut diagnostics),
                Meant::Policy => deployed::one(&plugins, self, &mut diagnostics),
                Meant::All => deployed::all(&plugins, self, &mut diagnostics),
            };
            let (deployed, compiled) = read.filter(|_| !diagnostics.has_errors()).unzip();
            drop(documents);
            return Ok(Loaded { sources, diagnostics, compiled, deployed });
        }
        // What could not be read may have held the Gateway that is looked for.
        let readable = !gateways.is_empty() || !diagnostics.has_errors();
        let mut compiled = None;
        if readable {
            let hierarchy = document::hierarchy(&documents, &mut diagnostics);
            let wanted = self.gateway.as_ref();
            let selected = match meant {
                Meant::All => select::named(&gateways, wanted, &mut diagnostics),
                Meant::Gateway | Meant::Policy => {
                    select::one(&gateways, wanted, &mut diagnostics).into_iter().collect()
                }
            };
            let mut options = self.options();
            options.neighbours = gateways.iter().copied().filter_map(Neighbour::of).collect();
            if self.discover {
                options.discovered = discover::discover(&selected);
            }
            for gateway in selected {
                compiled = compile::compile(gateway, &hierarchy, &options, &mut diagnostics);
                diagnostics.extend(compiled.as_ref().and_then(identity_header_in_use));
                if meant == Meant::All {
                    diagnostics.extend(compiled.as_ref().and_then(unbound));
                }
            }
        }
        if diagnostics.has_errors() {
            compiled = None;
        }
        drop(documents);
        Ok(Loaded { sources, diagnostics, compiled, deployed: None })
    }
}

/// That no token is bound to its holder, and nobody says that this is meant.
fn unbound(compiled: &Compiled) -> Option<Diagnostic> {
    let origin = compiled.unbound.as_ref()?;
    Some(
        Diagnostic::note("a token counts whoever sends it: none is bound to its holder")
            .at(origin)
            .hint(
                "where callers use mTLS, write `certificateBound` or `workloadBound`; \
                 `certificateBound: ignored` says that it is meant",
            ),
    )
}

/// Refuses a header of identities that is one of tokens or of claims, too.
fn identity_header_in_use(compiled: &Compiled) -> Option<Diagnostic> {
    let policy = &compiled.policy;
    let header = &policy.source_identity.propagated.as_ref()?.header;
    let is_it = |name: &str| folded(name) == folded(header);
    let (issuer, [before, after]) = policy.jwt_rules.iter().find_map(|rule| {
        let claims = rule.output_claim_to_headers.iter().map(|output| &output.header);
        let mut outputs = claims.chain(&rule.output_payload_to_header);
        let mut sources = rule.from_headers.iter();
        let use_of_it = if sources.any(|location| is_it(&location.name)) {
            ["from which tokens", "are read"]
        } else if outputs.any(|name| is_it(name)) {
            ["in which claims", "go on"]
        } else {
            return None;
        };
        Some((rule.issuer.escape_debug(), use_of_it))
    })?;
    let message = format!(
        "--source-identity-header {header} is a header {before} of the issuer `{issuer}` {after}"
    );
    Some(Diagnostic::error(message).hint("name another header, such as x-forwarded-client-cert"))
}
