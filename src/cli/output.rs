//! Writing what a command made: to standard output, or to a file that is never half written.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes a text to a file, or to standard output.
///
/// The file takes its name only once it is complete: until then another program still finds the
/// old one, or none.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    let Some(path) = path else {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        return Ok(());
    };
    replace(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let metadata = std::fs::metadata(path);
    if metadata.as_ref().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        // A device or a pipe, such as /dev/stdout, cannot be replaced.
        return std::fs::write(path, text);
    }
    // A link stays a link: what it leads to is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let permissions = metadata.map_or_else(
            // The process's umask applies, as to any new file.
            |_| std::fs::Permissions::from_mode(0o666),
            |metadata| metadata.permissions(),
        );
        builder.permissions(permissions);
    }
    let mut file = builder.prefix(".egress-auth-").tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        for text in ["first", "second"] {
            write(Some(&path), text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/policy.json");
        let error = write(Some(&path), "text").unwrap_err();
        assert!(error.to_string().contains("policy.json"));
    }
}
