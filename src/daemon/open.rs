//! Opens what a daemon has only once: its data folder and its listening socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tracing::{info, warn};

use super::StartError;
use super::common::Common;
use crate::config::Config;
use crate::history::recordings::{self, Recorder};
use crate::history::{self, Store};
use crate::model::incident::Ledger;
use crate::model::service::ServiceName;
use crate::policy::watch::Rules;
use crate::state::{self, StateFile};
use crate::web::{self, Place, Socket};

/// What was opened, and what was in it.
pub(super) struct Opened {
    pub(super) file: StateFile,
    pub(super) ledger: Ledger,
    pub(super) socket: Socket,
    pub(super) history: Arc<Store>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) restored: BTreeMap<ServiceName, history::Restored>,
    pub(super) common: Common,
}

impl Opened {
    /// Returns where the daemon listens, with the port that it was given.
    pub(super) fn place(&self, config: &Config) -> Place {
        let place = self.socket.place();
        place.unwrap_or_else(|_| config.server.listen.clone())
    }
}

/// Opens everything.
///
/// # Errors
/// [`StartError`] if another daemon has the folder, or if folder or address cannot be used.
pub(super) async fn open(config: &Config, now: Timestamp) -> Result<Opened, StartError> {
    // An address that is taken must leave no new folder behind. A folder that is in use says more than its address.
    let early = if config.data.exists() {
        None
    } else {
        Some(bind(config).await?)
    };
    let (file, ledger) = open_state(config, now)?;
    let socket = match early {
        Some(socket) => socket,
        None => bind(config).await?,
    };
    narrow(config);
    let (history, restored, common) = open_history(config, now);
    history.spare(file.full());
    let recorder = Recorder::start(&config.data.join(recordings::FILE));
    recorder.spare(file.full());
    recorder.tidy(now);
    Ok(Opened {
        file,
        ledger,
        socket,
        history,
        recorder: Arc::new(recorder),
        restored,
        common,
    })
}

fn open_state(config: &Config, now: Timestamp) -> Result<(StateFile, Ledger), StartError> {
    let boot: u64 = rand::random();
    let opened = StateFile::open(&config.data, &format!("{boot:016x}"), now)?;
    match &opened.recovery {
        state::Recovery::Fresh | state::Recovery::Loaded => {}
        state::Recovery::FellBack { why, aside } => {
            warn!(
                why,
                kept = aside.as_ref().map(|aside| aside.display().to_string()),
                "state file cannot be used; going on with the previous copy"
            );
        }
        state::Recovery::SetAside { why, aside } => {
            warn!(
                why,
                kept = aside.as_ref().map(|aside| aside.display().to_string()),
                "state file cannot be used; starting with nothing known"
            );
        }
    }
    if let Some(kept) = &opened.kept {
        warn!(
            kept = %kept.display(),
            "the previous copy of the state file was written by a newer oes; it is kept under this name"
        );
    }
    Ok((opened.file, opened.ledger))
}

/// Keeps other users from the databases that an older version made.
fn narrow(config: &Config) {
    for (path, taken) in history::narrow(&config.data) {
        let path = path.display();
        match taken {
            Ok(()) => {
                info!(%path, "a database could be read by other users; only the owner can now");
            }
            Err(error) => warn!(%path, %error, "a database can be read by other users"),
        }
    }
}

/// Opens the history database; whatever is wrong with it, monitoring goes on.
fn open_history(
    config: &Config,
    now: Timestamp,
) -> (Arc<Store>, BTreeMap<ServiceName, history::Restored>, Common) {
    let rules = config
        .services
        .iter()
        .map(|one| Rules::from(&*one.service).samples());
    let opened = Store::open(
        &config.data.join("oes.db"),
        rules.max().unwrap_or_default(),
        now,
    );
    // Before any sample: the time until now was a pause.
    opened.store.tick(now);
    match &opened.recovery {
        history::Recovery::Fresh | history::Recovery::Loaded => {}
        history::Recovery::SetAside { path, why } => {
            warn!(why, path = %path.display(), "history database was damaged; a new one was begun");
        }
        history::Recovery::Unusable { why } => {
            warn!(
                why,
                "history database cannot be used; windows and script memory end with this process"
            );
        }
    }
    (
        Arc::new(opened.store),
        opened.restored,
        Common::new(opened.shared),
    )
}

async fn bind(config: &Config) -> Result<Socket, StartError> {
    let place = &config.server.listen;
    web::bind(place).await.map_err(|why| StartError::Listen {
        place: place.clone(),
        why,
    })
}
