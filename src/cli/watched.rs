//! What commands that look need of a data folder: the state file, and the zone in which people read times.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Exit;
use super::load::{self, AnyEnvironment};
use super::output::{self, Schema, WARNING, styled};
use crate::config;
use crate::model::causes::Causes;
use crate::model::service::Service;
use crate::state::{self, ReadError, Snapshot};

/// Returns the ops config that is meant and what the state file beside it says; says why there is none.
pub(super) fn state(config: Option<&Path>, schema: Schema) -> Result<(PathBuf, Snapshot), Exit> {
    let path = match load::named(config) {
        Ok(path) => path,
        Err(error) => return Err(output::refuse(schema, &error)),
    };
    if !path.exists() {
        load::load(&path, schema);
        return Err(Exit::Usage);
    }
    match state::read_or_previous(&config::data_folder(&path)) {
        Ok((snapshot, damage)) => {
            if let Some(error) = damage {
                let warning = styled(WARNING, "warning:");
                output::note(format_args!(
                    "{warning} {}; shown is its previous copy",
                    Causes(&error)
                ));
            }
            Ok((path, snapshot))
        }
        Err(error) => {
            let exit = output::refuse(schema, &error);
            if schema.is_none() && matches!(error, ReadError::Missing { .. }) {
                let path = path.display();
                output::note(format_args!("it is there once `oes run {path}` has run"));
            }
            Err(exit)
        }
    }
}

/// Returns the services of an ops config, absent where it cannot be used.
pub(super) fn services(config: &Path) -> Option<Vec<Arc<Service>>> {
    let loaded = config::load(config, &AnyEnvironment).ok()?;
    let services = loaded.config.services.iter();
    Some(services.map(|one| Arc::clone(&one.service)).collect())
}

/// Returns the zone in which people read times; UTC where the config cannot be read.
pub(super) fn zone(config: &Path) -> TimeZone {
    config::load(config, &AnyEnvironment)
        .map_or(TimeZone::UTC, |loaded| loaded.config.notify.time_zone)
}
