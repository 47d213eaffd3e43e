//! What one run of a script is allowed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one run of a script is allowed. Hitting a limit is outcome `error` with the limit named.
///
/// The numbers were measured: docs/scripts.md says what each holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Operations of the interpreter, callbacks and charged natives included.
    pub operations: u64,
    /// Processor time without the time spent waiting for requests.
    pub cpu: Duration,
    /// Wall time of the run with its requests; absent for twice the service's timeout, at most 30 s.
    pub wall: Option<Duration>,
    /// How deep functions may call one another.
    pub call_depth: usize,
    /// How deep expressions may nest outside functions.
    pub expression_depth: usize,
    /// How deep expressions may nest inside functions.
    pub function_expression_depth: usize,
    /// Variables in scope at once.
    pub variables: usize,
    /// Functions a script may define.
    pub functions: usize,
    /// Bytes of one string.
    pub string_bytes: usize,
    /// Elements of one array of the script's own, nested ones included.
    pub array_items: usize,
    /// Keys of one map of the script's own, nested ones included.
    pub map_keys: usize,
    /// Heap that the run may hold at once above its input.
    pub heap_bytes: usize,
    /// Bytes of the source text.
    pub source_bytes: usize,
    /// Findings.
    pub findings: usize,
    /// Lines of `note` and `print`.
    pub log_lines: usize,
    /// Bytes of one line; longer ones are cut.
    pub log_line_bytes: usize,
    /// Requests.
    pub http_calls: usize,
    /// Bytes of one response to a request.
    pub http_bytes: usize,
    /// Bytes of one remembered value, as JSON.
    pub memory_value_bytes: usize,
    /// Bytes of a service's memory, as JSON.
    pub memory_bytes: usize,
    /// Keys of a service's memory.
    pub memory_keys: usize,
}

/// The largest heap that a run may be given: threads of scripts have a stack for it, which is address space until touched.
pub const HEAP_BYTES_MAX: usize = 64 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 500_000,
            cpu: Duration::from_millis(100),
            wall: None,
            call_depth: 32,
            expression_depth: 64,
            function_expression_depth: 32,
            variables: 256,
            functions: 128,
            string_bytes: 1 << 20,
            array_items: 10_000,
            map_keys: 10_000,
            heap_bytes: 16 << 20,
            source_bytes: 64 << 10,
            findings: 100,
            log_lines: 100,
            log_line_bytes: 4 << 10,
            http_calls: 10,
            http_bytes: 1 << 20,
            memory_value_bytes: 64 << 10,
            memory_bytes: 1 << 20,
            memory_keys: 1024,
        }
    }
}
