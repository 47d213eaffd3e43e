//! Where OES answers, and who may ask.

use insta::assert_snapshot;

use super::*;
use crate::web::auth::Scope;

fn server(text: &str) -> Server {
    toml(&format!("services = []\n[server]\n{text}")).server
}

fn said(text: &str) -> String {
    mistakes(&format!("services = []\n[server]\n{text}"))
        .lines()
        .filter(|line| line.contains("error"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn of_a_token_only_the_digest_is_in_the_config() {
    let digest = "ab".repeat(32);
    let text = format!(
        "token = \"${{env:TOKEN}}-and-more\"\ntokens = [{{ name = \"ci\", hash = \"sha256:{digest}\" }}, \
         {{ name = \"bot\", hash = \"sha256:{}\", scope = \"operate\" }}]",
        "0".repeat(64)
    );
    let tokens = server(&text).tokens;
    let shown: Vec<(&str, Scope)> = tokens.iter().map(|one| (&*one.name, one.scope)).collect();
    assert_eq!(
        shown,
        [
            ("server.token", Scope::Admin),
            ("ci", Scope::Read),
            ("bot", Scope::Operate)
        ]
    );
    assert_eq!(tokens[1].digest_hex(), digest);
}

#[test]
fn tokens_that_nobody_could_use_are_refused() {
    let all = [
        "tokens = [{ name = \"ci\", hash = \"hunter2\" }]",
        "tokens = [{ name = \"ci\", hash = \"sha256:abcd\" }]",
        "tokens = [{ name = \"ci\" }]",
        "token = \"short\"",
        "tokens = [{ name = \"a\", hash = \"sha256:00000000000000000000000000000000000000000000000000000000000000ff\" }, \
         { name = \"a\", hash = \"sha256:00000000000000000000000000000000000000000000000000000000000000fe\", scope = \"write\" }]",
    ]
    .map(said);
    assert_snapshot!(all.join(""), @r"
    oes.toml:3:33: error: `hunter2` is no digest of a token (write sha256: and 64 hexadecimal digits; `oes token new` makes a token and prints its digest) [config/value]
    oes.toml:3:33: error: `sha256:abcd` is no digest of a token (write sha256: and 64 hexadecimal digits; `oes token new` makes a token and prints its digest) [config/value]
    oes.toml:3:11: error: a token has no `hash` (add the key `hash`) [config/missing]
    oes.toml:3:9: error: a token of fewer than 16 characters can be guessed (make one with: oes token new) [config/value]
    oes.toml:3:109: error: another token is called `a` (logs name a token by it: give each its own) [config/conflict]
    oes.toml:3:213: error: `scope` cannot be `write` (it is one of read, operate, admin) [config/value]
    ");
}

#[test]
fn other_machines_reach_it_where_that_is_said_or_a_token_is_wanted() {
    let token = "token = \"0123456789abcdef\"\n";
    for (text, open) in [
        (String::new(), true),
        (token.to_owned(), true),
        ("listen = \":9115\"\npublic = true".to_owned(), true),
        (format!("listen = \":9115\"\n{token}"), false),
        (format!("listen = \":9115\"\npublic = true\n{token}"), true),
    ] {
        assert_eq!(server(&text).open, open, "{text}");
    }
    let refused = said("listen = \":9115\"");
    assert!(
        refused.contains("can be reached from other machines"),
        "{refused}"
    );
}

#[test]
fn where_it_is_served_is_read_in_the_ways_that_people_write_it() {
    for (text, base) in [
        ("", ""),
        ("base_path = \"/\"", ""),
        ("base_path = \"/oes/\"", "/oes"),
        ("base_path = \"/a/b-c\"", "/a/b-c"),
    ] {
        assert_eq!(&*server(text).base, base, "{text}");
    }
    let networks = server("proxies = [\"10.0.0.7\", \"fd00::/8\"]").proxies;
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.7/32", "fd00::/8"]);
    let socket = server("listen = \"unix:run/oes.sock\"");
    assert_eq!(
        (socket.listen.to_string().as_str(), socket.open),
        ("unix:run/oes.sock", true)
    );
}

#[test]
fn an_address_of_the_page_that_is_not_below_its_path_is_warned_of() {
    let said = |text: &str| mistakes(&format!("services = []\n[server]\n{text}"));
    let wrong = said("base_path = \"/oes\"\nurl = \"https://a.example\"");
    let words = "oes.toml:4:7: warning: `url` leads to /, and every page is below /oes (write url = \"https://a.example/oes\": ";
    assert!(wrong.contains(words), "{wrong}");
    for right in [
        "base_path = \"/oes\"\nurl = \"https://a.example/oes\"",
        "base_path = \"/oes/\"\nurl = \"https://a.example/oes/\"",
        "url = \"https://a.example/oes\"",
    ] {
        let told = said(right);
        assert!(!told.contains("every page is below"), "{told}");
    }
}

#[test]
fn where_nothing_can_be_served_is_refused() {
    let all = [
        "base_path = \"oes\"",
        "base_path = \"/a//b\"",
        "base_path = \"/a/../b\"",
        "proxies = [\"proxy.example\"]",
        "listen = \"unix:\"",
        "listen = \"example.org:80\"",
        "tls = { cert = \"none.pem\", key = \"none.pem\" }",
        "tls = { cert = \"none.pem\" }",
    ]
    .map(said);
    assert_snapshot!(all.join(""), @r"
    oes.toml:3:13: error: `oes` is no path to put before all pages (write one such as /oes: letters, digits and - . _ ~ between slashes) [config/value]
    oes.toml:3:13: error: `/a//b` is no path to put before all pages (write one such as /oes: letters, digits and - . _ ~ between slashes) [config/value]
    oes.toml:3:13: error: `/a/../b` is no path to put before all pages (write one such as /oes: letters, digits and - . _ ~ between slashes) [config/value]
    oes.toml:3:12: error: `proxy.example` is no address and no network (write 10.0.0.7, 10.0.0.0/8 or fd00::/8; names are not looked up) [config/value]
    oes.toml:3:10: error: a unix socket has a path (write unix:/run/oes/oes.sock, or an address with a port) [config/value]
    oes.toml:3:10: error: `example.org:80` is no address with a port (write 127.0.0.1:9115, [::1]:9115 or unix:/run/oes/oes.sock; names other than localhost are not looked up) [config/value]
    oes.toml:3:16: error: none.pem: there is no such file (paths start at the folder of the config) [config/file]
    oes.toml:3:34: error: none.pem: there is no such file (paths start at the folder of the config) [config/file]
    oes.toml:3:7: error: `server.tls` has no `key` (add the key `key`) [config/missing]
    oes.toml:3:16: error: none.pem: there is no such file (paths start at the folder of the config) [config/file]
    ");
}

#[test]
fn a_login_by_openid_connect_is_read_as_people_write_it() {
    let read = |text: &str| {
        server(&format!(
            "url = \"https://a.example/oes\"\n[server.oidc]\n{text}"
        ))
        .oidc
    };
    let all = "issuer = \"https://login.example/realms/main\"\nclient_id = \"oes\"\nclient_secret = \"${env:TOKEN}\"\n\
         allow = [{ email = \"@example.org\" }, { email = \"ada@example.org\", scope = \"admin\" }, { group = \"ops\" }, { subject = \"7\" }]";
    let oidc = read(all).unwrap();
    assert_eq!(
        oidc.callback.as_str(),
        "https://a.example/oes/login/oidc/callback"
    );
    assert_eq!(
        (&*oidc.issuer, &*oidc.name, &*oidc.groups_claim),
        (
            "https://login.example/realms/main",
            "login.example",
            "groups"
        )
    );
    assert_eq!(oidc.scopes, [Arc::from("email")]);
    let rules: Vec<String> = oidc
        .rules
        .iter()
        .map(|rule| format!("{:?} {}", rule.whom, rule.scope.as_str()))
        .collect();
    assert_eq!(
        rules,
        [
            "Domain(\"example.org\") read",
            "Email(\"ada@example.org\") admin",
            "Group(\"ops\") read",
            "Subject(\"7\") read"
        ]
    );
    for secret in ["${env:TOKEN}", "hunter2"] {
        let oidc = read(&all.replace("${env:TOKEN}", secret)).unwrap();
        assert!(!format!("{oidc:?}").contains("hunter2"), "{oidc:?}");
        assert_eq!(oidc.client_secret.unwrap().expose(), "hunter2");
    }
    let issuer = "http://127.0.0.1:5556/dex";
    let local = all.replace("https://login.example/realms/main", issuer);
    assert_eq!(&*read(&local).unwrap().issuer, issuer, "to the last slash");
    let alone = format!("listen = \":9115\"\nurl = \"https://a.example\"\n[server.oidc]\n{all}");
    assert!(
        !server(&alone).open,
        "who may log in counts as a token does"
    );
}

#[test]
fn a_login_that_nobody_could_use_is_refused() {
    let fine = "url = \"https://a.example\"\noidc = { issuer = \"https://login.example\", client_id = \"oes\", allow = [{ group = \"ops\" }] }";
    assert_eq!(said(fine), "");
    let broken = said(&fine.replace("https://a.example", "a.example"));
    assert_eq!(
        broken.lines().count(),
        1,
        "one mistake is said once: {broken}"
    );
    let all = [
        ("url = \"https://a.example\"\n", ""),
        ("https://login.example", "http://login.example"),
        ("https://login.example", "https://login.example/?a=b"),
        ("https://login.example", "login.example"),
        ("client_id = \"oes\", ", ""),
        ("client_id", "client_secret = \"${env:NONE}\", client_id"),
        (", allow = [{ group = \"ops\" }]", ""),
        ("{ group = \"ops\" }", ""),
        ("group = \"ops\"", "scope = \"read\""),
        ("group = \"ops\"", "group = \"ops\", subject = \"7\""),
        ("group = \"ops\"", "email = \"ada\""),
        ("group = \"ops\"", "email = \"@\""),
        ("group = \"ops\"", "group = \"ops\", scope = \"root\""),
    ]
    .map(|(from, to)| said(&fine.replace(from, to)));
    assert_snapshot!(all.join(""), @r#"
    oes.toml:3:8: error: a login by OpenID Connect, and no `url` of the status page (write url = "https://status.example.org" in [server]: the provider sends browsers back to it, at /login/oidc/callback) [config/missing]
    oes.toml:4:19: error: `http://login.example/` is not https (whoever is in between could log in as anybody: only a provider on this machine may be http) [config/value]
    oes.toml:4:19: error: `https://login.example/?a=b` has more than a host and a path (write what the provider calls itself, such as https://login.example.org/realms/main; /.well-known/openid-configuration is found below it) [config/value]
    oes.toml:4:19: error: `login.example` is not a whole URL (it begins with https:// or http://) [config/value]
    oes.toml:4:8: error: `server.oidc` has no `client_id` (add the key `client_id`) [config/missing]
    oes.toml:4:61: error: the environment variable NONE is not set (set it where OES starts: NONE=… oes run …, or EnvironmentFile= of the systemd unit) [config/secret]
    oes.toml:4:8: error: `server.oidc` has no `allow` (add the key `allow`) [config/missing]
    oes.toml:4:71: error: `allow` is empty: nobody could log in (write allow = [{ email = "ada@example.org", scope = "admin" }, { email = "@example.org" }]) [config/useless]
    oes.toml:4:72: error: a rule of `allow` has one of `email`, `subject` and `group` (write one rule for each; whom several fit gets the most of them) [config/value]
    oes.toml:4:72: error: a rule of `allow` has one of `email`, `subject` and `group` (write one rule for each; whom several fit gets the most of them) [config/value]
    oes.toml:4:82: error: `ada` is no e-mail address (write ada@example.org, or @example.org for everybody there) [config/value]
    oes.toml:4:82: error: `@` is no e-mail address (write ada@example.org, or @example.org for everybody there) [config/value]
    oes.toml:4:97: error: `scope` cannot be `root` (it is one of read, operate, admin) [config/value]
    "#);
}
