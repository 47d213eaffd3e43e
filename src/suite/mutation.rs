//! Tests put to the test: of a script that is changed for the worse one of its tests must fail.

use std::io;
use std::sync::Arc;

use super::{by_script, play_groups};
use crate::channel::settings::ChannelKind;
use crate::config::ServiceConfig;
use crate::config::suite::{Case, ChannelTest, Test};
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

impl Mutated {
    /// Returns how many changes a test fails for.
    pub fn caught(&self) -> usize {
        self.mutants - self.survivors.len()
    }
}

/// Changes each script in every way and runs its tests until one fails. Tests of services are left out.
///
/// # Errors
/// The script threads cannot be started.
pub async fn mutate(tests: &[Case]) -> io::Result<Vec<Mutated>> {
    let mut all = Vec::new();
    for (script, tests) in by_script(tests) {
        let variants: Vec<(Mutant, Vec<Case>)> = mutants(&script.text)
            .into_iter()
            .filter_map(|mutant| {
                let source = changed(&script, &mutant)?;
                let tests = tests.iter().map(|test| with_script(test, &source));
                Some((mutant, tests.collect::<Option<Vec<Case>>>()?))
            })
            .collect();
        let (mutants, groups): (Vec<Mutant>, Vec<Vec<Case>>) = variants.into_iter().unzip();
        let ran = play_groups(groups, None).await?;
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

/// Returns the changed script, absent if it can no longer be used: nobody could have written it by mistake.
fn changed(script: &Source, mutant: &Mutant) -> Option<Arc<Source>> {
    let mut text = script.text.to_string();
    text.replace_range(mutant.span.clone(), &mutant.replacement);
    let (source, _) = script.changed(&text).ok()?;
    Some(Arc::new(source))
}

/// Returns a test with another script, absent if that takes other parameters.
fn with_script(test: &Case, source: &Arc<Source>) -> Option<Case> {
    match test {
        Case::Probes(test) => Some(Case::Probes(Arc::new(with_matcher(test, source)?))),
        Case::Channel(test) => {
            let mut test = ChannelTest::clone(test);
            test.settings.kind = ChannelKind::Script(Arc::clone(source));
            Some(Case::Channel(Arc::new(test)))
        }
    }
}

fn with_matcher(test: &Test, source: &Arc<Source>) -> Option<Test> {
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
            record: None,
            was: Vec::new(),
            line: test.service.line,
            fingerprint: test.service.fingerprint.clone(),
        }),
        ..test.clone()
    })
}
