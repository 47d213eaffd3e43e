//! The picture of the latency in words: its legend, its sentence, and the table that says the same.

use std::time::Duration;

use regex::Regex;

use super::page::{HERE, text, until};
use super::rig::{Rig, eventually};

/// Returns what of a page is about latency.
fn latency(page: &str) -> &str {
    let (_, from) = page.split_once("<h2 id=\"latency-h\">").unwrap();
    from.split_once("</section>").unwrap().0
}

fn numbers(text: &str, pattern: &str) -> Vec<u64> {
    let found = Regex::new(pattern).unwrap();
    let all = found.captures_iter(text);
    all.map(|one| one[1].replace(',', "").parse().unwrap())
        .collect()
}

/// Days are a picture as well, and a table says what each was.
fn days_are_told(page: &str) {
    let (_, days) = page.split_once("<summary>Day by day</summary>").unwrap();
    let (days, _) = days.split_once("</details>").unwrap();
    assert_eq!(
        days.matches("<tr><td class=\"nowrap\">").count(),
        90,
        "{days}"
    );
    assert_eq!(days.matches("<td class=\"text\">no data</td>").count(), 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_has_a_legend_of_what_it_shows_and_its_numbers_as_a_table() {
    let rig = Rig::new();
    rig.api.waits("/slow", Duration::from_millis(30));
    let config = rig.config(&["free"])
        + &*rig.service("slow", "match = [\"status_code\"]\nlatency = \"50ms\"")
        + &*rig.service("fast", "match = [\"status_code\"]\nlatency = \"9s\"")
        + &*rig.service("unmeasured", "match = [\"status_code\"]\ninterval = \"1h\"");
    rig.api.waits("/unmeasured", Duration::from_secs(8));
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("probes", || {
        let hits = ["/free", "/slow", "/fast"].map(|path| rig.api.hits(path));
        hits.iter()
            .all(|hits| *hits > 5)
            .then_some(())
            .ok_or(format!("{hits:?}"))
    })
    .await;
    let page = until(&daemon, "/services/slow?window=1h", HERE, "As a table").await;
    let slow = latency(&page);
    for shown in [
        "role=\"img\" aria-label=\"Latency: median ",
        "percentile 99 at most ",
        "</svg>median</li>",
        "</svg>p90</li>",
        "</svg>p99</li>",
        "</svg>limit</li>",
        "</svg>nothing measured</li>",
        "<path class=\"limit\"",
        "<rect class=\"gap\"",
        "<span>1 h ago</span><span>now</span>",
        "<details class=\"more\"><summary>As a table</summary>",
        "<th scope=\"col\">From</th><th scope=\"col\" class=\"num\">Median</th><th scope=\"col\" class=\"num\">p90</th>\
         <th scope=\"col\" class=\"num\">p99</th><th scope=\"col\" class=\"num\">Measured</th>",
    ] {
        assert!(slow.contains(shown), "no {shown} in {slow}");
    }
    let rows = numbers(slow, r#"<td class="num">(\d+)</td></tr>"#);
    let told = numbers(slow, r"<li>([\d,]+) probes? measured</li>");
    assert_eq!(told, [rows.iter().sum::<u64>()], "{slow}");
    assert!(told[0] > 5, "{slow}");
    // A service that takes 30 ms has no median below that, in the table as well.
    let medians = numbers(
        slow,
        r#"</time></td><td class="num">(\d+)(?:\.\d)? ms</td>"#,
    );
    assert_eq!(medians.len(), rows.len(), "{slow}");
    assert!(medians.iter().all(|ms| *ms >= 30), "{slow}");

    // A limit that is far above all of it is no line, and the legend says so.
    let page = until(&daemon, "/services/fast?window=1h", HERE, "As a table").await;
    let fast = latency(&page);
    assert!(!fast.contains("class=\"limit\""), "{fast}");
    assert!(
        fast.contains("<li>limit 9 s, above the picture</li>"),
        "{fast}"
    );
    let page = text(&daemon, "/services/free?window=1h", HERE).await;
    assert!(!latency(&page).contains("limit"), "{page}");
    let page = text(&daemon, "/services/unmeasured?window=1h", HERE).await;
    let nothing = latency(&page);
    assert!(
        nothing.contains("Nothing was measured in the last 1 h."),
        "{nothing}"
    );
    assert!(!nothing.contains("<svg"), "{nothing}");
    days_are_told(&page);
    daemon.stop(Duration::from_secs(1)).await;
}
