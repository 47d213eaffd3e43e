//! A provider of OpenID Connect on loopback, with keys of its own, that also does what no provider should.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use native_tls::{Identity, TlsAcceptor};
use oes::clock::Clock;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Private;
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::sign::Signer;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::parse;

/// What OES is called here.
pub(crate) const CLIENT: &str = "oes";
pub(crate) const SECRET: &str = "s3cr3t of the client";

/// What is wrong with the next tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    Nothing,
    Nonce,
    NoNonce,
    Audience,
    OtherAudience,
    Expired,
    Signature,
    /// Signed with the secret of the client.
    Hmac,
    /// Not signed at all.
    None,
    Issuer,
    NoIdToken,
}

/// What is wrong with the answers below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Hang,
    Huge,
    Status(u16),
    NoJson,
}

/// A key that tokens are signed with.
enum Key {
    Rsa(Rsa<Private>),
    P256(EcKey<Private>),
}

/// How the provider behaves.
struct Behaviour {
    twist: Twist,
    trouble: Option<(&'static str, Trouble)>,
    /// Claims besides the usual ones.
    claims: Value,
    /// What it says when it is asked who has a token.
    info: Value,
    key: (String, Key),
    /// Whether it takes the secret in the body only.
    in_body: bool,
    /// What each code stands for: parameters of the request.
    codes: HashMap<String, BTreeMap<String, String>>,
    asked: Vec<String>,
}

/// A provider; it ends with the test's process.
pub(crate) struct Provider {
    issuer: Arc<str>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::listening(None)
    }

    /// Starts one that speaks https alone.
    pub(crate) fn encrypted(identity: Identity) -> Self {
        Self::listening(Some(TlsAcceptor::new(identity).unwrap()))
    }

    fn listening(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr().unwrap();
        let issuer: Arc<str> = format!("{scheme}://{address}").into();
        let behaviour = Arc::new(Mutex::new(Behaviour {
            twist: Twist::Nothing,
            trouble: None,
            claims: json!({ "email": "ada@example.org", "email_verified": true }),
            info: json!({}),
            key: ("first".to_owned(), Key::Rsa(Rsa::generate(2048).unwrap())),
            in_body: false,
            codes: HashMap::new(),
            asked: Vec::new(),
        }));
        let (shared, own) = (Arc::clone(&behaviour), Arc::clone(&issuer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, own, tls) = (Arc::clone(&shared), Arc::clone(&own), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(stream, &own, &shared),
                    // Whoever does not trust the certificate is gone.
                    Some(tls) => tls
                        .accept(stream)
                        .map_or((), |stream| serve(stream, &own, &shared)),
                });
            }
        });
        Self { issuer, behaviour }
    }

    pub(crate) fn issuer(&self) -> String {
        self.issuer.to_string()
    }

    pub(crate) fn twists(&self, twist: Twist) {
        self.behaviour.lock().unwrap().twist = twist;
    }

    pub(crate) fn has(&self, trouble: Option<(&'static str, Trouble)>) {
        self.behaviour.lock().unwrap().trouble = trouble;
    }

    /// Says this of who logs in, in tokens and when asked.
    pub(crate) fn says(&self, claims: Value, info: Value) {
        let mut behaviour = self.behaviour.lock().unwrap();
        behaviour.claims = claims;
        behaviour.info = info;
    }

    pub(crate) fn takes_secrets_in_the_body(&self) {
        self.behaviour.lock().unwrap().in_body = true;
    }

    /// Signs with a new key from now on, of another kind.
    pub(crate) fn has_a_new_key(&self) {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = Key::P256(EcKey::generate(&group).unwrap());
        self.behaviour.lock().unwrap().key = ("second".to_owned(), key);
    }

    /// Returns what was asked so far: method and path.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.behaviour.lock().unwrap().asked.clone()
    }

    /// Logs somebody in who was sent here, and returns where they are sent back to.
    pub(crate) fn logs_in(&self, location: &str) -> Url {
        let url = Url::parse(location).unwrap();
        assert_eq!(url.origin().ascii_serialization(), self.issuer());
        assert_eq!(url.path(), "/authorize");
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        Url::parse(&authorized(&query, &mut self.behaviour.lock().unwrap())).unwrap()
    }
}

/// Answers one request; a client that goes away is part of some tests.
fn serve<S: Read + Write>(stream: S, issuer: &str, behaviour: &Mutex<Behaviour>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    for line in reader.by_ref().lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let header = |name: &str| {
        head.iter().skip(1).find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    if head.is_empty() || reader.read_exact(&mut body).is_err() {
        return;
    }
    let mut words = head[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let trouble = {
        let mut behaviour = behaviour.lock().unwrap();
        behaviour.asked.push(format!("{method} {path}"));
        behaviour.trouble.filter(|(at, _)| path.starts_with(at))
    };
    let pairs = |text: &[u8]| parse(text).into_owned().collect::<BTreeMap<_, _>>();
    let mut behaviour = behaviour.lock().unwrap();
    let (status, answer) = match (trouble, path) {
        (Some((_, Trouble::Hang)), _) => {
            drop(behaviour);
            // Until the client is gone.
            reader.read_to_end(&mut body).map(drop).unwrap_or_default();
            return;
        }
        (Some((_, Trouble::Huge)), _) => (200, format!("[{}1]", "1,".repeat(1 << 20))),
        (Some((_, Trouble::Status(status))), _) => (status, "{}".to_owned()),
        (Some((_, Trouble::NoJson)), _) => (200, "<html>".to_owned()),
        (None, "/.well-known/openid-configuration") => {
            (200, metadata(issuer, &behaviour).to_string())
        }
        (None, "/keys") => (200, json!({ "keys": [public(&behaviour.key)] }).to_string()),
        (None, "/authorize") => {
            let back = authorized(&pairs(query.as_bytes()), &mut behaviour);
            let back = back.replace('&', "&amp;");
            let page = format!(
                "<!doctype html><title>Log in</title><a id=\"yes\" href=\"{back}\">yes</a>"
            );
            return respond(reader.get_mut(), 200, "text/html", &page);
        }
        (None, "/token") => {
            let form = pairs(&body);
            token(
                &form,
                header("authorization").as_deref(),
                issuer,
                &mut behaviour,
            )
        }
        (None, "/userinfo") => {
            assert_eq!(header("authorization").as_deref(), Some("Bearer access"));
            let mut info = behaviour.info.clone();
            info["sub"] = json!("subject-7");
            (200, info.to_string())
        }
        _ => (404, "{}".to_owned()),
    };
    respond(reader.get_mut(), status, "application/json", &answer);
}

fn respond(stream: &mut impl Write, status: u16, kind: &str, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n");
    let answer = format!("{head}connection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).unwrap_or_default();
}

fn metadata(issuer: &str, behaviour: &Behaviour) -> Value {
    let method = if behaviour.in_body {
        "client_secret_post"
    } else {
        "client_secret_basic"
    };
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": [method],
    })
}

/// Gives a code for a request, and returns where the browser is sent with it.
fn authorized(query: &BTreeMap<String, String>, behaviour: &mut Behaviour) -> String {
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], CLIENT);
    assert_eq!(query["code_challenge_method"], "S256");
    assert!(
        query["scope"].split(' ').any(|scope| scope == "openid"),
        "{query:?}"
    );
    assert!(
        query["state"].len() >= 16 && query["nonce"].len() >= 16,
        "{query:?}"
    );
    let code = format!("code-{}", behaviour.codes.len());
    behaviour.codes.insert(code.clone(), query.clone());
    let mut back = Url::parse(&query["redirect_uri"]).unwrap();
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &query["state"]);
    back.into()
}

/// Gives tokens for a code, to the client alone.
fn token(
    form: &BTreeMap<String, String>,
    authorization: Option<&str>,
    issuer: &str,
    behaviour: &mut Behaviour,
) -> (u16, String) {
    let refused = |why: &str| (400, json!({ "error": why }).to_string());
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let known = if behaviour.in_body {
        authorization.is_none()
            && form
                .get("client_secret")
                .is_some_and(|shown| shown == SECRET)
    } else {
        let login = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
        authorization == Some(format!("Basic {login}").as_str())
    };
    if !known {
        return (401, json!({ "error": "invalid_client" }).to_string());
    }
    let Some(request) = behaviour.codes.remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    let challenge = URL_SAFE_NO_PAD.encode(sha256(form["code_verifier"].as_bytes()));
    if challenge != request["code_challenge"] || form["redirect_uri"] != request["redirect_uri"] {
        return refused("invalid_grant");
    }
    let mut answer = json!({ "access_token": "access", "token_type": "Bearer", "expires_in": 60 });
    if behaviour.twist != Twist::NoIdToken {
        answer["id_token"] = json!(id_token(&request["nonce"], issuer, behaviour));
    }
    (200, answer.to_string())
}

fn id_token(nonce: &str, issuer: &str, behaviour: &Behaviour) -> String {
    let now = Clock::System.now().as_second();
    let mut claims = json!({
        "iss": issuer, "aud": CLIENT, "sub": "subject-7", "nonce": nonce, "iat": now, "exp": now + 60,
    });
    for (name, value) in behaviour.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    match behaviour.twist {
        Twist::Nonce => claims["nonce"] = json!("another"),
        Twist::NoNonce => drop(claims.as_object_mut().unwrap().remove("nonce")),
        Twist::Audience => claims["aud"] = json!("another"),
        Twist::OtherAudience => claims["aud"] = json!([CLIENT, "another"]),
        Twist::Expired => claims["exp"] = json!(now - 1),
        Twist::Issuer => claims["iss"] = json!("https://evil.example"),
        _ => {}
    }
    let (name, key) = &behaviour.key;
    let algorithm = match (behaviour.twist, key) {
        (Twist::Hmac, _) => "HS256",
        (Twist::None, _) => "none",
        (_, Key::Rsa(_)) => "RS256",
        (_, Key::P256(_)) => "ES256",
    };
    let header = json!({ "alg": algorithm, "kid": name, "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let mut signature = match (behaviour.twist, key) {
        (Twist::None, _) => Vec::new(),
        (Twist::Hmac, _) => {
            let key = openssl::pkey::PKey::hmac(SECRET.as_bytes()).unwrap();
            let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
            signer.sign_oneshot_to_vec(text.as_bytes()).unwrap()
        }
        (_, Key::Rsa(key)) => {
            let key = openssl::pkey::PKey::from_rsa(key.clone()).unwrap();
            let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
            signer.sign_oneshot_to_vec(text.as_bytes()).unwrap()
        }
        (_, Key::P256(key)) => {
            let signature = EcdsaSig::sign(&sha256(text.as_bytes()), key).unwrap();
            let half = |number: &openssl::bn::BigNumRef| number.to_vec_padded(32).unwrap();
            [half(signature.r()), half(signature.s())].concat()
        }
    };
    if behaviour.twist == Twist::Signature {
        signature[9] ^= 1;
    }
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the public half of a key as a provider tells it.
fn public((name, key): &(String, Key)) -> Value {
    let text = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    match key {
        Key::Rsa(key) => json!({
            "kty": "RSA", "use": "sig", "kid": name,
            "n": text(key.n().to_vec()), "e": text(key.e().to_vec()),
        }),
        Key::P256(key) => {
            let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
            let mut context = openssl::bn::BigNumContext::new().unwrap();
            let point = key.public_key();
            point
                .affine_coordinates(key.group(), &mut x, &mut y, &mut context)
                .unwrap();
            json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "kid": name,
                "x": text(x.to_vec_padded(32).unwrap()), "y": text(y.to_vec_padded(32).unwrap()),
            })
        }
    }
}
