//! Makes tokens for the API.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{Exit, output};
use crate::web::auth::{Scope, Token, new_token};

/// Make tokens for the API
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(NewArguments),
}

/// Make a token, and the lines of the ops config that know it
///
/// The token goes to standard output and is kept nowhere: the ops config knows only its digest, so that whoever reads
/// the config cannot use it. A token is shown to the API as `Authorization: Bearer TOKEN`.
#[derive(Debug, Args)]
struct NewArguments {
    /// What it allows: to see everything; to act on incidents, messages and probes as well; everything
    #[arg(long, value_enum, default_value_t = Allowed::Read, value_name = "SCOPE")]
    scope: Allowed,

    /// What logs call it
    #[arg(long, default_value = "token", value_name = "NAME")]
    name: String,

    /// Print one JSON object (`oes.token-new/1`)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Allowed {
    Read,
    Operate,
    Admin,
}

impl From<Allowed> for Scope {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Read => Self::Read,
            Allowed::Operate => Self::Operate,
            Allowed::Admin => Self::Admin,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Command::New(arguments) = &arguments.command;
    let text = new_token();
    let token = Token::new(arguments.name.as_str(), arguments.scope.into(), &text);
    let hash = format!("sha256:{}", token.digest_hex());
    if arguments.json {
        #[derive(Serialize)]
        struct Made<'a> {
            schema: &'static str,
            exit: u8,
            token: &'a str,
            name: &'a str,
            scope: Scope,
            hash: &'a str,
        }
        output::json(&Made {
            schema: "oes.token-new/1",
            exit: Exit::Pass as u8,
            token: &text,
            name: &token.name,
            scope: token.scope,
            hash: &hash,
        });
        return Exit::Pass;
    }
    output::note("the token is on standard output, and is kept nowhere; for the ops config:\n");
    let name = toml::Value::from(&*token.name);
    output::note(format_args!(
        "[[server.tokens]]\nname = {name}\nscope = \"{}\"\nhash = \"{hash}\"\n",
        token.scope.as_str()
    ));
    output::result(text);
    Exit::Pass
}
