//! What scripts have beside them (libraries, schemas in files, shared memory) in the real binary, in both rings.

use super::process::Process;
use super::rig::{Rig, lines};

/// Writes to shared memory by a function of a library; what it writes is a value that a schema in a file accepts.
const WRITES: &str = "//! ---\n//! use = [\"prices\"]\nfail(\"schema\", schema(body, \"price.json\"));\n\
     memory.shared(\"prices\").set(\"double\", prices::double(body.price));";

/// Fails once it sees what the other service's script wrote.
const READS: &str = "let seen = memory.shared(\"prices\").get(\"double\", 0);\n\
     expect(seen != 10, \"seen\", \"the double is there\");";

async fn work_in(sandbox: &str) {
    let rig = Rig::new();
    rig.api.answers("/writer", 200, "{\"price\": 5}");
    rig.write("writes.rhai", WRITES);
    rig.write("reads.rhai", READS);
    rig.write("price.json", "{ \"required\": [\"price\"] }");
    std::fs::create_dir_all(rig.folder.path().join("lib")).unwrap();
    rig.write("lib/prices.rhai", "fn double(price) { price * 2 }");
    let writes = rig.service("writer", "match = [\"writes\"]");
    let reads = rig.service("reader", "match = [\"reads\"]");
    let sandbox = format!("sandbox = \"{sandbox}\"\n");
    rig.write(
        "oes.toml",
        &(sandbox + &*rig.config(&[]) + &*writes + &*reads),
    );
    let process = Process::start(&rig, "log");
    process.address().await;
    assert_eq!(lines(&rig.messages(1).await), ["opened reader error"]);

    rig.write("price.json", "{ \"required\": [\"prices\"] }");
    assert_eq!(lines(&rig.messages(2).await)[1], "opened writer error");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn scripts_in_worker_processes_have_it() {
    work_in("process").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_on_threads_have_it() {
    work_in("thread").await;
}
