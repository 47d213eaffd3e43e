//! Arithmetic of values that have none: refused with the values, which the interpreter would not show.

use std::any::TypeId;

use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};

use super::compare::{pair, short};
use crate::script::value::{ArrayView, ObjectView, kind_name, mismatched};

const OPERATORS: &[&str] = &["+", "-", "*", "/", "%"];

pub(super) fn register(engine: &mut Engine) {
    let numbers = [TypeId::of::<i64>(), TypeId::of::<f64>()];
    let text = TypeId::of::<ImmutableString>();
    let lists = [TypeId::of::<Array>(), TypeId::of::<ArrayView>()];
    let maps = [TypeId::of::<Map>(), TypeId::of::<ObjectView>()];
    let others = [TypeId::of::<()>(), TypeId::of::<bool>()];
    let kinds: Vec<TypeId> = [&numbers[..], &[text], &lists, &maps, &others].concat();
    let both = |of: &[TypeId], a, b| of.contains(&a) && of.contains(&b);
    for operator in OPERATORS {
        for a in &kinds {
            for b in &kinds {
                let (a, b) = (*a, *b);
                // What the language has stays as it is: texts take everything, and lists and maps their like.
                let is_known = both(&numbers, a, b)
                    || match *operator {
                        "+" => a == text || b == text || both(&lists, a, b) || both(&maps, a, b),
                        "-" => a == text && b == text,
                        _ => false,
                    };
                if is_known {
                    continue;
                }
                engine.register_raw_fn(
                    *operator,
                    [a, b],
                    move |_: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                        let (a, b) = pair(args)?;
                        let (first, second) = (kind_name(a), kind_name(b));
                        let what = match *operator {
                            "+" => format!("add {first} and {second}"),
                            "-" => format!("take {second} from {first}"),
                            "*" => format!("multiply {first} by {second}"),
                            _ => format!("divide {first} by {second}"),
                        };
                        let message =
                            format!("cannot {what}: {} {operator} {}", short(a), short(b));
                        Err::<Dynamic, _>(mismatched(message, a, b))
                    },
                );
            }
        }
    }
}
