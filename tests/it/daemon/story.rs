//! From a failed probe to a message and back, over real sockets.

use std::time::Duration;

use oes::daemon::Stopped;

use super::rig::{Rig, eventually, ledger, line, lines, page};
use crate::support::upstream::{Step, Upstream, send};

const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_with_its_reason_and_its_end_with_the_same_incident() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    eventually("a good probe", || {
        (rig.api.hits("/price") > 1)
            .then_some(())
            .ok_or("none".to_owned())
    })
    .await;
    rig.api.answers("/price", 503, "{}");
    let fired = rig.messages(1).await.remove(0);
    assert_eq!(line(&fired), "opened price error");
    let data = &fired["data"];
    assert_eq!(data["finding"]["code"], "status");
    assert!(data["exchange"].as_str().unwrap().contains("503"), "{data}");
    assert!(
        data["rule"].as_str().unwrap().contains("1 of the last 1"),
        "{data}"
    );
    assert_eq!(data["never_came_up"], false);
    rig.api.answers("/price", 200, "{}");
    let messages = rig.messages(2).await;
    assert_eq!(
        lines(&messages),
        ["opened price error", "resolved price error"]
    );
    assert_eq!(
        messages[0]["data"]["incident"],
        messages[1]["data"]["incident"]
    );
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_incident_names_the_message_that_opened_it() {
    let rig = Rig::new();
    let script = "//! A chat.\n//! ---\n//! [params.url]\n//! kind = \"url\"\n\
        fn requests(message, channel) { [#{ url: channel.url, json: #{ answers: message.remote_ref } }] }\n\
        fn answer(reply, message, channel) { #{ answer: \"taken\", remote_ref: `to ${message.kind}` } }\n";
    rig.write("chat.rhai", script);
    let config = rig.config(&["price"]).replace("\"webhook\"", "\"chat\"");
    rig.write("oes.toml", &config);
    rig.api.answers("/price", 503, "{}");
    let daemon = rig.start().await;
    rig.messages(1).await;
    rig.api.answers("/price", 200, "{}");
    let messages = rig.messages(2).await;
    assert_eq!(messages[0]["answers"], serde_json::Value::Null);
    assert_eq!(messages[1]["answers"], "to opened");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_what_is_open_and_repeats_nothing() {
    let rig = Rig::new();
    rig.api.answers("/price", 503, "{}");
    rig.api.answers("/chart", 200, "{\"height\": 7}");
    let script = "let seen = track(\"height\", body.height);\n\
                  if seen.unchanged_for >= duration(\"900ms\") { violation(\"stuck\", \"it does not move\"); }\n\
                  true";
    rig.write("height.rhai", script);
    let config = rig.config(&["price"])
        + &*rig.service("chart", "match = [\"height\"]\nerror_threshold = 1");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let first = rig.messages(1).await;
    assert_eq!(lines(&first), ["opened price error"]);
    assert_eq!(first[0]["data"]["never_came_up"], true);
    eventually("the confirmation", || {
        let ledger = ledger(&daemon);
        let known = ledger
            .deliveries
            .values()
            .any(|one| one.acked_generation == 1);
        known
            .then_some(())
            .ok_or(format!("{:?}", ledger.deliveries))
    })
    .await;
    eventually("a run of the script", || {
        (rig.api.hits("/chart") > 1)
            .then_some(())
            .ok_or("none".to_owned())
    })
    .await;
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);

    // The script's memory must have gone on counting while nobody looked.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let before = rig.api.hits("/chart");
    let daemon = rig.start().await;
    let messages = rig.messages(2).await;
    assert_eq!(
        lines(&messages),
        ["opened price error", "opened chart stuck"]
    );
    assert!(
        rig.api.hits("/chart") <= before + 2,
        "the first look must tell"
    );
    rig.api.answers("/price", 200, "{}");
    let messages = rig.messages(3).await;
    assert_eq!(line(&messages[2]), "resolved price error");
    assert_eq!(
        messages[2]["data"]["incident"],
        messages[0]["data"]["incident"]
    );
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn slowness_and_broken_scripts_have_violations_of_their_own() {
    let rig = Rig::new();
    rig.api.waits("/slow", Duration::from_millis(60));
    rig.write("broken.rhai", "let none = 0; 1 / none == 1");
    let slow = "match = [\"status_code\"]\nlatency = { limit = \"20ms\", trigger = \"median\", window = 3 }";
    let config = rig.config(&[])
        + &*rig.service("slow", slow)
        + &*rig.service("odd", "match = [\"broken\"]");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let mut told = lines(&rig.messages(2).await);
    told.sort();
    assert_eq!(told, ["opened odd matcher", "opened slow latency"]);
    let open: Vec<_> = ledger(&daemon)
        .incidents
        .values()
        .map(|one| one.violation.clone())
        .collect();
    assert_eq!(open.len(), 2, "a broken script is no outage: {open:?}");
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_among_hostile_servers_watches_the_others_on_time() {
    let rig = Rig::new();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let hostile = [
        vec![Step::Request, Step::Hang],
        vec![Step::Request, Step::Reset],
        vec![Step::Request, send("SSH-2.0-OpenSSH_9.6\r\n\r\n")],
        vec![
            Step::Request,
            send(chunked),
            Step::Flood(format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into()),
        ],
        vec![
            Step::Request,
            Step::Flood("HTTP/1.1 100 Continue\r\n\r\n".into()),
        ],
        vec![
            Step::Request,
            send("HTTP/1.1 200 OK\r\nX: "),
            Step::Flood(vec![b'a'; 4096]),
        ],
    ];
    let mut config = rig.config(&["good"]);
    let mut servers = Vec::new();
    for (index, script) in hostile.into_iter().enumerate() {
        let server = Upstream::always(script).await;
        config += &*format!(
            "[[services]]\nname = \"h{index}\"\nurl = \"{}\"\ntimeout = \"1s\"\ninterval = \"500ms\"\nmatch = [\"status_code\"]\n",
            server.url("/")
        );
        servers.push(server);
    }
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let told = eventually("every hostile server to be told", || {
        let mut told = lines(&rig.bodies());
        told.sort();
        (told.len() >= 6)
            .then_some(told.clone())
            .ok_or(format!("{told:?}"))
    })
    .await;
    let expected: Vec<String> = (0..6)
        .map(|index| format!("opened h{index} error"))
        .collect();
    assert_eq!(told, expected);
    let before = rig.api.hits("/good");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let made = rig.api.hits("/good") - before;
    assert!(made >= 15, "{made} of 20 probes of the good service in 2 s");
    assert!(page(&daemon, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reaches_its_own_origin_as_the_probe_does() {
    let rig = Rig::new();
    rig.write("own.rhai", "//! Asks its own origin.\n//! ---\n//! request = false\nhttp.get(service.url).status == 200");
    let service = format!(
        "[[services]]\nname = \"own\"\nurl = \"http://price.test:{}/own\"\nresolve = {{ \"price.test\" = \"127.0.0.1\" }}\nmatch = [\"own\"]\n",
        rig.api.address.port()
    );
    rig.write("oes.toml", &(rig.config(&[]) + &*service));
    let daemon = rig.start().await;
    eventually("requests of the script", || {
        let hits = rig.api.hits("/own");
        (hits > 2).then_some(()).ok_or(format!("{hits} requests"))
    })
    .await;
    assert_eq!(ledger(&daemon).incidents.len(), 0);
    assert_eq!(daemon.stop(GRACE).await, Stopped::Drained);
}
