//! Maintenance that services and the defaults have.

use super::*;
use crate::model::violation::Violation;

#[test]
fn the_maintenance_of_a_service_is_its_own_also_where_all_stand_in_one_line() {
    let text = r#"{"services":[{"name":"a","url":"https://a.example/"},{"name":"b","url":"https://b.example/","maintenance":[{"cron":"0 2 * * *","lasts":"1h"}]}]}"#;
    let config = load_text("oes.json", text, Path::new(""), &environment())
        .map_err(|report| report.plain())
        .unwrap()
        .config;
    let named: Vec<String> = config
        .maintenance
        .iter()
        .map(|one| format!("{}: {:?}", one.name, one.own.as_ref().unwrap()))
        .collect();
    assert_eq!(named, [r#"of b: {"b"}"#]);
}

#[test]
fn the_maintenance_of_the_defaults_is_one_and_names_are_no_patterns() {
    let text = r#"
        version = "1.0"
        [defaults]
        maintenance = [{ cron = "0 2 * * *", lasts = "1h" }]
        [[services]]
        name = "a*"
        url = "https://a.example/"
        [[services]]
        name = "ab"
        url = "https://b.example/"
        maintenance = [{ name = "late", cron = "0 4 * * *", lasts = "1h" }]
        [[services]]
        name = "c"
        url = "https://c.example/"
    "#;
    let config = load_text("oes.toml", text, Path::new(""), &environment())
        .map_err(|report| report.plain())
        .unwrap()
        .config;
    let selected: Vec<(&str, Vec<&str>)> = config
        .maintenance
        .iter()
        .map(|one| {
            let services = config.services.iter().map(|service| &*service.service);
            let of = services
                .filter(|service| one.selects(&service.name, &Violation::Error, Some(service)));
            (
                &*one.name,
                of.map(|service| service.name.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(
        selected,
        [("late", vec!["ab"]), ("of the defaults", vec!["a*", "c"])]
    );
}

#[test]
fn a_mistake_in_the_maintenance_of_the_defaults_is_reported_once() {
    let services = "[[services]]\nurl = \"https://a.example/\"\n".repeat(5);
    let text = format!(
        "version = \"1.0\"\n[defaults]\nmaintenance = [{{ cron = \"61 2 * * *\", lasts = \"1h\" }}]\n{services}"
    );
    let report = load_text("oes.toml", &text, Path::new(""), &environment()).unwrap_err();
    assert_eq!(report.errors(), 1, "{}", report.plain());
}
