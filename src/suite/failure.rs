//! Why a test fails.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Told;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Outcome};

/// Why a test fails.
#[derive(Debug)]
pub enum Failure {
    /// A probe came to something else; told of the first one only.
    Outcome {
        /// The probe, from 1.
        probe: usize,
        /// How long after the first it was.
        after: Duration,
        /// What was expected.
        expected: Outcome,
        /// What it came to.
        got: Outcome,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// A code that was expected was never found.
    CodeMissing(Arc<str>),
    /// A code was found that was not expected.
    CodeUnexpected(Arc<str>),
    /// The metrics of the last probe are others.
    Metrics {
        /// What they must be.
        expected: BTreeMap<Arc<str>, f64>,
        /// What they are.
        got: BTreeMap<Arc<str>, f64>,
    },
    /// Something else was open after a probe; told of the first one only.
    Open {
        /// The probe, from 1.
        probe: usize,
        /// How long after the first it was.
        after: Duration,
        /// The letters of what was expected to be open.
        expected: String,
        /// The letters of what was.
        got: String,
    },
    /// The messages are others.
    Messages {
        /// The first that is, from 0.
        first: usize,
        /// Those that were sent.
        sent: Vec<Told>,
    },
    /// The script made a request that no mock answers; told of the first one only.
    Unmocked {
        /// The probe, from 1.
        probe: usize,
        /// Method and URL.
        request: String,
        /// The mock that comes nearest, and where it differs.
        nearest: Option<Nearest>,
    },
    /// A mock was not asked as often as it says.
    MockUnused {
        /// The line of the mock.
        line: u32,
        /// Method and URL.
        request: String,
        /// How often it was asked.
        asked: u64,
        /// How often it should be; absent for at least once.
        times: Option<u64>,
    },
    /// A channel makes other requests.
    Requests {
        /// Where they differ.
        differences: Vec<String>,
        /// How many more differences there are.
        more: usize,
        /// What it makes, as a test writes them.
        made: Json,
    },
    /// A channel cannot make requests.
    NoRequests {
        /// Why.
        reason: String,
        /// What its script broke over, if it did.
        finding: Option<Box<Finding>>,
    },
    /// A channel reads something else in an answer.
    Reads {
        /// The line of the answer.
        line: u32,
        /// Its status.
        status: u16,
        /// What it must read.
        expected: String,
        /// What it reads.
        got: String,
        /// The reason that it gives.
        reason: String,
        /// The bytes of the file that say what it must read.
        span: Range<usize>,
    },
    /// A channel gives another reason.
    Reason {
        /// The line of the answer.
        line: u32,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
        /// The bytes of the file that say what it must be.
        span: Range<usize>,
    },
    /// The script of a channel broke over an answer.
    AnswerBroke {
        /// The line of the answer.
        line: u32,
        /// Why.
        reason: String,
        /// What it broke over; absent if it returned what is no answer.
        finding: Option<Box<Finding>>,
    },
    /// An answer is to a request that the channel does not make.
    NoSuchRequest {
        /// The line of the answer.
        line: u32,
        /// The request that it is to, from 0.
        index: usize,
        /// How many requests there are.
        made: usize,
    },
}

/// The mock that comes nearest to a request, and where it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The line of the mock.
    pub line: u32,
    /// Where it differs, at least one: `method: POST, not GET`.
    pub differences: Vec<String>,
}
