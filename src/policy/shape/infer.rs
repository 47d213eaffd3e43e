//! Values to the sample of `types` that they have in common.
//!
//! The sample is made of markers alone: the same shapes make the same sample, and no value of anybody's is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::literal_key;
use super::format::Format;
use crate::model::json::{Json, Kind};
use crate::model::path::{Path, Step};

/// So many keys that come and go make an object a map.
const MAP_KEYS_MIN: usize = 6;
/// Of a map's keys at most one in so many is in every one.
const MAP_STEADY_SHARE: usize = 4;
/// Fewer strings may look alike by chance.
const FORMAT_STRINGS_MIN: usize = 3;
/// Shorter texts of hexadecimal digits may be words, or numbers.
const HEX_CHARS_MIN: usize = 16;

/// A format that strings may all have, and its marker; of several that fit the first is taken.
const FORMATS: [(Format, &str); 6] = [
    (Format::Uuid, "#uuid"),
    (Format::DateTime, "#datetime"),
    (Format::Date, "#date"),
    (Format::Url, "#url"),
    (Format::Numeric, "#numeric"),
    (Format::Hex, "#hex"),
];

/// What values have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// A sample of `types` that each of them matches; it holds markers and keys only.
    pub sample: Json,
    /// What is not the same in all of them, and what the sample does not say; in the order of the sample.
    pub remarks: Vec<Remark>,
}

/// Something about a place that a person may want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// The place.
    pub path: Path,
    /// What is so there, a lower-case fragment.
    pub text: String,
}

/// Returns the sample of `types` that these values have in common.
pub fn infer<'a>(values: impl IntoIterator<Item = &'a Json>) -> Inferred {
    let mut seen = Seen::default();
    for value in values {
        seen.add(value);
    }
    let mut remarks = Vec::new();
    let sample = seen.whole(&Path::root(), &mut remarks);
    Inferred { sample, remarks }
}

/// What was seen at one place.
#[derive(Debug, Clone, Default)]
struct Seen {
    nulls: usize,
    booleans: usize,
    numbers: usize,
    strings: usize,
    arrays: usize,
    objects: usize,
    /// Formats that not every string had.
    unfit: [bool; FORMATS.len()],
    empty_arrays: usize,
    /// The elements of all arrays.
    elements: Option<Box<Seen>>,
    /// The members of all objects.
    members: BTreeMap<Arc<str>, Seen>,
}

impl Seen {
    fn add(&mut self, value: &Json) {
        match value {
            Json::Null => self.nulls += 1,
            Json::Bool(_) => self.booleans += 1,
            Json::Number(_) => self.numbers += 1,
            Json::String(text) => {
                self.strings += 1;
                for ((format, _), unfit) in FORMATS.iter().zip(&mut self.unfit) {
                    *unfit |= !looks_like(*format, text);
                }
            }
            Json::Array(elements) => {
                self.arrays += 1;
                self.empty_arrays += usize::from(elements.is_empty());
                for element in elements.iter() {
                    self.elements.get_or_insert_default().add(element);
                }
            }
            Json::Object(members) => {
                self.objects += 1;
                for (key, value) in members.iter() {
                    self.members.entry(Arc::clone(key)).or_default().add(value);
                }
            }
        }
    }

    /// Adds what was seen at another place.
    fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        self.booleans += other.booleans;
        self.numbers += other.numbers;
        self.strings += other.strings;
        self.arrays += other.arrays;
        self.objects += other.objects;
        self.empty_arrays += other.empty_arrays;
        for (unfit, other) in self.unfit.iter_mut().zip(other.unfit) {
            *unfit |= other;
        }
        if let Some(elements) = &other.elements {
            self.elements.get_or_insert_default().merge(elements);
        }
        for (key, member) in &other.members {
            self.members
                .entry(Arc::clone(key))
                .or_default()
                .merge(member);
        }
    }

    /// Returns how often each kind but `null` was seen.
    fn kinds(&self) -> impl Iterator<Item = (Kind, usize)> {
        let all = [
            (Kind::Boolean, self.booleans),
            (Kind::Number, self.numbers),
            (Kind::String, self.strings),
            (Kind::Array, self.arrays),
            (Kind::Object, self.objects),
        ];
        all.into_iter().filter(|(_, count)| *count > 0)
    }

    /// Returns how many values were seen.
    fn count(&self) -> usize {
        self.nulls + self.kinds().map(|(_, count)| count).sum::<usize>()
    }

    /// Returns the kind of all values but `null`, if there is just one.
    fn only_kind(&self) -> Option<Kind> {
        let mut kinds = self.kinds();
        let (kind, _) = kinds.next()?;
        kinds.next().is_none().then_some(kind)
    }

    /// Returns the sample of a value of this kind.
    fn of_kind(&self, kind: Kind, path: &Path, remarks: &mut Vec<Remark>) -> Json {
        match kind {
            Kind::Null => "#null".into(),
            Kind::Boolean => "#boolean".into(),
            Kind::Number => "#number".into(),
            Kind::String => {
                let mut formats = FORMATS.iter().zip(&self.unfit);
                let fits =
                    formats.find(|(_, unfit)| !**unfit && self.strings >= FORMAT_STRINGS_MIN);
                fits.map_or("#string", |((_, marker), _)| marker).into()
            }
            Kind::Array => self.array(path, remarks),
            Kind::Object => self.object(path, remarks),
        }
    }

    /// Returns the sample of all values, `null` included.
    fn whole(&self, path: &Path, remarks: &mut Vec<Remark>) -> Json {
        let Some(kind) = self.only_kind() else {
            self.remark_on_kinds(path, remarks);
            return if self.nulls > 0 { "#any" } else { "#notnull" }.into();
        };
        if self.nulls == 0 {
            return self.of_kind(kind, path, remarks);
        }
        self.remark_on_nulls(path, remarks);
        nullable(&self.of_kind(kind, path, remarks))
    }

    fn remark_on_nulls(&self, path: &Path, remarks: &mut Vec<Remark>) {
        let (nulls, count) = (self.nulls, self.count());
        remark(remarks, path, format!("null in {nulls} of {count}"));
    }

    fn remark_on_kinds(&self, path: &Path, remarks: &mut Vec<Remark>) {
        if self.kinds().next().is_none() {
            let text = "always null: nothing is known of it".to_owned();
            return remark(remarks, path, text);
        }
        let mut kinds: Vec<String> = self
            .kinds()
            .map(|(kind, count)| format!("{kind} in {count}"))
            .collect();
        if self.nulls > 0 {
            kinds.push(format!("null in {}", self.nulls));
        }
        let kinds = kinds.join(", ");
        let text = format!("{kinds} of {}: only a script can say more", self.count());
        remark(remarks, path, text);
    }

    fn array(&self, path: &Path, remarks: &mut Vec<Remark>) -> Json {
        let Some(elements) = &self.elements else {
            let text = "always empty: nothing is known of its elements".to_owned();
            remark(remarks, path, text);
            return Json::from_iter([]);
        };
        if self.empty_arrays == 0 {
            let text = "never empty; `\"#[1..]\"` before the element demands that".to_owned();
            remark(remarks, path, text);
        }
        let path = path.then(Step::Any);
        let null = (elements.nulls > 0).then(|| {
            elements.remark_on_nulls(&path, remarks);
            Json::from("#null")
        });
        let kinds = elements.kinds();
        let kinds: Vec<Json> = kinds
            .map(|(kind, _)| elements.of_kind(kind, &path, remarks))
            .collect();
        kinds.into_iter().chain(null).collect()
    }

    fn object(&self, path: &Path, remarks: &mut Vec<Remark>) -> Json {
        if let Some(values) = self.as_map() {
            let keys = self.members.len();
            let text = format!("a map, whose keys are free: {keys} in {}", self.objects);
            remark(remarks, path, text);
            let value = values.whole(&path.then(Step::Any), remarks);
            return Json::object([("*", value)]);
        }
        let members = self.members.iter();
        Json::object(members.map(|(key, seen)| self.member(key, seen, path, remarks)))
    }

    fn member(
        &self,
        key: &Arc<str>,
        seen: &Self,
        path: &Path,
        remarks: &mut Vec<Remark>,
    ) -> (Arc<str>, Json) {
        let path = path.key(Arc::clone(key));
        let missing = self.objects - seen.count();
        if missing > 0 {
            let text = format!("missing in {missing} of {}", self.objects);
            remark(remarks, &path, text);
        }
        let Some(kind) = seen.only_kind() else {
            let value = seen.whole(&path, remarks);
            return if missing == 0 {
                (literal_key(key), value)
            } else {
                optional(key, value)
            };
        };
        if seen.nulls > 0 {
            seen.remark_on_nulls(&path, remarks);
        }
        let value = seen.of_kind(kind, &path, remarks);
        match (missing, seen.nulls, &value) {
            (0, 0, _) => (literal_key(key), value),
            (0, _, Json::String(_)) => (literal_key(key), nullable(&value)),
            _ => optional(key, value),
        }
    }

    /// Returns what was seen of all members if these objects are maps: their keys are data.
    fn as_map(&self) -> Option<Self> {
        let steady = |member: &&Self| member.count() == self.objects;
        let steady = self.members.values().filter(steady).count();
        let named_like_data = self.members.len() > 1 && self.members.keys().all(|key| is_data(key));
        let come_and_go =
            self.members.len() >= MAP_KEYS_MIN && steady * MAP_STEADY_SHARE <= self.members.len();
        if !named_like_data && !come_and_go {
            return None;
        }
        let mut all = Self::default();
        for member in self.members.values() {
            all.merge(member);
        }
        (named_like_data || all.only_kind().is_some()).then_some(all)
    }
}

fn remark(remarks: &mut Vec<Remark>, path: &Path, text: String) {
    let path = path.clone();
    remarks.push(Remark { path, text });
}

fn looks_like(format: Format, text: &str) -> bool {
    format.holds(text) && (format != Format::Hex || text.len() >= HEX_CHARS_MIN)
}

/// Tells whether a key is an id, a number or a date rather than a name.
fn is_data(key: &str) -> bool {
    FORMATS.iter().any(|(format, _)| looks_like(*format, key))
}

/// Returns the sample that means this one, or `null`, or that there is no such key.
fn nullable(sample: &Json) -> Json {
    match sample {
        Json::String(marker) => Json::string(format!("#{marker}")),
        Json::Array(_) => "##array".into(),
        _ => "##object".into(),
    }
}

/// Returns the member that may be missing or `null`.
fn optional(key: &Arc<str>, value: Json) -> (Arc<str>, Json) {
    // Behind these a `?` would be read as part of the key.
    if key.ends_with(['?', '\\']) {
        return (literal_key(key), nullable(&value));
    }
    (Arc::from(format!("{}?", literal_key(key))), value)
}
