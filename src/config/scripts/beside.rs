//! What lies beside a script: the libraries that it uses.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Role, folders, names_in, nowhere, own, without_repeats};
use crate::config::loader::{Found, Loader};
use crate::script::source::{Beside, Missing, Source};

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
                message: format!("the library `{name}` cannot be used"),
                help: Some(format!("mend {} first", path.display())),
            }),
        }
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
