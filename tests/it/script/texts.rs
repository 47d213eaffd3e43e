//! Texts of other forms: encodings, digests, expressions, URLs, lines, CSV, XML, JSON schemas.

use std::sync::Arc;
use std::time::Duration;

use super::bench::*;
use oes::model::secret::Secret;
use oes::script::limits::Limits;
use tokio::time::Instant;

const HOLDS: &[&str] = &[
    r#"base64_encode("a?>") == "YT8+" && base64_decode("YT8+") == "a?>" && base64_decode("YT8-") == "a?>""#,
    r#"base64_decode("YQ") == "a" && base64_decode("YQ==") == "a" && hex_encode("Az") == "417a""#,
    r#"sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#,
    r#"hmac_sha256("key", "The quick brown fox jumps over the lazy dog") == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8""#,
    r#"hmac_sha256("key", "The quick brown fox jumps over the lazy dog", "base64") == "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=""#,
    r#"matches("v1.22.3", "^v[0-9]+\\.") && !matches("1", "^v") && "abc".matches("b")"#,
    r#"captures("v1.22", "^v([0-9]+)\\.([0-9]+)(-.*)?$") == ["v1.22", "1", "22", ()] && captures("x", "y") == ()"#,
    r#"parse_url("https://a.example/x/y?b=1&c=%20#f").query.c == " " && parse_url("https://a.example/x").port == 443"#,
    r#"parse_url("http://a.example:81/x?").host == "a.example" && parse_url("http://a/x").fragment == ()"#,
    "lines(\"a\\r\\nb\\n\\nc\") == [\"a\", \"b\", \"\", \"c\"] && lines(\"\").is_empty()",
    "csv(\"name;n\\na;1\\n\\\"b;c\\\";2\\n\", #{ delimiter: \";\" })[1].name == \"b;c\"",
    "csv(\"a,b\\n1,2\", #{ headers: false }) == [[\"a\", \"b\"], [\"1\", \"2\"]] && sum_of(csv(\"n\\n1\\n2\"), \"$[*].n\") == 3",
    r#"jp(xml("<rss v='2'><i><t>a</t></i><i><t> b </t></i></rss>"), "$.i[*].t[*]._text") == ["a", "b"]"#,
    r#"xml("<rss v='2'/>")["@v"] == "2" && xml("<a xmlns:x='u'><x:b>&lt;</x:b></a>").b[0]._text == "<""#,
];

#[tokio::test]
async fn texts_are_read_and_written() {
    let pool = pool(&silent());
    let mut wrong = Vec::new();
    for condition in HOLDS {
        let found = lines(&judge(&pool, &format!("expect({condition});"), input("{}")).await);
        if !found.is_empty() {
            wrong.push(format!("{condition}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let pool = pool(&silent());
    for (script, found) in [
        (
            "base64_decode(\"§\");",
            "error script: `§` is no base64: Invalid symbol 194, offset 0.",
        ),
        (
            "base64_decode(\"/w==\");",
            "error script: the base64 holds bytes that are no text; scripts have texts only",
        ),
        (
            "let pattern = \"(\"; matches(\"a\", pattern);",
            "error script: `(` is no regular expression: unclosed group",
        ),
        (
            "let pattern = \"(?:a{1000}){1000}\"; matches(\"a\", pattern);",
            "error script: `(?:a{1000}){1000}` is no regular expression: it is too large; repeat less, or write [0-9] and [A-Za-z] for \\d and \\w",
        ),
        (
            "parse_url(body.u);",
            "fail shape: the response is not as the script expects: `here` is no URL: relative URL without a base",
        ),
        (
            "csv(body.c);",
            "fail shape: the response is not as the script expects: this is no CSV: CSV error: record 1 (line: 2, byte: 4): found record with 1 fields, but the previous record has 2 fields",
        ),
        (
            "let options = #{ header: false }; csv(\"a\", options);",
            "error script: csv has the options headers, true or false, and delimiter, one character such as \";\"",
        ),
        (
            "xml(response.text);",
            "fail shape: the response is not as the script expects: this is no XML: unknown token at 1:1",
        ),
        (
            "xml(\"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>\");",
            "error script: this is no XML: XML with DTD detected",
        ),
    ] {
        let body = r#"{"u":"here","c":"a,b\n1"}"#;
        assert_eq!(
            lines(&judge(&pool, script, input(body)).await),
            [found],
            "{script}"
        );
    }
}

#[tokio::test]
async fn what_is_made_of_a_secret_is_sent_and_never_seen() {
    let host = fake(|_| reply(200, "{}"));
    let pool = pool(&host);
    let mut input = input("{}");
    Arc::make_mut(&mut input.rights.grants)
        .secrets
        .insert("KEY".into(), Secret::hidden("s3cr3t"));
    let script = r#"
        let basic = base64_encode(`user:${secret("KEY")}`);
        let signature = hmac_sha256(secret("KEY"), "text");
        http.get("https://api.example.io/a", #{ headers: #{ authorization: `Basic ${basic}`, x: signature, y: hex_encode(secret("KEY")) } });
        expect(signature != hmac_sha256("x", "text"));
        fail("seen", `${basic} ${signature} ${base64_decode(base64_encode("a"))} ${sha256(secret("KEY"))}`);"#;
    let judgement = judge(&pool, script, input).await;
    assert_eq!(lines(&judgement), ["fail seen: *** *** a ***"]);
    let asked = host.asked.lock().unwrap();
    let value = |name: &str| {
        asked[0]
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(value("authorization"), "Basic dXNlcjpzM2NyM3Q=");
    assert_eq!(value("x").len(), 64);
    assert_eq!(value("y"), "733363723374");
}

#[tokio::test]
async fn a_value_is_held_against_the_schema_of_a_parameter() {
    let pool = pool(&silent());
    let with = |schema: &str| {
        let mut input = input(
            r#"{"items":[{"id":1},{"id":"x"}],"a/b":1,"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"}"#,
        );
        Arc::make_mut(&mut input.params).insert("schema".into(), parse(schema));
        input
    };
    let run = async |schema: &str| {
        let script = "for found in schema(body, \"schema\") { fail(\"s\", `${found.path}: ${found.message}`); }";
        lines(&judge(&pool, script, with(schema)).await)
    };
    let schema = r#"{"type":"object","required":["none"],"properties":{"items":{"items":{"properties":{"id":{"type":"integer"}}}},"a/b":{"type":"string"}}}"#;
    assert_eq!(
        run(schema).await,
        [
            "fail s: $: \"none\" is a required property",
            "fail s: $['a/b']: 1 is not of type \"string\"",
            "fail s: $.items[1].id: \"x\" is not of type \"integer\"",
        ]
    );
    assert_eq!(
        run(r#"{"properties":{"s":{"pattern":"^(a+)+$"}}}"#)
            .await
            .len(),
        1
    );
    assert_eq!(
        run(r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#).await,
        [""; 0]
    );
    let remote = run(r#"{"$ref":"https://schemas.example/x.json"}"#).await;
    assert!(
        remote[0].starts_with("error script: the parameter `schema` is no JSON schema:")
            && remote[0].contains("nothing is fetched"),
        "{remote:?}"
    );
    let wrong = run(r#"{"type":7}"#).await;
    assert!(
        wrong[0]
            .starts_with("error script: the parameter `schema` is no JSON schema: 7 is not valid"),
        "{wrong:?}"
    );
    let endless = run(r##"{"$ref":"#"}"##).await;
    assert!(endless.len() <= 1, "{endless:?}");
    let missing = lines(&judge(&pool, "schema(body, \"other\");", input("{}")).await);
    assert_eq!(
        missing,
        ["error script: schema(v, \"other\") needs the JSON schema as the parameter `other`"]
    );
}

/// Scripts that would take long or much in one call of a function.
const HOSTILE: &[&str] = &[
    "let t = \"a\"; t.pad(900000, \"a\"); loop { matches(t, \"(?:a?){200}b\"); }",
    "let t = \"\"; t.pad(300000, \"aé\"); loop { matches(t, \"(?:\\\\pL|.){0,60}[^\\\\pL]x$\"); }",
    "let t = \"\"; t.pad(900000, \"ab\"); loop { captures(t, \"(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)c\"); }",
    "for n in 0..1000000 { matches(\"a\", `(?i)[a-z]{100}[0-9]{${n % 90}}\\\\w{3}${n}`); }",
    "let t = \"\"; t.pad(1000000, \"<a>\"); xml(t);",
    "let t = \"\"; t.pad(420000, \"<a>\"); let u = \"\"; u.pad(560000, \"</a>\"); xml(t + u);",
    "let t = \"\"; t.pad(900000, \"aba\"); loop { matches(t, \"(?:[ab]?[ac]?){90}[^abc]\"); }",
    "let t = \"<a>\"; t.pad(1000000, \"<b/>\"); t += \"</a>\"; let all = []; loop { all.push(xml(t)); }",
    "let t = \"<a\"; for n in 0..9000 { t += ` b${n}='1'`; } t += \"/>\"; loop { xml(t); }",
    "let t = \"\"; t.pad(1000000, \",\"); let all = []; loop { all.push(csv(t, #{ headers: false })); }",
    "let t = \"\"; t.pad(1000000, \"\\n\"); let all = []; loop { all.push(lines(t)); }",
    "let t = \"\"; t.pad(1000000, \"a\"); loop { sha256(t); }",
    "let t = \"\"; t.pad(1000000, \"a\"); loop { t = base64_encode(t); }",
    "let t = \"http://a/?\"; t.pad(1000000, \"a&\"); loop { parse_url(t); }",
    "memory.record(\"a\", 1); loop { memory.record(\"a\", 1); memory.at(\"a\", 1); track(\"b\", body); }",
    "let a = []; a.pad(9000, 1); loop { unique(a, \"$[*]\"); sum_of(a, \"$[*]\"); mad(a); }",
    "always(|| { loop { } }); loop { }",
];

#[tokio::test]
async fn long_work_in_one_call_is_stopped_in_time() {
    let pool = pool(&silent());
    let mut slow = Vec::new();
    for script in HOSTILE {
        let mut input = input("{}");
        input.wall = Duration::from_secs(2);
        let job = input.job(source(script), Limits::default());
        let began = Instant::now();
        let judgement = pool.run(job).await;
        let took = began.elapsed();
        let run = &judgement
            .runs
            .first()
            .map(|run| run.usage)
            .unwrap_or_default();
        let found = lines(&judgement);
        let held = run.heap_bytes.used <= run.heap_bytes.allowed + (16 << 20);
        let stopped = found.first().is_some_and(|line| line.starts_with("error "));
        if run.cpu_us.used > 400_000 || !held || !stopped {
            slow.push(format!(
                "{script}: {took:?}, {} µs, {} bytes, {found:?}",
                run.cpu_us.used, run.heap_bytes.used
            ));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
    assert_eq!(
        lines(&judge(&pool, "expect(true);", input("{}")).await),
        [""; 0]
    );
}
