//! `oes dry-run` of a channel: what it would send.

use super::{Desk, json};

const SCRIPT: &str = "//! A line.\n//! ---\n//! [params.url]\n//! kind = \"url\"\n//! [params.token]\n//! kind = \"string\"\n//! default = \"\"\n\
    fn requests(message, channel) { [#{ url: channel.url, headers: #{ \"X-Token\": channel.token }, json: #{ text: `${message.kind}: ${message.title}` } }] }\n\
    fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";

#[test]
fn each_kind_of_message_shows_its_requests_without_secrets() {
    let desk = Desk::new(&[("scripts/channels/chat.rhai", SCRIPT)]);
    for subject in ["chat", "scripts/channels/chat.rhai"] {
        let mut command = desk.command(&[
            "dry-run",
            subject,
            "--param",
            "url=https://chat.test/x",
            "--secret",
            "token=TOKEN",
            "--now",
            "2026-01-01T00:00:00Z",
        ]);
        let output = command.env("TOKEN", "tok-12345678").output().unwrap();
        let shown = super::seen(&output);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        for line in [
            "── opened ──  example · error\nPOST ***\ncontent-type: application/json\nhost: chat.test\n",
            "x-token: ***\n{\n  \"text\": \"opened: example · error\"\n}\n",
            "\"text\": \"resolved: example · error resolved after 28 min\"",
            "\"text\": \"outage: example · error was open for 28 min\"",
            "\"text\": \"reminder: example · error still open after 28 min\"",
            "\"text\": \"storm: 4 of 40 services · 4 incidents open, 1 over\"",
            "\"text\": \"unwatched: example · error no longer watched\"",
            "8 examples · nothing was sent",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        assert!(!shown.contains("tok-1234"), "{shown}");
    }
}

#[test]
fn a_channel_of_the_config_is_tried_with_its_own_options() {
    let config = "[[services]]\nurl = \"https://a.test/\"\n[[channels]]\nname = \"ops\"\nkind = \"chat\"\nurl = \"https://chat.test/t0kent0ken\"\n";
    let desk = Desk::new(&[("scripts/channels/chat.rhai", SCRIPT), ("oes.toml", config)]);
    let output = desk.run(&["dry-run", "ops", "--json"]);
    let seen = json(&output);
    assert_eq!(output.status.code(), Some(0), "{seen}");
    assert_eq!(seen["schema"], "oes.dry-run/1");
    assert_eq!(seen["channel"]["name"], "ops");
    assert_eq!(seen["side_effects"], "none");
    let kinds: Vec<&str> = seen["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "opened",
            "reminder",
            "acked",
            "resolved",
            "outage",
            "unwatched",
            "storm",
            "digest"
        ]
    );
    assert_eq!(
        seen["messages"][0]["requests"][0]["json"]["text"],
        "opened: example · error"
    );
    assert!(!seen.to_string().contains("t0kent0ken"), "{seen}");
    let refused = desk.seen(&["dry-run", "ops", "--param", "url=https://b.test/"]);
    assert!(
        refused.contains("`ops` is a channel: --param would change nothing"),
        "{refused}"
    );
}

#[test]
fn what_is_wrong_with_a_channel_is_said() {
    let desk = Desk::new(&[
        (
            "c.rhai",
            "fn requests(message, channel) { [#{ url: \"https://other.test/\" }] }\nfn answer(reply, message, channel) { () }\n",
        ),
        ("d.rhai", "fn requests(message, channel) {\n"),
    ]);
    for (arguments, code, expected) in [
        (
            &["dry-run", "discord"][..],
            2,
            "give it with --param url=VALUE",
        ),
        (
            &["dry-run", "discord", "https://a.test/"],
            2,
            "there is no matcher `discord`",
        ),
        (
            &["dry-run", "discord", "-X", "GET"],
            2,
            "`discord` is a channel: -X would change nothing",
        ),
        (
            &["dry-run", "webhook", "--param", "ur=1"],
            2,
            "did you mean `url`?",
        ),
        (
            &["dry-run", "c.rhai"],
            4,
            "✗ the message would be given up: c.rhai: the request would go to https://other.test",
        ),
        (&["dry-run", "d.rhai"], 2, "d.rhai:1:31"),
    ] {
        let shown = desk.seen(arguments);
        assert!(
            shown.starts_with(&format!("exit {code}\n")) && shown.contains(expected),
            "{expected}: {shown}"
        );
    }
}

#[test]
fn plainer_words_are_shown_where_a_channel_has_some() {
    let desk = Desk::new(&[]);
    let shown = desk.seen(&[
        "dry-run",
        "discord",
        "--param",
        "url=https://discord.test/api/webhooks/1/t0kent0ken",
    ]);
    assert!(
        shown.contains("── opened, after it was refused ──") && shown.contains("9 examples"),
        "{shown}"
    );
}

#[test]
fn a_channel_of_e_mail_shows_its_mails_and_sends_none() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let config = format!(
        "[[services]]\nurl = \"https://a.test/\"\n[[channels]]\nname = \"mail\"\nkind = \"email\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         username = \"oes\"\npassword = \"hunter2-hunter2\"\nfrom = \"OES <oes@example.io>\"\nto = [\"ops@example.io\", \"b@example.io\"]\n"
    );
    let desk = Desk::new(&[("oes.toml", &config)]);
    let shown = desk.seen(&["dry-run", "mail", "--now", "2026-01-01T00:00:00Z"]);
    for part in [
        "✓ e-mail by 127.0.0.1:PORT, tls starttls\n",
        "── opened ──  example · error\nMAIL smtp://127.0.0.1:PORT\n",
        "Date: Thu, 01 Jan 2026 00:00:00 GMT\n",
        "From: OES <oes@example.io>\n",
        "Subject: [OES] example · error\n",
        "To: ops@example.io, b@example.io\n",
        "✗ OPEN  example · error\n",
        "Subject: Re: [OES] example · error\n",
        "8 examples · nothing was sent",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    let seen = json(&desk.run(&["dry-run", "mail", "--json"]));
    assert_eq!(seen["channel"]["script"], serde_json::Value::Null);
    assert_eq!(seen["messages"][0]["requests"][0]["method"], "MAIL");
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err(), "nobody connects");
    let checked = desk.seen(&["check", "oes.toml"]);
    assert!(checked.starts_with("exit 0"), "{checked}");
}
