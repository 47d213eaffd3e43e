//! The command that judges a recording as it was judged when it was made.

use std::path::Path;

use jiff::Timestamp;

use super::arguments::Arguments;
use super::record::MEMORY;
use crate::model::shell::quoted;

/// Returns the command for what was recorded to a folder: with the response if there was one, at the time it was judged.
pub(super) fn command(
    arguments: &Arguments,
    folder: &Path,
    has_response: bool,
    at: Timestamp,
) -> String {
    let Arguments {
        request, inputs, ..
    } = arguments;
    let folder_name = folder.display().to_string();
    let mut words = vec![
        "oes".to_owned(),
        "dry-run".to_owned(),
        arguments.subject.clone(),
    ];
    let mut add = |option: &str, value: &str| {
        words.extend([option.to_owned(), value.to_owned()]);
    };
    if let Some(config) = &inputs.config {
        add("--config", &config.display().to_string());
    }
    if has_response {
        add("--response", &folder_name);
    } else {
        // A script that makes its own requests has no response; the time is in no file then.
        add("--now", &at.to_string());
    }
    add("--http", &format!("replay:{folder_name}"));
    add("--memory", &format!("@{}", folder.join(MEMORY).display()));
    let repeated = [
        ("--param", &inputs.params),
        ("--allow-host", &inputs.allow_hosts),
        ("--secret", &inputs.secrets),
    ];
    for (option, values) in repeated {
        for value in values {
            add(option, value);
        }
    }
    let single = [
        ("--expected", &inputs.expected),
        ("--data", &request.data),
        ("--timeout", &request.timeout),
    ];
    for (option, value) in single {
        if let Some(value) = value {
            add(option, value);
        }
    }
    if let (Some(url), false) = (&arguments.url, has_response) {
        words.push(url.clone());
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}
