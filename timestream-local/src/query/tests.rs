use std::path::PathBuf;

use super::*;
use crate::calendar::Clock;
use crate::storage::Storage;
use serde_json::{Value, json};

/// Rows 1 to 10,000.
const MANY: &str = "SELECT n FROM UNNEST(sequence(1, 10000, 1)) AS t (n)";
/// Runs for very long before it has a row.
const LONG: &str = "SELECT count(*) FROM UNNEST(sequence(1, 10000, 1)) AS a (x), UNNEST(sequence(1, 10000, 1)) AS b (y), \
                    UNNEST(sequence(1, 10000, 1)) AS c (z)";

/// Runs for very long within one call of a function.
const LONG_LAMBDA: &str = "SELECT reduce(sequence(1, 10000), 0, (s, x) -> reduce(sequence(1, 10000), s, (t, y) -> \
                           reduce(sequence(1, 10000), t, (u, z) -> u + 1 - 1, u -> u), t -> t), s -> s)";

struct Fixture {
    queries: Queries,
    storage: Storage,
    folder: PathBuf,
}

impl Fixture {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("timestream-queries-{name}-{}", std::process::id()));
        let (storage, _) = Storage::open(&folder, 1 << 30, Clock::system()).unwrap();
        let queries = Queries::new(storage.reader().clone(), Clock::system(), None);
        Fixture { queries, storage, folder }
    }

    async fn start(&self, text: &str, max_rows: Option<usize>, token: Option<&str>) -> Result<Value, ApiError> {
        let query =
            NewQuery { text: text.to_owned(), max_rows, client_token: token.map(str::to_owned), with_insights: false };
        let body = self.queries.start(query, self.storage.catalog()).await?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    async fn next(&self, text: &str, page: &Value) -> Result<Value, ApiError> {
        let body = self.queries.next(text, page["NextToken"].as_str().unwrap()).await?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    /// Waits until so many places are free.
    async fn free(&self, wanted: usize) {
        for _ in 0..1000 {
            if self.queries.places.available_permits() >= wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {wanted} places are free", self.queries.places.available_permits());
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn rows(page: &Value) -> Vec<String> {
    let rows = page["Rows"].as_array().unwrap().iter();
    rows.map(|row| row["Data"][0]["ScalarValue"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_hold_what_was_asked_for() {
    let fixture = Fixture::new("pages");
    let mut page = fixture.start(MANY, Some(1000), None).await.unwrap();
    // As the service does, the first answer has just the token when not all fits.
    assert_eq!((rows(&page).len(), page["ColumnInfo"][0]["Name"].as_str()), (0, Some("n")));
    let (mut all, mut pages) = (Vec::new(), 0);
    while page.get("NextToken").is_some() {
        assert_eq!(page["QueryStatus"]["ProgressPercentage"], 0.0);
        page = fixture.next(MANY, &page).await.unwrap();
        all.extend(rows(&page));
        pages += 1;
    }
    assert_eq!(pages, 10);
    assert_eq!(all, (1..=10_000).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(page["QueryStatus"]["ProgressPercentage"], 100.0);
    assert_eq!(page["QueryStatus"]["CumulativeBytesMetered"], 10_000_000);
    assert!(page["QueryStatus"]["CumulativeBytesScanned"].as_u64().unwrap() > 100_000);
    let whole = fixture.start(MANY, None, None).await.unwrap();
    assert_eq!((rows(&whole).len(), whole.get("NextToken")), (10_000, None));
    let few = fixture.start("SELECT 1", Some(1), None).await.unwrap();
    assert_eq!((rows(&few).len(), few.get("NextToken")), (1, None));
}

#[tokio::test]
async fn pages_stay_below_a_megabyte() {
    let fixture = Fixture::new("bytes");
    let text = "SELECT rpad('x', 50000, 'x') FROM UNNEST(sequence(1, 100, 1)) AS t (n)";
    let mut page = fixture.start(text, None, None).await.unwrap();
    let mut count = 0;
    loop {
        assert!(page.to_string().len() < 1 << 20);
        count += rows(&page).len();
        if page.get("NextToken").is_none() {
            break;
        }
        page = fixture.next(text, &page).await.unwrap();
    }
    assert_eq!(count, 100);
    let error = fixture.start("SELECT rpad('x', 2000000, 'x')", None, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::QueryExecution);
    assert!(error.message.starts_with("Query aborted as max page response size"));
}

#[tokio::test]
async fn a_row_of_a_time_series_fills_a_page_at_most() {
    let fixture = Fixture::new("series");
    let series = "create_time_series(from_milliseconds(m), 0.25)";
    let minutes = "UNNEST(sequence(1, 9999, 1)) AS a (m)";
    // Two rows would not fit one page.
    let text = format!("SELECT {series} FROM {minutes}, UNNEST(sequence(1, 3, 1)) AS b (n) GROUP BY n");
    let mut page = fixture.start(&text, None, None).await.unwrap();
    for left in [2, 1, 0] {
        assert!(page.to_string().len() < 1 << 20);
        let [row] = page["Rows"].as_array().unwrap().as_slice() else { panic!("not one row") };
        assert_eq!(row["Data"][0]["TimeSeriesValue"].as_array().unwrap().len(), 9999);
        assert_eq!(page.get("NextToken").is_some(), left > 0);
        if left > 0 {
            page = fixture.next(&text, &page).await.unwrap();
        }
    }
    let error = fixture.start(&format!("SELECT {series}, {series} FROM {minutes}"), None, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::QueryExecution);
    assert_eq!(error.message, "Query aborted as max page response size has been exceeded by the output result row");
}

#[tokio::test]
async fn the_latest_token_can_be_used_again() {
    let fixture = Fixture::new("tokens");
    let first = fixture.start(MANY, Some(10), None).await.unwrap();
    let second = fixture.next(MANY, &first).await.unwrap();
    for _ in 1..TOKEN_USES {
        assert_eq!(fixture.next(MANY, &first).await.unwrap(), second);
    }
    let invalid = "The NextToken is invalid or has expired.";
    assert_eq!(fixture.next(MANY, &first).await.unwrap_err().message, invalid);
    let third = fixture.next(MANY, &second).await.unwrap();
    assert_eq!(rows(&third).first().map(String::as_str), Some("11"));
    // The token before is void once a later one was used.
    assert_eq!(fixture.next(MANY, &first).await.unwrap_err().message, invalid);
    assert_eq!(fixture.next(MANY, &second).await.unwrap(), third);
    assert!(fixture.next("SELECT 1", &second).await.unwrap_err().message.starts_with("Invalid pagination token"));
    for token in ["", "x", "x.1", ".", "AEBQ.1", "q1.99999999999999999999"] {
        assert_eq!(fixture.queries.next(MANY, token).await.unwrap_err().kind, ErrorKind::Validation, "{token}");
    }
}

#[tokio::test]
async fn a_cancelled_query_ends() {
    let fixture = Fixture::new("cancel");
    let page = fixture.start(MANY, Some(10), None).await.unwrap();
    let id = page["QueryId"].as_str().unwrap();
    assert_eq!(fixture.queries.cancel(id), Ok(None));
    assert!(fixture.queries.cancel(id).unwrap().is_some());
    assert_eq!(fixture.next(MANY, &page).await.unwrap_err().kind, ErrorKind::Conflict);
    fixture.free(MAX_QUERIES).await;
    let done = fixture.start("SELECT 1", None, None).await.unwrap();
    assert!(fixture.queries.cancel(done["QueryId"].as_str().unwrap()).unwrap().is_some());
    for id in ["", "q1", "AEBQ", &format!("{}FFFFFFFF", fixture.queries.process)] {
        assert_eq!(fixture.queries.cancel(id).unwrap_err().kind, ErrorKind::Validation, "{id}");
    }
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_ends() {
    let fixture = Fixture::new("abandoned");
    let started = tokio::time::timeout(Duration::from_millis(200), fixture.start(LONG, None, None)).await;
    assert!(started.is_err());
    fixture.free(MAX_QUERIES).await;
}

#[tokio::test]
async fn a_lambda_that_nobody_waits_for_ends() {
    let fixture = Fixture::new("lambda");
    let started = tokio::time::timeout(Duration::from_millis(200), fixture.start(LONG_LAMBDA, None, None)).await;
    assert!(started.is_err());
    fixture.free(MAX_QUERIES).await;
}

#[tokio::test]
async fn queries_at_once_are_bounded() {
    let fixture = Fixture::new("bounded");
    let mut pages = Vec::new();
    for _ in 0..MAX_QUERIES {
        pages.push(fixture.start(MANY, Some(1), None).await.unwrap());
    }
    let error = fixture.start(MANY, Some(1), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Throttling);
    assert_eq!(
        fixture.queries.prepare("SELECT 1".into(), fixture.storage.catalog()).await.unwrap_err().kind,
        error.kind
    );
    fixture.queries.cancel(pages[0]["QueryId"].as_str().unwrap()).unwrap();
    assert!(fixture.start("SELECT 1", None, None).await.is_ok());
    // The others go on where they were.
    assert_eq!(rows(&fixture.next(MANY, &pages[1]).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn a_query_that_has_failed_is_not_ended_in_the_place_of_an_idle_one() {
    let fixture = Fixture::new("failed");
    let text = "SELECT 1 / (n - 4) FROM UNNEST(sequence(1, 10, 1)) AS t (n)";
    let mut page = fixture.start(text, Some(1), None).await.unwrap();
    for _ in 0..2 {
        page = fixture.next(text, &page).await.unwrap();
    }
    fixture.free(MAX_QUERIES).await;
    for _ in 0..MAX_QUERIES {
        fixture.start(MANY, Some(1), None).await.unwrap();
    }
    for known in locked(&fixture.queries.known).values() {
        let is_failed = known.text == text;
        locked(&known.state).used -= IDLE + Duration::from_secs(if is_failed { 9 } else { 1 });
    }
    assert!(fixture.start("SELECT 1", None, None).await.is_ok());
}

#[tokio::test]
async fn a_client_token_stands_for_one_query() {
    let fixture = Fixture::new("client-token");
    let token = Some("0123456789abcdef0123456789abcdef");
    assert!(fixture.start("SELECT 1", None, token).await.is_ok());
    assert!(fixture.start("SELECT 1", None, token).await.is_ok());
    assert_eq!(fixture.start("SELECT 2", None, token).await.unwrap_err().kind, ErrorKind::Validation);
}

#[tokio::test]
async fn errors_are_the_clients_and_never_the_servers() {
    let fixture = Fixture::new("errors");
    let cases = [
        ("SELECT nope", ErrorKind::Validation, "line 1:8: Column 'nope' does not exist"),
        ("SELECT 1 / 0", ErrorKind::QueryExecution, "Division by zero"),
        ("SHOW TABLES FROM nope", ErrorKind::Validation, "line 1:18: Database 'nope' does not exist"),
    ];
    for (text, kind, message) in cases {
        let error = fixture.start(text, None, None).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{text}");
    }
    let wide = format!("SELECT {}", vec!["1"; 3000].join(", "));
    assert_eq!(fixture.start(&wide, None, None).await.unwrap_err().kind, ErrorKind::Validation);
    let unions = vec!["SELECT 1"; 900].join(" UNION ALL ");
    assert_eq!(fixture.start(&unions, None, None).await.unwrap_err().kind, ErrorKind::Validation);
}

#[tokio::test]
async fn prepared_queries_tell_columns_and_parameters() {
    let fixture = Fixture::new("prepared");
    let text = "SELECT 1 AS one, @x + 1.5 FROM UNNEST(sequence(1, 2, 1)) AS t (n) WHERE n = @n";
    let prepared = fixture.queries.prepare(text.into(), fixture.storage.catalog()).await.unwrap();
    assert_eq!(
        prepared,
        json!({
            "QueryString": text,
            "Columns": [
                {"Name": "one", "Type": {"ScalarType": "INTEGER"}, "Aliased": true},
                {"Name": "_col1", "Type": {"ScalarType": "DOUBLE"}, "Aliased": false},
            ],
            "Parameters": [
                {"Name": "n", "Type": {"ScalarType": "BIGINT"}},
                {"Name": "x", "Type": {"ScalarType": "DOUBLE"}},
            ],
        })
    );
}
