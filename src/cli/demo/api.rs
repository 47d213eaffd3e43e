//! A small API that goes wrong on schedule: what `oes demo` watches.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// What goes wrong, and when: seconds after the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    /// First second.
    pub(super) from: u64,
    /// First second of health again.
    pub(super) until: u64,
    /// What a person sees on the terminal.
    pub(super) told: &'static str,
}

/// The chart stops moving.
pub(super) const FROZEN: Trouble = Trouble {
    from: 6,
    until: 26,
    told: "/chart stops moving",
};
/// The price turns into a string.
pub(super) const MISTYPED: Trouble = Trouble {
    from: 10,
    until: 22,
    told: "/price answers with its price as a string",
};
/// Every answer is a 500.
pub(super) const FAILING: Trouble = Trouble {
    from: 16,
    until: 28,
    told: "/flaky answers 500",
};
/// Every answer takes long.
pub(super) const SLOW: Trouble = Trouble {
    from: 20,
    until: 32,
    told: "/slow takes 400 ms",
};

/// All of them, in order.
pub(super) const TROUBLES: [Trouble; 4] = [FROZEN, MISTYPED, FAILING, SLOW];

/// How long a slow answer takes; the demo's limit is far below.
const SLOW_ANSWER: Duration = Duration::from_millis(400);

/// The API's clock.
#[derive(Debug, Clone, Copy)]
struct Since(Instant);

impl Since {
    fn second(self) -> u64 {
        self.0.elapsed().as_secs()
    }

    fn suffers(self, trouble: Trouble) -> bool {
        (trouble.from..trouble.until).contains(&self.second())
    }
}

/// Serves the API on `listener`, its schedule beginning now, until the future is dropped.
pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    axum::serve(listener, router(Instant::now())).await
}

fn router(start: Instant) -> Router {
    Router::new()
        .route("/price", get(price))
        .route("/chart", get(chart))
        .route("/balances", post(balances))
        .route("/slow", get(slow))
        .route("/flaky", get(flaky))
        .route("/types", get(price))
        .with_state(Arc::new(Since(start)))
}

async fn price(State(since): State<Arc<Since>>) -> Json<Value> {
    let price = 1.28 + f64::from(u32::try_from(since.second() % 7).unwrap_or_default()) / 100.0;
    let shown = if since.suffers(MISTYPED) {
        json!(format!("{price:.2}"))
    } else {
        json!(price)
    };
    Json(json!({ "status": "ok", "name": "ergopad", "price": shown }))
}

async fn chart(State(since): State<Arc<Since>>) -> Json<Value> {
    let newest = if since.suffers(FROZEN) {
        FROZEN.from
    } else {
        since.second()
    };
    let candles: Vec<Value> = (0..20)
        .map(|n| json!([newest + n, 128 + (newest + n) % 9]))
        .collect();
    Json(json!(candles))
}

async fn balances(Json(asked): Json<Value>) -> Json<Value> {
    let addresses = asked
        .get("addresses")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let balances: serde_json::Map<String, Value> = addresses
        .iter()
        .filter_map(Value::as_str)
        .map(|address| (address.to_owned(), json!({ "balance": 12.5, "tokens": [] })))
        .collect();
    Json(json!({ "addresses": balances, "total": 12.5 }))
}

async fn slow(State(since): State<Arc<Since>>) -> Json<Value> {
    if since.suffers(SLOW) {
        sleep(SLOW_ANSWER).await;
    }
    Json(json!({ "status": "ok" }))
}

async fn flaky(State(since): State<Arc<Since>>) -> (StatusCode, Json<Value>) {
    if since.suffers(FAILING) {
        let body = json!({ "error": "database connection pool exhausted" });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(body));
    }
    (StatusCode::OK, Json(json!({ "status": "ok", "queue": 3 })))
}
