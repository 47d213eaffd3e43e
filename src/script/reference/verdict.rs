//! What a script finds, and what it says of it.

use super::{Function, Group};

pub(super) const GROUP: Group = Group {
    title: "Verdict",
    functions: &[
        Function {
            forms: &[
                "expect(condition: bool) -> nothing",
                "expect(condition: bool, message: string) -> nothing",
                "expect(condition: bool, code: string, message: string) -> nothing",
            ],
            about: "a finding if the condition is false, with the values of its operands; goes on",
            example: "expect(body.price > 0, \"the price must be positive\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &[
                "require(condition: bool) -> nothing",
                "require(condition: bool, message: string) -> nothing",
                "require(condition: bool, code: string, message: string) -> nothing",
            ],
            about: "as `expect`, and ends the script if the condition is false; `try` cannot catch that",
            example: "require(has(body, \"$.items\"), \"there are no items\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &[
                "fail(message: string) -> nothing",
                "fail(code: string, message: string, evidence?: map) -> nothing",
                "fail(code: string, mismatches: array) -> nothing",
            ],
            about: "a finding; with what `types`, `exact`, `diff` or `schema` returned one for each mismatch",
            example: "fail(\"price.off\", \"the price is off\", #{ ours: 2.5, theirs: 1.0 });",
            requests: false,
            channels: false,
        },
        Function {
            forms: &[
                "warn(message: string) -> nothing",
                "warn(code: string, message: string, evidence?: map) -> nothing",
                "warn(code: string, mismatches: array) -> nothing",
            ],
            about: "as `fail`, a warning: shown, never counted",
            example: "warn(\"slow\", `answered in ${response.elapsed_ms} ms`);",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["skip(message: string) -> nothing"],
            about: "ends the script with the outcome `unknown`",
            example: "if !has(body, \"$.chain\") { skip(\"the chain is not known yet\"); }",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["stop() -> nothing"],
            about: "ends the script with what was found so far",
            example: "if body.maintenance { warn(\"under maintenance\"); stop(); }",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["violation(name: string, message: string) -> nothing"],
            about: "a finding that opens a violation of this name at once, without waiting for the error rate",
            example: "violation(\"orders.lost\", \"orders are missing\");",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["note(value: any) -> nothing"],
            about: "a line for `oes dry-run` and the incident; `print(value)` is the same",
            example: "note(body.items.len());",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["metric(name: string, number: number) -> nothing"],
            about: "a gauge `oes_script_NAME` on `/metrics`",
            example: "metric(\"price_usd\", num(body, \"$.price\"));",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["step(name: string, body: closure) -> any"],
            about: "names what is found within the closure and times it; returns what the closure returns",
            example: "let items = step(\"list\", || jp(body, \"$.items[*]\"));",
            requests: false,
            channels: false,
        },
        Function {
            forms: &["always(body: closure) -> nothing"],
            about: "what is done at the end, however the script ends; the last first",
            example: "always(|| { http.delete(service.url); });",
            requests: false,
            channels: false,
        },
    ],
};
