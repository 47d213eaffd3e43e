//! What lies beside a script: the libraries that it uses, and the schemas that it names.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{Role, folders, names_in, nowhere, own, without_repeats};
use crate::config::json;
use crate::config::loader::{Found, Loader};
use crate::config::report::FileReport;
use crate::config::values::shorten;
use crate::model::code::Code;
use crate::model::json::Json;
use crate::script::source::{Beside, Missing, Source};

/// The largest schema.
const JSON_BYTES_MAX: u64 = 256 << 10;
const NEAR: &str = "a schema is a file in the folder of the script or of the config, or in folders in it: \"schemas/price.json\"";

/// Finds what a script names.
pub(super) struct Shelf<'s, 'a> {
    pub(super) loader: &'s mut Loader<'a>,
    /// Where the config names the script.
    pub(super) span: &'s Range<usize>,
    /// Where the script lies.
    pub(super) folder: Option<&'s Path>,
}

impl Beside for Shelf<'_, '_> {
    fn library(&mut self, name: &str) -> Result<Arc<Source>, Missing> {
        let folders = self.library_folders();
        let mut paths = folders
            .iter()
            .map(|folder| folder.join(format!("{name}.rhai")));
        let Some(path) = paths.find(|path| path.is_file()) else {
            let known = without_repeats(names_in(&folders));
            return Err(nowhere(Role::Library, name, &known));
        };
        match self.read_library(name, &path)? {
            Found::Script(source) => Ok(source),
            Found::Broken | Found::Nowhere(_) => Err(Missing {
                code: Code::Library,
                message: format!("the library `{name}` cannot be used"),
                help: Some(format!("mend {} first", path.display())),
            }),
        }
    }

    fn json(&mut self, name: &str) -> Result<Json, Missing> {
        let missing = |message, help: &str| Missing {
            code: Code::SchemaFile,
            message,
            help: Some(help.to_owned()),
        };
        let shown = shorten(name);
        let written = Path::new(name);
        let stays = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !written.components().all(stays) {
            return Err(missing(format!("`{shown}` leads elsewhere"), NEAR));
        }
        let own = self.folder.map(Path::to_path_buf);
        let folders: Vec<PathBuf> = own
            .into_iter()
            .chain([self.loader.folder.clone()])
            .collect();
        let mut found = folders
            .iter()
            .map(|folder| (folder, folder.join(written)))
            .filter(|(_, path)| path.exists());
        let Some((folder, path)) = found.next() else {
            let folders: Vec<String> = folders.iter().map(|folder| shown_folder(folder)).collect();
            let message = format!("there is no file {shown} in {}", folders.join(" or in "));
            return Err(missing(message, NEAR));
        };
        if !lies_in(&path, folder) {
            return Err(missing(format!("`{shown}` leads elsewhere"), NEAR));
        }
        self.read_json(&path)
    }
}

impl Shelf<'_, '_> {
    /// Returns where libraries are looked for, in order: beside the script, then where scripts are.
    fn library_folders(&self) -> Vec<PathBuf> {
        let library = Role::Library.folder();
        let mut all: Vec<PathBuf> = Vec::new();
        if let Some(folder) = self.folder {
            if folder.ends_with(library) {
                all.push(folder.to_path_buf());
            }
            all.push(folder.join(library));
            let is_of_scripts = [Role::Matcher, Role::Channel]
                .iter()
                .any(|role| folder.ends_with(role.folder()));
            if is_of_scripts && let Some(above) = folder.parent() {
                all.push(above.join(library));
            }
        }
        // A script beside the config is for services; what other scripts use has a folder of its own.
        let common = folders(self.loader, Role::Library);
        all.extend(
            common
                .into_iter()
                .filter(|folder| folder.ends_with(library)),
        );
        all
    }

    /// Reads a library once.
    fn read_library(&mut self, name: &str, path: &Path) -> Result<Found, Missing> {
        let key = (Role::Library.folder(), path.display().to_string());
        if let Some(found) = self.loader.scripts.get(&key) {
            return Ok(found.clone());
        }
        if let Some(circle) = self.circle(path) {
            return Err(Missing {
                code: Code::Library,
                message: format!("the library `{name}` uses itself: {circle}"),
                help: Some("move what both need into a library of its own".to_owned()),
            });
        }
        self.loader.libraries_underway.push(path.to_path_buf());
        let found = own(self.loader, Role::Library, name, path, self.span);
        self.loader.libraries_underway.pop();
        self.loader.scripts.insert(key, found.clone());
        Ok(found)
    }

    /// Reads a JSON file; what is wrong in its text is reported there.
    fn read_json(&mut self, path: &Path) -> Result<Json, Missing> {
        let shown = path.display().to_string();
        let bytes = self.loader.file(path.to_path_buf(), JSON_BYTES_MAX);
        let text = bytes.and_then(|bytes| {
            String::from_utf8(bytes.to_vec()).map_err(|_| "this file is not UTF-8".to_owned())
        });
        let text = text.map_err(|problem| Missing {
            code: Code::SchemaFile,
            message: format!("{shown}: {problem}"),
            help: None,
        })?;
        let (root, mistakes) = json::parse(&text);
        if !mistakes.is_empty() {
            let report = FileReport::new(shown.as_str(), text, mistakes);
            let reports = &mut self.loader.script_reports;
            if !reports.iter().any(|known| known.name == report.name) {
                reports.push(report);
            }
            return Err(Missing {
                code: Code::SchemaFile,
                message: format!("{shown} cannot be used"),
                help: Some("mend it first".to_owned()),
            });
        }
        Ok(root.map(|root| root.json()).unwrap_or_default())
    }

    /// Returns how a library that is being read uses itself, absent if it does not.
    fn circle(&self, path: &Path) -> Option<String> {
        let underway = &self.loader.libraries_underway;
        let begin = underway.iter().position(|known| known == path)?;
        let members = underway.iter().skip(begin).map(PathBuf::as_path);
        let names = members
            .chain([path])
            .filter_map(|path| path.file_stem()?.to_str());
        Some(names.collect::<Vec<_>>().join(" → "))
    }
}

/// Tells whether a file is within a folder, links followed.
fn lies_in(path: &Path, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

fn shown_folder(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        folder.display().to_string()
    }
}
