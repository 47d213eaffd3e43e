//! Why a probe got no response.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exchange::Phase;

/// Why a probe got no usable response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable name of what went wrong.
    pub kind: FailureKind,
    /// The phase that was running, absent if none had begun.
    pub phase: Option<Phase>,
    /// What happened in words for a person: `connection refused by 127.0.0.1:81`. Holds no secret.
    pub message: String,
}

/// The stable names of failures, used in metrics, messages, scripts and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "`as_str` and docs/scripts.md list them; the names say what they are"
)]
pub enum FailureKind {
    DnsNxdomain,
    DnsTimeout,
    DnsServfail,
    PolicyDenied,
    ConnectRefused,
    ConnectTimeout,
    ConnectUnreachable,
    ConnectReset,
    TlsExpired,
    TlsNotYetValid,
    TlsName,
    TlsUntrusted,
    TlsHandshake,
    ClosedWithoutResponse,
    HeaderTooLarge,
    BadHttp,
    TimeoutResolve,
    TimeoutConnect,
    TimeoutTls,
    TimeoutSend,
    TimeoutWait,
    TimeoutTransfer,
    RedirectLoop,
    RedirectPolicy,
    BodyTooLarge,
    BodyIncomplete,
    DecodeError,
    /// Our own file descriptors ran out (EMFILE, ENFILE).
    LocalDescriptors,
    /// Our own ports, addresses or buffers ran out (EADDRNOTAVAIL, ENOBUFS).
    LocalPorts,
    /// Our own network has no route or no resolver.
    LocalNetwork,
    /// OES stood still while the probe was under way: the machine slept, or had no time for it.
    LocalStandstill,
    /// A fault in OES itself.
    Internal,
}

impl FailureKind {
    /// All kinds, in the order of declaration.
    pub const ALL: [Self; 32] = [
        Self::DnsNxdomain,
        Self::DnsTimeout,
        Self::DnsServfail,
        Self::PolicyDenied,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::ConnectUnreachable,
        Self::ConnectReset,
        Self::TlsExpired,
        Self::TlsNotYetValid,
        Self::TlsName,
        Self::TlsUntrusted,
        Self::TlsHandshake,
        Self::ClosedWithoutResponse,
        Self::HeaderTooLarge,
        Self::BadHttp,
        Self::TimeoutResolve,
        Self::TimeoutConnect,
        Self::TimeoutTls,
        Self::TimeoutSend,
        Self::TimeoutWait,
        Self::TimeoutTransfer,
        Self::RedirectLoop,
        Self::RedirectPolicy,
        Self::BodyTooLarge,
        Self::BodyIncomplete,
        Self::DecodeError,
        Self::LocalDescriptors,
        Self::LocalPorts,
        Self::LocalNetwork,
        Self::LocalStandstill,
        Self::Internal,
    ];

    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DnsNxdomain => "dns_nxdomain",
            Self::DnsTimeout => "dns_timeout",
            Self::DnsServfail => "dns_servfail",
            Self::PolicyDenied => "policy_denied",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::ConnectUnreachable => "connect_unreachable",
            Self::ConnectReset => "connect_reset",
            Self::TlsExpired => "tls_expired",
            Self::TlsNotYetValid => "tls_not_yet_valid",
            Self::TlsName => "tls_name",
            Self::TlsUntrusted => "tls_untrusted",
            Self::TlsHandshake => "tls_handshake",
            Self::ClosedWithoutResponse => "closed_without_response",
            Self::HeaderTooLarge => "header_too_large",
            Self::BadHttp => "bad_http",
            Self::TimeoutResolve => "timeout_resolve",
            Self::TimeoutConnect => "timeout_connect",
            Self::TimeoutTls => "timeout_tls",
            Self::TimeoutSend => "timeout_send",
            Self::TimeoutWait => "timeout_wait",
            Self::TimeoutTransfer => "timeout_transfer",
            Self::RedirectLoop => "redirect_loop",
            Self::RedirectPolicy => "redirect_policy",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::DecodeError => "decode_error",
            Self::LocalDescriptors => "local_descriptors",
            Self::LocalPorts => "local_ports",
            Self::LocalNetwork => "local_network",
            Self::LocalStandstill => "local_standstill",
            Self::Internal => "internal",
        }
    }

    /// Tells whether the deadline cut the probe off; the message says which time that was.
    pub fn is_deadline(self) -> bool {
        matches!(
            self,
            Self::TimeoutResolve
                | Self::TimeoutConnect
                | Self::TimeoutTls
                | Self::TimeoutSend
                | Self::TimeoutWait
                | Self::TimeoutTransfer
        )
    }

    /// Tells whether a redirect came that was not followed.
    pub fn is_redirect(self) -> bool {
        matches!(self, Self::RedirectLoop | Self::RedirectPolicy)
    }

    /// Tells whether it is what a loss of our own network looks like.
    pub fn is_of_network(self) -> bool {
        matches!(
            self,
            Self::DnsTimeout
                | Self::DnsServfail
                | Self::DnsNxdomain
                | Self::ConnectTimeout
                | Self::ConnectRefused
                | Self::ConnectUnreachable
                | Self::ConnectReset
                | Self::TimeoutResolve
                | Self::TimeoutConnect
                | Self::TimeoutTls
                | Self::TimeoutSend
                | Self::TimeoutWait
                | Self::LocalNetwork
        )
    }

    /// Tells whether the fault lies with us (our resolver, network, descriptors), so that the outcome is `unknown`
    /// and never counts for or against the service.
    pub fn is_ours(self) -> bool {
        matches!(
            self,
            Self::DnsTimeout
                | Self::DnsServfail
                | Self::TimeoutResolve
                | Self::LocalDescriptors
                | Self::LocalPorts
                | Self::LocalNetwork
                | Self::LocalStandstill
                | Self::Internal
        )
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
