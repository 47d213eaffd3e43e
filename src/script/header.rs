//! What a script says of itself in the `//!` lines at its top: text, then `//! ---`, then TOML.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::source::{Header, OAuth2, Param, ParamKind, Part};
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::service::Grants;
use crate::model::span::{Mistake, did_you_mean};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawHeader {
    request: Option<bool>,
    status: Option<toml::Value>,
    #[serde(default, rename = "use")]
    uses: Vec<Spanned<String>>,
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    payload: Vec<String>,
    #[serde(default)]
    edits: bool,
    #[serde(default)]
    groups: bool,
    #[serde(default)]
    oauth2: BTreeMap<String, RawOAuth2>,
    #[serde(default)]
    one_of: Vec<Vec<Spanned<String>>>,
    #[serde(default)]
    params: BTreeMap<Spanned<String>, RawParam>,
}

/// What the header of a library says: the rest is of the script that uses it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLibraryHeader {
    #[serde(default, rename = "use")]
    uses: Vec<Spanned<String>>,
}

impl From<RawLibraryHeader> for RawHeader {
    fn from(raw: RawLibraryHeader) -> Self {
        Self {
            uses: raw.uses,
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOAuth2 {
    token_url: Spanned<String>,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParam {
    kind: Option<Spanned<String>>,
    default: Option<Spanned<toml::Value>>,
    #[serde(default)]
    help: String,
}

/// The TOML of a header with the place in the script of each of its lines.
#[derive(Default)]
struct Settings {
    text: String,
    /// Where each line begins in `text` and in the script.
    lines: Vec<(usize, usize)>,
}

impl Settings {
    fn push(&mut self, line: &str, place: usize) {
        self.lines.push((self.text.len(), place));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn place(&self, offset: usize) -> usize {
        self.lines
            .iter()
            .rev()
            .find(|(begins, _)| *begins <= offset)
            .map_or(0, |(begins, place)| place + offset - begins)
    }

    fn span(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.place(span.start);
        start..self.place(span.end).max(start)
    }
}

const KEYS: &str = "below `//! ---` a header is TOML with request, status, use, hosts, secrets, payload, edits, groups, \
     one_of, [params.NAME] with kind, default, help and [oauth2.NAME] with token_url, client_id, client_secret, scopes";
const LIBRARY_KEYS: &str = "the header of a library has no settings but `use`; parameters, hosts and secrets are those of \
     the script that uses it";

/// Where a header names something that lies in another file.
pub(super) type Named = (Arc<str>, Range<usize>);

/// Reads the header of a script or a library, and returns it with the libraries that it names. What is wrong with it goes
/// to `mistakes`.
pub(super) fn read(text: &str, part: Part, mistakes: &mut Vec<Mistake>) -> (Header, Vec<Named>) {
    let mut about = Vec::new();
    let mut settings: Option<Settings> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let Some(content) = line.strip_prefix("//!") else {
            break;
        };
        let indent = usize::from(content.starts_with(' '));
        let body = content.get(indent..).unwrap_or_default().trim_end();
        match &mut settings {
            Some(settings) => settings.push(body, offset + 3 + indent),
            None if body.trim() == "---" => settings = Some(Settings::default()),
            None => about.push(body),
        }
        offset += line.len();
    }
    let mut uses = Vec::new();
    let mut header = Header {
        about: about.join("\n").trim().to_owned(),
        sends_request: true,
        ..Header::default()
    };
    if let Some(settings) = settings {
        let (raw, keys) = match part {
            Part::Script => (toml::from_str(&settings.text), KEYS),
            Part::Library => (
                toml::from_str::<RawLibraryHeader>(&settings.text).map(RawHeader::from),
                LIBRARY_KEYS,
            ),
        };
        match raw {
            Ok(mut raw) => {
                for library in std::mem::take(&mut raw.uses) {
                    let span = settings.span(&library.span());
                    uses.push((library.into_inner().into(), span));
                }
                fill(&mut header, raw, &settings, mistakes);
            }
            Err(error) => {
                let span = settings.span(&error.span().unwrap_or(0..0));
                let message = format!("the header: {}", error.message().trim());
                mistakes.push(Mistake::error(Code::ScriptHeader, span, message).help(keys));
            }
        }
    }
    header.uses = uses.iter().map(|(name, _)| Arc::clone(name)).collect();
    (header, uses)
}

fn fill(header: &mut Header, raw: RawHeader, settings: &Settings, mistakes: &mut Vec<Mistake>) {
    header.sends_request = raw.request.unwrap_or(true);
    header.status = raw.status.map(|status| match status {
        toml::Value::String(text) => text,
        other => other.to_string(),
    });
    for host in raw.hosts {
        if let Err(help) = Grants::check_host(host.get_ref()) {
            let message = format!("`{}` is no host", host.get_ref());
            mistakes.push(
                Mistake::error(Code::ScriptHeader, settings.span(&host.span()), message).help(help),
            );
        }
        header.hosts.push(host.into_inner());
    }
    header.secrets = raw.secrets;
    header.payload = raw.payload;
    header.edits = raw.edits;
    header.groups = raw.groups;
    for (name, raw) in raw.oauth2 {
        fill_oauth2(header, name, raw, settings, mistakes);
    }
    let mut params: Vec<(Spanned<String>, RawParam)> = raw.params.into_iter().collect();
    params.sort_by_key(|(name, _)| name.span().start);
    for (name, raw) in params {
        header.params.push(param(name, raw, settings, mistakes));
    }
    fill_one_of(header, raw.one_of, settings, mistakes);
}

/// Returns a parameter as the header declares it.
fn param(
    name: Spanned<String>,
    param: RawParam,
    settings: &Settings,
    mistakes: &mut Vec<Mistake>,
) -> Param {
    let kind = match &param.kind {
        None => ParamKind::Any,
        Some(written) => ParamKind::parse(written.get_ref()).unwrap_or_else(|| {
            let mistake = Mistake::error(
                Code::ScriptHeader,
                settings.span(&written.span()),
                format!("`{}` is no kind of parameter", written.get_ref()),
            );
            mistakes.push(mistake.help(
                match did_you_mean(written.get_ref(), ParamKind::NAMES.map(|(name, _)| name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "kinds: {}",
                        ParamKind::NAMES.map(|(name, _)| name).join(", ")
                    ),
                },
            ));
            ParamKind::Any
        }),
    };
    let default = param.default.and_then(|written| {
        let span = settings.span(&written.span());
        let json = Json::deserialize(written.into_inner()).ok();
        match json {
            Some(json) if kind.accepts(&json) || is_no_url(kind, &json) => Some(json),
            _ => {
                mistakes.push(Mistake::error(
                    Code::ScriptHeader,
                    span,
                    format!(
                        "the default of `{}` is not of its kind, {kind}",
                        name.get_ref()
                    ),
                ));
                None
            }
        }
    });
    Param {
        place: settings.span(&name.span()),
        name: name.into_inner().into(),
        kind,
        default,
        help: param.help,
    }
}

/// Tells whether a default says that there is no URL where the config gives none.
fn is_no_url(kind: ParamKind, default: &Json) -> bool {
    kind == ParamKind::Url && default.as_str() == Some("")
}

/// Adds the sets of parameters of which one must be given; each names parameters that there are.
fn fill_one_of(
    header: &mut Header,
    sets: Vec<Vec<Spanned<String>>>,
    settings: &Settings,
    mistakes: &mut Vec<Mistake>,
) {
    for name in sets.iter().flatten() {
        if header
            .params
            .iter()
            .all(|param| *param.name != **name.get_ref())
        {
            let message = format!("`one_of` names `{}`, which is no parameter", name.get_ref());
            let names = header.params.iter().map(|param| &*param.name);
            let mistake = Mistake::error(Code::ScriptHeader, settings.span(&name.span()), message);
            mistakes.push(match did_you_mean(name.get_ref(), names) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("declare it as [params.{}]", name.get_ref())),
            });
        }
    }
    let names = |set: Vec<Spanned<String>>| {
        let names = set.into_iter().map(|name| name.into_inner().into());
        names.collect()
    };
    header.one_of = sets.into_iter().map(names).collect();
}

/// Adds where tokens come from; the host may be asked and the secrets are needed.
fn fill_oauth2(
    header: &mut Header,
    name: String,
    raw: RawOAuth2,
    settings: &Settings,
    mistakes: &mut Vec<Mistake>,
) {
    let url = Url::parse(raw.token_url.get_ref())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let host = url
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    let (Some(token_url), Some((host, port))) = (&url, host) else {
        let message = format!("`{}` is no URL", raw.token_url.get_ref());
        let mistake = Mistake::error(
            Code::ScriptHeader,
            settings.span(&raw.token_url.span()),
            message,
        );
        mistakes.push(mistake.help("write one such as \"https://id.example.io/token\""));
        return;
    };
    header.hosts.push(format!("{host}:{port}"));
    for secret in [&raw.client_id, &raw.client_secret] {
        if !header.secrets.contains(secret) {
            header.secrets.push(secret.clone());
        }
    }
    header.oauth2.push(OAuth2 {
        name,
        token_url: token_url.clone(),
        client_id: raw.client_id,
        client_secret: raw.client_secret,
        scopes: raw.scopes,
    });
}
