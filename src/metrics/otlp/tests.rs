use super::*;

fn about() -> About {
    let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    About {
        attributes: vec![
            attribute("service.name", "oes"),
            attribute("place", "a"),
            attribute("service.name", "other"),
        ],
        started: Timestamp::from_second(1).unwrap(),
        now: Timestamp::from_second(2).unwrap(),
    }
}

/// Returns the requests that a text becomes.
fn requests(pieces: &[&str]) -> Vec<ExportMetricsServiceRequest> {
    let mut all = Vec::new();
    let mut give = |request: Vec<u8>| {
        all.push(ExportMetricsServiceRequest::decode(request.as_slice()).unwrap());
        true
    };
    let mut requests = Requests::new(&about(), &mut give);
    for piece in pieces {
        assert!(requests.take(piece));
    }
    assert!(requests.end());
    all
}

fn metrics(request: &ExportMetricsServiceRequest) -> &[Metric] {
    &request.resource_metrics[0].scope_metrics[0].metrics
}

#[test]
fn counts_up_to_each_bound_become_counts_between_bounds() {
    let times = Times { started: 1, now: 2 };
    let point = |within: &[(f64, u64)]| {
        let within = within.to_vec();
        let buckets = Buckets {
            within,
            sum: 7.5,
            ..Buckets::default()
        };
        let point = buckets.point(times);
        (point.explicit_bounds, point.bucket_counts, point.count)
    };
    let rows = [
        (
            point(&[(0.1, 2), (1.0, 2), (f64::INFINITY, 5)]),
            (vec![0.1, 1.0], vec![2, 0, 3], 5),
        ),
        (point(&[(f64::INFINITY, 3)]), (vec![], vec![3], 3)),
        (
            point(&[(0.1, 0), (f64::INFINITY, 0)]),
            (vec![0.1], vec![0, 0], 0),
        ),
    ];
    for (told, expected) in rows {
        assert_eq!(told, expected);
    }
}

#[test]
fn each_kind_of_family_becomes_its_own() {
    let all = requests(&[
        "# HELP oes_x Counted.\n# TYPE oes_x counter\noes_x_total{a=\"1\"} 3\n",
        "# HELP oes_s_seconds Measured.\n# TYPE oes_s_seconds gauge\n# UNIT oes_s_seconds seconds\noes_s_seconds -0.5\n",
        "# HELP h H.\n# TYPE h histogram\nh_sum{a=\"1\"} 1.5\nh_count{a=\"1\"} 3\nh_bucket{a=\"1\",le=\"1.0\"} 2\nh_bucket{a=\"1\",le=\"+Inf\"} 3\n",
        "h_bucket{a=\"2\",le=\"1.0\"} 0\nh_bucket{a=\"2\",le=\"+Inf\"} 1\nh_sum{a=\"2\"} 4\nh_count{a=\"2\"} 1\n# EOF\n",
    ]);
    assert_eq!(all.len(), 1);
    let [counter, gauge, histogram] = metrics(&all[0]) else {
        panic!("{all:#?}");
    };
    assert_eq!(
        (&*counter.name, &*counter.description, &*counter.unit),
        ("oes_x_total", "Counted.", "")
    );
    let cumulative = i32::from(AggregationTemporality::Cumulative);
    let Some(Data::Sum(sum)) = &counter.data else {
        panic!("{counter:#?}");
    };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, cumulative);
    let point = &sum.data_points[0];
    assert_eq!(point.attributes, [attribute("a", "1")]);
    assert_eq!(
        (point.start_time_unix_nano, point.time_unix_nano),
        (1_000_000_000, 2_000_000_000)
    );
    assert_eq!(point.value, Some(number_data_point::Value::AsDouble(3.0)));
    assert_eq!((&*gauge.name, &*gauge.unit), ("oes_s_seconds", "s"));
    let Some(Data::Gauge(Gauge { data_points })) = &gauge.data else {
        panic!("{gauge:#?}");
    };
    assert_eq!(data_points[0].start_time_unix_nano, 0);
    assert_eq!(
        data_points[0].value,
        Some(number_data_point::Value::AsDouble(-0.5))
    );
    let Some(Data::Histogram(told)) = &histogram.data else {
        panic!("{histogram:#?}");
    };
    assert_eq!(told.aggregation_temporality, cumulative);
    let points = told.data_points.iter();
    let points: Vec<_> = points
        .map(|point| (&*point.bucket_counts, point.count, point.sum))
        .collect();
    assert_eq!(
        points,
        [(&[2, 1][..], 3, Some(1.5)), (&[0, 1][..], 1, Some(4.0))]
    );
}

#[test]
fn what_the_config_says_of_this_oes_stands_above_what_it_says_itself() {
    let all = requests(&["# TYPE x gauge\nx 1\n"]);
    let resource = all[0].resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(
        resource.attributes,
        [attribute("place", "a"), attribute("service.name", "other")]
    );
}

#[test]
fn many_points_go_into_several_requests_and_none_is_lost() {
    const POINTS: usize = 60_000;
    let mut text = "# HELP x X.\n# TYPE x gauge\n".to_owned();
    for number in 0..POINTS {
        text.extend(["x{service=\"", &number.to_string(), "\"} 1\n"]);
    }
    let all = requests(&[&text]);
    assert!(all.len() > 1, "{}", all.len());
    let mut points = 0;
    for request in &all {
        assert!(request.encoded_len() < REQUEST_BYTES + 4_096);
        for metric in metrics(request) {
            assert_eq!((&*metric.name, &*metric.description), ("x", "X."));
            let Some(Data::Gauge(gauge)) = &metric.data else {
                panic!("{metric:#?}");
            };
            points += gauge.data_points.len();
        }
    }
    assert_eq!(points, POINTS);
}

#[test]
fn who_wants_no_more_is_given_no_more() {
    let mut given = 0;
    let mut give = |_| {
        given += 1;
        false
    };
    let about = about();
    let mut requests = Requests::new(&about, &mut give);
    let many = "x{service=\"a service with a name that is long enough for this test\"} 1\n";
    requests.take("# TYPE x gauge\n");
    assert!(!requests.take(&many.repeat(60_000)));
    assert!(!requests.end());
    assert_eq!(given, 1);
}

#[test]
fn nothing_makes_no_request() {
    assert_eq!(requests(&["# TYPE x gauge\n# EOF\n"]), []);
}
