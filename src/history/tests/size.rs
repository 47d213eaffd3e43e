//! How much room everything takes.

use super::*;

/// Bytes of the pages of a table, and its rows.
fn room(path: &Path, table: &str) -> (f64, f64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let ask = |sql: &str| {
        connection
            .query_row(sql, (), |row| row.get::<_, f64>(0))
            .unwrap()
    };
    (
        ask(&format!(
            "SELECT CAST(sum(pgsize) AS REAL) FROM dbstat WHERE name = '{table}'"
        )),
        ask(&format!("SELECT CAST(count(*) AS REAL) FROM {table}")),
    )
}

/// A probe of a service on the internet: phases and latency that scatter.
fn scattered(service: usize, second: i64) -> RawSample {
    let mut bits = second.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ service as u64;
    let mut some = |least: u64, range: u64| {
        bits = bits.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        Some(Duration::from_micros(least + (bits >> 40) % range))
    };
    let mut one = raw(sample(second, Outcome::Pass));
    one.at = at(second) + Duration::from_micros(second.unsigned_abs() % 977);
    one.phases = [
        some(300, 2_000),
        some(9_000, 12_000),
        some(18_000, 20_000),
        some(30, 100),
        some(60_000, 150_000),
        some(100, 9_000),
    ];
    one.latency = Some(one.phases.iter().flatten().sum());
    one
}

/// What a year takes follows from what a row takes: how many rows there are by default is known.
#[test]
fn a_service_at_thirty_seconds_takes_less_than_its_budget() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    // Several services, so that rows go into the middle of the tables as they do.
    for second in (0..129_600).step_by(30) {
        for n in 0..4 {
            store.write_sample(&service(n), scattered(n, second));
        }
        store.tick(at(second));
        if second % 6_000 == 0 {
            store.flush(PATIENCE).unwrap();
        }
    }
    store.settle(PATIENCE).unwrap();
    drop(store);
    let samples = 4.0 * 129_600.0 / 30.0;
    let (bytes, _) = room(&path, "raw");
    let sample = bytes / samples;
    let row = |table| {
        let (bytes, rows) = room(&path, table);
        bytes / rows
    };
    let days: [(&str, f64); 2] = [("five_minutes", 288.0 * 90.0), ("hours", 24.0 * 365.0)];
    let buckets: f64 = days.iter().map(|(table, rows)| row(*table) * rows).sum();
    // A day is at most as long as its cells; taken as twice an hour.
    let year = sample * 2_880.0 * 7.0 + buckets + 2.0 * row("hours") * 365.0;
    assert!(sample <= 60.0, "{sample} bytes a sample");
    assert!(year <= 25e6, "{year} bytes a service and year");
}
