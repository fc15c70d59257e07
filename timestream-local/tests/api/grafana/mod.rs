//! The statements of Grafana's data source for Timestream (grafana/timestream-datasource): what it asks for itself, the
//! samples of its editor, panels that ask for the same as those of its dashboards and documentation, and how it follows
//! pages. Macros are written out as its backend does.

mod frames;
mod panels;

use aws_sdk_timestreamquery::error::ProvideErrorMetadata;
use aws_sdk_timestreamquery::operation::query::QueryOutput;
use aws_sdk_timestreamwrite::types::{MeasureValueType, Record};
use serde_json::{Value, json};

use crate::server::{Running, dimension, now_ms};
use frames::{rows, table};

/// 2024-05-06 12:00:00.
const NOON: i64 = 1_714_996_800_000;
const MINUTE: i64 = 60_000;

/// A panel: an hour from noon, a pixel for five minutes.
struct Panel {
    running: Running,
}

impl Panel {
    async fn start() -> Panel {
        let running = Running::start().await.table().await;
        for records in sample().chunks(100) {
            running.records(records.to_vec()).send().await.unwrap();
        }
        Panel { running }
    }

    /// The text that is sent. The longer of two macros with the same beginning comes first.
    fn written_out(text: &str) -> String {
        let (from, to) = (NOON.to_string(), (NOON + 60 * MINUTE).to_string());
        let filter = format!("time BETWEEN from_milliseconds({from}) AND from_milliseconds({to})");
        let macros: [(&str, &str); 11] = [
            ("$__database", "\"db1\""),
            ("$__table", "\"metrics\""),
            ("$__measure", "cpu_user"),
            ("$__timeFilter", &filter),
            ("$__timeFrom", &from),
            ("$__timeTo", &to),
            ("$__interval_raw_ms", "300000"),
            ("$__interval_ms", "300000ms"),
            ("$__interval", "300000ms"),
            ("$__now_ms", &now_ms().to_string()),
            ("$__refId", "A"),
        ];
        macros.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    async fn answer(&self, text: &str) -> QueryOutput {
        let text = Panel::written_out(text);
        let answer = self.running.query.query().query_string(&text).send().await;
        answer.unwrap_or_else(|error| panic!("{text}: {:?}", error.message()))
    }

    async fn rows(&self, text: &str) -> Vec<Vec<Value>> {
        rows(&self.answer(text).await)
    }
}

/// Two hosts of two services with two samples of each measure, ten minutes apart.
fn sample() -> Vec<Record> {
    use MeasureValueType::{Bigint, Double, Varchar};
    let mut records = Vec::new();
    let mut add = |host: &str, measure: &str, kind: MeasureValueType, values: [&str; 2]| {
        let service = if host.starts_with('z') { "zeus" } else { "apollo" };
        let place = [("region", "us-east-1"), ("cell", "c1"), ("silo", "s1"), ("availability_zone", "az1")];
        let own = match measure {
            "gc_pause" | "task_end_state" => [("process_name", "server"), ("jdk_version", "JDK_11")],
            _ => [("instance_type", "m5"), ("os_version", "AL2")],
        };
        let names = [("microservice_name", service), ("instance_name", host)];
        let dimensions: Vec<_> = place.iter().chain(&names).chain(&own).map(|(n, v)| dimension(n, v)).collect();
        for (value, time) in values.iter().zip([NOON, NOON + 10 * MINUTE]) {
            let record = Record::builder().set_dimensions(Some(dimensions.clone())).measure_name(measure);
            let record = record.measure_value(*value).measure_value_type(kind.clone());
            records.push(record.time(time.to_string()).build());
        }
    };
    for (host, cpu, memory) in [
        ("z1", ["90", "95"], ["10", "20"]),
        ("z2", ["50", "60"], ["30", "40"]),
        ("a1", ["10", "15"], ["1", "2"]),
        ("a2", ["12", "30"], ["3", "4"]),
    ] {
        add(host, "cpu_user", Double, cpu);
        add(host, "memory_used", Double, memory);
    }
    add("z1", "gc_pause", Double, ["1", "2"]);
    add("z2", "gc_pause", Double, ["5", "7"]);
    add("z1", "disk_io_reads", Bigint, ["4", "9007199254740993"]);
    add("a1", "task_end_state", Varchar, ["SUCCESS", "FAILURE"]);
    add("a2", "task_end_state", Varchar, ["SUCCESS", "SUCCESS"]);
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn health_resources_and_samples_of_the_editor() {
    let panel = Panel::start().await;
    // The health check reads the text of the first value.
    let health = panel.answer("SELECT 1").await;
    assert_eq!(health.rows()[0].data()[0].scalar_value(), Some("1"));
    // Listings of names, for which nothing is billed.
    for (text, column, name) in
        [("SHOW DATABASES", "Database", "db1"), ("SHOW TABLES FROM $__database", "Table", "metrics")]
    {
        let answer = panel.answer(text).await;
        assert_eq!(answer.column_info()[0].name(), Some(column));
        assert_eq!(rows(&answer), [[json!(name)]]);
        let status = answer.query_status().unwrap();
        assert_eq!((status.progress_percentage, status.cumulative_bytes_metered), (100.0, 0));
    }
    // Measures, and the dimensions of the first of them, in the first field of each row of an array.
    for text in ["SHOW MEASURES FROM $__database.$__table", "SHOW MEASURES FROM db1.metrics"] {
        let answer = panel.answer(text).await;
        let measures = table(answer.column_info(), answer.rows());
        let fields = [("measure_name", "string"), ("data_type", "string"), ("dimensions", "json")];
        assert_eq!(measures.fields, fields.map(|(name, kind)| (name.to_owned(), kind)));
        let names: Vec<_> = measures.rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        let expected = [
            ("cpu_user", "double"),
            ("disk_io_reads", "bigint"),
            ("gc_pause", "double"),
            ("memory_used", "double"),
            ("task_end_state", "varchar"),
        ];
        assert_eq!(names, expected.map(|(name, kind)| (json!(name), json!(kind))));
        let [first, ..] = answer.rows() else { panic!("{answer:?}") };
        let dimensions = first.data()[2].array_value().iter().map(|datum| datum.row_value().unwrap());
        let mut names: Vec<_> = dimensions.map(|row| row.data()[0].scalar_value().unwrap()).collect();
        names.sort_unstable();
        let expected =
            ["availability_zone", "cell", "instance_name", "instance_type", "microservice_name", "os_version"];
        assert_eq!(names, [&expected[..], &["region", "silo"]].concat());
    }
    let described = panel.answer("DESCRIBE $__database.$__table").await;
    let names: Vec<_> = described.column_info().iter().map(|column| column.name().unwrap()).collect();
    assert_eq!(names, ["Column", "Type", "Timestream attribute type"]);
    let described = rows(&described);
    assert!(described.contains(&vec![json!("region"), json!("varchar"), json!("DIMENSION")]), "{described:?}");
    let rest = [
        ["measure_name", "varchar", "MEASURE_NAME"],
        ["time", "timestamp", "TIMESTAMP"],
        ["measure_value::double", "double", "MEASURE_VALUE"],
        ["measure_value::bigint", "bigint", "MEASURE_VALUE"],
        ["measure_value::varchar", "varchar", "MEASURE_VALUE"],
    ];
    assert_eq!(described[described.len() - 5..], rest.map(|row| row.map(|text| json!(text)).to_vec()));
    let first = panel.answer("SELECT * FROM $__database.$__table LIMIT 10").await;
    assert_eq!(rows(&first).len(), 10);
    assert_eq!(first.column_info().len(), described.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_all_types_are_parsed() {
    let panel = Panel::start().await;
    let text = "SELECT 1 AS n, 'two' AS s, TIMESTAMP '2020-08-08 01:00:00' AS t, 1d + 21h AS length, 2y + 7mo AS months, \
                TIME '01:00' AS clock, DATE '2020-08-08' AS day, true AS b, 9007199254740993 AS big, 0.1 AS x, \
                ARRAY[1, NULL] AS list, CAST(ROW(1, 'a') AS ROW(p bigint, q varchar)) AS r";
    let answer = panel.answer(text).await;
    let found = table(answer.column_info(), answer.rows());
    let kinds: Vec<_> = found.fields.iter().map(|(_, kind)| *kind).collect();
    let expected = ["int32", "string", "time", "string", "string", "time", "time", "boolean", "int64", "float64"];
    assert_eq!(kinds, [&expected[..], &["json", "json"]].concat());
    let expected = json!([
        1, "two", "2020-08-08 01:00:00.000000000", "1 21:00:00.000000000", "2-7", "01:00:00.000000000", "2020-08-08",
        true, 9_007_199_254_740_993_i64, 0.1, [1, null], {"p": 1, "q": "a"}
    ]);
    assert_eq!(json!(found.rows), json!([expected]));
    // Each is NULL, and says so. Columns without a name have that of their place.
    let nulls = "SELECT measure_name, CASE WHEN measure_name = 'gc_pause' THEN max(time) END, \
                 CAST(NULL AS double), CAST(NULL AS boolean), CAST(NULL AS bigint), CAST(NULL AS date) \
                 FROM $__database.$__table WHERE measure_name IN ('gc_pause', 'cpu_user') GROUP BY measure_name ORDER BY 1";
    let answer = panel.answer(nulls).await;
    assert_eq!(answer.column_info()[1].name(), Some("_col1"));
    let found = rows(&answer);
    assert_eq!(found[0], [json!("cpu_user"), Value::Null, Value::Null, Value::Null, Value::Null, Value::Null]);
    assert_eq!(found[1][1], json!("2024-05-06 12:10:00.000000000"));
    let floats = panel.answer("SELECT nan(), infinity(), -infinity(), 1e300").await;
    for datum in floats.rows()[0].data() {
        assert!(datum.scalar_value().unwrap().parse::<f64>().is_ok(), "{datum:?}");
    }
}

/// Several pages: the backend asks for no number of rows, and goes on until there is no token ("wait for all").
const LONG: &str = "SELECT n, lpad('', 300, 'x') AS text FROM UNNEST(sequence(1, 10000)) AS t (n)";

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_followed_to_their_end() {
    let panel = Panel::start().await;
    let (mut found, mut token, mut pages) = (Vec::new(), None, 0);
    let mut columns = Vec::new();
    loop {
        let query = panel.running.query.query().query_string(LONG).set_next_token(token);
        let page = query.send().await.unwrap();
        // Rows of later pages are appended to those of the first, whose columns they have.
        if pages == 0 {
            columns = page.column_info().to_vec();
        }
        assert_eq!(page.column_info(), columns);
        found.extend(table(&columns, page.rows()).rows.into_iter().map(|row| row[0].clone()));
        pages += 1;
        let is_last = page.next_token.is_none();
        assert_eq!(page.query_status().unwrap().progress_percentage == 100.0, is_last);
        token = page.next_token;
        if is_last {
            break;
        }
    }
    assert!(pages > 2, "{pages}");
    assert_eq!(found, (1..=10_000).map(|number| json!(number)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_cancelled_between_its_pages() {
    let panel = Panel::start().await;
    let query = &panel.running.query;
    let first = query.query().query_string(LONG).send().await.unwrap();
    let id = first.query_id();
    query.cancel_query().query_id(id).send().await.unwrap();
    // Again, the message is shown.
    let again = query.cancel_query().query_id(id).send().await.unwrap();
    assert!(again.cancellation_message().is_some_and(|message| !message.is_empty()));
    let error = query.query().query_string(LONG).set_next_token(first.next_token).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ConflictException"), "{error:?}");
    let error = query.cancel_query().query_id("nothing").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_nothing_is_refused_with_its_place() {
    let panel = Panel::start().await;
    // What the backend writes for an interval below a millisecond, and a macro that has no value.
    for text in ["SELECT bin(now(), {!invalid interval=0s!})", "SELECT 1 FROM $__other.metrics"] {
        let error = panel.running.query.query().query_string(text).send().await.unwrap_err();
        assert_eq!(error.code(), Some("ValidationException"), "{error:?}");
        assert!(error.message().unwrap().starts_with("line 1:"), "{error:?}");
    }
}
