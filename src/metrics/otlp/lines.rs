//! The lines of a text of metrics, taken apart.

use crate::metrics::text::Kind;

/// One line that says something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line<'a> {
    /// What the family that follows is about.
    Help(&'a str),
    /// A family begins.
    Family { name: &'a str, kind: Kind },
    /// One value.
    Sample(Sample<'a>),
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    pub(super) labels: Vec<(&'a str, String)>,
    pub(super) value: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart; absent if it says nothing that is needed.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            return Some(Self::Help(rest.split_once(' ')?.1));
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ')?;
            // Whatever else it is, it is a number.
            let kind = Kind::of(kind).unwrap_or(Kind::Gauge);
            return Some(Self::Family { name, kind });
        }
        if line.starts_with('#') {
            return None;
        }
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels_of(labels.strip_suffix('}')?)?),
            None => (series, Vec::new()),
        };
        Some(Self::Sample(Sample {
            name,
            labels,
            value,
        }))
    }
}

/// Takes apart what stands between the braces.
fn labels_of(mut text: &str) -> Option<Vec<(&str, String)>> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        labels.push((name, value));
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

/// Returns what stands before the closing quotation mark, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped => escaped,
            }),
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::text::label;

    #[test]
    fn takes_lines_apart() {
        let sample = |name, labels, value| {
            Some(Line::Sample(Sample {
                name,
                labels,
                value,
            }))
        };
        assert_eq!(
            Line::read("# HELP oes_x What it is."),
            Some(Line::Help("What it is."))
        );
        let (name, kind) = ("oes_x", Kind::Counter);
        assert_eq!(
            Line::read("# TYPE oes_x counter"),
            Some(Line::Family { name, kind })
        );
        assert_eq!(Line::read("# UNIT oes_x_seconds seconds"), None);
        assert_eq!(Line::read("# EOF"), None);
        assert_eq!(
            Line::read("oes_x_total 3"),
            sample("oes_x_total", vec![], "3")
        );
        assert_eq!(
            Line::read("x_bucket{phase=\"wait\",le=\"+Inf\"} 3"),
            sample(
                "x_bucket",
                vec![("phase", "wait".to_owned()), ("le", "+Inf".to_owned())],
                "3"
            )
        );
    }

    #[test]
    fn reads_every_label_that_is_written() {
        for value in ["", "a b", "a \"b\"\\\n", "{x=\"y\"} 1", "é,=\"\\n"] {
            let line = format!("x{{{},more=\"1\"}} 0.5", label("service", value));
            let Some(Line::Sample(sample)) = Line::read(&line) else {
                panic!("{line}");
            };
            let expected = [("service", value.to_owned()), ("more", "1".to_owned())];
            assert_eq!(sample.labels, expected, "{line}");
            assert_eq!(sample.value, "0.5");
        }
    }
}
