//! What OES calls in a script, and what of it a script lacks.

use std::ops::Range;

use super::Role;
use crate::config::values;
use crate::model::code::Code;
use crate::model::counted::counted;
use crate::model::span::Mistake;
use crate::script::source::Source;

/// What OES calls in a channel script.
const OF_CHANNEL: [(&str, &str); 2] = [
    ("requests", "message, channel"),
    ("answer", "reply, message, channel"),
];

/// Returns a mistake for each function that OES calls in a script of this role and that this one lacks.
pub(super) fn lacking(role: Role, source: &Source, span: &Range<usize>) -> Vec<Mistake> {
    let called = match role {
        Role::Matcher | Role::Library => &[][..],
        Role::Channel => &OF_CHANNEL,
    };
    let takes = |parameters: &str| parameters.split(',').count();
    let lacks = called
        .iter()
        .filter(|(name, parameters)| !source.has_function(name, takes(parameters)));
    let mistake = |(name, parameters): &(&str, &str)| {
        let message = format!("{} has no function `{name}({parameters})`", source.file);
        let own = || source.functions().map(|(name, _)| name);
        let near = own().find(|own| own == name);
        let near = near.or_else(|| values::near(name, own()));
        let near = near.and_then(|near| source.functions().find(|(own, _)| *own == near));
        let help = match near {
            Some((own, count)) if own == *name => {
                format!("its `{own}` takes {}", counted(count, "parameter"))
            }
            Some((own, _)) => format!("did you mean `{name}` where it says `fn {own}`?"),
            None => called_in_channels(),
        };
        Mistake::error(Code::Missing, span.clone(), message).help(help)
    };
    lacks.map(mistake).collect()
}

pub(super) fn called_in_channels() -> String {
    let called = OF_CHANNEL.map(|(name, parameters)| format!("`{name}({parameters})`"));
    format!("OES calls {} in a channel script", called.join(" and "))
}
