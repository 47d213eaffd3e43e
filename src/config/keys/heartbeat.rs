//! The keys of a service that is not asked but reports.

use super::service::{
    CHANNELS, COOL_DOWN, DEPENDS_ON, GROUP, LATENCY_KIND, OWN, PUBLIC, RUNBOOK, SEVERITY, TAGS, WAS,
};
use super::{DAY, Kind, Place, SECOND, key, seconds};

/// A job that reports.
pub(in crate::config) static HEARTBEAT: Place = Place {
    title: "a heartbeat",
    keys: &[
        key("kind", Kind::OneOf(&["heartbeat"]), "", "`heartbeat`"),
        key(
            "name",
            Kind::Word,
            "",
            "The name of the service: its key in the state file, in messages and metrics.",
        ),
        WAS,
        key(
            "token",
            Kind::Text,
            "",
            "A secret of at least 16 characters that the job shows, its own: `POST /beat/TOKEN`.",
        ),
        key(
            "every",
            seconds(SECOND, 400 * DAY),
            "",
            "A beat is expected so long after the one before. This or `cron`.",
        ),
        key(
            "cron",
            Kind::Word,
            "",
            "A beat is expected at these moments: minute, hour, day of month, month, day of week.",
        ),
        key(
            "time_zone",
            Kind::Word,
            "notify.time_zone",
            "The zone of `cron`, such as `Europe/Berlin`.",
        ),
        key(
            "grace",
            seconds(SECOND, 30 * DAY),
            "a tenth of every, 10s to 1h; 10m with cron",
            "How much later than expected a beat may come.",
        ),
        key(
            "run_limit",
            seconds(SECOND, 30 * DAY),
            "",
            "How long a run may take whose beginning the job reports.",
        ),
        key(
            "latency",
            LATENCY_KIND,
            "",
            "How long is too long for a run, where the job reports its beginning.",
        ),
        CHANNELS,
        COOL_DOWN,
        SEVERITY,
        GROUP,
        TAGS,
        RUNBOOK,
        DEPENDS_ON,
        PUBLIC,
        OWN,
    ],
    required: &["name", "token"],
    open: false,
};
