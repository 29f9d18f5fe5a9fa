//! Writing what a command made: to standard output, or to a file that is never half written; and
//! telling people what happens, on standard error.
//!
//! Everything that commands print goes through here: whoever reads it may go away at any time.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;

/// How every report of results as JUnit XML begins.
pub const JUNIT_BEGINS: &str = "<?xml ";

/// For whom results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Nobody reads standard output any more, as behind `| head`: there is nobody left to write for, and
/// nothing has gone wrong.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("nobody reads standard output any more")]
struct Unread;

/// Standard output, which takes results. Once nobody reads it, writing to it fails with an error
/// that [`is_unread`] knows.
pub fn stdout() -> impl Write {
    Results(io::stdout().lock())
}

struct Results(io::StdoutLock<'static>);

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(failed)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(failed)
    }
}

fn failed(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, Unread),
        kind => io::Error::new(kind, format!("cannot write to standard output: {error}")),
    }
}

/// Whether something failed only because nobody reads standard output any more.
pub fn is_unread(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref()).any(is_of_unread)
}

fn is_of_unread(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Unread>())
}

/// Tells people something: a line on standard error. Nothing depends on whether anybody reads it.
pub fn tell(line: impl Display) {
    tell_with(|out| writeln!(out, "{line}"));
}

/// Lets `fill` write to standard error, for people. Nothing depends on whether anybody reads it.
pub fn tell_with(fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut stderr = BufWriter::new(io::stderr().lock());
    // Where this fails there is no place left in which to say so.
    let _ = fill(&mut stderr).and_then(|()| stderr.flush());
}

/// Writes a text to a file, or to standard output.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    write_with(path, |out| out.write_all(text.as_bytes()))
}

/// Lets `fill` write to a file, or to standard output.
///
/// The file takes its name only once it is complete: until then another program still finds the
/// old one, or none. Standard output that nobody reads any more has all that is wanted of it.
///
/// # Errors
/// When it cannot be written.
pub fn write_with(
    path: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let Some(path) = path else {
        let mut out = BufWriter::new(stdout());
        return match fill(&mut out).and_then(|()| out.flush()) {
            Err(error) if is_of_unread(&error) => Ok(()),
            written => Ok(written?),
        };
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        let (path, folder) = (path.display(), folder.display());
        anyhow::bail!(
            "cannot write {path}: there is no folder {folder}; make it: mkdir -p {folder}"
        );
    }
    replace(path, fill).with_context(|| format!("cannot write {}", path.display()))
}

/// Whether two paths lead to one file, by whatever names and links.
pub fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.dev(), metadata.ino()))
        };
        matches!((identity(one), identity(other)), (Some(one), Some(other)) if one == other)
    }
    #[cfg(not(unix))]
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Removes what an earlier run wrote to a file that this one will write to, so that it is not
/// taken for its result where this one fails.
///
/// # Errors
/// When it cannot be removed, or does not begin as what we write: then it is something else, such
/// as an input.
pub fn remove_earlier(path: &Path, begins: &str) -> anyhow::Result<()> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    let cannot = || format!("cannot write {}", path.display());
    let mut start = Vec::new();
    let most = u64::try_from(begins.len()).unwrap_or(u64::MAX);
    File::open(path)
        .with_context(cannot)?
        .take(most)
        .read_to_end(&mut start)
        .with_context(cannot)?;
    anyhow::ensure!(
        start == begins.as_bytes(),
        "{} exists and does not begin with `{begins}`: remove it, or name another file",
        path.display()
    );
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return std::fs::remove_file(path).with_context(cannot);
    }
    // A link stays a link: what it leads to is emptied.
    File::options().write(true).truncate(true).open(path).with_context(cannot)?;
    Ok(())
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let metadata = std::fs::metadata(path);
    if metadata.as_ref().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        // A device or a pipe, such as /dev/stdout, cannot be replaced.
        let mut device = BufWriter::new(File::options().write(true).open(path)?);
        fill(&mut device)?;
        return device.flush();
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
    let mut buffered = BufWriter::new(file.as_file_mut());
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
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
    fn a_failure_half_way_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        write(Some(&path), "old").unwrap();
        let result = write_with(Some(&path), |out| {
            out.write_all(b"new")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(result.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
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
