//! What is accepted with a warning or a note: it works, and is likely not what was meant.

use super::*;

fn of_service(text: &str) -> String {
    mistakes(&format!(
        "[[services]]\nurl = \"https://a.example.io\"\n{text}"
    ))
}

#[test]
fn a_sample_that_nothing_reads_gets_a_warning() {
    let warning = "oes.toml:3:1: warning: nothing compares the body with this `response` (add response_matcher = \"types\" for a body like this one, \"exact\" for this very body) [config/useless]\n";
    for unread in [
        "",
        "response_matcher = \"status_code\"",
        "response_matcher = \"non_empty\"",
        "match = [\"status_code\", { types = {} }]",
    ] {
        let said = of_service(&format!("response = {{ a = 1 }}\n{unread}"));
        assert_eq!(said, warning, "{unread}");
    }
    for read in [
        "response_matcher = \"exact\"",
        "match = [\"status_code\", \"types\"]",
        "response_matcher = \"price_chart_matcher\"",
        "match = [{ script = \"price_chart_matcher\" }]",
    ] {
        let said = of_service(&format!("response = {{ a = 1 }}\n{read}"));
        assert_eq!(said, "", "{read}");
    }
}

#[test]
fn a_secret_where_none_is_replaced_gets_a_warning() {
    for (text, place) in [
        ("name = \"a ${env:TOKEN}\"", "3:8: warning: `name`"),
        ("group = \"${file:x}\"", "3:9: warning: `group`"),
        (
            "match = [{ exact = { a = \"${env:TOKEN}\" } }]",
            "3:26: warning: a sample",
        ),
        (
            "response_matcher = \"types\"\nresponse = { a = [\"${env:TOKEN}\"] }",
            "4:19: warning: a sample",
        ),
    ] {
        let expected = format!(
            "oes.toml:{place} takes no secrets: this text stays as it is written here (docs/configuration.md says where secrets are replaced; write `$${{` to mean the characters) [config/secret]\n"
        );
        assert_eq!(of_service(text), expected, "{text}");
    }
    assert_eq!(of_service("name = \"a $${env:TOKEN}\""), "");
}

#[test]
fn the_mean_is_explained_once_where_it_judges() {
    let two = "latency = 500\n[[services]]\nurl = \"https://b.example.io\"\nlatency = { limit = 500, trigger = \"mean\" }\n";
    assert_eq!(
        of_service(two),
        "note: the mean judges the latency of 2 services: one very slow answer can lift it over the limit for a whole window; trigger = \"median\" is calmer and as quick\n"
    );
    assert_eq!(of_service(""), "");
    assert_eq!(
        of_service("latency = { limit = 500, trigger = \"median\" }"),
        ""
    );
}

#[test]
fn what_can_never_be_asked_is_a_mistake() {
    for (url, said) in [
        (
            "http://169.254.169.254/",
            "`http://169.254.169.254/` can never be probed (link-local and cloud metadata addresses are never asked)",
        ),
        (
            "http://[fe80::1]:8080/",
            "`http://[fe80::1]:8080/` can never be probed (link-local addresses are never asked)",
        ),
        (
            "http://0.0.0.0/",
            "`http://0.0.0.0/` can never be probed (the unspecified address is never asked)",
        ),
        (
            "http:///x",
            "`http:///x` has no host (write https://host/path)",
        ),
        ("https:a", "`https:a` has no host (write https://host/path)"),
    ] {
        let text = format!("[[services]]\nurl = \"{url}\"\n");
        assert_eq!(
            mistakes(&text),
            format!("oes.toml:2:7: error: {said} [config/value]\n")
        );
    }
    for fine in [
        "http://127.0.0.1:9/x",
        "http://10.0.0.1",
        "HTTPS://a.example.io?x",
    ] {
        assert_eq!(mistakes(&format!("[[services]]\nurl = \"{fine}\"\n")), "");
    }
}

#[test]
fn a_broken_digest_is_one_mistake() {
    assert_eq!(
        of_service("match = [{ sha256 = \"xyz\" }]"),
        "oes.toml:3:21: error: this is no SHA-256 (it has 64 hexadecimal digits; `sha256sum FILE` prints it) [config/value]\n"
    );
}

#[test]
fn a_script_that_needs_a_payload_says_so_before_it_runs() {
    let script = "match = [\"utxo_executor\"]";
    assert_eq!(
        of_service(script),
        "oes.toml:3:10: error: the script utxo_executor needs `method` in the payload (add payload = { method = … } to the service) [config/param]\n\
         oes.toml:3:10: error: the script utxo_executor needs `address` in the payload (add payload = { address = … } to the service) [config/param]\n"
    );
    assert_eq!(
        of_service(&format!("{script}\npayload = {{ method = \"x\" }}")),
        "oes.toml:4:11: error: the script utxo_executor needs `address` in the payload (add the key `address` to it) [config/param]\n"
    );
    assert_eq!(
        of_service(&format!(
            "{script}\npayload = {{ method = \"x\", address = \"y\" }}"
        )),
        ""
    );
}

#[test]
fn a_channel_without_its_url_is_told_what_a_webhook_looks_like() {
    let text = "[[channels]]\nname = \"team\"\nkind = \"discord\"\n[[services]]\nurl = \"https://a.example.io\"\n";
    assert_eq!(
        mistakes(text),
        "oes.toml:3:8: error: `discord` needs `url`, or `token` and `channel_id` (set `url`: The webhook's URL, such as https://discord.com/api/webhooks/ID/TOKEN. Whoever knows it can post: give it as a secret.) [config/param]\n"
    );
}

#[test]
fn a_channel_of_two_ways_needs_one_of_them_whole() {
    let channel = |options: &str| {
        let text = format!(
            "[[channels]]\nname = \"team\"\nkind = \"slack\"\n{options}\n[[services]]\nurl = \"https://a.example.io\"\n"
        );
        mistakes(&text)
    };
    assert_eq!(channel("token = \"xoxb-1\"\nchannel_id = \"C1\""), "");
    assert_eq!(channel("url = \"https://hooks.slack.example/1\""), "");
    assert!(
        channel("token = \"xoxb-1\"").starts_with(
            "oes.toml:3:8: error: `slack` needs `url`, or `token` and `channel_id` (set `url`: The incoming"
        ),
    );
}
