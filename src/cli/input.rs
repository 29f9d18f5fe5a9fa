//! The flags by which commands read Gateways, and reading them.

use std::path::PathBuf;

use clap::ValueEnum;

use super::diagnostics;
use crate::compile::select::{self, GatewayName};
use crate::compile::{self, Compiled};
use crate::policy::DefaultAction;
use crate::resource::diagnostic::Diagnostics;
use crate::resource::source::Sources;
use crate::resource::{document, input};

/// Which documents are read, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct InputArgs {
    /// YAML or JSON files, folders with such files, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The Gateway to use when the input holds several
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub gateway: Option<GatewayName>,
    /// What happens to a request for a host that nothing governs
    #[arg(long, value_enum, value_name = "ACTION", default_value_t = ActionArg::Deny)]
    pub default_action: ActionArg,
    /// Refuse documents of kinds that are not read, instead of skipping them
    #[arg(long)]
    pub strict: bool,
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
}

impl Loaded {
    /// Prints the diagnostics to standard error.
    ///
    /// # Errors
    /// When standard error cannot be written to.
    pub fn print(&self) -> std::io::Result<()> {
        diagnostics::print(&self.sources, &self.diagnostics)
    }
}

impl InputArgs {
    /// Reads the documents and compiles the one Gateway that is meant.
    ///
    /// # Errors
    /// When a path cannot be read. Errors in documents are diagnostics.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        self.load_with(|gateways, wanted, diagnostics| {
            select::one(gateways, wanted, diagnostics).into_iter().collect()
        })
    }

    /// Reads the documents and compiles every Gateway, to find what is wrong with any of them.
    ///
    /// # Errors
    /// When a path cannot be read. Errors in documents are diagnostics.
    pub fn load_all(&self) -> anyhow::Result<Loaded> {
        self.load_with(select::named)
    }

    fn load_with(&self, select: Select) -> anyhow::Result<Loaded> {
        let mut diagnostics = Diagnostics::default();
        let sources = input::read(&self.paths, &mut diagnostics)?;
        let documents = document::read_all(&sources, &mut diagnostics);
        let gateways = document::gateways(&documents, self.strict, &mut diagnostics);
        // What could not be read may have held the Gateway that is looked for.
        let readable = !gateways.is_empty() || !diagnostics.has_errors();
        let mut compiled = None;
        if readable {
            let options = compile::Options { default_action: self.default_action.into() };
            for gateway in select(&gateways, self.gateway.as_ref(), &mut diagnostics) {
                compiled = compile::compile(gateway, &options, &mut diagnostics);
            }
        }
        if diagnostics.has_errors() {
            compiled = None;
        }
        drop(documents);
        Ok(Loaded { sources, diagnostics, compiled })
    }
}

type Select = for<'a> fn(
    &[crate::resource::gateway::Gateway<'a>],
    Option<&GatewayName>,
    &mut Diagnostics,
) -> Vec<crate::resource::gateway::Gateway<'a>>;
