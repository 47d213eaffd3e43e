//! `expect` and `require`: a condition that, where it does not hold, shows what its operands were.

use rhai::{ASTFlags, Dynamic, Engine, EvalContext, Expr, Expression, Position, Token};

use super::{calls, verdict};
use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::script::guard::{self, Fallible};
use crate::script::value::{cut, kind_name, mistyped, problem, text};
use crate::script::{engine, error, run};

/// Functions that may be asked again for the value of an operand, because asking changes nothing and costs little.
const PURE: &[&str] = &[
    "abs",
    "age",
    "approx",
    "at",
    "ceiling",
    "contains",
    "count",
    "duration",
    "ends_with",
    "floor",
    "has",
    "hex",
    "human",
    "index_of",
    "is_empty",
    "keys",
    "len",
    "max",
    "median",
    "min",
    "now",
    "num",
    "param",
    "parse_time",
    "pct_diff",
    "round",
    "starts_with",
    "str",
    "sub_string",
    "to_float",
    "to_int",
    "to_lower",
    "to_upper",
    "trim",
    "type_of",
];

/// Operands that a finding shows.
const OPERANDS_MAX: usize = 8;

pub(super) fn register(engine: &mut Engine) {
    for (name, stops) in [("expect", false), ("require", true)] {
        engine.register_custom_syntax_with_state_raw(
            name,
            |symbols, next, _| {
                Ok(match symbols.last().map(rhai::ImmutableString::as_str) {
                    Some(")") => None,
                    Some("(" | ",") => Some("$expr$".into()),
                    Some("expect" | "require") => Some("(".into()),
                    _ if next == "," && symbols.len() < 7 => Some(",".into()),
                    _ => Some(")".into()),
                })
            },
            false,
            move |context, inputs, _| check(context, inputs, name, stops),
        );
    }
}

fn check(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    inputs: &[Expression<'_>],
    name: &str,
    stops: bool,
) -> Fallible<Dynamic> {
    let Some((condition, others)) = inputs.split_first() else {
        return Err(problem(format!("{name} needs a condition")));
    };
    let held = context.eval_expression_tree(condition)?;
    match held.as_bool() {
        Ok(true) => return Ok(Dynamic::UNIT),
        Ok(false) => {}
        Err(_) => {
            let mut fault = mistyped(format!(
                "{name} needs true or false, got {}",
                kind_name(&held)
            ));
            fault.set_position(condition.position());
            return Err(fault);
        }
    }
    let start: &Expr = condition;
    let (position, written) = call(name, start.start_position());
    let mut texts = Vec::new();
    for other in others {
        let value = context.eval_expression_tree(other)?;
        if !value.is_string() {
            let mut fault = mistyped(format!(
                "a code and a message are texts, got {}: it is {name}(condition, message) or {name}(condition, code, \
                 message)",
                kind_name(&value)
            ));
            fault.set_position(other.position());
            return Err(fault);
        }
        texts.push(text(&value, verdict::MESSAGE_BYTES));
    }
    let expression = written.first().map_or("the condition", String::as_str);
    let (code, message) = match texts.as_slice() {
        [] => (
            verdict::slug(expression),
            format!("expected {}", cut(expression, 300)),
        ),
        [message] => {
            let literal = written.get(1).and_then(|argument| calls::literal(argument));
            (
                verdict::slug(literal.as_deref().unwrap_or(message)),
                verdict::said(message, expression),
            )
        }
        [code, message, ..] => (cut(code, 64), verdict::said(message, code)),
    };
    let mut finding = Finding::error(code, message);
    let mut operands = Operands {
        found: Vec::new(),
        context,
    };
    operands.of(start);
    finding.evidence = operands.found;
    verdict::found_at(finding, position)?;
    if stops {
        return Err(guard::stop());
    }
    Ok(Dynamic::UNIT)
}

/// Returns where the call begins whose condition begins at `condition`, and its arguments as written.
fn call(name: &str, condition: Position) -> (Position, Vec<String>) {
    run::with(|run| {
        let spot = run.source.spot(condition);
        let source = &spot.part.text;
        let offset = error::span(source, spot.position).start;
        let before = source.get(..offset).unwrap_or_default();
        let Some(start) = before.rfind(name) else {
            return Ok((condition, Vec::new()));
        };
        let head = before.get(..start).unwrap_or_default();
        let line = head.matches('\n').count() + 1;
        let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let position = match (u16::try_from(line), u16::try_from(column)) {
            (Ok(line), Ok(column)) => spot.whole(Position::new(line, column)),
            _ => condition,
        };
        let written = calls::arguments(source, start);
        Ok((position, written.into_iter().map(str::to_owned).collect()))
    })
    .unwrap_or((condition, Vec::new()))
}

/// Collects the values of a condition's parts.
struct Operands<'a, 'e, 's, 'ps, 'g, 'k, 't> {
    found: Vec<(String, Json)>,
    context: &'a mut EvalContext<'e, 's, 'ps, 'g, 'k, 't>,
}

impl Operands<'_, '_, '_, '_, '_, '_, '_> {
    /// Goes into operators; everything else is one operand.
    fn of(&mut self, expression: &Expr) {
        if self.found.len() >= OPERANDS_MAX {
            return;
        }
        match expression {
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.of(part));
            }
            Expr::FnCall(call, _) if is_operator(call.op_token.as_ref()) => {
                call.args.iter().for_each(|part| self.of(part));
            }
            constant if constant.is_constant() => {}
            operand => {
                let Some(name) = written(operand) else {
                    return;
                };
                if self.found.iter().any(|(known, _)| *known == name) {
                    return;
                }
                if let Ok(value) = self
                    .context
                    .eval_expression_tree(&Expression::from(operand))
                {
                    self.found.push((name, verdict::evidence_json(&value)));
                }
            }
        }
    }
}

fn is_operator(token: Option<&Token>) -> bool {
    token.is_some()
}

/// Returns an operand as its author would write it; absent if it may not be asked again.
fn written(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Variable(variable, _, _) => {
            let name = variable.1.as_str();
            let handle = matches!(name, "memory" | "http");
            (!handle && (variable.0.is_some() || engine::VALUES.contains(&name)))
                .then(|| name.to_owned())
        }
        Expr::Property(property, _) => Some(property.2.to_string()),
        Expr::StringConstant(text, _) => Some(format!("{text:?}")),
        Expr::IntegerConstant(number, _) => Some(number.to_string()),
        Expr::FloatConstant(number, _) => Some(format!("{:?}", **number)),
        Expr::BoolConstant(value, _) => Some(value.to_string()),
        Expr::Dot(pair, _, _) => Some(format!("{}.{}", written(&pair.lhs)?, written(&pair.rhs)?)),
        Expr::Index(pair, flags, _) => Some(format!(
            "{}{}",
            written(&pair.lhs)?,
            indexed(&pair.rhs, *flags)?
        )),
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) if PURE.contains(&call.name.as_str()) => {
            let arguments: Option<Vec<String>> = call.args.iter().map(written).collect();
            Some(format!("{}({})", call.name, arguments?.join(", ")))
        }
        _ => None,
    }
}

/// Returns an index in its brackets with what follows: in a chain `a[0].b` the right side holds both.
fn indexed(right: &Expr, flags: ASTFlags) -> Option<String> {
    let goes_on = !flags.contains(ASTFlags::BREAK);
    match right {
        Expr::Dot(pair, ..) if goes_on => {
            Some(format!("[{}].{}", written(&pair.lhs)?, written(&pair.rhs)?))
        }
        Expr::Index(pair, flags, _) if goes_on => Some(format!(
            "[{}]{}",
            written(&pair.lhs)?,
            indexed(&pair.rhs, *flags)?
        )),
        index => Some(format!("[{}]", written(index)?)),
    }
}
