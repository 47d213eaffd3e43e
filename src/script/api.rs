//! The functions and values that a script sees, by theme. What belongs to the run is in [`super::run`].

mod always;
mod calls;
mod data;
mod encodings;
mod expect;
mod formats;
pub(super) mod http;
mod lists;
pub(super) mod memory;
pub(super) mod patterns;
pub(super) mod schemas;
pub(super) mod secrets;
mod shape;
mod text;
pub(super) mod time;
mod values;
pub(super) mod verdict;

pub(super) use always::left_for_the_end;
use rhai::Engine;

pub(super) fn register(engine: &mut Engine) {
    always::register(engine);
    data::register(engine);
    encodings::register(engine);
    formats::register(engine);
    patterns::register(engine);
    schemas::register(engine);
    lists::register(engine);
    text::register(engine);
    time::register(engine);
    values::register(engine);
    verdict::register(engine);
    expect::register(engine);
    memory::register(engine);
    http::register(engine);
    secrets::register(engine);
    shape::register(engine);
}
