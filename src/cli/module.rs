//! Finding the modules that belong to the command.

use std::path::{Path, PathBuf};

/// The environment's word for the folder with the modules.
const FOLDER: &str = "EGRESS_AUTH_MODULES";

/// The module that is named; else the one in `$EGRESS_AUTH_MODULES`, where that is set; else the
/// first that exists of those beside this program, where an installation keeps such files, and
/// where a build of this project puts them.
///
/// # Errors
/// When none is named and none is found.
pub fn find(named: Option<&Path>, file: &str) -> anyhow::Result<PathBuf> {
    if let Some(module) = named {
        return Ok(module.to_owned());
    }
    if let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        let path = Path::new(&folder).join(file);
        anyhow::ensure!(
            path.is_file(),
            "{file} is not in {}, which ${FOLDER} names: {}",
            Path::new(&folder).display(),
            WHENCE
        );
        return Ok(path);
    }
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let mut places = folder.map(around).unwrap_or_default();
    places.push(PathBuf::from("dist"));
    let found = places.into_iter().map(|place| place.join(file)).find(|path| path.is_file());
    found.ok_or_else(|| {
        anyhow::anyhow!(
            "{file} is not beside this program: {WHENCE}; then put it there, name its folder in \
             ${FOLDER}, or name it with --wasm"
        )
    })
}

/// Where modules come from.
const WHENCE: &str = concat!(
    "take it from the archive of release ",
    env!("CARGO_PKG_VERSION"),
    ", or build it with `make wasm` in a checkout"
);

/// Where modules may be, seen from the folder of the program.
fn around(folder: &Path) -> Vec<PathBuf> {
    let mut places = vec![folder.to_owned()];
    if let Some(prefix) = folder.parent() {
        // As in /usr/local/bin and /usr/local/share/egress-auth.
        places.push(prefix.join("share/egress-auth"));
        // As in target/debug and dist.
        if prefix.file_name().is_some_and(|name| name == "target") {
            places.extend(prefix.parent().map(|checkout| checkout.join("dist")));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_looked_for_around_the_program() {
        let places = |folder| -> Vec<String> {
            around(Path::new(folder)).iter().map(|place| place.display().to_string()).collect()
        };
        assert_eq!(places("/usr/bin"), ["/usr/bin", "/usr/share/egress-auth"]);
        let built = places("/src/e/target/debug");
        assert_eq!(built.last().map(String::as_str), Some("/src/e/dist"));
    }
}
