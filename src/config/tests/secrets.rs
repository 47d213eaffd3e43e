//! Secrets from the environment and from files.

use super::*;

#[test]
fn a_secret_is_used_and_never_shown() {
    let service = service(
        "headers = { authorization = \"Bearer ${env:TOKEN}\", x = \"$${env:TOKEN}\" }\npayload = { key = \"a${env:TOKEN}\" }\nsecrets = { K = \"${env:TOKEN}\" }",
    );
    assert_eq!(service.request.headers[0].1.expose(), "Bearer hunter2");
    assert_eq!(service.request.headers[1].1.expose(), "${env:TOKEN}");
    assert_eq!(
        service.request.body.as_deref(),
        Some(&br#"{"key":"ahunter2"}"#[..])
    );
    assert_eq!(service.grants.secrets["K"].expose(), "hunter2");
    let seen = service.request.payload.as_ref().unwrap().to_string();
    assert_eq!(seen, r#"{"key":"a***"}"#);
    let config = toml("[[services]]\nurl = \"https://a.example.io/x?k=${env:TOKEN}\"");
    let one = &config.services[0].service;
    assert_eq!(&*one.request.shown_url, "https://a.example.io/x?k=***");
    assert_eq!(one.request.url.query(), Some("k=hunter2"));
    assert_eq!(one.name.as_str(), "GET https://a.example.io/x?k=***");
    let broken = mistakes(
        "[[services]]\nurl = \"ftp://${env:TOKEN}\"\nheaders = { \"${env:TOKEN}\" = \"x\" }",
    );
    assert!(!broken.contains("hunter2"), "{broken}");
}

#[test]
fn a_secret_does_not_cut_the_url_that_it_is_a_part_of() {
    let text = "[[services]]\nurl = \"http://a.example/?k=${env:HASH}&z=1\"\n";
    let said = mistakes(text);
    assert!(
        said.contains("a secret in the URL `http://a.example/?k=***&z=1` holds `#`"),
        "{said}"
    );
}

#[test]
fn a_secret_file_loses_its_last_line_break_only() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        use std::io::Write as _;
        let mut file = std::fs::File::create(folder.path().join(name)).unwrap();
        file.write_all(bytes).unwrap();
    };
    write("token", b" a b \r\n");
    write("empty", b"\n");
    write("large", &vec![b'x'; 70_000]);
    let load = |file: &str| {
        let text = format!(
            "[[services]]\nurl = \"https://a.example.io\"\nheaders = {{ x = \"${{file:{file}}}\" }}"
        );
        load_text("oes.toml", &text, folder.path(), &environment())
    };
    let config = load("token").unwrap().config;
    assert_eq!(
        config.services[0].service.request.headers[0].1.expose(),
        " a b "
    );
    assert_eq!(config.files, [folder.path().join("token")]);
    assert!(load("empty").unwrap_err().plain().contains("is empty"));
    assert!(
        load("large")
            .unwrap_err()
            .plain()
            .contains("the limit is 64 KiB")
    );
    assert!(load(".").unwrap_err().plain().contains("folder"));
}
