//! What integration tests share.

pub(crate) mod inbox;
pub(crate) mod messages;
pub(crate) mod scripts;
pub(crate) mod upstream;
