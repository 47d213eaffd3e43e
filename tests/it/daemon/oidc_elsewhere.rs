//! Logging in by OpenID Connect where the provider has a certificate of its own authority, and where OES is below a path.

use serde_json::json;

use super::caller::Caller;
use super::oidc::{ADA, SITE, Stage, config};
use crate::support::authority::Authority;
use crate::support::provider::Provider;

/// The form of a login is below the same path as everything else, and so are its cookies and the way back.
#[tokio::test(flavor = "multi_thread")]
async fn below_a_path_all_of_a_login_stays_below_it() {
    let provider = Provider::start();
    let issuer = provider.issuer();
    let mut stage = Stage::below("/oes", provider, &issuer, ADA).await;
    let lines = stage.visitor();
    let asked = "/oes/playground?service=price";
    let (away, _) = stage.browser.asks("GET", asked, &lines, "").await;
    let to = "login?next=%2Fplayground%3Fservice%3Dprice";
    assert_eq!((away.status, away.header("location")), (303, Some(to)));
    let (_, form) = stage
        .browser
        .asks("GET", &format!("/oes/{to}"), &lines, "")
        .await;
    let link = "href=\"/oes/login/oidc?next=%2Fplayground%3Fservice%3Dprice\"";
    assert!(form.contains(link), "{form}");

    let (begun, _) = stage.begins(&lines).await;
    let cookie = begun.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/oes/login/oidc; "), "{cookie}");
    let location = begun.header("location").unwrap();
    let back = "redirect_uri=https%3A%2F%2Fstatus.example.org%2Foes%2Flogin%2Foidc%2Fcallback";
    assert!(location.contains(back), "{location}");
    let back = stage.provider.logs_in(location);
    assert!(
        back.as_str()
            .starts_with(&format!("{SITE}/oes/login/oidc/callback?"))
    );

    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1;
    let other = format!("{}?code={code}&state=another-state-than-that", back.path());
    let (refused, page) = stage.browser.asks("GET", &other, &lines, "").await;
    assert_eq!(refused.status, 400, "{page}");
    assert!(page.contains("This login is not known here"), "{page}");

    // The login is still under way: whoever brings another state has not ended it.
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    let (ended, page) = stage.browser.asks("GET", &path, &lines, "").await;
    let to = Some("/oes/readyz?a=1");
    assert_eq!(
        (ended.status, ended.header("location")),
        (303, to),
        "{page}"
    );
    let session = ended.header("set-cookie").unwrap();
    assert!(session.contains("; Path=/oes; "), "{session}");
    let gone = "oes_login=; Path=/oes/login/oidc; Max-Age=0; ";
    assert!(ended.head.contains(gone), "{}", ended.head);
    stage.browser.keeps(&ended);
    for (path, status) in [("/oes/api/v1/services", 200), ("/api/v1/services", 404)] {
        let (seen, _) = stage.browser.asks("GET", path, "", "").await;
        assert_eq!(seen.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_with_a_certificate_of_its_own_is_asked_once_its_authority_is_named() {
    let authority = Authority::new();
    let provider = Provider::encrypted(authority.leaf(2020, 2090));
    let issuer = provider.issuer();
    assert!(issuer.starts_with("https://"), "{issuer}");
    let mut stage = Stage::at(provider, &issuer, ADA).await;
    stage.refuses(502, "in the phase `tls`: ").await;
    let named =
        config(&stage.rig, &issuer, ADA).replace("client_id = ", "ca = \"ca.pem\"\nclient_id = ");
    for (named_authority, is_the_one) in [(Authority::new(), false), (authority, true)] {
        let pem = String::from_utf8(named_authority.pem()).unwrap();
        stage.rig.write("ca.pem", &pem);
        stage.rig.write("oes.toml", &named);
        let reloaded = Caller::of(&stage.rig).asks("POST", "/reload", None).await;
        assert_eq!(reloaded.status, 200, "{reloaded:?}");
        if is_the_one {
            let (ended, page) = stage.logs_in().await;
            assert_eq!(ended.status, 303, "{page}");
        } else {
            stage.refuses(502, "in the phase `tls`: ").await;
            assert_eq!(stage.provider.asked(), [""; 0], "nothing was said to it");
        }
    }
    let (seen, services) = stage.browser.asks("GET", "/api/v1/services", "", "").await;
    assert_eq!(
        (seen.status, &seen.body["services"][0]["name"]),
        (200, &json!("price")),
        "{services}"
    );
    let asked = stage.provider.asked();
    for path in ["GET /keys", "POST /token"] {
        assert!(asked.iter().any(|one| one == path), "{asked:?}");
    }
}
