//! `secret(name)` and `auth.oauth2(name)`: stand-ins, which become the secret only in a request on its way out.

use rhai::Engine;

use super::http::AuthHandle;
use crate::script::broker::Errand;
use crate::script::guard::Fallible;
use crate::script::run;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("secret", |name: &str| -> Fallible<String> {
            run::errand(Errand::Secret(name.to_owned()))?.text()
        })
        .register_type_with_name::<AuthHandle>("auth")
        .register_fn(
            "oauth2",
            |_: &mut AuthHandle, name: &str| -> Fallible<String> {
                let left = run::left()?;
                let name = name.to_owned();
                run::errand(Errand::Token { name, left })?.text()
            },
        );
}
