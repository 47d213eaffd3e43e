//! Reads a `curl` command line as browsers copy it: «Copy as cURL».

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
pub(super) enum CurlError {
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
    /// An option without its value.
    #[error("`{0}` misses its value")]
    Value(String),
}

/// Options without a value that do not change what is asked.
const HARMLESS: [&str; 12] = [
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-i",
    "--include",
    "-v",
    "--verbose",
    "--compressed",
    "-L",
    "--location",
    "-sS",
];

/// Reads a curl command line.
///
/// # Errors
/// [`CurlError`] says which part cannot be read.
pub(super) fn parse(command: &str) -> Result<CurlRequest, CurlError> {
    let command = command.replace("\\\n", " ");
    let words = shlex::split(&command).ok_or(CurlError::Quotes)?;
    let mut words = words.into_iter().flat_map(apart);
    if words.next().as_deref() != Some("curl") {
        return Err(CurlError::NotCurl);
    }
    let mut request = CurlRequest::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| CurlError::Value(word.clone()));
        match word.as_str() {
            "-X" | "--request" => request.method = Some(value()?),
            "-H" | "--header" => request.headers.push(value()?),
            "-A" | "--user-agent" => request.headers.push(format!("User-Agent: {}", value()?)),
            "-b" | "--cookie" => request.headers.push(format!("Cookie: {}", value()?)),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" => {
                let data = value()?;
                request.body = Some(match request.body.take() {
                    Some(before) => format!("{before}&{data}"),
                    None => data,
                });
            }
            "--json" => {
                request.body = Some(value()?);
                request
                    .headers
                    .push("Content-Type: application/json".to_owned());
            }
            "-I" | "--head" => request.method = Some("HEAD".to_owned()),
            "-k" | "--insecure" => request.insecure = true,
            "--url" => request.url = Some(value()?),
            harmless if HARMLESS.contains(&harmless) => {}
            option if option.starts_with('-') => return Err(CurlError::Option(word)),
            _ => request.url = Some(word),
        }
    }
    if request.body.is_some() && request.method.is_none() {
        request.method = Some("POST".to_owned());
        let typed = |header: &String| header.to_ascii_lowercase().starts_with("content-type:");
        if !request.headers.iter().any(typed) {
            request
                .headers
                .push("Content-Type: application/x-www-form-urlencoded".to_owned());
        }
    }
    Ok(request)
}

/// Takes an option and the value written right after it apart: `-XPOST`.
fn apart(word: String) -> Vec<String> {
    match word.split_at_checked(2) {
        Some((option @ ("-X" | "-H" | "-d" | "-A" | "-b"), value)) if !value.is_empty() => {
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
        assert_eq!(request.headers, ["Accept: a/b"]);
        assert_eq!(request.body.as_deref(), Some("a=1"));
    }

    #[test]
    fn says_what_it_cannot_read() {
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
