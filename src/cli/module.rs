//! Finding the modules that were built beside the command.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The module that is named, else the first that exists of those beside this program and in
/// `dist/`.
///
/// # Errors
/// When none is named and none is found.
pub fn find(named: Option<&Path>, file: &str) -> anyhow::Result<PathBuf> {
    if let Some(module) = named {
        return Ok(module.to_owned());
    }
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).map(|folder| folder.join(file));
    let built = std::env::current_dir().ok().map(|folder| folder.join("dist").join(file));
    beside.into_iter().chain(built).find(|path| path.is_file()).with_context(|| {
        format!(
            "{file} is neither beside this program nor in dist/: run `make wasm`, or name it with \
             --wasm"
        )
    })
}
