//! The way in: who is let in, what the connection is encrypted with, and what tells commands of the same user.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::warn;

use super::control_file::ControlFile;
use crate::config::{Config, Server};
use crate::web::auth::{Gate, GateSettings, Outside, Scope, Token, new_token};
use crate::web::{Certificate, CertificateError, Place};

/// What a reload may change about the way in.
pub(super) struct Door {
    certificate: Option<Arc<Certificate>>,
    file: ControlFile,
    data: PathBuf,
}

/// Makes the way in for a daemon that listens at a place, and asks a provider through `outside`.
///
/// # Errors
/// If the certificate cannot be used.
pub(super) fn open(
    config: &Config,
    place: &Place,
    outside: Arc<dyn Outside>,
) -> Result<(Arc<Gate>, Door), CertificateError> {
    let Server {
        open,
        base,
        proxies,
        tls,
        tokens,
        is_local,
        oidc,
        ..
    } = &config.server;
    let certificate = tls
        .as_ref()
        .map(Certificate::new)
        .transpose()?
        .map(Arc::new);
    let text = new_token();
    let own = Token::new("control.json", Scope::Admin, &text);
    let settings = GateSettings {
        open: *open,
        base: Arc::clone(base),
        proxies: proxies.clone(),
        outside,
    };
    let gate = Gate::new(own, settings);
    gate.renew(tokens.iter().cloned(), oidc.as_ref(), *is_local);
    let print = certificate.as_ref().map(|certificate| certificate.print());
    let door = Door {
        file: ControlFile::new(place, base, print, text),
        data: config.data.clone(),
        certificate,
    };
    door.write_down();
    Ok((Arc::new(gate), door))
}

impl Door {
    /// Returns what connections are encrypted with.
    pub(super) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.clone()
    }

    /// Shows the certificate of a config from now on.
    ///
    /// # Errors
    /// If it cannot be used; nothing changes then.
    pub(super) fn renew(&mut self, server: &Server) -> Result<(), CertificateError> {
        if let (Some(certificate), Some(pair)) = (&self.certificate, &server.tls) {
            certificate.renew(pair)?;
            self.file.certificate = Some(certificate.print());
            self.write_down();
        }
        Ok(())
    }

    fn write_down(&self) {
        if let Err(error) = self.file.write(&self.data) {
            warn!(%error, "control.json cannot be written: commands that change something do not reach this daemon");
        }
    }
}
