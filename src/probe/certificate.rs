//! Facts of certificates, read once per certificate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::model::exchange::Certificate;

/// Certificates that are remembered before all are forgotten.
const CERTIFICATES_MAX: usize = 4_096;

/// Facts by certificate, so that a healthy probe does not parse the same certificate each time.
#[derive(Debug, Default)]
pub(super) struct CertificateFacts {
    known: Mutex<HashMap<Vec<u8>, Certificate>>,
}

impl CertificateFacts {
    /// Returns the facts of a DER certificate, absent if it cannot be read.
    pub(super) fn of(&self, der: Vec<u8>) -> Option<Certificate> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = known.get(&der) {
            return Some(facts.clone());
        }
        let facts = read(&der)?;
        if known.len() >= CERTIFICATES_MAX {
            known.clear();
        }
        known.insert(der, facts.clone());
        Some(facts)
    }
}

fn read(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .filter_map(name)
            .collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    let validity = certificate.validity();
    Some(Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names,
        not_before: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        not_after: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
        self_signed: certificate.subject().as_raw() == certificate.issuer().as_raw(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => Some(IpAddr::from(v4).to_string()),
            Err(_) => Some(IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    }
}

/// Returns the names that a certificate is for, at most five, as a person reads them.
pub(super) fn listed(certificate: &Certificate) -> String {
    const SHOWN: usize = 5;
    if certificate.names.is_empty() {
        return "no host at all".to_owned();
    }
    let mut text = certificate
        .names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = certificate
        .names
        .len()
        .checked_sub(SHOWN)
        .filter(|more| *more > 0)
    {
        text.push_str(", and ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_facts_of_a_certificate() {
        let mut params =
            rcgen::CertificateParams::new(vec!["a.example".to_owned(), "127.0.0.1".to_owned()])
                .unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2026, 11, 20);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let cache = CertificateFacts::default();
        let facts = cache.of(der.clone()).unwrap();
        assert_eq!(facts.names, ["a.example", "127.0.0.1"]);
        assert_eq!(facts.not_after.to_string(), "2026-11-20T00:00:00Z");
        assert!(facts.self_signed);
        assert_eq!(cache.of(der), Some(facts));
        assert_eq!(cache.of(b"nonsense".to_vec()), None);
    }
}
