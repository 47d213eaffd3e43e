//! The channels that ship, over real sockets: a message arrives whole and in order, whatever it holds, and no larger than
//! its provider takes.

use std::collections::BTreeMap;

use oes::channel::answer::Answer;
use oes::channel::delivery::Delivery;
use oes::channel::message::{Counts, IncidentMessage, Message};
use oes::config;
use oes::model::mute::Ack;
use oes::model::service::ServiceName;
use oes::policy::owed::Telling;
use oes::script::shipped;
use url::form_urlencoded;

use crate::support::files::folder_of;
use crate::support::inbox::{Inbox, Received, Reply};
use crate::support::messages::{channel, first_try, full_of, price};
use crate::support::scripts::{delivery, shipped as shipped_source};

/// A channel as a test sets it up: its options, where `@` is the inbox, and how its provider says that it has a message.
struct Provider {
    kind: &'static str,
    options: &'static [(&'static str, &'static str)],
    taken: (u16, &'static str),
}

const PROVIDERS: [Provider; 19] = [
    Provider {
        kind: "alertmanager",
        options: &[("server", "@"), ("authorization", "!hunter2hunter2")],
        taken: (200, ""),
    },
    Provider {
        kind: "discord",
        options: &[("url", "!@/api/webhooks/1/hunter2hunter2")],
        taken: (200, r#"{"id":"1"}"#),
    },
    Provider {
        kind: "discord",
        options: &[
            ("api", "@"),
            ("token", "!hunter2hunter2"),
            ("channel_id", "7"),
        ],
        taken: (200, r#"{"id":"1"}"#),
    },
    Provider {
        kind: "googlechat",
        options: &[("url", "!@/v1/spaces/A/messages?key=k&token=hunter2hunter2")],
        taken: (200, r#"{"name":"spaces/A/messages/1"}"#),
    },
    Provider {
        kind: "gotify",
        options: &[("server", "@"), ("token", "!hunter2hunter2")],
        taken: (200, r#"{"id":1}"#),
    },
    Provider {
        kind: "incidentio",
        options: &[
            ("api", "@"),
            ("source_id", "01GW"),
            ("token", "!hunter2hunter2"),
        ],
        taken: (202, r#"{"status":"success"}"#),
    },
    Provider {
        kind: "matrix",
        options: &[
            ("server", "@"),
            ("room_id", "!!a:b"),
            ("token", "!hunter2hunter2"),
        ],
        taken: (200, r#"{"event_id":"$1"}"#),
    },
    Provider {
        kind: "mattermost",
        options: &[("url", "!@/hooks/hunter2hunter2")],
        taken: (200, "ok"),
    },
    Provider {
        kind: "ntfy",
        options: &[
            ("server", "@"),
            ("topic", "t"),
            ("token", "!hunter2hunter2"),
        ],
        taken: (200, r#"{"id":"1"}"#),
    },
    Provider {
        kind: "opsgenie",
        options: &[("api", "@"), ("api_key", "!hunter2hunter2")],
        taken: (202, r#"{"requestId":"1"}"#),
    },
    Provider {
        kind: "pagerduty",
        options: &[("url", "@"), ("routing_key", "!hunter2hunter2")],
        taken: (202, r#"{"status":"success"}"#),
    },
    Provider {
        kind: "pushover",
        options: &[
            ("api", "@"),
            ("token", "!hunter2hunter2"),
            ("user", "!hunter3hunter3"),
            ("emergency", "true"),
        ],
        taken: (200, r#"{"status":1}"#),
    },
    Provider {
        kind: "rocketchat",
        options: &[("url", "!@/hooks/hunter2hunter2")],
        taken: (200, r#"{"success":true}"#),
    },
    Provider {
        kind: "slack",
        options: &[("url", "!@/services/T/B/hunter2hunter2")],
        taken: (200, "ok"),
    },
    Provider {
        kind: "slack",
        options: &[
            ("api", "@"),
            ("token", "!hunter2hunter2"),
            ("channel_id", "C1"),
        ],
        taken: (200, r#"{"ok":true,"ts":"1.2"}"#),
    },
    Provider {
        kind: "teams",
        options: &[("url", "!@/workflows/1?sig=hunter2hunter2")],
        taken: (202, ""),
    },
    Provider {
        kind: "telegram",
        options: &[
            ("api", "@"),
            ("token", "!hunter2hunter2"),
            ("chat_id", "-1"),
        ],
        taken: (200, r#"{"ok":true,"result":{"message_id":1}}"#),
    },
    Provider {
        kind: "webhook",
        options: &[("url", "!@/oes/hunter2hunter2")],
        taken: (200, ""),
    },
    Provider {
        kind: "zulip",
        options: &[
            ("server", "@"),
            ("email", "bot@example.io"),
            ("api_key", "!hunter2hunter2"),
            ("channel", "ops"),
        ],
        taken: (200, r#"{"result":"success","id":1}"#),
    },
];

impl Provider {
    /// Sends a message to the provider, which answers so, and returns what came there and what the channel read.
    async fn send(
        &self,
        delivery: &Delivery,
        message: &Message,
        reply: Reply,
    ) -> (Vec<Received>, Answer) {
        let inbox = Inbox::start();
        inbox.otherwise(reply);
        let options = self.options.iter().map(|(key, value)| {
            let address = format!("http://{}", inbox.address());
            // An e-mail address is no place for it.
            let place = value.starts_with(['@', '!']);
            let value = if place {
                value.replacen('@', &address, 1)
            } else {
                (*value).to_owned()
            };
            (*key, value)
        });
        let options: Vec<(&str, String)> = options.collect();
        let options: Vec<(&str, &str)> = options
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let answer = delivery
            .send(&channel(self.kind, &options), message, first_try())
            .await;
        (inbox.received(), answer)
    }

    fn taken(&self) -> Reply {
        Reply::body(self.taken.0, self.taken.1)
    }
}

/// Providers that group by themselves: an alert for each incident, and never a storm.
const GROUPING: [&str; 4] = ["alertmanager", "incidentio", "opsgenie", "pagerduty"];
/// Those of them that cannot be told who has taken an incident on.
const UNACKED: [&str; 2] = ["alertmanager", "incidentio"];
/// Providers whose messages can be edited, with what one is called there.
const EDITING: [(&str, &str); 5] = [
    ("discord", "1456789012345678901"),
    ("matrix", "$1"),
    ("slack", "1767225600.000100"),
    ("telegram", "4711"),
    ("zulip", "4711"),
];

/// Returns a message about the price that tells this.
fn told(telling: Telling) -> IncidentMessage {
    let mut message = price(telling);
    if matches!(telling, Telling::Reminder | Telling::Acked) {
        message.incident.closed_at = None;
        message.incident.ending = None;
        message.incident.ack = Some(Ack {
            at: message.sending.now,
            by: "anna".to_owned(),
            reason: "rolling back".to_owned(),
        });
    }
    message
}

#[test]
fn scripts_say_how_their_providers_take_many_incidents() {
    for script in shipped::CHANNELS {
        let header = shipped_source(script.name).header;
        let groups = GROUPING.contains(&script.name);
        let edits = EDITING.iter().any(|(kind, _)| *kind == script.name);
        assert_eq!(
            (header.groups, header.edits),
            (groups, edits),
            "{}",
            script.name
        );
    }
}

#[test]
fn every_channel_that_ships_is_tried() {
    for script in shipped::CHANNELS {
        let mut kinds = PROVIDERS.iter().map(|provider| provider.kind);
        assert!(kinds.any(|kind| kind == script.name), "{}", script.name);
    }
}

/// What docs/channels.md shows can be copied as it stands.
#[test]
fn the_manual_has_a_config_of_every_channel_that_ships() {
    let manual = include_str!("../../docs/channels.md");
    let blocks = manual.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|rest| Some(rest.split_once("```")?.0));
    let channels: Vec<&str> = blocks
        .filter(|block| block.contains("[[channels]]"))
        .collect();
    for script in shipped::CHANNELS {
        let kind = format!("kind = \"{}\"", script.name);
        assert!(channels.iter().any(|block| block.contains(&kind)), "{kind}");
    }
    for block in channels {
        let text = format!("{block}\n[[services]]\nurl = \"https://a.example.io\"\n")
            .replace("${file:/run/secrets/oes-signing}", "${env:SIGNING_KEY}");
        let folder = folder_of(&[("oes.toml", &text)]);
        let environment = text.split("${env:").skip(1).filter_map(|rest| {
            let name = rest.split_once('}')?.0;
            let is_url = name.ends_with("WEBHOOK") || name.ends_with("WORKFLOW");
            let value = if is_url {
                "https://hooks.example.io/1"
            } else {
                "hunter2hunter2"
            };
            Some((name.to_owned(), value.to_owned()))
        });
        let environment: BTreeMap<String, String> = environment.collect();
        let loaded = config::load(&folder.path().join("oes.toml"), &environment);
        let loaded = loaded.map_err(|report| report.plain()).unwrap();
        assert_eq!(loaded.report.mistakes().count(), 0, "{text}");
    }
}

#[tokio::test]
async fn every_telling_is_taken_by_every_provider() {
    let delivery = delivery();
    for provider in &PROVIDERS {
        for telling in IncidentMessage::TELLINGS {
            let message = told(telling);
            let (received, answer) = provider
                .send(&delivery, &message.clone().into(), provider.taken())
                .await;
            let kind = provider.kind;
            assert!(matches!(answer, Answer::Taken { .. }), "{kind}: {answer:?}");
            if telling == Telling::Acked && UNACKED.contains(&kind) {
                assert!(received.is_empty(), "{kind}: {received:?}");
                continue;
            }
            // What ends is named, as it was when it opened.
            let named = received.iter().any(|one| {
                one.body.contains("01J8ZK4N6P7Q8R9S") || one.target.contains("01J8ZK4N6P7Q8R9S")
            });
            assert!(named, "{kind} {telling:?}: {received:?}");
        }
    }
}

#[tokio::test]
async fn no_reason_holds_a_secret_that_a_provider_sends_back() {
    let delivery = delivery();
    for provider in &PROVIDERS {
        let said = r#"{"ok":false,"message":"hunter2hunter2","error":"hunter2hunter2","msg":"hunter2hunter2","code":"hunter2hunter2","id":"hunter2hunter2","errcode":"hunter2hunter2","errors":["hunter2hunter2"],"description":"hunter2hunter2"}"#;
        for status in [400, 401, 404, 429, 500] {
            let reply = Reply::body(status, said);
            let (_, answer) = provider
                .send(&delivery, &price(Telling::Fire).into(), reply)
                .await;
            let reason = answer.reason().unwrap_or_default();
            assert!(!reason.contains("hunter2"), "{}: {reason}", provider.kind);
            assert!(
                reason.contains(&status.to_string()),
                "{}: {reason}",
                provider.kind
            );
        }
    }
}

#[tokio::test]
async fn what_incidents_are_kept_by_is_the_same_when_they_end() {
    let delivery = delivery();
    for (kind, pointer) in [
        ("pagerduty", "/dedup_key"),
        ("incidentio", "/deduplication_key"),
        ("alertmanager", "/2/labels"),
    ] {
        let provider = PROVIDERS
            .iter()
            .find(|provider| provider.kind == kind)
            .unwrap();
        let key = async |telling, pointer: &str| {
            let (received, _) = provider
                .send(&delivery, &price(telling).into(), provider.taken())
                .await;
            received
                .last()
                .unwrap()
                .json()
                .pointer(pointer)
                .unwrap()
                .clone()
        };
        let opened = key(Telling::Fire, &pointer.replace("/2/", "/0/")).await;
        assert_eq!(key(Telling::Resolve, pointer).await, opened, "{kind}");
    }
}

/// A text of a body that a provider limits, and its size as the provider counts.
type Measured = (&'static str, usize, usize);

#[tokio::test]
async fn no_message_is_larger_than_its_provider_takes() {
    let delivery = delivery();
    for provider in &PROVIDERS {
        for text in ["a", "&", "\\", "`", "@", "漢", "🙂"] {
            let mut message = full_of(&text.repeat(5_000));
            message.sending.link =
                Some(format!("https://oes.example.io/{}", "x".repeat(470)).into());
            message.subject.runbook = Some(format!("https://wiki.example.io/{}", "y".repeat(470)));
            let (received, answer) = provider
                .send(&delivery, &message.clone().into(), provider.taken())
                .await;
            let kind = provider.kind;
            assert!(
                matches!(answer, Answer::Taken { .. }),
                "{kind} {text}: {answer:?}"
            );
            for (part, size, most) in measured(kind, received.first().unwrap()) {
                assert!(
                    size > 0 && size <= most,
                    "{kind} {text}: {part} has {size} of {most}"
                );
            }
        }
    }
}

/// 1,000 incidents at once, in names of every kind of character, of which no provider is sent more than it takes.
#[tokio::test]
async fn no_storm_and_no_digest_is_larger_than_its_provider_takes() {
    let delivery = delivery();
    for provider in PROVIDERS.iter().filter(|one| !GROUPING.contains(&one.kind)) {
        let edit = EDITING.iter().find(|(kind, _)| *kind == provider.kind);
        for text in ["a", "&", "\\", "`", "@", "漢", "🙂"] {
            let mut message = full_of(&text.repeat(300));
            message.subject.name = ServiceName::new(text.repeat(200));
            message.incident.service = message.subject.name.clone();
            message.sending.link =
                Some(format!("https://oes.example.io/{}", "x".repeat(470)).into());
            let counts = Counts {
                open: 999,
                over: 1,
                services: 1_200,
            };
            let mut storm = message.clone().as_storm(counts, None);
            storm.note = Some(text.repeat(2_000));
            let mut edited = message
                .clone()
                .as_storm(counts, edit.map(|(_, id)| (*id).to_owned()));
            edited.note.clone_from(&storm.note);
            for summary in [storm, edited, message.as_digest(counts)] {
                let said = format!("{} {text} {}", provider.kind, summary.kind);
                let (received, answer) = provider
                    .send(&delivery, &summary.into(), provider.taken())
                    .await;
                assert!(matches!(answer, Answer::Taken { .. }), "{said}: {answer:?}");
                for (part, size, most) in measured(provider.kind, received.first().unwrap()) {
                    assert!(size <= most, "{said}: {part} has {size} of {most}");
                }
                if provider.kind != "webhook" {
                    assert!(
                        readable(&received[0].body).contains(" more"),
                        "{said}: {received:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_digest_is_nobodys_alert() {
    let delivery = delivery();
    for provider in &PROVIDERS {
        let digest = price(Telling::Fire).as_digest(Counts::default());
        let (received, answer) = provider
            .send(&delivery, &digest.into(), provider.taken())
            .await;
        let kind = provider.kind;
        assert!(matches!(answer, Answer::Taken { .. }), "{kind}: {answer:?}");
        assert_eq!(
            received.is_empty(),
            GROUPING.contains(&kind),
            "{kind}: {received:?}"
        );
    }
}

/// Returns a body in which a form's spaces are spaces.
fn readable(body: &str) -> String {
    body.replace('+', " ")
}

fn measured(kind: &str, received: &Received) -> Vec<Measured> {
    let bytes = received.body.len();
    let form: BTreeMap<String, String> = form_urlencoded::parse(received.body.as_bytes())
        .into_owned()
        .collect();
    match kind {
        "pushover" => vec![
            ("message", form["message"].chars().count(), 1024),
            ("title", form["title"].chars().count(), 250),
            ("url", form["url"].chars().count(), 512),
        ],
        // An edit has no topic.
        "zulip" => vec![
            ("content", form["content"].len(), 10_000),
            (
                "topic",
                form.get("topic").map_or(1, |topic| topic.chars().count()),
                60,
            ),
        ],
        _ => {
            let json = received.json();
            let text = |pointer: &str| {
                json.pointer(pointer)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let units = |pointer: &str| text(pointer).encode_utf16().count();
            match kind {
                "slack" => {
                    let blocks = json["blocks"].as_array().unwrap().iter();
                    let texts = blocks.filter_map(|block| block["text"]["text"].as_str());
                    let units = texts.map(|text| text.encode_utf16().count());
                    let most = [150].into_iter().chain(std::iter::repeat(3000));
                    let parts = units.zip(most);
                    parts.map(|(size, most)| ("block", size, most)).collect()
                }
                "telegram" => vec![("text", shown(&text("/text")), 4096)],
                "googlechat" => vec![("text", units("/text"), 4096)],
                "mattermost" => vec![("text", units("/text"), 16_383)],
                "rocketchat" => vec![("text", units("/text"), 5000)],
                "teams" => vec![("card", bytes, 28_000)],
                "ntfy" => vec![
                    ("message", text("/message").len(), 4096),
                    ("title", text("/title").len(), 1024),
                ],
                // A server adds what it knows of the event.
                "matrix" => vec![("event", bytes, 60_000)],
                "pagerduty" => vec![
                    ("summary", units("/payload/summary"), 1024),
                    ("event", bytes, 512_000),
                ],
                "opsgenie" => vec![
                    ("message", units("/message"), 130),
                    ("description", units("/description"), 15_000),
                    ("details", json["details"].to_string().chars().count(), 8000),
                ],
                "discord" => embed(&json["embeds"][0]),
                "webhook" => vec![("body", bytes, 512_000)],
                _ => vec![("body", bytes, 100_000)],
            }
        }
    }
}

/// Returns the sizes of the parts of a Discord embed, which count together as well.
fn embed(embed: &serde_json::Value) -> Vec<Measured> {
    let units = |text: &serde_json::Value| text.as_str().unwrap_or_default().encode_utf16().count();
    let fields = embed["fields"].as_array().into_iter().flatten();
    let texts = fields.flat_map(|field| [&field["name"], &field["value"]]);
    let fields: usize = texts.map(units).sum();
    let [title, description] = ["title", "description"].map(|part| units(&embed[part]));
    let footer = units(&embed["footer"]["text"]);
    vec![
        ("title", title, 256),
        ("description", description, 4096),
        ("embed", title + description + fields + footer, 6000),
    ]
}

/// Returns how many UTF-16 units of a text in HTML are shown.
fn shown(html: &str) -> usize {
    let mut text = String::new();
    let mut tag = false;
    for character in html.chars() {
        match character {
            '<' => tag = true,
            '>' => tag = false,
            other if !tag => text.push(other),
            _ => {}
        }
    }
    for (escape, mark) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ] {
        text = text.replace(escape, mark);
    }
    text.encode_utf16().count()
}
