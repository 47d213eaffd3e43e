//! The keys of the top level and of everything that is not a service.

use super::email::EMAIL;
use super::heartbeat::HEARTBEAT;
use super::history::HISTORY;
use super::notify::{MAINTENANCE, NOTIFY};
use super::otlp::OTLP;
use super::server::SERVER;
use super::{
    CONFIRM, Cases, DAY, DEFAULTS, ERROR_THRESHOLD, INTERVAL, Key, Kind, MINUTE, Place, SECOND,
    SERVICE, key, seconds,
};
use crate::script::limits::HEAP_BYTES_MAX;

/// The top level.
pub(in crate::config) static TOP: Place = Place {
    title: "an ops config",
    keys: &[
        key(
            "version",
            Kind::Either(&[Kind::OneOf(&["1.0", "1"]), Kind::Number(1.0, 1.0)]),
            "1.0",
            "Version of the format.",
        ),
        key(
            "services",
            Kind::List(&Kind::Cases(&SERVICES)),
            "",
            "What is watched.",
        ),
        key(
            "service",
            Kind::List(&Kind::Cases(&SERVICES)),
            "",
            "The same as `services`, for `[[service]]` in TOML.",
        ),
        key(
            "defaults",
            Kind::Table(&DEFAULTS),
            "",
            "Any keys of a service, for services that do not say otherwise.",
        ),
        key(
            "cool_down",
            seconds(SECOND, 30 * DAY),
            "5m",
            "Time between two probes where no `interval` is set, and least time before the same violation is announced again.",
        ),
        ERROR_THRESHOLD,
        key(
            "interval",
            INTERVAL,
            "cool_down",
            "Time between two probes.",
        ),
        CONFIRM,
        key(
            "channels",
            Kind::List(&Kind::Cases(&CHANNELS)),
            "the console",
            "Where messages go.",
        ),
        key("notify", Kind::Table(&NOTIFY), "", "How messages are sent."),
        key(
            "server",
            Kind::Table(&SERVER),
            "",
            "Where OES answers: metrics, health, the API.",
        ),
        key(
            "otlp",
            Kind::Table(&OTLP),
            "",
            "Where metrics are sent over OTLP; nowhere if it is left out.",
        ),
        key(
            "data",
            Kind::File,
            "oes-data",
            "Folder for the state file and the history.",
        ),
        key(
            "history",
            Kind::Table(&HISTORY),
            "",
            "How long what services were is kept.",
        ),
        key(
            "scripts",
            Kind::List(&Kind::File),
            "",
            "Folders to look for scripts, after the config's own and before the shipped ones.",
        ),
        key(
            "sandbox",
            Kind::OneOf(&["process", "thread"]),
            "process",
            "What scripts run in: worker processes (on Linux), or threads of OES itself.",
        ),
        key(
            "limits",
            Kind::Table(&LIMITS),
            "",
            "What one run of a script is allowed.",
        ),
        key(
            "$schema",
            Kind::Word,
            "",
            "For editors; OES does not read it.",
        ),
        key(
            "maintenance",
            Kind::List(&Kind::Table(&MAINTENANCE)),
            "",
            "Planned times in which messages are muted; probing goes on.",
        ),
        key(
            "canaries",
            Kind::List(&Kind::Url),
            "",
            "URLs of others, independent of the services: once none answers, OES has lost its own network, says that and holds the rest.",
        ),
    ],
    required: &[],
    open: false,
};

/// What is watched.
static SERVICES: Cases = Cases {
    key: "kind",
    own: &[("heartbeat", &HEARTBEAT)],
    other: &SERVICE,
};

/// Where messages go.
static CHANNELS: Cases = Cases {
    key: "kind",
    own: &[("email", &EMAIL)],
    other: &CHANNEL,
};

/// Keys of every channel.
pub(super) const NAME: Key = key(
    "name",
    Kind::Word,
    "",
    "Its name, for the `channels` of services.",
);
pub(super) const FALLBACK: Key = key(
    "fallback",
    Kind::Word,
    "",
    "The channel that is told instead of an opening that this one could not be told of.",
);
pub(super) const FALLBACK_AFTER: Key = key(
    "fallback_after",
    seconds(0, DAY),
    "5m",
    "For so long this channel is tried before its `fallback` is told; at once if it is disabled.",
);

/// A channel of any other kind than those with keys of their own.
pub(in crate::config) static CHANNEL: Place = Place {
    title: "a channel",
    keys: &[
        NAME,
        key(
            "kind",
            Kind::Word,
            "",
            "`console`, `email`, or the name of a channel script such as `discord`, of which other keys are options.",
        ),
        key(
            "url",
            Kind::Url,
            "",
            "Where it sends to, for kinds that need it.",
        ),
        FALLBACK,
        FALLBACK_AFTER,
    ],
    required: &["name", "kind"],
    open: true,
};

const COUNT: Kind = Kind::Integer(1, i64::MAX);
const GIB: u64 = 1 << 30;

pub(in crate::config) static LIMITS: Place = Place {
    title: "`limits`",
    keys: &[
        key(
            "operations",
            COUNT,
            "500000",
            "Operations of the interpreter.",
        ),
        key("cpu", seconds(1, MINUTE), "100ms", "Processor time."),
        key(
            "wall",
            seconds(1, 5 * MINUTE),
            "twice the timeout, at most 30s",
            "Wall time with its requests.",
        ),
        key(
            "call_depth",
            Kind::Integer(1, 64),
            "32",
            "How deep functions may call one another.",
        ),
        key(
            "expression_depth",
            Kind::Integer(1, 128),
            "64",
            "How deep expressions may nest.",
        ),
        key(
            "function_expression_depth",
            Kind::Integer(1, 64),
            "32",
            "The same inside functions.",
        ),
        key("variables", COUNT, "256", "Variables in scope at once."),
        key("functions", COUNT, "128", "Functions a script may define."),
        key("string_bytes", Kind::Size(1, GIB), "1MiB", "One string."),
        key(
            "array_items",
            COUNT,
            "10000",
            "Elements of one array of the script's own.",
        ),
        key(
            "map_keys",
            COUNT,
            "10000",
            "Keys of one map of the script's own.",
        ),
        key(
            "heap_bytes",
            Kind::Size(1 << 16, HEAP_BYTES_MAX as u64),
            "16MiB",
            "Memory above the input.",
        ),
        key(
            "source_bytes",
            Kind::Size(1, 1 << 24),
            "64KiB",
            "The source text.",
        ),
        key("findings", COUNT, "100", "Findings."),
        key("log_lines", COUNT, "100", "Lines of `note` and `print`."),
        key(
            "log_line_bytes",
            Kind::Size(1, 1 << 20),
            "4KiB",
            "One such line; longer ones are cut.",
        ),
        key("http_calls", Kind::Integer(0, 1000), "10", "Requests."),
        key("http_bytes", Kind::Size(0, GIB), "1MiB", "One response."),
        key(
            "memory_value_bytes",
            Kind::Size(1, GIB),
            "64KiB",
            "One remembered value, as JSON.",
        ),
        key(
            "memory_bytes",
            Kind::Size(1, GIB),
            "1MiB",
            "All that a service remembers.",
        ),
        key(
            "memory_keys",
            COUNT,
            "1024",
            "Keys that a service remembers.",
        ),
    ],
    required: &[],
    open: false,
};
