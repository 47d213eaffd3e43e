//! What holds for every text.

use proptest::prelude::*;

use super::*;
use crate::config::report::Look;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens to the bytes of a config, loading ends in a config or in a report that can be drawn.
    #[test]
    fn no_change_of_bytes_breaks_the_loader(
        which in 0..3_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..12_u8), 1..12),
    ) {
        let (name, text) = [
            ("ops.json", include_str!("../../../ops/ergopad.json")),
            ("ops.toml", include_str!("../../../ops/demo.toml")),
            ("all.toml", include_str!("../../../tests/configs/good/everything.toml")),
        ][which];
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte, how) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match how {
                0..6 => bytes[at] = byte,
                6..9 => bytes.insert(at, byte),
                9..11 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let report = match read::text(bytes) {
            Err(wrong) => Report {
                files: vec![FileReport::new(name, wrong.0, vec![wrong.1])],
                ..Report::default()
            },
            Ok(text) => match load_text(name, &text, Path::new("/nowhere"), &environment()) {
                Ok(loaded) => loaded.report,
                Err(report) => { prop_assert!(report.has_errors()); report }
            },
        };
        let drawn = report.graphical(Look { colour: true, width: 80 });
        prop_assert!(report.is_empty() || !drawn.is_empty());
        prop_assert_eq!(report.plain().lines().count(), report.lines().len() + report.notes.len());
    }

    /// Replacing quotes moves nothing.
    #[test]
    fn repairing_quotes_keeps_every_place(text in "[a\"'“”„‘’:=,\n#\\\\ ]{0,60}") {
        for format in [Format::Json, Format::Toml] {
            if let Some(repaired) = quotes::repair(&text, format) {
                prop_assert_eq!(repaired.text.len(), text.len());
                prop_assert!(!repaired.mistakes.is_empty());
            }
        }
    }
}
