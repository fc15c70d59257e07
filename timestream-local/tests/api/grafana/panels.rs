//! Panels that ask for the same as those of the data source's dashboards and documentation. The results were worked out by
//! hand from the sample.

use serde_json::{Value, json};

use super::Panel;
use super::frames::{Series, rows, series};

#[tokio::test(flavor = "multi_thread")]
async fn panels_of_tables() {
    let panel = Panel::start().await;
    // Hosts of each service, a column for each.
    let hosts = "SELECT CASE WHEN service = 'apollo' THEN hosts END AS apollo, CASE WHEN service = 'zeus' THEN hosts END AS zeus \
                 FROM (SELECT microservice_name AS service, sum(n) AS hosts FROM ( \
                 SELECT microservice_name, count(DISTINCT instance_name) AS n FROM $__database.$__table \
                 WHERE $__timeFilter AND measure_name = '$__measure' AND region = 'us-east-1' \
                 GROUP BY region, cell, silo, availability_zone, microservice_name) GROUP BY microservice_name) ORDER BY 1";
    assert_eq!(panel.rows(hosts).await, [[json!(2), Value::Null], [Value::Null, json!(2)]]);
    // The share of busy hosts, and the number of idle ones.
    let busy = "SELECT ROUND(COUNT(IF(p90 > 80, 1, NULL)) * 100 / CAST(COUNT(*) AS DOUBLE)) AS busy FROM ( \
                SELECT instance_name, approx_percentile(measure_value::double, 0.9) AS p90 FROM $__database.$__table \
                WHERE $__timeFilter AND measure_name = '$__measure' AND microservice_name = 'zeus' \
                GROUP BY region, cell, silo, availability_zone, microservice_name, instance_name)";
    assert_eq!(panel.rows(busy).await, [[json!(50.0)]]);
    let idle = "SELECT COUNT(*) AS hosts FROM (SELECT region, instance_name FROM $__database.$__table \
                WHERE $__timeFilter AND measure_name = '$__measure' AND microservice_name = 'apollo' \
                GROUP BY region, instance_name HAVING approx_percentile(measure_value::double, 0.9) < 20)";
    assert_eq!(panel.rows(idle).await, [[json!(1)]]);
    let states = "SELECT measure_value::varchar AS state, COUNT(*) AS tasks FROM $__database.$__table \
                  WHERE $__timeFilter AND measure_name = 'task_end_state' GROUP BY measure_value::varchar ORDER BY 2 DESC";
    assert_eq!(panel.rows(states).await, [[json!("SUCCESS"), json!(3)], [json!("FAILURE"), json!(1)]]);
    let memory = "SELECT region, cell, microservice_name, BIN(time, 1h) AS hour, COUNT(DISTINCT instance_name) AS hosts, \
                  ROUND(AVG(measure_value::double), 2) AS mean, ROUND(APPROX_PERCENTILE(measure_value::double, 0.9), 2) AS p90 \
                  FROM $__database.$__table WHERE $__timeFilter AND measure_name = 'memory_used' \
                  AND microservice_name = 'zeus' GROUP BY region, cell, microservice_name, BIN(time, 1h) ORDER BY p90 DESC";
    let expected = json!([["us-east-1", "c1", "zeus", "2024-05-06 12:00:00.000000000", 2, 25.0, 40.0]]);
    assert_eq!(json!(panel.rows(memory).await), expected);
    let all = "SELECT region, microservice_name, instance_type, os_version, instance_name FROM db1.metrics WHERE $__timeFilter \
               AND region IN ('us-east-1','it''s') AND measure_name = 'cpu_user' \
               GROUP BY region, microservice_name, instance_type, os_version, instance_name \
               ORDER BY region, microservice_name, instance_type, os_version, instance_name";
    let names: Vec<Value> = panel.rows(all).await.into_iter().map(|mut row| row.remove(4)).collect();
    assert_eq!(json!(names), json!(["a1", "a2", "z1", "z2"]));
    let spread = "SELECT region, cell, silo, availability_zone, approx_distinct(microservice_name || instance_name) AS n \
                  FROM db1.metrics WHERE $__timeFilter AND measure_name = 'cpu_user' \
                  GROUP BY region, cell, silo, availability_zone ORDER BY region, cell, silo, availability_zone";
    assert_eq!(json!(panel.rows(spread).await), json!([["us-east-1", "c1", "s1", "az1", 4]]));
}

/// The pauses of the host that uses most memory of the service that does.
#[tokio::test(flavor = "multi_thread")]
async fn a_panel_of_five_steps() {
    let panel = Panel::start().await;
    let text = "WITH used AS (SELECT region, cell, silo, microservice_name, instance_name, BIN(time, 5m) AS time_bin, \
                MAX(measure_value::double) AS most FROM $__database.$__table WHERE $__timeFilter \
                AND measure_name = 'memory_used' AND cell = 'c1' \
                GROUP BY region, cell, silo, microservice_name, instance_name, BIN(time, 5m)), \
                services AS (SELECT region, cell, silo, microservice_name, APPROX_PERCENTILE(most, 0.95) AS p95 FROM used \
                GROUP BY region, cell, silo, microservice_name), \
                ranked AS (SELECT region, cell, silo, microservice_name, \
                DENSE_RANK() OVER (PARTITION BY region, cell, silo ORDER BY p95 DESC) AS rank FROM services), \
                hosts AS (SELECT r.region, r.cell, r.silo, r.microservice_name, m.instance_name, \
                APPROX_PERCENTILE(most, 0.95) AS p95 FROM ranked r INNER JOIN used m ON r.region = m.region \
                AND r.cell = m.cell AND r.silo = m.silo AND r.microservice_name = m.microservice_name WHERE r.rank = 1 \
                GROUP BY r.region, r.cell, r.silo, r.microservice_name, m.instance_name), \
                first AS (SELECT region, cell, silo, microservice_name, instance_name, DENSE_RANK() OVER \
                (PARTITION BY region, cell, silo, microservice_name ORDER BY p95 DESC) AS rank FROM hosts) \
                SELECT t.microservice_name, t.instance_name, t.process_name, t.jdk_version, \
                MIN(measure_value::double) AS least, ROUND(AVG(measure_value::double), 2) AS mean, \
                ROUND(STDDEV(measure_value::double), 2) AS deviation, \
                ROUND(APPROX_PERCENTILE(measure_value::double, 0.99), 2) AS p99 \
                FROM first r INNER JOIN $__database.$__table t ON r.region = t.region AND r.cell = t.cell \
                AND r.silo = t.silo AND r.microservice_name = t.microservice_name AND r.instance_name = t.instance_name \
                WHERE $__timeFilter AND measure_name = 'gc_pause' AND rank = 1 \
                GROUP BY t.microservice_name, t.instance_name, t.process_name, t.jdk_version";
    let expected = json!([["zeus", "z2", "server", "JDK_11", 5.0, 6.0, 1.41, 7.0]]);
    assert_eq!(json!(panel.rows(text).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_over_time() {
    let panel = Panel::start().await;
    let cpu = "SELECT BIN(time, $__interval) AS time_bin, \
               AVG(CASE WHEN measure_name = 'cpu_user' THEN measure_value::double ELSE NULL END) AS cpu_user, \
               AVG(CASE WHEN measure_name = 'cpu_system' THEN measure_value::double ELSE NULL END) AS cpu_system \
               FROM $__database.$__table WHERE $__timeFilter AND measure_name IN ('cpu_user', 'cpu_system') \
               AND microservice_name = 'zeus' AND instance_type = 'm5' GROUP BY BIN(time, $__interval) ORDER BY time_bin desc";
    let expected =
        json!([["2024-05-06 12:10:00.000000000", 77.5, null], ["2024-05-06 12:00:00.000000000", 70.0, null]]);
    assert_eq!(json!(panel.rows(cpu).await), expected);
    let reads = "SELECT BIN(time, $__interval_ms) AS time_bin, ROUND(AVG(measure_value::bigint), 2) AS mean, \
                 ROUND(APPROX_PERCENTILE(measure_value::double, 0.9), 2) AS p90, max(measure_value::bigint) AS most \
                 FROM $__database.$__table WHERE $__timeFilter AND measure_name = 'disk_io_reads' \
                 GROUP BY BIN(time, $__interval_ms) ORDER BY time_bin desc LIMIT 1";
    let expected = json!([["2024-05-06 12:10:00.000000000", 9_007_199_254_740_992.0, null, 9_007_199_254_740_993_i64]]);
    assert_eq!(json!(panel.rows(reads).await), expected);
    let long = "SELECT bin(time, $__interval_ms) AS binned_time, instance_name, avg(measure_value::double) AS \"$__refId\" \
                FROM $__database.$__table WHERE $__timeFilter AND measure_name = '$__measure' \
                GROUP BY bin(time, $__interval_ms), instance_name ORDER BY binned_time ASC, 2";
    let answer = panel.answer(long).await;
    assert_eq!(answer.column_info()[2].name(), Some("A"));
    let found = rows(&answer);
    assert_eq!(found.len(), 8);
    assert!(found.is_sorted_by_key(|row| row[0].to_string()), "{found:?}");
    let rate = "SELECT sum(measure_value::double) * 1000 / $__interval_raw_ms FROM $__database.$__table \
                WHERE time > from_milliseconds($__timeFrom) AND time < from_milliseconds($__timeTo) \
                AND time <= from_milliseconds($__now_ms) AND measure_name = 'gc_pause'";
    assert_eq!(panel.rows(rate).await, [[json!(9.0 / 300.0)]]);
    // Grafana's own variables, in its formats.
    let own = "SELECT * FROM $__database.$__table WHERE time >= from_iso8601_timestamp('2024-05-06T12:10:00.000Z') \
               AND time <= from_iso8601_timestamp('2024-05-06T13:00:00.000Z') AND time < from_unixtime(1715000400) \
               AND measure_name = 'cpu_user' ORDER BY time ASC LIMIT 100";
    assert_eq!(panel.rows(own).await.len(), 4);
    let latest = "SELECT instance_name, measure_name, time, measure_value::double AS value FROM $__database.$__table \
                  WHERE time BETWEEN from_milliseconds($__timeFrom) AND from_milliseconds($__now_ms) \
                  AND measure_name = 'gc_pause' ORDER BY time DESC, instance_name LIMIT 1";
    let expected = json!([["z1", "gc_pause", "2024-05-06 12:10:00.000000000", 2.0]]);
    assert_eq!(json!(panel.rows(latest).await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_of_time_series() {
    let panel = Panel::start().await;
    // Grouped by more than is shown, and ordered by what is not.
    let pauses = "SELECT silo, microservice_name, instance_name, CREATE_TIME_SERIES(time, measure_value::double) AS gc_pause \
                  FROM $__database.$__table WHERE $__timeFilter AND measure_name = 'gc_pause' AND cell = 'c1' \
                  GROUP BY region, cell, silo, availability_zone, microservice_name, instance_name, process_name, jdk_version \
                  ORDER BY AVG(measure_value::double) DESC LIMIT 3";
    let answer = panel.answer(pauses).await;
    let column = answer.column_info()[3].r#type().unwrap().time_series_measure_value_column_info().unwrap();
    assert_eq!(column.name(), None);
    let frame = |host: &str, values: [f64; 2]| Series {
        labels: [("silo", "s1"), ("microservice_name", "zeus"), ("instance_name", host)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        points: ["2024-05-06 12:00:00.000000000", "2024-05-06 12:10:00.000000000"]
            .into_iter()
            .zip(values)
            .map(|(time, value)| (time.to_owned(), json!(value)))
            .collect(),
    };
    assert_eq!(series(&answer), [frame("z2", [5.0, 7.0]), frame("z1", [1.0, 2.0])]);
    let filled = "WITH binned AS (SELECT instance_name, BIN(time, $__interval_ms) AS t, AVG(measure_value::double) AS v \
                  FROM $__database.$__table WHERE $__timeFilter AND measure_name = 'gc_pause' \
                  GROUP BY instance_name, BIN(time, $__interval_ms)) \
                  SELECT instance_name, INTERPOLATE_LINEAR(CREATE_TIME_SERIES(t, v), SEQUENCE(min(t), max(t), $__interval_ms)) \
                  AS filled FROM binned GROUP BY instance_name ORDER BY instance_name";
    let found = series(&panel.answer(filled).await);
    let values: Vec<_> = found[0].points.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(values, [1.0, 1.5, 2.0].map(|value| json!(value)));
    // A host without pauses has no series: NULL, which becomes a frame without points.
    let missing = "SELECT h.instance_name, s.points FROM (SELECT DISTINCT instance_name FROM $__database.$__table) AS h \
                   LEFT JOIN (SELECT instance_name, CREATE_TIME_SERIES(time, measure_value::double) AS points \
                   FROM $__database.$__table WHERE measure_name = 'gc_pause' GROUP BY instance_name) AS s \
                   ON h.instance_name = s.instance_name ORDER BY 1";
    let counts: Vec<_> = series(&panel.answer(missing).await).iter().map(|frame| frame.points.len()).collect();
    assert_eq!(counts, [0, 0, 2, 2]);
}
