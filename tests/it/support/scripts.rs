//! Channel scripts, and what runs them.

use std::pin::Pin;
use std::sync::Arc;

use oes::channel::delivery::{Console, Delivery};
use oes::channel::message::Colour;
use oes::script::host::{Ask, Host, HostReply, HostRequest};
use oes::script::limits::Limits;
use oes::script::pool::{Pool, PoolSettings, Program};
use oes::script::shipped;
use oes::script::source::Source;

/// Returns a delivery that prints nothing.
pub(crate) fn delivery() -> Delivery {
    let console = Console {
        write: Box::new(|_| {}),
        colour: Colour::Plain,
    };
    printing(console)
}

/// Returns a delivery with this console.
pub(crate) fn printing(console: Console) -> Delivery {
    let settings = PoolSettings {
        threads: 1,
        waiting_threads: 1,
        ..PoolSettings::default()
    };
    let pool = Pool::start(settings, Arc::new(Nowhere)).unwrap();
    Delivery::new(Arc::new(pool), Limits::default(), console).unwrap()
}

/// Returns a shipped channel script.
pub(crate) fn shipped(name: &str) -> Source {
    source(name, shipped::find(shipped::CHANNELS, name).unwrap().text)
}

/// Returns a channel script of this text.
pub(crate) fn source(name: &str, text: &str) -> Source {
    let file = format!("scripts/channels/{name}.rhai");
    let (source, warnings) = Source::compile(name, &file, text).unwrap();
    assert_eq!(warnings, []);
    source
}

/// Channel scripts make no requests of their own.
struct Nowhere;

impl Host for Nowhere {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        panic!("a channel script asked {request:?}");
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        panic!("a channel script asked {what:?} of {request:?}");
    }
}

/// Returns the program of worker processes.
pub(crate) fn worker() -> Program {
    Program {
        path: env!("CARGO_BIN_EXE_oes").into(),
        arguments: vec!["script-worker".to_owned()],
    }
}
