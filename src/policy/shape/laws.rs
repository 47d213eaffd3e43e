//! Laws that hold for any value.

use proptest::prelude::*;

use super::*;
use crate::model::json::{Number, Object};

/// Texts among which markers, escapes and odd keys are common.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,2}",
        r"[#\\*?a\[\]|.> 0-9]{0,6}",
        any::<String>(),
        Just("#any".to_owned()),
        Just("*".to_owned()),
        Just("a?".to_owned()),
        Just("#tuple".to_owned()),
        Just("#[1..]".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-3_i64..3).prop_map(Json::from),
        // Beyond these there is no equality.
        any::<f64>().prop_map(|number| Json::from(number % 9e18)),
        text().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from_iter),
            prop::collection::vec((text(), inner), 0..6).prop_map(Json::object),
        ]
    })
}

type Compile = fn(&Json, Options) -> Result<(Pattern, Vec<PatternMistake>), Vec<PatternMistake>>;

fn compiled(compile: Compile, sample: &Json, extra: Extra) -> Pattern {
    let options = Options {
        extra,
        ..Options::default()
    };
    compile(sample, options)
        .expect("a literal has no mistakes")
        .0
}

fn with_member(object: &Object, key: &str, value: &Json) -> Json {
    let members = object
        .iter()
        .map(|(key, value)| (&**key, value.clone()))
        .chain([(key, value.clone())]);
    Json::object(members.collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn a_value_equals_itself(value in value()) {
        prop_assert_eq!(exact(&literal(&value), &value).unwrap(), []);
    }

    #[test]
    fn a_value_is_shaped_like_itself(value in value()) {
        for extra in [Extra::Allow, Extra::Deny] {
            let pattern = compiled(Pattern::types, &literal(&value), extra);
            prop_assert_eq!(pattern.findings(&value), []);
        }
    }

    #[test]
    fn values_have_the_shape_that_is_inferred_of_them(values in prop::collection::vec(value(), 1..5)) {
        let sample = infer(&values).sample;
        let (pattern, warnings) = Pattern::types(&sample, Options::default()).unwrap();
        prop_assert_eq!(warnings, []);
        for value in &values {
            prop_assert_eq!(pattern.findings(value), []);
        }
    }

    #[test]
    fn an_extra_key_never_breaks_types(
        members in prop::collection::vec((text(), value()), 0..5), key in text(), extra in value(),
    ) {
        let value = Json::object(members);
        let object = value.as_object().unwrap();
        prop_assume!(!object.contains_key(&key));
        let sample = literal(&value);
        prop_assert_eq!(types(&sample, &with_member(object, &key, &extra)).unwrap(), []);
    }

    #[test]
    fn a_missing_key_breaks_types(
        members in prop::collection::vec((text(), value()), 1..5), which in any::<prop::sample::Index>(),
    ) {
        let value = Json::object(members);
        let object = value.as_object().unwrap();
        let gone = which.index(object.len());
        let rest = object.iter().enumerate().filter(|(index, _)| *index != gone);
        let rest = Json::object(rest.map(|(_, (key, value))| (&**key, value.clone())).collect::<Vec<_>>());
        let findings = types(&literal(&value), &rest).unwrap();
        prop_assert_eq!(findings.len(), 1);
        prop_assert_eq!(&*findings[0].code, "missing");
    }

    #[test]
    fn exact_is_symmetric_and_agrees_with_equality(a in value(), b in value()) {
        let there = exact(&literal(&a), &b).unwrap().is_empty();
        let back = exact(&literal(&b), &a).unwrap().is_empty();
        prop_assert_eq!(there, back);
        prop_assert_eq!(there, a == b);
        prop_assert_eq!(diff(&a, &b).is_empty(), a == b);
    }

    #[test]
    fn without_order_any_permutation_matches(
        (elements, shuffled) in prop::collection::vec(value(), 0..8)
            .prop_flat_map(|elements| (Just(elements.clone()), Just(elements).prop_shuffle())),
        other in value(),
    ) {
        let options = || Options {
            extra: Extra::Deny,
            unordered: vec![Path::root()],
            ..Options::default()
        };
        let sample: Json = elements.iter().map(literal).collect();
        // A first element `#tuple` or a size would be read as a marker; a literal never is.
        let (pattern, _) = Pattern::exact(&sample, options()).unwrap();
        let shuffled_value: Json = shuffled.iter().cloned().collect();
        prop_assert_eq!(pattern.findings(&shuffled_value), []);
        let mut changed = shuffled;
        if let Some(last) = changed.last_mut()
            && *last != other
        {
            *last = other;
            prop_assert!(!pattern.findings(&changed.into_iter().collect()).is_empty());
        }
    }

    /// The answer of the assignment is that of trying every permutation.
    #[test]
    fn without_order_markers_find_a_way_if_there_is_one(
        nodes in prop::collection::vec(prop::sample::select(
            &["#any", "#number", "#number > 0", "#integer", "##string", "#enum 1|2", "#notnull"][..]), 0..5),
        elements in prop::collection::vec(prop_oneof![
            (-1_i64..3).prop_map(Json::from), Just(Json::Null), Just(Json::from(0.5)), Just(Json::from("x"))], 0..5),
    ) {
        let sample: Json = nodes.iter().map(|node| Json::from(*node)).collect();
        let options = Options { unordered: vec![Path::root()], ..Options::default() };
        let (pattern, _) = Pattern::exact(&sample, options).unwrap();
        let fits = |node: usize, element: usize| {
            exact(&Json::from(nodes[node]), &elements[element]).unwrap().is_empty()
        };
        let found = pattern.findings(&elements.iter().cloned().collect()).is_empty();
        let possible = nodes.len() == elements.len() && permutable(nodes.len(), 0, &mut vec![], &fits);
        prop_assert_eq!(found, possible);
    }

    #[test]
    fn any_marker_compiles_or_is_a_mistake(marker in "#{0,3}[a-z]{0,8}[\\[\\]0-9. ><=#|()*+{}a-z-]{0,20}", value in value()) {
        for compile in [Pattern::types, Pattern::exact] {
            if let Ok((pattern, _)) = compile(&Json::from(marker.as_str()), Options::default()) {
                pattern.findings(&value);
            }
        }
    }

    #[test]
    fn any_sample_holds_any_value(sample in value(), value in value()) {
        for compile in [Pattern::types, Pattern::exact] {
            let options = Options { extra: Extra::Warn, null_is_missing: true, ..Options::default() };
            if let Ok((pattern, _)) = compile(&sample, options) {
                let findings = pattern.findings(&value);
                prop_assert!(findings.len() <= FINDINGS_MAX + 1);
                for finding in findings {
                    prop_assert!(!finding.to_string().contains(char::is_control));
                }
            }
        }
    }

    #[test]
    fn a_number_within_its_tolerance_passes(number in -1e6_f64..1e6, by in 0.001_f64..1e3, part in -0.999_f64..0.999) {
        let options = Options {
            tolerance: vec![(Path::root(), Tolerance::Absolute(by))],
            ..Options::default()
        };
        let (pattern, _) = Pattern::exact(&Json::Number(Number::Float(number)), options).unwrap();
        prop_assert_eq!(pattern.findings(&Json::from(number + by * part)), []);
        prop_assert!(!pattern.findings(&Json::from(number + by * 1.001)).is_empty());
    }
}

fn permutable(
    size: usize,
    node: usize,
    used: &mut Vec<usize>,
    fits: &impl Fn(usize, usize) -> bool,
) -> bool {
    if node == size {
        return true;
    }
    (0..size).any(|element| {
        if used.contains(&element) || !fits(node, element) {
            return false;
        }
        used.push(element);
        let possible = permutable(size, node + 1, used, fits);
        used.pop();
        possible
    })
}
