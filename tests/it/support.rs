//! What integration tests share.

pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod files;
pub(crate) mod h2_server;
pub(crate) mod inbox;
pub(crate) mod mail;
pub(crate) mod messages;
pub(crate) mod programs;
pub(crate) mod prometheus;
pub(crate) mod provider;
pub(crate) mod scripts;
pub(crate) mod tls_front;
pub(crate) mod tunnel;
pub(crate) mod upstream;
pub(crate) mod watched;
