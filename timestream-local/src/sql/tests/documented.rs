//! The example queries of the Timestream developer guide ("Sample queries": with time series functions, with aggregate
//! functions) and of its sample application, on the guide's data, with results worked out by hand.

use rusqlite::Connection;

use super::column;
use crate::calendar;
use crate::sql::{
    Attribute, Catalog, CatalogError, ColumnType, Counted, Measure, Parts, Statement, TableColumn, TableSchema,
    compile, register_functions,
};

struct Guide;

const HOST_DIMENSIONS: [&str; 3] = ["region", "az", "hostname"];
const TRUCK_DIMENSIONS: [&str; 6] = ["truck_id", "make", "model", "fleet", "fuel_capacity", "load_capacity"];

impl Catalog for Guide {
    fn table(&self, _: &str, table: &str) -> Result<TableSchema, CatalogError> {
        let (dimensions, number): (&[&str], u8) =
            if table == "DevOps" { (&HOST_DIMENSIONS, 1) } else { (&TRUCK_DIMENSIONS, 2) };
        let mut columns: Vec<TableColumn> = dimensions
            .iter()
            .enumerate()
            .map(|(index, name)| column(name, ColumnType::Varchar, Attribute::Dimension, &format!("s.d{index}")))
            .collect();
        columns.push(column("measure_name", ColumnType::Varchar, Attribute::MeasureName, "s.measure_name"));
        columns.push(column("time", ColumnType::Timestamp, Attribute::Timestamp, "v.time"));
        columns.push(column("measure_value::double", ColumnType::Double, Attribute::MeasureValue, "v.double"));
        columns.push(column("measure_value::bigint", ColumnType::Bigint, Attribute::MeasureValue, "v.bigint"));
        columns.push(column("measure_value::varchar", ColumnType::Varchar, Attribute::MeasureValue, "v.varchar"));
        Ok(TableSchema {
            columns,
            relation: format!("series_{number} AS s CROSS JOIN samples_{number} AS v ON v.series = s.id"),
            counted: Counted {
                relation: format!("samples_{number} AS v"),
                owner: "v.series".into(),
                time: "v.time".into(),
                count: "count(*)".into(),
            },
            parts: Parts {
                series: format!("series_{number} AS s"),
                id: "s.id".into(),
                records: format!("samples_{number} AS v"),
                owner: "v.series".into(),
                points: None,
            },
        })
    }

    fn databases(&self) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["sampleDB".into()])
    }

    fn tables(&self, _: &str) -> Result<Vec<String>, CatalogError> {
        Ok(vec!["DevOps".into(), "IoT".into()])
    }

    fn measures(&self, _: &str, _: &str) -> Result<Vec<Measure>, CatalogError> {
        Ok(Vec::new())
    }
}

/// The guide's table of hosts: seconds after 19:00, host, and the four measures.
const HOSTS: [(i64, u8, f64, f64, i64, i64); 9] = [
    (0, 1, 35.1, 55.3, 1_500, 6_700),
    (0, 2, 38.5, 58.4, 23_000, 12_000),
    (0, 3, 45.0, 65.8, 15_000, 836_000),
    (5, 1, 55.2, 75.0, 1_245, 68_432),
    (8, 2, 65.6, 85.3, 1_245, 68_432),
    (20, 3, 12.1, 32.0, 1_400, 345),
    (10, 1, 15.3, 35.4, 23, 0),
    (16, 2, 44.0, 64.2, 1_450, 200),
    (40, 3, 66.4, 86.3, 300, 423),
];

/// Trucks: minutes before now, truck, fuel, load, speed.
const TRUCKS: [(i64, u8, f64, f64, f64); 5] = [
    (90, 1, 65.2, 400.0, 90.2),
    (30, 1, 60.0, 450.0, 75.0),
    (90, 2, 10.1, 950.3, 50.8),
    (60, 3, 8.0, 100.0, 60.0),
    (10, 3, 90.0, 300.0, 65.0),
];

fn start() -> i64 {
    calendar::parse_timestamp("2019-12-04 19:00:00").unwrap()
}

fn now() -> i64 {
    calendar::parse_timestamp("2019-12-04 19:01:00").unwrap()
}

fn guide() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for (number, dimensions) in [(1, HOST_DIMENSIONS.len()), (2, TRUCK_DIMENSIONS.len())] {
        let columns: String = (0..dimensions).map(|index| format!(", d{index} TEXT")).collect();
        let sql = format!(
            "CREATE TABLE series_{number} (id INTEGER PRIMARY KEY, measure_name TEXT NOT NULL{columns});
             CREATE TABLE samples_{number} (series INTEGER, time INTEGER, double, bigint, varchar,
               PRIMARY KEY (series, time)) WITHOUT ROWID;"
        );
        connection.execute_batch(&sql).unwrap();
    }
    let series = |table: u8, measure: &str, dimensions: &[&str]| {
        let quoted: Vec<String> = dimensions.iter().map(|value| format!("'{value}'")).collect();
        let same: Vec<String> = quoted.iter().enumerate().map(|(i, value)| format!("d{i} = {value}")).collect();
        let find = format!("SELECT id FROM series_{table} WHERE measure_name = '{measure}' AND {}", same.join(" AND "));
        connection.query_row(&find, [], |row| row.get::<_, i64>(0)).unwrap_or_else(|_| {
            let sql = format!("INSERT INTO series_{table} VALUES (NULL, '{measure}', {})", quoted.join(", "));
            connection.execute(&sql, []).unwrap();
            connection.last_insert_rowid()
        })
    };
    let sample = |table: u8, series: i64, time: i64, column: &str, value: rusqlite::types::Value| {
        let sql = format!("INSERT INTO samples_{table} (series, time, {column}) VALUES (?1, ?2, ?3)");
        connection.execute(&sql, (series, time, value)).unwrap();
    };
    for (seconds, host, cpu, memory, received, sent) in HOSTS {
        let (az, name) =
            (["us-east-1a", "us-east-1b", "us-east-1c"][usize::from(host) - 1], format!("frontend0{host}"));
        let time = start() + seconds * calendar::SECOND;
        let dimensions = ["us-east-1", az, name.as_str()];
        sample(1, series(1, "cpu_utilization", &dimensions), time, "double", cpu.into());
        sample(1, series(1, "memory_utilization", &dimensions), time, "double", memory.into());
        sample(1, series(1, "network_bytes_in", &dimensions), time, "bigint", received.into());
        sample(1, series(1, "network_bytes_out", &dimensions), time, "bigint", sent.into());
    }
    for (minutes, truck, fuel, load, speed) in TRUCKS {
        let dimensions = [
            ["123456781", "GMC", "Astro", "Alpha", "100", "500"],
            ["123456782", "Kenworth", "W900", "Alpha", "150", "1000"],
            ["123456783", "GMC", "Astro", "Beta", "100", "500"],
        ][usize::from(truck) - 1];
        let time = now() - minutes * 60 * calendar::SECOND;
        sample(2, series(2, "fuel-reading", &dimensions), time, "double", fuel.into());
        sample(2, series(2, "load", &dimensions), time, "double", load.into());
        sample(2, series(2, "speed", &dimensions), time, "double", speed.into());
    }
    register_functions(&connection).unwrap();
    connection
}

fn check(text: &str, expected: &[&str]) {
    let Statement::Select(query) = compile(text, &Guide, now()).unwrap_or_else(|error| panic!("{text}: {error}"))
    else {
        panic!("{text} is a listing")
    };
    let connection = guide();
    let mut statement = connection.prepare(&query.sql).unwrap_or_else(|error| panic!("{text}: {error}"));
    let parameters = query.parameters.iter().take(statement.parameter_count());
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
        let cells = query.columns.iter().enumerate();
        let cells = cells.map(|(index, column)| super::shown(&column.column_type, row.get_ref(index).unwrap()));
        Ok(cells.collect::<Vec<_>>().join("|"))
    });
    let rows: Vec<String> = rows.unwrap().map(|row| row.unwrap_or_else(|error| panic!("{text}: {error}"))).collect();
    assert_eq!(rows, expected, "{text}");
}

#[test]
fn percentiles_of_a_host() {
    check(
        "SELECT region, az, hostname, BIN(time, 15s) AS binned_timestamp, \
           ROUND(AVG(measure_value::double), 2) AS avg_cpu_utilization, \
           ROUND(APPROX_PERCENTILE(measure_value::double, 0.9), 2) AS p90_cpu_utilization, \
           ROUND(APPROX_PERCENTILE(measure_value::double, 0.95), 2) AS p95_cpu_utilization, \
           ROUND(APPROX_PERCENTILE(measure_value::double, 0.99), 2) AS p99_cpu_utilization \
         FROM \"sampleDB\".DevOps \
         WHERE measure_name = 'cpu_utilization' AND hostname = 'frontend02' AND time > ago(2h) \
         GROUP BY region, hostname, az, BIN(time, 15s) ORDER BY binned_timestamp ASC",
        &[
            "us-east-1|us-east-1b|frontend02|2019-12-04 19:00:00.000000000|52.05|65.6|65.6|65.6",
            "us-east-1|us-east-1b|frontend02|2019-12-04 19:00:15.000000000|44.0|44.0|44.0|44.0",
        ],
    );
}

#[test]
fn hosts_above_the_fleets_average() {
    // 35.2, 49.37 and 41.17 over a fleet at 41.91.
    check(
        "WITH avg_fleet_utilization AS ( \
           SELECT COUNT(DISTINCT hostname) AS total_host_count, AVG(measure_value::double) AS fleet_avg_cpu_utilization \
           FROM \"sampleDB\".DevOps WHERE measure_name = 'cpu_utilization' AND time > ago(2h) \
         ), avg_per_host_cpu AS ( \
           SELECT region, az, hostname, AVG(measure_value::double) AS avg_cpu_utilization FROM \"sampleDB\".DevOps \
           WHERE measure_name = 'cpu_utilization' AND time > ago(2h) GROUP BY region, az, hostname \
         ) \
         SELECT region, az, hostname, round(avg_cpu_utilization, 2), round(fleet_avg_cpu_utilization, 2) \
         FROM avg_fleet_utilization, avg_per_host_cpu \
         WHERE avg_cpu_utilization > 1.1 * fleet_avg_cpu_utilization ORDER BY avg_cpu_utilization DESC",
        &["us-east-1|us-east-1b|frontend02|49.37|41.91"],
    );
}

#[test]
fn averages_in_bins() {
    check(
        "SELECT BIN(time, 30s) AS binned_timestamp, ROUND(AVG(measure_value::double), 2) AS avg_cpu_utilization, hostname \
         FROM \"sampleDB\".DevOps WHERE measure_name = 'cpu_utilization' AND hostname = 'frontend03' AND time > ago(2h) \
         GROUP BY hostname, BIN(time, 30s) ORDER BY binned_timestamp ASC",
        &["2019-12-04 19:00:00.000000000|28.55|frontend03", "2019-12-04 19:00:30.000000000|66.4|frontend03"],
    );
}

fn interpolated(function: &str, more: &str, between: &str) {
    let text = format!(
        "WITH binned_timeseries AS ( \
           SELECT hostname, BIN(time, 30s) AS binned_timestamp, ROUND(AVG(measure_value::double), 2) AS avg_cpu_utilization \
           FROM \"sampleDB\".DevOps WHERE measure_name = 'cpu_utilization' AND hostname = 'frontend03' AND time > ago(2h) \
           GROUP BY hostname, BIN(time, 30s) \
         ), interpolated_timeseries AS ( \
           SELECT hostname, {function}( CREATE_TIME_SERIES(binned_timestamp, avg_cpu_utilization), \
             SEQUENCE(min(binned_timestamp), max(binned_timestamp), 15s){more}) AS interpolated_avg_cpu_utilization \
           FROM binned_timeseries GROUP BY hostname \
         ) \
         SELECT time, ROUND(value, 2) AS interpolated_cpu FROM interpolated_timeseries \
         CROSS JOIN UNNEST(interpolated_avg_cpu_utilization)"
    );
    let between = format!("2019-12-04 19:00:15.000000000|{between}");
    check(&text, &["2019-12-04 19:00:00.000000000|28.55", &between, "2019-12-04 19:00:30.000000000|66.4"]);
}

#[test]
fn missing_values_are_filled_in() {
    // (28.55 + 66.4) / 2 is 47.475, whose nearest double is above it.
    interpolated("INTERPOLATE_LINEAR", "", "47.48");
    interpolated("INTERPOLATE_LOCF", "", "28.55");
    interpolated("INTERPOLATE_FILL", ", 10.0", "10.0");
}

#[test]
fn averages_of_all_hosts_with_the_last_observation() {
    // Seconds 0 to 40: 20 of 45.0, 20 of 12.1, one of 66.4. And 5, 5, 1; and 8, 8, 1.
    check(
        "WITH per_host_min_max_timestamp AS ( \
           SELECT hostname, min(time) as min_timestamp, max(time) as max_timestamp FROM \"sampleDB\".DevOps \
           WHERE measure_name = 'cpu_utilization' AND time > ago(2h) GROUP BY hostname \
         ), interpolated_timeseries AS ( \
           SELECT m.hostname, INTERPOLATE_LOCF( CREATE_TIME_SERIES(time, measure_value::double), \
             SEQUENCE(MIN(ph.min_timestamp), MAX(ph.max_timestamp), 1s)) as interpolated_avg_cpu_utilization \
           FROM \"sampleDB\".DevOps m INNER JOIN per_host_min_max_timestamp ph ON m.hostname = ph.hostname \
           WHERE measure_name = 'cpu_utilization' AND time > ago(2h) GROUP BY m.hostname \
         ) \
         SELECT hostname, ROUND(AVG(cpu_utilization), 4) AS avg_cpu_utilization FROM interpolated_timeseries \
         CROSS JOIN UNNEST(interpolated_avg_cpu_utilization) AS t (time, cpu_utilization) \
         GROUP BY hostname ORDER BY avg_cpu_utilization DESC",
        &["frontend02|51.5765", "frontend01|42.4364", "frontend03|29.4732"],
    );
}

/// A query on the time series of a host, each 5 seconds: 35.1, 55.2 and 15.3.
fn of_a_host(expression: &str, expected: &str) {
    let text = format!(
        "WITH time_series_view AS ( \
           SELECT INTERPOLATE_LINEAR( CREATE_TIME_SERIES(time, ROUND(measure_value::double, 2)), \
             SEQUENCE(min(time), max(time), 5s)) AS cpu_utilization FROM \"sampleDB\".DevOps \
           WHERE hostname = 'frontend01' AND measure_name = 'cpu_utilization' AND time > ago(2h) GROUP BY hostname \
         ) SELECT {expression} FROM time_series_view"
    );
    check(&text, &[expected]);
}

#[test]
fn time_series_are_filtered_and_reduced() {
    of_a_host(
        "FILTER(cpu_utilization, x -> x.value > 40.0) AS cpu_above_threshold",
        "{\"TimeSeriesValue\":[{\"Time\":\"2019-12-04 19:00:05.000000000\",\"Value\":{\"ScalarValue\":\"55.2\"}}]}",
    );
    // 1232.01 + 3047.04 + 234.09
    of_a_host("ROUND(REDUCE(cpu_utilization, DOUBLE '0.0', (s, x) -> x.value * x.value + s, s -> s), 4)", "4513.14");
    of_a_host(
        "ROUND(REDUCE(cpu_utilization, CAST(ROW(0, 0) AS ROW(count_high BIGINT, count_total BIGINT)), \
           (s, x) -> CAST(ROW(s.count_high + IF(x.value > 40.0, 1, 0), s.count_total + 1) \
             AS ROW(count_high BIGINT, count_total BIGINT)), \
           s -> IF(s.count_total = 0, NULL, CAST(s.count_high AS DOUBLE) / s.count_total)), 4)",
        "0.3333",
    );
    of_a_host(
        "ROUND(REDUCE(cpu_utilization, CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), \
           (s, x) -> CAST(ROW(x.value + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), \
           s -> IF(s.count = 0, NULL, s.sum / s.count)), 4) AS avg_cpu",
        "35.2",
    );
}

#[test]
fn the_latest_fuel_reading_of_each_truck() {
    check(
        "WITH latest_recorded_time AS ( \
           SELECT truck_id, max(time) as latest_time FROM \"sampleDB\".IoT \
           WHERE measure_name = 'fuel-reading' AND time >= ago(24h) GROUP BY truck_id \
         ) \
         SELECT b.truck_id, b.fleet, b.make, b.model, b.time, b.measure_value::double as last_reported_fuel_reading \
         FROM latest_recorded_time a INNER JOIN \"sampleDB\".IoT b ON a.truck_id = b.truck_id AND b.time = a.latest_time \
         WHERE b.measure_name = 'fuel-reading' AND b.time > ago(24h) ORDER BY b.truck_id",
        &[
            "123456781|Alpha|GMC|Astro|2019-12-04 18:31:00.000000000|60.0",
            "123456782|Alpha|Kenworth|W900|2019-12-04 17:31:00.000000000|10.1",
            "123456783|Beta|GMC|Astro|2019-12-04 18:51:00.000000000|90.0",
        ],
    );
}

#[test]
fn trucks_low_on_fuel_that_were_not_filled_up() {
    check(
        "WITH low_fuel_trucks AS ( \
           SELECT time, truck_id, fleet, make, model, (measure_value::double/cast(fuel_capacity as double)*100) AS fuel_pct \
           FROM \"sampleDB\".IoT WHERE time >= ago(48h) \
           AND (measure_value::double/cast(fuel_capacity as double)*100) < 10 AND measure_name = 'fuel-reading' \
         ), other_trucks AS ( \
           SELECT time, truck_id, (measure_value::double/cast(fuel_capacity as double)*100) as remaining_fuel \
           FROM \"sampleDB\".IoT WHERE time >= ago(48h) AND truck_id IN (SELECT truck_id FROM low_fuel_trucks) \
           AND (measure_value::double/cast(fuel_capacity as double)*100) >= 10 AND measure_name = 'fuel-reading' \
         ), trucks_that_refuelled AS ( \
           SELECT a.truck_id FROM low_fuel_trucks a JOIN other_trucks b ON a.truck_id = b.truck_id AND b.time >= a.time \
         ) \
         SELECT DISTINCT truck_id, fleet, make, model, round(fuel_pct, 2) FROM low_fuel_trucks \
         WHERE truck_id NOT IN ( SELECT truck_id FROM trucks_that_refuelled )",
        &["123456782|Alpha|Kenworth|W900|6.73"],
    );
}

#[test]
fn loads_and_speeds_of_a_week() {
    check(
        "SELECT bin(time, 1d) as binned_time, fleet, truck_id, make, model, \
           AVG( CASE WHEN measure_name = 'load' THEN measure_value::double ELSE NULL END ) AS avg_load_tons, \
           MAX( CASE WHEN measure_name = 'speed' THEN measure_value::double ELSE NULL END ) AS max_speed_mph \
         FROM \"sampleDB\".IoT WHERE time >= ago(7d) AND measure_name IN ('load', 'speed') \
         GROUP BY fleet, truck_id, make, model, bin(time, 1d) ORDER BY truck_id",
        &[
            "2019-12-04 00:00:00.000000000|Alpha|123456781|GMC|Astro|425.0|90.2",
            "2019-12-04 00:00:00.000000000|Alpha|123456782|Kenworth|W900|950.3|50.8",
            "2019-12-04 00:00:00.000000000|Beta|123456783|GMC|Astro|200.0|65.0",
        ],
    );
    check(
        "WITH average_load_per_truck AS ( \
           SELECT truck_id, avg(measure_value::double) AS avg_load FROM \"sampleDB\".IoT \
           WHERE measure_name = 'load' AND time >= ago(7d) GROUP BY truck_id, fleet, load_capacity, make, model \
         ), truck_load_efficiency AS ( \
           SELECT a.truck_id, fleet, load_capacity, make, model, avg_load, measure_value::double, time, \
             (measure_value::double*100)/avg_load as load_efficiency \
           FROM \"sampleDB\".IoT a JOIN average_load_per_truck b ON a.truck_id = b.truck_id \
           WHERE a.measure_name = 'load' AND time >= ago(7d) \
         ) \
         SELECT truck_id, time, round(load_efficiency, 1) FROM truck_load_efficiency ORDER BY truck_id, time",
        &[
            "123456781|2019-12-04 17:31:00.000000000|94.1",
            "123456781|2019-12-04 18:31:00.000000000|105.9",
            "123456782|2019-12-04 17:31:00.000000000|100.0",
            "123456783|2019-12-04 18:01:00.000000000|50.0",
            "123456783|2019-12-04 18:51:00.000000000|150.0",
        ],
    );
}

#[test]
fn simple_queries() {
    check(
        "SELECT now() AS time_now
         , now() - (INTERVAL '12' HOUR) AS twelve_hour_earlier -- Compatibility with ANSI SQL
         , now() - 12h AS also_twelve_hour_earlier -- Convenient time interval literals
         , ago(12h) AS twelve_hours_ago -- More convenience with time functionality
         , bin(now(), 10m) AS time_binned -- Convenient time binning support
         , ago(50ns) AS fifty_ns_ago -- Nanosecond support
         , now() + (1h + 50ns) AS hour_fifty_ns_future",
        &["2019-12-04 19:01:00.000000000|2019-12-04 07:01:00.000000000|2019-12-04 07:01:00.000000000|\
           2019-12-04 07:01:00.000000000|2019-12-04 19:00:00.000000000|2019-12-04 19:00:59.999999950|\
           2019-12-04 20:01:00.000000050"],
    );
    check(
        "SELECT hostname, time, measure_value::double FROM \"sampleDB\".DevOps WHERE measure_name = 'cpu_utilization' \
         ORDER BY time DESC LIMIT 2",
        &["frontend03|2019-12-04 19:00:40.000000000|66.4", "frontend03|2019-12-04 19:00:20.000000000|12.1"],
    );
    check(
        "SELECT count(*) FROM \"sampleDB\".DevOps WHERE time BETWEEN ago(45s) AND now() \
         AND measure_name = 'network_bytes_in'",
        &["3"],
    );
    check("SELECT DISTINCT make, model FROM \"sampleDB\".IoT ORDER BY make", &["GMC|Astro", "Kenworth|W900"]);
    check(
        "SELECT truck_id, fleet, fuel_capacity, model, load_capacity, make, measure_name FROM \"sampleDB\".IoT \
         WHERE fleet = 'Beta' GROUP BY truck_id, fleet, fuel_capacity, model, load_capacity, make, measure_name ORDER BY 7",
        &[
            "123456783|Beta|100|Astro|500|GMC|fuel-reading",
            "123456783|Beta|100|Astro|500|GMC|load",
            "123456783|Beta|100|Astro|500|GMC|speed",
        ],
    );
    check(
        "SELECT hostname, INTEGRAL_TRAPEZOIDAL(CREATE_TIME_SERIES(time, measure_value::bigint), 5s) AS result \
         FROM \"sampleDB\".DevOps WHERE measure_name = 'network_bytes_out' AND hostname = 'frontend01' \
         GROUP BY hostname, measure_name",
        // (6700 + 68432) / 2 + (68432 + 0) / 2, each over five seconds.
        &["frontend01|71782.0"],
    );
}
