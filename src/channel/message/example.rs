//! A message that tells of nothing, for checks of channels.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Message, Sending, Subject};
use crate::model::incident::{Incident, IncidentId, Reason};
use crate::model::service::ServiceName;
use crate::model::violation::Violation;
use crate::policy::owed::Telling;

impl Message {
    /// Returns a message that says of itself that it is an example: to see what a channel would send, or to send it
    /// once and see it arrive.
    pub fn example(now: Timestamp) -> Self {
        let name = ServiceName::new("example");
        Self {
            telling: Telling::Fire,
            incident: Incident {
                id: IncidentId("0000000000000000".into()),
                service: name.clone(),
                violation: Violation::Error,
                generation: 1,
                opened_at: now,
                closed_at: None,
                ending: None,
                last_good: Some(now),
                announced_before: None,
                reason: Reason {
                    rule: "this is an example: nothing is wrong".to_owned(),
                    code: Some("example".into()),
                    finding: Some("$.path: what was found would stand here".to_owned()),
                    path: Some("$.path".to_owned()),
                    exchange: "GET https://example.invalid/ → 200 in 1 ms".to_owned(),
                    ..Reason::default()
                },
            },
            subject: Subject::gone(name),
            sending: Sending {
                message_id: "msg_example".to_owned(),
                possible_repeat: false,
                durable: true,
                link: None,
                now,
                zone: TimeZone::UTC,
            },
        }
    }
}
