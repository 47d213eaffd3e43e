//! What a script can do with a view of a JSON tree: everything that it could do with an array or a map, short of
//! changing it.

use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};

use crate::model::json::Json;
use crate::script::guard::{self, Fallible};
use crate::script::value::{
    ArrayView, ObjectView, Origin, Raised, copy, json_text, misshapen, nodes, problem, rendered,
    text, to_json, view,
};

/// Bytes of text that a view is written out to.
const TEXT_BYTES: usize = 64 << 10;

/// Functions of arrays that do not change them, with how many arguments follow.
const ARRAY_FUNCTIONS: &[(&str, usize)] = &[
    ("map", 1),
    ("filter", 1),
    ("some", 1),
    ("all", 1),
    ("find", 1),
    ("find", 2),
    ("find_map", 1),
    ("find_map", 2),
    ("for_each", 1),
    ("reduce", 1),
    ("reduce", 2),
    ("reduce_rev", 1),
    ("reduce_rev", 2),
    ("index_of", 1),
    ("index_of", 2),
    ("contains", 1),
    ("extract", 1),
    ("extract", 2),
    ("zip", 2),
    ("order", 0),
    ("order", 1),
    ("order_by", 1),
    ("order_desc", 0),
    ("+", 1),
];

/// The same for maps.
const MAP_FUNCTIONS: &[(&str, usize)] = &[("map", 1), ("filter", 1), ("+", 1)];

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<ArrayView>("array")
        .register_type_with_name::<ObjectView>("map")
        .register_type_with_name::<Raised>("error")
        .register_get("message", |raised: &mut Raised| raised.message.clone())
        .register_fn("contains", |raised: &mut Raised, part: &str| {
            raised.message.contains(part)
        });
    register_arrays(engine);
    register_objects(engine);
    for name in ["to_string", "print", "to_debug", "debug"] {
        engine
            .register_fn(name, |array: &mut ArrayView| {
                rendered(&Dynamic::from(array.clone()), TEXT_BYTES)
            })
            .register_fn(name, |object: &mut ObjectView| {
                rendered(&Dynamic::from(object.clone()), TEXT_BYTES)
            })
            .register_fn(name, |raised: &mut Raised| raised.message.clone());
    }
    engine.register_fn("to_json", |map: &mut Map| {
        json_text(&to_json(&map.clone().into())?)
    });
    engine.register_fn("to_json", |map: &mut ObjectView| {
        text(&Dynamic::from(map.clone()), TEXT_BYTES)
    });
}

fn register_arrays(engine: &mut Engine) {
    engine
        .register_indexer_get(|array: &mut ArrayView, index: i64| element(array, index))
        .register_fn("get", |array: &mut ArrayView, index: i64| {
            position(array, index).map_or(Dynamic::UNIT, |json| view(json, array.origin))
        })
        .register_fn("len", |array: &mut ArrayView| length(array.items.len()))
        .register_get("len", |array: &mut ArrayView| length(array.items.len()))
        .register_fn("is_empty", |array: &mut ArrayView| array.items.is_empty())
        .register_get("is_empty", |array: &mut ArrayView| array.items.is_empty())
        .register_fn("copy", |array: &mut ArrayView| {
            copied(&Json::Array(Arc::clone(&array.items)))
        })
        .register_iterator::<ArrayView>();
    for (name, arguments) in ARRAY_FUNCTIONS {
        delegate::<ArrayView>(engine, name, *arguments, |array| {
            shallow_array(&array).map(Into::into)
        });
    }
    engine.register_fn("+", |array: Array, other: ArrayView| {
        shallow_array(&other).map(|other| [array, other].concat())
    });
}

fn register_objects(engine: &mut Engine) {
    engine
        .register_indexer_get(|object: &mut ObjectView, key: ImmutableString| member(object, &key))
        .register_fn("get", |object: &mut ObjectView, key: ImmutableString| {
            object
                .members
                .get(&key)
                .map_or(Dynamic::UNIT, |json| view(json, object.origin))
        })
        .register_fn(
            "contains",
            |object: &mut ObjectView, key: ImmutableString| object.members.contains_key(&key),
        )
        .register_fn("len", |object: &mut ObjectView| {
            length(object.members.len())
        })
        .register_fn("is_empty", |object: &mut ObjectView| {
            object.members.is_empty()
        })
        .register_fn("keys", |object: &mut ObjectView| {
            let keys = object.members.keys();
            parts(object, keys.map(|key| ImmutableString::from(key).into()))
        })
        .register_fn("values", |object: &mut ObjectView| {
            let values = object.members.iter();
            parts(object, values.map(|(_, json)| view(json, object.origin)))
        })
        .register_fn("copy", |object: &mut ObjectView| {
            copied(&Json::Object(Arc::clone(&object.members)))
        });
    for (name, arguments) in MAP_FUNCTIONS {
        delegate::<ObjectView>(engine, name, *arguments, |object| {
            guard::charge(object.members.len() as u64)?;
            Ok(object
                .members
                .iter()
                .map(|(key, json)| (rhai::Identifier::from(&**key), view(json, object.origin)))
                .collect::<Map>()
                .into())
        });
    }
}

/// Collects one value for each member of an object.
fn parts(object: &ObjectView, parts: impl Iterator<Item = Dynamic>) -> Fallible<Array> {
    guard::reserve(object.members.len().saturating_mul(size_of::<Dynamic>()))?;
    guard::charge(object.members.len() as u64)?;
    Ok(parts.collect())
}

/// Registers a function on a view that makes the interpreter's own container of the view's parts and calls the
/// function of the same name on that.
fn delegate<T: Clone + 'static>(
    engine: &mut Engine,
    name: &'static str,
    arguments: usize,
    shallow: fn(T) -> Fallible<Dynamic>,
) {
    use std::any::TypeId;
    let mut kinds = vec![TypeId::of::<T>()];
    kinds.extend(std::iter::repeat_n(TypeId::of::<Dynamic>(), arguments));
    engine.register_raw_fn(
        name,
        kinds,
        move |context: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
            let Some((this, rest)) = args.split_first_mut() else {
                return Err(problem("a method needs a value"));
            };
            let Some(this) = this.clone().try_cast::<T>() else {
                return Err(problem("a method was called on a value of another kind"));
            };
            let mut this = shallow(this)?;
            let mut args: Vec<&mut Dynamic> = Vec::with_capacity(rest.len() + 1);
            args.push(&mut this);
            args.extend(rest.iter_mut().map(|argument| &mut **argument));
            context.call_native_fn_raw(name, true, &mut args)
        },
    );
}

/// Iterates over an array's elements as a script sees them.
impl IntoIterator for ArrayView {
    type Item = Dynamic;
    type IntoIter = Elements;

    fn into_iter(self) -> Elements {
        Elements {
            array: self,
            next: 0,
        }
    }
}

/// The elements of an array that are still to come.
#[derive(Debug)]
pub(in crate::script) struct Elements {
    array: ArrayView,
    next: usize,
}

impl Iterator for Elements {
    type Item = Dynamic;

    fn next(&mut self) -> Option<Dynamic> {
        let json = self.array.items.get(self.next)?;
        self.next += 1;
        Some(view(json, self.array.origin))
    }
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn position(array: &ArrayView, index: i64) -> Option<&Json> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    let index = if index < 0 {
        array.items.len().checked_sub(distance)?
    } else {
        distance
    };
    array.items.get(index)
}

fn element(array: &ArrayView, index: i64) -> Fallible<Dynamic> {
    match position(array, index) {
        Some(json) => Ok(view(json, array.origin)),
        None => Err(misshapen(
            array.origin,
            format!(
                "the array has no element {index} ({} elements){}",
                array.items.len(),
                whose(array.origin)
            ),
        )),
    }
}

fn member(object: &ObjectView, key: &str) -> Fallible<Dynamic> {
    if let Some(json) = object.members.get(key) {
        return Ok(view(json, object.origin));
    }
    let keys: Vec<&str> = object.members.keys().take(8).collect();
    let more = if object.members.len() > keys.len() {
        ", …"
    } else {
        ""
    };
    Err(misshapen(
        object.origin,
        format!(
            "{}has no key `{key}` (keys: {}{more})",
            match object.origin {
                Origin::Probed => "the response ",
                Origin::Dependency => "the answer ",
                Origin::Own => "the object ",
            },
            keys.join(", ")
        ),
    ))
}

fn whose(origin: Origin) -> &'static str {
    match origin {
        Origin::Probed => " in the response",
        Origin::Dependency => " in the answer",
        Origin::Own => "",
    }
}

fn shallow_array(array: &ArrayView) -> Fallible<Array> {
    guard::reserve(array.items.len().saturating_mul(size_of::<Dynamic>()))?;
    guard::charge(array.items.len() as u64)?;
    Ok(array.clone().into_iter().collect())
}

/// Copies a tree into the script's own values, charged for what it holds.
fn copied(json: &Json) -> Fallible<Dynamic> {
    let nodes = nodes(json);
    guard::reserve(nodes.saturating_mul(size_of::<Dynamic>()))?;
    guard::charge(nodes as u64)?;
    Ok(copy(json))
}
