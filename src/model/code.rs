//! The stable codes of mistakes in what a person wrote, one for each kind of mistake.
//!
//! A code with a `/` is of a mistake in a file, found by reading it; the codes of findings, which come of probes, have
//! none. `docs/codes.md` explains both; `oes explain` reads from there.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Declares codes with their names, and the list of all.
macro_rules! codes {
    ($(#[$about:meta])* $codes:ident { $($(#[$doc:meta])* $code:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $codes {
            $($(#[$doc])* $code,)*
        }

        impl $codes {
            /// All codes, in the order in which they are explained.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Returns the stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }

        impl fmt::Display for $codes {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

codes! {
    /// The kind of a mistake.
    Code {
        /// The text is no script.
        ScriptSyntax = "script/syntax",
        /// The script is longer than it may be, or does not compile in time.
        ScriptTooLarge = "script/too-large",
        /// The `//!` lines at the top cannot be read.
        ScriptHeader = "script/header",
        /// A library that is not there, or that the header does not name.
        UnknownLibrary = "script/unknown-library",
        /// A text that is no library, or libraries that do not go together.
        Library = "script/library",
        /// A file that is no JSON schema, or not there.
        SchemaFile = "script/schema-file",
        /// A function or a method that nothing has.
        UnknownFunction = "script/unknown-function",
        /// A function with another number of arguments than it takes.
        Arity = "script/arity",
        /// A function of the language that scripts of OES may not use.
        RefusedFunction = "script/refused-function",
        /// A variable that is defined nowhere.
        UnknownVariable = "script/unknown-variable",
        /// A property that a value of OES does not have.
        UnknownProperty = "script/unknown-property",
        /// A change of the response.
        ReadOnly = "script/read-only",
        /// A name of OES, or of the script itself, that is defined again.
        Redefined = "script/redefined",
        /// A name of the script that hides a handle of OES.
        ShadowedHandle = "script/shadowed-handle",
        /// A parameter that the header does not declare.
        UndeclaredParam = "script/undeclared-param",
        /// A parameter that the header declares and nothing reads.
        UnusedParam = "script/unused-param",
        /// A parameter used as another kind of value than it is.
        ParamKind = "script/param-kind",
        /// A secret that the header does not declare.
        UndeclaredSecret = "script/undeclared-secret",
        /// A source of tokens that the header does not declare.
        UndeclaredOauth2 = "script/undeclared-oauth2",
        /// A host that the script asks and nothing allows.
        UndeclaredHost = "script/undeclared-host",
        /// Values of unlike kinds are compared.
        UnlikeKinds = "script/unlike-kinds",
        /// A finding without words.
        NoText = "script/no-text",
        /// A name that no violation or metric may have.
        BadName = "script/bad-name",
        /// A path, a regular expression, a duration, a time, a URL or a sample that is none.
        BadLiteral = "script/bad-literal",
        /// An option that the function does not have.
        UnknownOption = "script/unknown-option",
        /// A value that is worked out and thrown away.
        NoEffect = "script/no-effect",
        /// Statements that nothing comes to.
        Unreachable = "script/unreachable",
        /// A script that can find nothing.
        ChecksNothing = "script/checks-nothing",

        /// The text is neither JSON nor TOML.
        Syntax = "config/syntax",
        /// A file that cannot be read or written.
        File = "config/file",
        /// A key that is not known there.
        UnknownKey = "config/unknown-key",
        /// Something that must be there and is not.
        Missing = "config/missing",
        /// A value of another kind than the key takes.
        Kind = "config/kind",
        /// A value that the key cannot have.
        Value = "config/value",
        /// The same twice, where one is meant.
        Duplicate = "config/duplicate",
        /// Keys that exclude each other.
        Conflict = "config/conflict",
        /// A name that nothing has.
        UnknownName = "config/unknown-name",
        /// A parameter or an option that its script does not take like this, or lacks.
        Param = "config/param",
        /// A secret where none may be, or that is not there.
        Secret = "config/secret",
        /// A sample that no value can be held against.
        Sample = "config/sample",
        /// Something that would have no effect.
        Useless = "config/useless",
        /// A test that would prove nothing.
        Test = "config/test",
    }
}

codes! {
    /// The kind of a finding of OES's own; failures have [`FailureKind`](super::failure::FailureKind), and scripts
    /// make up their own.
    FindingCode {
        /// The status is not accepted.
        Status = "status",
        /// The body is empty where something must be.
        EmptyBody = "empty_body",
        /// The body is no JSON.
        NotJson = "not_json",
        /// The body, or a value, nests deeper or has more parts than OES looks at.
        TooDeep = "too_deep",
        /// An object has a key twice.
        RepeatedKey = "repeated_key",
        /// A value of another kind than expected.
        Type = "type",
        /// A value that is not there.
        Missing = "missing",
        /// A key that the sample does not have.
        UnexpectedKey = "unexpected_key",
        /// Another value than expected.
        Value = "value",
        /// Another length than expected.
        Length = "length",
        /// A text of another form than expected.
        Format = "format",
        /// A number outside of its range.
        Range = "range",
        /// Nothing in an array, an object or a text.
        Empty = "empty",
        /// Findings that are not told one by one.
        More = "more",
        /// A value that is not what the JSON schema wants.
        Schema = "schema",
        /// The response is not as the script expects.
        Shape = "shape",
        /// Who was asked besides the service did not answer as it should.
        Dependency = "dependency",
        /// The script's last value is `false`.
        ScriptReturnedFalse = "script-returned-false",
        /// A job did not report in time.
        HeartbeatLate = "heartbeat.late",
        /// A job reported that it failed.
        HeartbeatFailed = "heartbeat.failed",
        /// A run that a job began did not end in time.
        HeartbeatUnfinished = "heartbeat.unfinished",
        /// The script broke.
        Script = "script",
        /// No thread had time for the script.
        ScriptQueue = "script.queue",
        /// The interpreter, or the process that it runs in, broke.
        ScriptCrashed = "script.crashed",
        /// The script broke what it ran in twice.
        ScriptSuspended = "script.suspended",
        /// No process could be started for the script.
        ScriptWorker = "script.worker",
        /// The script that decides was not run.
        NotRun = "not_run",
        /// A run leaves memory behind.
        LimitLeak = "limit.leak",
        /// Too many operations.
        LimitOperations = "limit.operations",
        /// Too much processor time.
        LimitCpu = "limit.cpu",
        /// Too much time.
        LimitWall = "limit.wall",
        /// Too much memory.
        LimitHeapBytes = "limit.heap_bytes",
        /// Calls within calls too deep.
        LimitCallDepth = "limit.call_depth",
        /// Too many variables.
        LimitVariables = "limit.variables",
        /// A text too long.
        LimitStringBytes = "limit.string_bytes",
        /// An array too long.
        LimitArrayItems = "limit.array_items",
        /// An object with too many keys.
        LimitMapKeys = "limit.map_keys",
        /// Too many findings.
        LimitFindings = "limit.findings",
        /// Too many notes.
        LimitLogLines = "limit.log_lines",
        /// Too many requests.
        LimitHttpCalls = "limit.http_calls",
        /// A remembered value too large.
        LimitMemoryValueBytes = "limit.memory_value_bytes",
        /// Too much remembered.
        LimitMemoryBytes = "limit.memory_bytes",
        /// Too many keys remembered.
        LimitMemoryKeys = "limit.memory_keys",
    }
}

impl From<FindingCode> for Arc<str> {
    fn from(code: FindingCode) -> Self {
        code.as_str().into()
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
