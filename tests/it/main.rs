//! All integration tests in one binary, so that they link once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "these are for tests, and this crate is nothing else; the lints only know functions marked as tests"
)]

mod architecture;
mod channel_delivery;
mod channel_discord;
mod channel_email;
mod channel_providers;
mod channel_webhook;
mod cli;
mod codes;
mod config;
mod crash;
mod daemon;
mod lists;
mod matcher_conformance;
mod metrics;
mod outage;
mod page;
mod probe;
mod probe_body;
mod probe_hostile;
mod probe_http2;
mod probe_net;
mod probe_proxy;
mod probe_redirect;
mod probe_tls;
mod script;
mod state;
mod support;
