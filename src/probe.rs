//! One exchange over raw hyper: phase by phase, under one deadline, within caps, to checked addresses only.
//!
//! - Every probe opens its own connection, drives it in its own task and drops it: nothing outlives a probe.
//! - A probe never fails as a function. What goes wrong is a [`Failure`](crate::model::failure::Failure) in the
//!   [`Exchange`], with the phase it happened in.
//! - The connection goes to an address that was judged, and is never looked up again.
//! - No secret appears in what a probe returns.

mod address;
mod attempt;
mod body;
mod certificate;
mod decode;
mod descriptors;
mod dial;
mod frames;
mod hello;
mod hosts;
mod plan;
mod prober;
mod progress;
mod proxy;
mod raw;
mod redirect;
mod refusal;
mod resolve;
mod stream;
mod talk;
mod target;
mod tls;
mod token;

use std::pin::Pin;

use jiff::Timestamp;
use tokio::time::Instant;

pub use address::{AddressPolicy, forbidden};
pub use descriptors::{in_flight_for, raise_descriptor_limit};
pub use plan::{Plan, PlanError, RequestParts};
pub use prober::{HttpProber, ProberError, Settings};
pub use raw::Exchanged;
pub use resolve::ResolverSource;
pub use target::TargetError;

use crate::model::exchange::Exchange;

/// Makes exchanges. The daemon's tests put a fake in its place, since real sockets do not run on paused time.
pub trait Prober: Send + Sync {
    /// Makes one exchange as `plan` says. `due` is when it should have begun, `now` the present wall time.
    ///
    /// Dropping the future closes its connection.
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        due: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>>;
}
