//! Reads a `curl` command line as browsers copy it: «Copy as cURL».

mod words;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use thiserror::Error;

/// The request that a curl command makes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CurlRequest {
    /// Where to.
    pub(super) url: Option<String>,
    /// Request method, if the command names one or sends data.
    pub(super) method: Option<String>,
    /// Headers as `Name: value`.
    pub(super) headers: Vec<String>,
    /// The body.
    pub(super) body: Option<String>,
    /// Whether the certificate goes unverified (`-k`).
    pub(super) insecure: bool,
}

/// Why a text is not a curl command that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(in crate::cli) enum CurlError {
    /// The quotes do not close.
    #[error("the quotes of the curl command do not close")]
    Quotes,
    /// It begins with something else.
    #[error("the command does not begin with `curl`")]
    NotCurl,
    /// An option that dry-run does not know; ignoring it could change the request.
    #[error(
        "`{0}` is an option of curl that dry-run does not read; leave it out, or give the request with -X, -H and -d"
    )]
    Option(String),
    /// A part that a shell would put something else in place of.
    #[error(
        "the shell would act on the `{0}` of the curl command, and dry-run does not; write what it stands for, or quote it in '…'"
    )]
    Shell(String),
    /// An escape within `$'…'`.
    #[error("the escape `{0}` within $'…' {1}")]
    Escape(String, &'static str),
    /// A form with parts.
    #[error(
        "`{0}` sends a form with parts, which dry-run cannot send; a plain form is `-d NAME=VALUE`"
    )]
    Form(String),
    /// Data from a file.
    #[error("`{option} {data}` reads a file; give the body with dry-run's own `-d {data}`")]
    File { option: String, data: String },
    /// Something after the URL.
    #[error("`{0}` is a second URL")]
    SecondUrl(String),
    /// An option without its value.
    #[error("`{0}` misses its value")]
    Value(String),
}

/// Options without a value that do not change what is asked.
const HARMLESS: [&str; 10] = [
    "--silent",
    "--show-error",
    "--include",
    "--verbose",
    "--compressed",
    "--location",
    "--fail",
    "--http1.1",
    "--http2",
    "--no-progress-meter",
];

/// The same in one letter, which may stand together: `-sSL`.
const HARMLESS_LETTERS: &str = "sSivLf";

/// Headers of a connection, which OES makes itself.
const OF_CONNECTIONS: [&str; 4] = ["connection", "content-length", "transfer-encoding", "host"];

/// Reads a curl command line.
///
/// # Errors
/// [`CurlError`] says which part cannot be read.
pub(super) fn parse(command: &str) -> Result<CurlRequest, CurlError> {
    let mut words = words::split(command)?.into_iter().flat_map(apart);
    if words.next().as_deref() != Some("curl") {
        return Err(CurlError::NotCurl);
    }
    let mut request = CurlRequest::default();
    let mut in_query = false;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| CurlError::Value(word.clone()));
        match word.as_str() {
            "-X" | "--request" => request.method = Some(value()?),
            "-H" | "--header" => add_header(&mut request, value()?),
            "-A" | "--user-agent" => request.headers.push(format!("User-Agent: {}", value()?)),
            "-b" | "--cookie" => request.headers.push(format!("Cookie: {}", value()?)),
            "-u" | "--user" => {
                let credentials = BASE64_STANDARD.encode(value()?);
                request
                    .headers
                    .push(format!("Authorization: Basic {credentials}"));
            }
            "-F" | "--form" | "--form-string" => return Err(CurlError::Form(word)),
            "-G" | "--get" => in_query = true,
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" => {
                let data = value()?;
                if word != "--data-raw" {
                    no_file(&word, &data)?;
                }
                request.body = Some(match request.body.take() {
                    Some(before) => format!("{before}&{data}"),
                    None => data,
                });
            }
            "--json" => {
                let data = value()?;
                no_file(&word, &data)?;
                request.body = Some(data);
                request
                    .headers
                    .push("Content-Type: application/json".to_owned());
            }
            "-I" | "--head" => request.method = Some("HEAD".to_owned()),
            "-k" | "--insecure" => request.insecure = true,
            "--url" => set_url(&mut request, value()?)?,
            harmless if is_harmless(harmless) => {}
            option if option.starts_with('-') => return Err(CurlError::Option(word)),
            _ => set_url(&mut request, word)?,
        }
    }
    if in_query {
        data_to_query(&mut request);
    }
    if request.body.is_some() {
        request.method.get_or_insert_with(|| "POST".to_owned());
        let typed = |header: &String| header.to_ascii_lowercase().starts_with("content-type:");
        if !request.headers.iter().any(typed) {
            request
                .headers
                .push("Content-Type: application/x-www-form-urlencoded".to_owned());
        }
    }
    Ok(request)
}

fn is_harmless(option: &str) -> bool {
    let letters = option.strip_prefix('-').unwrap_or_default();
    let together = |letter: char| HARMLESS_LETTERS.contains(letter);
    HARMLESS.contains(&option) || (!letters.is_empty() && letters.chars().all(together))
}

/// Adds a header, but for those that OES sets itself, and those without a value (`Referer;`).
fn add_header(request: &mut CurlRequest, header: String) {
    let name = header.split(':').next().unwrap_or_default().trim();
    let is_ours = OF_CONNECTIONS
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours));
    if !is_ours && !name.ends_with(';') {
        request.headers.push(header);
    }
}

fn set_url(request: &mut CurlRequest, url: String) -> Result<(), CurlError> {
    match request.url.replace(url) {
        None => Ok(()),
        Some(_) => Err(CurlError::SecondUrl(request.url.take().unwrap_or_default())),
    }
}

fn no_file(option: &str, data: &str) -> Result<(), CurlError> {
    if data.starts_with('@') {
        return Err(CurlError::File {
            option: option.to_owned(),
            data: data.to_owned(),
        });
    }
    Ok(())
}

/// Moves the data to the end of the URL's query, as `-G` asks.
fn data_to_query(request: &mut CurlRequest) {
    if let (Some(url), Some(data)) = (&mut request.url, request.body.take()) {
        let (whole, fragment) = url.split_once('#').unwrap_or((url, ""));
        let between = if whole.contains('?') { '&' } else { '?' };
        let mark = if fragment.is_empty() { "" } else { "#" };
        *url = format!("{whole}{between}{data}{mark}{fragment}");
    }
}

/// Takes an option and the value written right after it apart: `-XPOST`.
fn apart(word: String) -> Vec<String> {
    match word.split_at_checked(2) {
        Some((option @ ("-X" | "-H" | "-d" | "-A" | "-b" | "-u" | "-F"), value))
            if !value.is_empty() =>
        {
            vec![option.to_owned(), value.to_owned()]
        }
        _ => vec![word],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_browser_copies() {
        let request = parse(
            "curl 'https://api.example/balances' \\\n  -X 'POST' \\\n  -H 'content-type: application/json' \\\n  \
             --data-raw '{\"addresses\":[\"9i6U\"]}' \\\n  --compressed",
        )
        .unwrap();
        assert_eq!(request.url.as_deref(), Some("https://api.example/balances"));
        assert_eq!(request.method.as_deref(), Some("POST"));
        assert_eq!(request.headers, ["content-type: application/json"]);
        assert_eq!(request.body.as_deref(), Some(r#"{"addresses":["9i6U"]}"#));
    }

    #[test]
    fn data_makes_it_a_form_post() {
        let request = parse("curl -d a=1 -d b=2 http://x/").unwrap();
        assert_eq!(request.method.as_deref(), Some("POST"));
        assert_eq!(request.body.as_deref(), Some("a=1&b=2"));
        assert_eq!(
            request.headers,
            ["Content-Type: application/x-www-form-urlencoded"]
        );
    }

    #[test]
    fn reads_values_that_are_joined_to_their_options() {
        let request = parse("curl -XPUT -H'Accept: a/b' -da=1 http://x/").unwrap();
        assert_eq!(request.method.as_deref(), Some("PUT"));
        let form = "Content-Type: application/x-www-form-urlencoded";
        assert_eq!(request.headers, ["Accept: a/b", form]);
        assert_eq!(request.body.as_deref(), Some("a=1"));
    }

    #[test]
    fn reads_credentials_and_data_for_the_query() {
        let request = parse("curl -G -u user:pass -d a=1 -d b=2 'http://x/?c=3#top'").unwrap();
        assert_eq!(request.url.as_deref(), Some("http://x/?c=3&a=1&b=2#top"));
        assert_eq!((request.method, request.body), (None, None));
        assert_eq!(request.headers, ["Authorization: Basic dXNlcjpwYXNz"]);
    }

    #[test]
    fn reads_what_a_browser_quotes_for_bash() {
        let request =
            parse(r"curl $'http://x/' -H $'x-a: it\'s' --data-raw $'{\n\u0021}'").unwrap();
        assert_eq!(request.url.as_deref(), Some("http://x/"));
        assert_eq!(
            request.headers.first().map(String::as_str),
            Some("x-a: it's")
        );
        assert_eq!(request.body.as_deref(), Some("{\n!}"));
    }

    #[test]
    fn says_what_it_cannot_read() {
        let firefox = "curl -sSL --http2 'http://x/' -H 'Connection: keep-alive' -H 'Referer;' -H 'Accept: a/b'";
        assert_eq!(parse(firefox).unwrap().headers, ["Accept: a/b"]);
        let posted = parse("curl -X POST -d x http://x/").unwrap();
        assert_eq!(
            posted.headers,
            ["Content-Type: application/x-www-form-urlencoded"]
        );
        for (command, said) in [
            ("curl -F a=@b http://x/", "form with parts"),
            (
                "curl -d @body.json http://x/",
                "dry-run's own `-d @body.json`",
            ),
            ("curl http://x/ http://y/", "`http://y/` is a second URL"),
            ("curl http://x/ | jq .", "the `|` of the curl command"),
            ("curl -H $'a\\q' http://x/", "escape `\\q`"),
        ] {
            let error = parse(command).unwrap_err().to_string();
            assert!(error.contains(said), "{command}: {error}");
        }
        assert_eq!(parse("wget x").unwrap_err(), CurlError::NotCurl);
        assert_eq!(parse("curl 'x").unwrap_err(), CurlError::Quotes);
        assert_eq!(
            parse("curl -H").unwrap_err(),
            CurlError::Value("-H".to_owned())
        );
        assert_eq!(
            parse("curl --proxy p x").unwrap_err(),
            CurlError::Option("--proxy".to_owned())
        );
    }
}
