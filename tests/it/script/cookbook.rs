//! Every recipe of docs/cookbook.md as it stands there, against recorded answers: one that passes and one that fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where its set-up is wrong"
)]

mod cases;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use oes::config;
use oes::daemon::observe::{Past, remember};
use oes::daemon::once::Once;
use oes::model::exchange::{Certificate, Exchange};
use oes::script::host::Host;

use cases::{CASES, Probe};

use super::bench::{exchange, fake, lines, now, reply};

/// One recipe: its number, the service's config and the scripts by name.
struct Recipe {
    number: u32,
    config: String,
    scripts: BTreeMap<String, String>,
}

/// Reads the recipes out of the page.
fn recipes() -> Vec<Recipe> {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    sections.map(recipe).collect()
}

fn recipe(section: &str) -> Recipe {
    let (number, _) = section.split_once(". ").unwrap();
    let mut recipe = Recipe {
        number: number.parse().unwrap(),
        config: String::new(),
        scripts: BTreeMap::new(),
    };
    let mut name = None;
    let mut rest = section;
    while let Some((before, after)) = rest.split_once("\n```") {
        let file = before
            .rsplit_once("`scripts/matchers/")
            .map(|(_, file)| file);
        name = file
            .and_then(|file| Some(file.split_once(".rhai`")?.0.to_owned()))
            .or(name);
        let (kind, after) = after.split_once('\n').unwrap();
        let (code, after) = after.split_once("```").unwrap();
        match kind {
            "toml" => recipe.config.push_str(code),
            "rhai" => drop(recipe.scripts.insert(name.take().unwrap(), code.to_owned())),
            other => panic!("recipe {number} has a block of `{other}`"),
        }
        rest = after;
    }
    recipe
}

impl Probe {
    fn exchange(&self) -> Exchange {
        let mut exchange = Arc::into_inner(exchange(200, self.body)).unwrap();
        if let Ok(response) = &mut exchange.result {
            for (name, value) in self.headers {
                response.headers.insert(*name, value.parse().unwrap());
            }
        }
        exchange.certificate = Some(Certificate {
            subject: "CN=api.example.io".into(),
            issuer: "CN=Example CA".into(),
            names: vec!["api.example.io".into()],
            not_before: now(),
            not_after: now() + SignedDuration::from_hours(24 * self.days_left + 1),
            self_signed: false,
        });
        exchange
    }
}

/// Returns the findings of the last of some probes.
async fn found(recipe: &Recipe, probes: &[Probe]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts/matchers");
    fs::create_dir_all(&scripts).unwrap();
    for (name, text) in &recipe.scripts {
        write(scripts.join(format!("{name}.rhai")), text);
    }
    let path = folder.path().join("oes.toml");
    write(
        &path,
        format!("{}\n[limits]\ncpu = \"2s\"\n", recipe.config),
    );
    let loaded = config::load(&path, &BTreeMap::<String, String>::new());
    let loaded = loaded.unwrap_or_else(|report| panic!("recipe {}: {report:?}", recipe.number));
    let config = loaded.config;
    let mut memory = Arc::default();
    let mut last = Vec::new();
    for probe in probes {
        let given = probe.answers;
        let host = fake(move |request| {
            let asked = format!("{} {}", request.method, request.url.path());
            match given.iter().find(|(wanted, ..)| *wanted == asked) {
                Some((_, status, body)) => reply(*status, body),
                None => panic!("nobody answers {asked}"),
            }
        });
        let once = Once::with_host(oes::script::pool::Sandbox::Threads, |_| {
            host as Arc<dyn Host>
        })
        .unwrap();
        let watched = once.prepare(&config.services[0]).unwrap();
        let past = Past {
            memory: Arc::clone(&memory),
            prev: None,
            ..Past::default()
        };
        let at = now() + SignedDuration::from_mins(probe.minute);
        let observation = once
            .judge(&watched, Arc::new(probe.exchange()), &past, at)
            .await;
        for run in &observation.judgement.runs {
            remember(&mut memory, run);
        }
        last = lines(&observation.judgement);
    }
    last
}

#[tokio::test]
async fn every_recipe_passes_what_is_fine_and_finds_what_is_not() {
    let recipes = recipes();
    let numbers: Vec<u32> = recipes.iter().map(|recipe| recipe.number).collect();
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>());
    assert_eq!(
        CASES.iter().map(|case| case.number).collect::<Vec<_>>(),
        numbers
    );
    let mut wrong = Vec::new();
    for (recipe, case) in recipes.iter().zip(CASES) {
        let of_fine = found(recipe, case.fine).await;
        let of_bad = found(recipe, case.bad).await;
        if !of_fine.is_empty() || of_bad != *case.found {
            wrong.push(format!(
                "{}: fine {of_fine:?}\n    bad      {of_bad:?}\n    expected {:?}",
                case.number, case.found
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recipes_have_the_lines_that_they_are_meant_to_have() {
    for recipe in recipes() {
        let lines = |text: &String| {
            text.lines()
                .filter(|line| !line.starts_with("//!") && !line.trim().is_empty())
                .count()
        };
        let count: usize = recipe.scripts.values().map(lines).sum();
        let most = if recipe.number == 14 { 6 } else { 3 };
        assert!(count <= most, "recipe {} has {count} lines", recipe.number);
    }
}

fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}
