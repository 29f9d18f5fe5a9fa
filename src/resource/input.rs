//! Files, folders and standard input to texts.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use glob::{MatchOptions, Pattern, PatternError};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::Sources;

/// Most that is read of one input, in bytes: ten times a document with 10,000 hosts. What never
/// ends, such as `/dev/zero`, must not fill the memory.
pub const MAX_BYTES: u64 = 256 << 20;

/// Why a path given by the user cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {cause}; {}", instead(.cause))]
    Unreadable {
        /// The path as the user gave it, or a path below it.
        path: String,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder holds nothing to read.
    #[error("{0} holds no .yaml, .yml or .json file")]
    Empty(String),
    /// Every file was left out.
    #[error("--exclude leaves nothing to read; exclude less")]
    AllExcluded,
    /// It holds more than anyone would write.
    #[error(
        "{0} holds more than {mib} MiB: name a file with documents, or divide it",
        mib = MAX_BYTES >> 20
    )]
    TooLarge(String),
}

/// What to do about a path that cannot be read.
fn instead(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "name a file or folder that is there, or - for standard input",
        io::ErrorKind::PermissionDenied => "let your user read it",
        _ => "name a file, a folder, or - for standard input",
    }
}

/// Files that are left out, by a pattern of their path: `*` stands for any characters but `/`, `**`
/// for any folders. One without a `/` is compared with the names of files and folders alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion(Pattern);

/// The text is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// It is empty.
    #[error("expected a pattern such as 'charts/**' or '*.tpl.yaml'")]
    Empty,
    /// Its wildcards are wrong.
    #[error("expected a pattern such as 'charts/**' or '*.tpl.yaml': {}", .0.msg)]
    Wildcards(PatternError),
}

impl FromStr for Exclusion {
    type Err = ExclusionError;

    fn from_str(text: &str) -> Result<Self, ExclusionError> {
        let bare = text.trim_start_matches("./").trim_end_matches('/');
        if bare.is_empty() {
            return Err(ExclusionError::Empty);
        }
        Pattern::new(bare).map(Self).map_err(ExclusionError::Wildcards)
    }
}

impl Exclusion {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it names a file, or a folder that the file is in. `argument` is the path by which
    /// the file was found: the pattern may begin there, or where the path itself does.
    fn names(&self, argument: &Path, file: &Path) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let below = file.strip_prefix(argument).unwrap_or(file);
        let whole = file.strip_prefix(".").unwrap_or(file);
        let parts =
            |path: &Path| path.ancestors().any(|part| self.0.matches_path_with(part, options));
        let by_name = !self.0.as_str().contains('/')
            && below
                .iter()
                .chain(file.file_name())
                .any(|name| name.to_str().is_some_and(|name| self.0.matches_with(name, options)));
        by_name || parts(below) || parts(whole)
    }
}

/// Reads every path: a file of any name, a folder with all `*.yaml`, `*.yml` and `*.json` files
/// below it in the order of their names, or `-` for standard input; files that an exclusion names
/// are left out. A text that is not UTF-8 is reported and left out.
///
/// # Errors
/// When a path cannot be read, or a folder holds no such file, or all files are left out.
pub fn read(
    paths: &[PathBuf],
    excluded: &[Exclusion],
    diagnostics: &mut Diagnostics,
) -> Result<Sources, InputError> {
    let mut sources = Sources::default();
    let mut left_out = false;
    for path in paths {
        if path.as_os_str() == "-" {
            let bytes = read_bounded(Path::new("standard input"), || Ok(io::stdin().lock()))?;
            add(&mut sources, "<stdin>".to_owned(), bytes, diagnostics);
            continue;
        }
        for file in files(path)? {
            if excluded.iter().any(|pattern| pattern.names(path, &file)) {
                left_out = true;
                continue;
            }
            let bytes = read_file(&file)?;
            add(&mut sources, file.display().to_string(), bytes, diagnostics);
        }
    }
    let nothing = sources.iter().next().is_none() && !diagnostics.has_errors();
    if nothing && left_out { Err(InputError::AllExcluded) } else { Ok(sources) }
}

/// Reads a file, whatever it holds.
///
/// # Errors
/// When it cannot be read, or holds more than [`MAX_BYTES`].
pub fn read_file(path: &Path) -> Result<Vec<u8>, InputError> {
    read_bounded(path, || File::open(path))
}

fn read_bounded<R: Read>(
    path: &Path,
    open: impl FnOnce() -> io::Result<R>,
) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let read = open().and_then(|input| {
        // One byte more tells what is as large as can be from what is larger.
        input.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)
    });
    match read {
        Ok(length) if length as u64 > MAX_BYTES => {
            Err(InputError::TooLarge(path.display().to_string()))
        }
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// The files that a path stands for.
///
/// # Errors
/// When the path cannot be read, or is a folder without a file to read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&folder, error))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
            // A link to a folder is not followed: it may lead back up.
            if kind.is_dir() {
                folders.push(path);
            } else if is_document(&path) && path.is_file() {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        return Err(InputError::Empty(path.display().to_string()));
    }
    found.sort();
    Ok(found)
}

/// Whether a file in a folder is read: by the end of its name.
fn is_document(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

fn unreadable(path: &Path, cause: io::Error) -> InputError {
    InputError::Unreadable { path: path.display().to_string(), cause }
}

fn add(sources: &mut Sources, name: String, bytes: Vec<u8>, diagnostics: &mut Diagnostics) {
    match String::from_utf8(bytes) {
        Ok(text) => {
            sources.add(name, text);
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            diagnostics.push(
                Diagnostic::error(format!("{name} is not UTF-8 (at byte {at})"))
                    .hint("save the file as UTF-8"),
            );
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "nobody else reads these files")]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["c.json", "b/z.yml", "a.yaml", "notes.txt"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/loop")).unwrap();
        let found = files(folder.path()).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(folder.path()).unwrap()).collect();
        assert_eq!(names, [Path::new("a.yaml"), Path::new("b/z.yml"), Path::new("c.json")]);
    }

    #[test]
    fn an_empty_folder_and_a_missing_file_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(files(folder.path()), Err(InputError::Empty(_))));
        let missing = folder.path().join("missing.yaml");
        assert!(matches!(files(&missing), Err(InputError::Unreadable { .. })));
    }

    #[test]
    fn exclusions_name_files_and_folders() {
        for (pattern, argument, file, named) in [
            ("*.tpl.yaml", ".", "./a/b.tpl.yaml", true),
            ("*.tpl.yaml", ".", "./a/b.yaml", false),
            ("charts/**", ".", "./charts/a/templates/b.yaml", true),
            ("charts", "deploy", "deploy/charts/b.yaml", true),
            ("./charts/", ".", "./charts/b.yaml", true),
            ("charts/*", "deploy", "deploy/charts/b.yaml", true),
            ("deploy/charts", "deploy", "deploy/charts/b.yaml", true),
            ("**/templates/*.yaml", ".", "./charts/a/templates/b.yaml", true),
            ("templates/*.yaml", ".", "./charts/a/templates/b.yaml", false),
            ("values*.yaml", "values-a.yaml", "values-a.yaml", true),
            ("a", "/x/a/y", "/x/a/y/b.yaml", false),
        ] {
            let exclusion: Exclusion = pattern.parse().unwrap();
            let found = exclusion.names(Path::new(argument), Path::new(file));
            assert_eq!(found, named, "{pattern} {argument} {file}");
        }
        for pattern in ["", "./", "a/**b"] {
            assert!(pattern.parse::<Exclusion>().is_err(), "{pattern}");
        }
    }
}
