//! The parameters that a script declares.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Source;
use crate::model::json::{Json, Kind, Number};
use crate::model::span::did_you_mean;
use crate::script::api;

/// One parameter of a script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ParamKind,
    /// The value where the config gives none; absent for a required one.
    pub default: Option<Json>,
    /// What it is for.
    pub help: String,
    /// Where in the script its name stands.
    pub place: Range<usize>,
}

impl Param {
    /// Returns what to do where the config lacks it.
    fn how_to_set(&self) -> String {
        if self.help.is_empty() {
            format!("set `{}` to {}", self.name, self.kind.example())
        } else {
            format!("set `{}`: {}", self.name, self.help)
        }
    }
}

/// The kinds of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParamKind {
    /// Any value.
    Any,
    /// A string.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A duration: seconds, or `"15m"`.
    Duration,
    /// An `http` or `https` URL, whose host the script may then ask.
    Url,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What is wrong with one parameter in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamMistake {
    /// Its name; for a missing one the place is the matcher itself.
    pub name: Arc<str>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl ParamKind {
    /// The kinds as a header writes them.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("any", Self::Any),
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("duration", Self::Duration),
        ("url", Self::Url),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    /// Returns the kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| kind)
    }

    /// Tells whether a value is of this kind.
    pub fn accepts(self, value: &Json) -> bool {
        match self {
            Self::Any => true,
            Self::String => value.kind() == Kind::String,
            Self::Number => value.kind() == Kind::Number,
            Self::Integer => value.as_number().is_some_and(Number::is_whole),
            Self::Boolean => value.kind() == Kind::Boolean,
            Self::Duration => match value {
                Json::Number(number) => number.as_f64() >= 0.0,
                Json::String(text) => api::time::parse_duration(text).is_some(),
                _ => false,
            },
            Self::Url => value
                .as_str()
                .and_then(|text| Url::parse(text).ok())
                .is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()),
            Self::Array => value.kind() == Kind::Array,
            Self::Object => value.kind() == Kind::Object,
        }
    }

    /// Returns an example for a person who wrote something else.
    fn example(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::String => "text in quotes",
            Self::Number => "a number such as 2.5",
            Self::Integer => "a whole number such as 3",
            Self::Boolean => "true or false",
            Self::Duration => "a duration such as \"15m\", or seconds",
            Self::Url => "a URL such as \"https://api.example.io/price\"",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, kind)| kind == self);
        f.write_str(name.map_or("any", |(name, _)| name))
    }
}

impl Source {
    /// Returns what is wrong with these parameters: unknown (with did-you-mean), missing, of the wrong kind.
    ///
    /// A script without any declared parameter takes what it is given.
    pub fn check_params(&self, params: &BTreeMap<Arc<str>, Json>) -> Vec<ParamMistake> {
        let declared = &self.header.params;
        if declared.is_empty() {
            return Vec::new();
        }
        let mut mistakes = Vec::new();
        for (name, value) in params {
            match declared.iter().find(|param| param.name == *name) {
                None => mistakes.push(self.unknown_param(name)),
                Some(param) if !param.kind.accepts(value) => mistakes.push(ParamMistake {
                    name: Arc::clone(name),
                    message: format!(
                        "`{name}` is {}, not {}",
                        value.summary(60),
                        param.kind.example()
                    ),
                    help: (!param.help.is_empty()).then(|| format!("{name}: {}", param.help)),
                }),
                Some(_) => {}
            }
        }
        for param in declared {
            if param.default.is_none() && !params.contains_key(&param.name) {
                mistakes.push(ParamMistake {
                    name: Arc::clone(&param.name),
                    message: format!("`{}` needs the parameter `{}`", self.name, param.name),
                    help: Some(param.how_to_set()),
                });
            }
        }
        mistakes.extend(self.no_set_given(params));
        mistakes
    }

    /// Returns what to say where none of the sets of which the header wants one is given.
    fn no_set_given(&self, params: &BTreeMap<Arc<str>, Json>) -> Option<ParamMistake> {
        let sets = &self.header.one_of;
        let given = |set: &Vec<Arc<str>>| set.iter().all(|name| params.contains_key(name));
        if sets.iter().any(given) {
            return None;
        }
        let quoted = |name: &Arc<str>| format!("`{name}`");
        let words = |set: &Vec<Arc<str>>| set.iter().map(quoted).collect::<Vec<_>>().join(" and ");
        let sets_in_words: Vec<String> = sets.iter().map(words).collect();
        let first = sets.first()?.first()?;
        let mut declared = self.header.params.iter();
        Some(ParamMistake {
            name: Arc::clone(first),
            message: format!("`{}` needs {}", self.name, sets_in_words.join(", or ")),
            help: declared
                .find(|param| param.name == *first)
                .map(Param::how_to_set),
        })
    }

    fn unknown_param(&self, name: &Arc<str>) -> ParamMistake {
        let names: Vec<&str> = self
            .header
            .params
            .iter()
            .map(|param| &*param.name)
            .collect();
        ParamMistake {
            name: Arc::clone(name),
            message: format!("`{}` has no parameter `{name}`", self.name),
            help: Some(match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", names.join(", ")),
            }),
        }
    }
}
