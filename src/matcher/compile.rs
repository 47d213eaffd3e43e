//! Spec to matcher.

use std::sync::Arc;

use crate::model::json::Json;
use crate::model::span::MistakeSeverity;
use crate::policy::shape::{Extra, Options, Pattern, PatternMistake, PatternPart};

use super::exact::Exact;
use super::spec::{ExactOptions, Spec, SpecKind, SpecMistake, SpecPart, TypesOptions};
use super::status::StatusRule;
use super::{LooksAt, Matcher, ScriptMatcher};

/// Hexadecimal digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

impl Matcher {
    /// Compiles a spec: parses markers, compiles regular expressions, checks parameters.
    ///
    /// Returns the matcher with warnings.
    ///
    /// # Errors
    /// Every mistake, warnings included.
    pub fn compile(spec: Spec) -> Result<(Self, Vec<SpecMistake>), Vec<SpecMistake>> {
        let mut mistakes = Vec::new();
        let looks_at = match spec.kind {
            SpecKind::StatusCode => Some(LooksAt::Nothing),
            SpecKind::Types { sample, options } => {
                let options = types_options(options);
                pattern(Pattern::types(&sample, options), &mut mistakes).map(LooksAt::Types)
            }
            SpecKind::Exact { sample, options } => exact(sample.as_ref(), options, &mut mistakes),
            SpecKind::NonEmpty(options) => Some(LooksAt::NonEmpty(options)),
            SpecKind::Script {
                source,
                params,
                expected,
            } => {
                let script = ScriptMatcher {
                    source,
                    params: Arc::new(params),
                    expected,
                };
                check_script(&script, &mut mistakes);
                Some(LooksAt::Script(script))
            }
        };
        let is_usable = mistakes
            .iter()
            .all(|mistake| mistake.severity == MistakeSeverity::Warning);
        match looks_at {
            Some(looks_at) if is_usable => {
                let status = spec.status;
                Ok((Self { status, looks_at }, mistakes))
            }
            _ => Err(mistakes),
        }
    }
}

fn error(part: SpecPart, message: impl Into<String>, help: Option<String>) -> SpecMistake {
    SpecMistake {
        part,
        message: message.into(),
        help,
        severity: MistakeSeverity::Error,
    }
}

/// Moves the mistakes of a sample over, and returns the pattern if there is one.
fn pattern(
    compiled: Result<(Pattern, Vec<PatternMistake>), Vec<PatternMistake>>,
    mistakes: &mut Vec<SpecMistake>,
) -> Option<Pattern> {
    let (pattern, found) = match compiled {
        Ok((pattern, warnings)) => (Some(pattern), warnings),
        Err(found) => (None, found),
    };
    mistakes.extend(found.into_iter().map(|mistake| SpecMistake {
        part: match mistake.part {
            PatternPart::Sample { path, key } => SpecPart::Sample { path, key },
            PatternPart::Option(name) => SpecPart::Option(name),
        },
        message: mistake.message,
        help: mistake.help,
        severity: mistake.severity,
    }));
    pattern
}

fn types_options(options: TypesOptions) -> Options {
    Options {
        extra: options.extra,
        strict_numbers: options.strict_numbers,
        ignore: options.ignore,
        ..Options::default()
    }
}

fn exact(
    sample: Option<&Json>,
    options: ExactOptions,
    mistakes: &mut Vec<SpecMistake>,
) -> Option<LooksAt> {
    let sha256 = options.sha256.map(|hash| hash.to_ascii_lowercase());
    if let Some(hash) = &sha256
        && !(hash.len() == SHA256_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        let message = format!("`{hash}` is not a SHA-256: {SHA256_DIGITS} hexadecimal digits");
        let help = "`curl -s URL | sha256sum` prints it".to_owned();
        mistakes.push(error(SpecPart::Option("sha256"), message, Some(help)));
    }
    if sample.is_none() && sha256.is_none() {
        let help = "give the expected body, or its `sha256`".to_owned();
        let message = "nothing to compare the body with";
        mistakes.push(error(SpecPart::Whole, message, Some(help)));
    }
    let shape = Options {
        extra: options.extra.unwrap_or(Extra::Deny),
        strict_numbers: false,
        ignore: options.ignore,
        unordered: options.unordered,
        tolerance: options.tolerance,
        null_is_missing: options.null_is_missing,
    };
    let pattern = match sample {
        Some(sample) => Some(pattern(Pattern::exact(sample, shape), mistakes)?),
        None => None,
    };
    Some(LooksAt::Exact(Exact { pattern, sha256 }))
}

fn check_script(script: &ScriptMatcher, mistakes: &mut Vec<SpecMistake>) {
    for mistake in script.source.check_params(&script.params) {
        let part = if script.params.contains_key(&mistake.name) {
            SpecPart::Param(Arc::clone(&mistake.name))
        } else {
            SpecPart::Whole
        };
        mistakes.push(error(part, mistake.message, mistake.help));
    }
    let status = script.source.header.status.as_deref();
    if let Some(Err(problem)) = status.map(StatusRule::parse) {
        let message = format!("the header of {}: {problem}", script.source.file);
        mistakes.push(error(SpecPart::Whole, message, None));
    }
}
