//! Channel scripts, and what runs them.

use std::collections::BTreeSet;
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

/// Returns the processes that run scripts for a process.
#[cfg(target_os = "linux")]
pub(crate) fn workers_of(id: u32) -> BTreeSet<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let children: String = threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .collect();
    let runs_scripts = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("script-worker")
    };
    children
        .split_whitespace()
        .filter_map(|id| id.parse().ok())
        .filter(runs_scripts)
        .collect()
}

/// Tells whether a process runs, dead ones that nobody has asked for left out.
#[cfg(target_os = "linux")]
pub(crate) fn is_running(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
