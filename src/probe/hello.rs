//! Reads from the wire what the server chose: TLS version and cipher suite. The TLS library does not tell.
//!
//! A `ServerHello` is the first message of a server and not encrypted. It is read beside the library, which alone decides
//! whether the handshake holds.

use crate::model::exchange::TlsSession;

/// No `ServerHello` is longer: with a key of a quantum-safe exchange it has about 1,200 bytes.
const BYTES_MAX: usize = 4 << 10;
/// The extension in which TLS 1.3 says its version.
const SUPPORTED_VERSIONS: u16 = 43;

/// The first bytes of a server, as far as they are needed.
#[derive(Debug, Default)]
pub(super) struct Hello {
    bytes: Vec<u8>,
    session: Option<TlsSession>,
    is_done: bool,
}

impl Hello {
    /// Takes bytes that were read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.is_done {
            return;
        }
        let room = BYTES_MAX - self.bytes.len();
        self.bytes.extend(bytes.iter().take(room));
        self.session = session(&self.bytes);
        if self.session.is_some() || bytes.len() >= room {
            self.is_done = true;
            self.bytes = Vec::new();
        }
    }

    /// Returns what the server chose, absent as long as it has not said so.
    pub(super) fn session(&self) -> Option<TlsSession> {
        self.session
    }
}

/// Reads one or more records that begin with a `ServerHello`.
fn session(records: &[u8]) -> Option<TlsSession> {
    let message = handshake(records);
    let mut hello = Bytes(&message);
    if hello.number(1)? != 2 {
        return None;
    }
    let length = hello.number(3)?;
    let mut hello = Bytes(hello.take(length)?);
    let legacy = hello.number(2)?;
    hello.take(32)?;
    let session_id = hello.number(1)?;
    hello.take(session_id)?;
    let cipher = hello.number(2)?;
    hello.number(1)?;
    let mut version = legacy;
    if let Some(length) = hello.number(2) {
        let mut extensions = Bytes(hello.take(length)?);
        while let Some(kind) = extensions.number(2) {
            let length = extensions.number(2)?;
            let mut extension = Bytes(extensions.take(length)?);
            if kind == usize::from(SUPPORTED_VERSIONS) {
                version = extension.number(2)?;
            }
        }
    }
    Some(TlsSession {
        version: u16::try_from(version).ok()?,
        cipher: u16::try_from(cipher).ok()?,
    })
}

/// Returns what the handshake records at the beginning hold together.
fn handshake(records: &[u8]) -> Vec<u8> {
    let mut held = Vec::new();
    let mut records = Bytes(records);
    while records.number(1) == Some(22) && records.take(2).is_some() {
        let Some(length) = records.number(2) else {
            break;
        };
        let present = length.min(records.0.len());
        held.extend(records.take(present).unwrap_or_default());
    }
    held
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads a number of so many bytes, at most three.
    fn number(&mut self, length: usize) -> Option<usize> {
        let bytes = self.take(length)?.iter();
        Some(bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0x13, 0x02, 0]);
        body.extend([0, u8::try_from(extensions.len()).unwrap()]);
        body.extend(extensions);
        let length = u8::try_from(body.len()).unwrap();
        let mut record = vec![22, 3, 3, 0, length + 4, 2, 0, 0, length];
        record.extend(body);
        record
    }

    #[test]
    fn reads_what_the_server_chose_however_it_comes() {
        let newer = record(&[0, 51, 0, 2, 9, 9, 0, 43, 0, 2, 3, 4]);
        for size in 1..newer.len() {
            let mut hello = Hello::default();
            newer.chunks(size).for_each(|bytes| hello.take(bytes));
            hello.take(b"what comes after is not looked at");
            let session = hello.session().unwrap();
            assert_eq!((session.version, session.cipher), (0x0304, 0x1302));
            assert_eq!(session.version_name(), "TLS 1.3");
            assert_eq!(session.cipher_name(), "TLS_AES_256_GCM_SHA384");
        }
        assert_eq!(session(&record(&[])).unwrap().version_name(), "TLS 1.2");
        assert_eq!(session(b"HTTP/1.1 400 Bad Request\r\n"), None);
        assert_eq!(session(&[21, 3, 3, 0, 2, 2, 40]), None);
    }

    proptest! {
        #[test]
        fn reads_anything(bytes in proptest::collection::vec(any::<u8>(), 0..6_000), size in 1_usize..500) {
            let mut hello = Hello::default();
            bytes.chunks(size).for_each(|bytes| hello.take(bytes));
            prop_assert!(hello.bytes.len() <= BYTES_MAX);
        }
    }
}
