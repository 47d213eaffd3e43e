//! The playground in a real browser: a script is written, tried, and what it says is read.

use serde_json::json;

use super::{Rig, Visit, axe, visit};

const TOKEN: &str = "a-token-of-the-tests";

/// Opens the playground from the page of a service, logged in.
async fn playground() -> Option<Visit> {
    let rig = Rig::new();
    rig.api
        .answers("/price", 200, "{\"price\": 1.28, \"currency\": \"EUR\"}");
    rig.write(
        "own.rhai",
        "expect(body.price > 0, \"the price is positive\");\n",
    );
    let config = rig.config(&[]) + &*rig.service("price", "match = [\"own\"]");
    let config = config.replace("[server]\n", &format!("[server]\ntoken = \"{TOKEN}\"\n"));
    let mut visit = visit(rig, &config).await?;
    visit.browser.look(1280, 900, "light");
    visit.open("services/price");
    visit
        .browser
        .is("[...document.querySelectorAll('main a')].find(one => one.textContent === 'Try a script on it').click(); 0");
    visit.browser.until("document.querySelector('#token')");
    visit.browser.is(&format!("document.querySelector('#token').value = '{TOKEN}'; document.querySelector('form').submit(); 0"));
    visit
        .browser
        .until("document.querySelector('#script')?.value.includes('the price is positive')");
    Some(visit)
}

impl Visit {
    /// Writes a script into the form, sends it with the button, and waits for what comes of it.
    fn tries(&mut self, script: &str, until: &str) {
        self.browser.is(&format!(
            "document.querySelector('#result')?.remove(); document.querySelector('#script').value = {}; document.querySelector('main form button').click(); 0",
            json!(script)
        ));
        self.browser
            .until(&format!("document.querySelector('#result') && {until}"));
    }

    fn says(&mut self, what: &str) -> String {
        let text = format!("document.querySelector('{what}').innerText");
        self.browser.is(&text).as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_tried_in_the_playground() {
    let Some(mut visit) = playground().await else {
        return;
    };
    assert_eq!(
        visit.browser.is("document.querySelector('#service').value"),
        json!("price")
    );
    let script = "print(\"seen\");\nmemory.set(\"price\", body.price);\nexpect(body.price > 2, \"low\", \"the price is too low\");\n";
    let written = format!(
        "document.querySelector('#script').value === {}",
        json!(script)
    );
    visit.tries(script, &written);
    let result = visit.says("#result");
    for shown in [
        "✗ Fail · 1 error",
        "low the price is too low",
        "script.rhai:3:1",
        "body.price",
        "1.28",
        "count 1 failure, open the violation `error`",
    ] {
        assert!(result.contains(shown), "no {shown} in {result}");
    }
    let page = visit.says("main");
    for shown in [
        "operations",
        "seen",
        "price: nothing → 1.28",
        "\"currency\"",
        "connect",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    visit.is_sound();
    visit.tries(
        "let a = ;",
        "document.querySelector('#script').value === 'let a = ;'",
    );
    let wrong = visit.says("#result");
    assert!(
        wrong.contains("The script cannot be used") && wrong.contains("script.rhai:1:9"),
        "{wrong}"
    );
    visit.tries(
        "loop {}",
        "document.querySelector('#script').value === 'loop {}'",
    );
    let ended = visit.says("#result");
    assert!(
        ended.contains("✗ Script error") && ended.contains("limit."),
        "{ended}"
    );
    visit.is_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_is_for_everybody() {
    let Some(axe) = axe() else { return };
    let Some(mut visit) = playground().await else {
        return;
    };
    for (width, scheme) in [
        (1280, "light"),
        (1280, "dark"),
        (360, "light"),
        (360, "dark"),
    ] {
        visit.browser.look(width, 800, scheme);
        for script in [
            "print(\"seen\");\nfail(\"low\", \"the price of the first of all things is far too low to be what it says it is\");\n",
            "let a_rather_long_name_of_a_variable_that_nobody_would_ever_give_to_anything_that_matters = ;",
        ] {
            visit.tries(script, "true");
            visit.is_for_everybody(&axe, &format!("{script} at {width}, {scheme}"));
        }
    }
}
