//! Certificates made for each test.

use native_tls::Identity;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// A certificate authority that nobody else knows.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test CA");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate as PEM.
    pub(crate) fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A certificate for `good.test` and loopback, valid from one year's beginning until another's.
    pub(crate) fn leaf(&self, from: i32, until: i32) -> Identity {
        let (certificate, key) = self.leaf_pem(from, until);
        Identity::from_pkcs8(&certificate, &key).unwrap()
    }

    /// The same as PEM: the certificate, and its key.
    pub(crate) fn leaf_pem(&self, from: i32, until: i32) -> (Vec<u8>, Vec<u8>) {
        let mut params = params(from, until);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "leaf");
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        (leaf.pem().into_bytes(), key.serialize_pem().into_bytes())
    }
}

/// What a certificate for `good.test` and loopback says.
pub(crate) fn params(from: i32, until: i32) -> CertificateParams {
    let mut params =
        CertificateParams::new(vec!["good.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

/// A certificate with its key.
pub(crate) fn identity(pem: &str, key: &KeyPair) -> Identity {
    Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}
