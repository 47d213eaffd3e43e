//! The Discord channel: the requests that it makes, and what it makes of the answers.

mod answers;

use insta::assert_snapshot;
use oes::channel::answer::Answer;
use oes::channel::message::IncidentMessage;
use oes::model::service::ServiceName;
use oes::policy::owed::Telling;

use crate::support::inbox::{Inbox, Received, Reply};
use crate::support::messages::{channel, first_try, full_of, never_came_up, price};
use crate::support::scripts::delivery;

const TAKEN: &str = r#"{"id":"1456789012345678901","type":0}"#;

/// Sends a message to an inbox that takes it, and returns what came.
async fn sent(message: &IncidentMessage, options: &[(&str, &str)]) -> Received {
    let inbox = Inbox::start();
    inbox.otherwise(Reply::body(200, TAKEN));
    let url = format!("!{}", inbox.url("/api/webhooks/1/aBcDeFgHiJkL"));
    let options: Vec<_> = [("url", url.as_str())]
        .into_iter()
        .chain(options.iter().copied())
        .collect();
    let answer = delivery()
        .send(
            &channel("discord", &options),
            &message.clone().into(),
            first_try(),
        )
        .await;
    let remote_ref = Some("1456789012345678901".to_owned());
    assert_eq!(answer, Answer::Taken { remote_ref });
    let mut received = inbox.received();
    assert_eq!(received.len(), 1);
    received.pop().unwrap()
}

/// Returns a request as a person reads it.
fn page(received: &Received) -> String {
    format!(
        "{} {}\n{}",
        received.method,
        received.target,
        serde_json::to_string_pretty(&received.json()).unwrap()
    )
}

fn units(value: &serde_json::Value) -> usize {
    value.as_str().unwrap_or_default().encode_utf16().count()
}

/// Fails where a body is outside a limit of Discord's.
fn within_limits(body: &serde_json::Value) {
    let embed = &body["embeds"][0];
    let fields = embed["fields"].as_array().unwrap();
    assert!(
        (1..=256).contains(&units(&embed["title"])),
        "{}",
        embed["title"]
    );
    assert!((1..=4096).contains(&units(&embed["description"])));
    assert!(units(&embed["footer"]["text"]) <= 2048);
    assert!(fields.len() <= 25);
    let mut total =
        units(&embed["title"]) + units(&embed["description"]) + units(&embed["footer"]["text"]);
    for field in fields {
        assert!((1..=256).contains(&units(&field["name"])));
        assert!((1..=1024).contains(&units(&field["value"])), "{field}");
        total += units(&field["name"]) + units(&field["value"]);
    }
    assert!(total <= 6000, "{total}");
}

#[tokio::test]
async fn an_opening_says_what_failed() {
    let received = sent(&price(Telling::Fire), &[]).await;
    assert_eq!(received.headers["content-type"], "application/json");
    assert!(received.headers["user-agent"].starts_with("oes/"));
    within_limits(&received.json());
    assert_snapshot!(page(&received), @r#"
    POST /api/webhooks/1/aBcDeFgHiJkL?wait=true
    {
      "allowed_mentions": {
        "parse": []
      },
      "embeds": [
        {
          "color": 14427686,
          "description": "**4 of the last 7 probes failed, more than 50 %**\n`$.price`: expected number, got string \"1.31\"\n`price.shape` · `scripts/price_sanity.rhai:2:15` · +2 more findings\n`GET https://api.example.io/asset/price/x → 200 in 214 ms`",
          "fields": [
            {
              "inline": false,
              "name": "Expected → actual",
              "value": "```diff\n- 1.28\n+ \"1.31\"\n```"
            },
            {
              "inline": true,
              "name": "Since",
              "value": "<t:1767233587:f> (<t:1767233587:R>)"
            },
            {
              "inline": true,
              "name": "Last good",
              "value": "<t:1767233347:f>"
            },
            {
              "inline": false,
              "name": "Probes",
              "value": "`✓✓✓✗✗✗✗ ▂▂▂▂███ p50 214 ms`"
            },
            {
              "inline": false,
              "name": "Runbook",
              "value": "https://wiki.example.io/price"
            }
          ],
          "footer": {
            "text": "incident 01J8ZK4N6P7Q8R9S · message msg_5f0c9a"
          },
          "timestamp": "2026-01-01T02:14:42Z",
          "title": "🔴 price-api · error"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_resolve_is_a_message_of_its_own_with_the_duration() {
    let received = sent(&price(Telling::Resolve), &[]).await;
    within_limits(&received.json());
    assert_snapshot!(page(&received), @r#"
    POST /api/webhooks/1/aBcDeFgHiJkL?wait=true
    {
      "allowed_mentions": {
        "parse": []
      },
      "embeds": [
        {
          "color": 1483594,
          "description": "It was: **4 of the last 7 probes failed, more than 50 %**\n`$.price`: expected number, got string \"1.31\"\n`price.shape` · `scripts/price_sanity.rhai:2:15` · +2 more findings",
          "fields": [
            {
              "inline": true,
              "name": "Open",
              "value": "<t:1767233587:f> to <t:1767235267:f> (28 min)"
            },
            {
              "inline": false,
              "name": "Probes",
              "value": "`✓✓✓✗✗✗✗ ▂▂▂▂███ p50 214 ms`"
            },
            {
              "inline": false,
              "name": "Runbook",
              "value": "https://wiki.example.io/price"
            }
          ],
          "footer": {
            "text": "incident 01J8ZK4N6P7Q8R9S · message msg_5f0c9a"
          },
          "timestamp": "2026-01-01T02:41:17Z",
          "title": "🟢 price-api · error resolved after 28 min"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_service_that_never_came_up_is_said_to_be_one() {
    let received = sent(&never_came_up(), &[]).await;
    within_limits(&received.json());
    assert_snapshot!(page(&received), @r#"
    POST /api/webhooks/1/aBcDeFgHiJkL?wait=true
    {
      "allowed_mentions": {
        "parse": []
      },
      "embeds": [
        {
          "color": 14427686,
          "description": "**1 of the last 1 probes failed**\nNo probe of this service has passed yet.\n`GET https://api.example.io → connection refused by 192.0.2.1:443`",
          "fields": [
            {
              "inline": true,
              "name": "Since",
              "value": "<t:1767233587:f> (<t:1767233587:R>)"
            }
          ],
          "footer": {
            "text": "incident 01J8ZK4N6P7Q8R9S · message msg_5f0c9a"
          },
          "timestamp": "2026-01-01T02:14:42Z",
          "title": "🔴 price-api · error · never came up"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn markup_and_emoji_in_data_are_shown_as_they_are() {
    let mut message = price(Telling::Fire);
    message.subject.name = ServiceName::new("🙂 **api** @everyone `x` [y](https://evil.example)");
    let reason = &mut message.incident.reason;
    reason.path = Some("$['a`b']".into());
    reason.finding = Some("$['a`b']: <@&1> ||spoiler|| ~~x~~\n# head ```code```".into());
    reason.actual = Some("``` break\nout".into());
    let received = sent(&message, &[]).await;
    let body = received.json();
    let embed = &body["embeds"][0];
    assert_snapshot!(format!(
        "{}\n{}\n{}",
        embed["title"].as_str().unwrap(),
        embed["description"].as_str().unwrap(),
        embed["fields"][0]["value"].as_str().unwrap()
    ), @r#"
    🔴 🙂 \*\*api\*\* \@everyone \`x\` \[y\]\(https://evil.example\) · error
    **4 of the last 7 probes failed, more than 50 %**
    `$['aˋb']`: \<\@&1\> \|\|spoiler\|\| \~\~x\~\~ \# head \`\`\`code\`\`\`
    `price.shape` · `scripts/price_sanity.rhai:2:15` · +2 more findings
    `GET https://api.example.io/asset/price/x → 200 in 214 ms`
    ```diff
    - 1.28
    + "ˋˋˋ break\nout"
    ```
    "#);
}

#[tokio::test]
async fn long_texts_are_cut_and_a_path_is_not() {
    for text in ["x", "🙂", "_", "`", "\\", "ü\n", "a b "] {
        let mut message = full_of(&text.repeat(5_000));
        let path = format!("$.{}", "deep.".repeat(100));
        message.incident.reason.finding = Some(format!("{path}: {}", text.repeat(5_000)));
        message.incident.reason.path = Some(path.clone());
        let body = sent(&message, &[]).await.json();
        within_limits(&body);
        let embed = &body["embeds"][0];
        assert!(
            embed["description"].as_str().unwrap().contains(&path),
            "{text}"
        );
        assert!(
            embed["title"].as_str().unwrap().ends_with("· error"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_footer_names_a_possible_repeat() {
    let mut message = price(Telling::Fire);
    message.sending.possible_repeat = true;
    message.sending.durable = false;
    let body = sent(&message, &[]).await.json();
    assert_eq!(
        body["embeds"][0]["footer"]["text"],
        "incident 01J8ZK4N6P7Q8R9S · message msg_5f0c9a · possible repeat · delivery records not durable"
    );
}

#[tokio::test]
async fn options_change_the_message() {
    let options = [
        ("username", "OES"),
        ("avatar_url", "https://a.example/x.png"),
        ("thread_id", "77"),
    ];
    let received = sent(&price(Telling::Fire), &options).await;
    assert_eq!(
        received.target,
        "/api/webhooks/1/aBcDeFgHiJkL?thread_id=77&wait=true"
    );
    assert_eq!(received.json()["username"], "OES");
    assert_eq!(received.json()["avatar_url"], "https://a.example/x.png");
}

#[tokio::test]
async fn only_an_opening_mentions_and_only_whom_the_config_names() {
    for (mention, allowed) in [
        ("<@&42>", r#"{"parse":[],"roles":["42"]}"#),
        ("<@42>", r#"{"parse":[],"users":["42"]}"#),
        ("@here", r#"{"parse":["everyone"]}"#),
    ] {
        let body = sent(&price(Telling::Fire), &[("mention", mention)])
            .await
            .json();
        assert_eq!(body["content"], mention);
        assert_eq!(body["allowed_mentions"].to_string(), allowed);
        let body = sent(&price(Telling::Resolve), &[("mention", mention)])
            .await
            .json();
        assert_eq!(body.get("content"), None);
        assert_eq!(body["allowed_mentions"].to_string(), r#"{"parse":[]}"#);
    }
}

#[tokio::test]
async fn a_refused_embed_is_sent_once_more_without_data() {
    let inbox = Inbox::start();
    inbox.then(Reply::body(400, r#"{"code":200000}"#));
    inbox.then(Reply::body(200, TAKEN));
    let channel = channel("discord", &[("url", &format!("!{}", inbox.url("/w")))]);
    let answer = delivery()
        .send(&channel, &price(Telling::Fire).into(), first_try())
        .await;
    assert!(
        matches!(
            answer,
            Answer::Taken {
                remote_ref: Some(_)
            }
        ),
        "{answer:?}"
    );
    let received = inbox.received();
    assert_eq!(received.len(), 2);
    assert_snapshot!(page(&received[1]), @r#"
    POST /w?wait=true
    {
      "allowed_mentions": {
        "parse": []
      },
      "content": "🔴 price-api · error\nincident 01J8ZK4N6P7Q8R9S"
    }
    "#);
}
