//! Tests put to the test: of a script that is changed for the worse one of its tests must fail.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::play_groups;
use crate::config::ServiceConfig;
use crate::config::suite::Test;
use crate::matcher::spec::{Matcher, Spec, SpecKind};
use crate::script::mutants::{Mutant, mutants};
use crate::script::source::Source;

/// What became of the changes of one script.
#[derive(Debug)]
pub struct Mutated {
    /// The script.
    pub script: Arc<Source>,
    /// How many changes make another script that can be used.
    pub mutants: usize,
    /// Those that no test fails for, in the order of the text.
    pub survivors: Vec<Mutant>,
}

/// A script with its tests.
type Tested<'a> = (Arc<Source>, Vec<&'a Arc<Test>>);

/// Changes each script in every way and runs its tests until one fails. Tests of services are left out.
///
/// # Errors
/// The script threads cannot be started.
pub async fn mutate(tests: &[Arc<Test>]) -> io::Result<Vec<Mutated>> {
    let mut scripts: BTreeMap<Arc<str>, Tested<'_>> = BTreeMap::new();
    for test in tests.iter().filter(|test| test.pipeline.is_none()) {
        let Some(script) = script(test) else { continue };
        let file = Arc::clone(&script.file);
        let entry = scripts.entry(file).or_insert_with(|| (script, Vec::new()));
        entry.1.push(test);
    }
    let mut all = Vec::new();
    for (script, tests) in scripts.into_values() {
        let variants: Vec<(Mutant, Vec<Arc<Test>>)> = mutants(&script.text)
            .into_iter()
            .filter_map(|mutant| {
                let source = changed(&script, &mutant)?;
                let with = |test: &&Arc<Test>| with_script(test, &source).map(Arc::new);
                let tests: Option<Vec<Arc<Test>>> = tests.iter().map(with).collect();
                Some((mutant, tests?))
            })
            .collect();
        let (mutants, groups): (Vec<Mutant>, Vec<Vec<Arc<Test>>>) = variants.into_iter().unzip();
        let ran = play_groups(groups).await?;
        all.push(Mutated {
            script,
            mutants: mutants.len(),
            survivors: mutants
                .into_iter()
                .zip(ran)
                .filter(|(_, ran)| ran.iter().all(super::Ran::passes))
                .map(|(mutant, _)| mutant)
                .collect(),
        });
    }
    Ok(all)
}

fn script(test: &Test) -> Option<Arc<Source>> {
    let mut matchers = test.service.matchers.iter();
    matchers.find_map(|matcher| Some(Arc::clone(&matcher.as_script()?.source)))
}

/// Returns the changed script, absent if it can no longer be used: nobody could have written it by mistake.
fn changed(script: &Source, mutant: &Mutant) -> Option<Arc<Source>> {
    let mut text = script.text.to_string();
    text.replace_range(mutant.span.clone(), &mutant.replacement);
    let (source, _) = script.changed(&text).ok()?;
    Some(Arc::new(source))
}

/// Returns a test with another script, absent if that takes other parameters.
fn with_script(test: &Test, source: &Arc<Source>) -> Option<Test> {
    let change = |matcher: &Arc<Matcher>| {
        let script = matcher.as_script()?;
        let kind = SpecKind::Script {
            source: Arc::clone(source),
            params: script.params.as_ref().clone(),
            expected: script.expected.clone(),
        };
        let status = matcher.status().clone();
        let (matcher, _) = Matcher::compile(Spec { kind, status }).ok()?;
        Some(Arc::new(matcher))
    };
    let matchers: Option<Vec<Arc<Matcher>>> = test.service.matchers.iter().map(change).collect();
    Some(Test {
        service: Arc::new(ServiceConfig {
            service: Arc::clone(&test.service.service),
            matchers: matchers?,
            limits: Arc::clone(&test.service.limits),
            line: test.service.line,
            fingerprint: test.service.fingerprint.clone(),
        }),
        ..test.clone()
    })
}
