//! The stable codes of mistakes in what a person wrote, one for each kind of mistake.
//!
//! A code with a `/` is of a mistake in a file, found by reading it; the codes of findings, which come of probes, have
//! none. `docs/codes.md` explains both; `oes explain` reads from there.

use std::fmt;

use serde::{Serialize, Serializer};

/// Declares the codes with their names, and the list of all.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal,)*) => {
        /// The kind of a mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All codes, in the order in which they are explained.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Returns the stable name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }
        }
    };
}

codes! {
    /// The text is no script.
    ScriptSyntax = "script/syntax",
    /// The script is longer than it may be, or does not compile in time.
    ScriptTooLarge = "script/too-large",
    /// The `//!` lines at the top cannot be read.
    ScriptHeader = "script/header",
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

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
