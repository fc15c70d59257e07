//! Queries over stored records whose answers are not plain samples.

use aws_sdk_timestreamquery::error::ProvideErrorMetadata as _;

use crate::server::{Running, record};

async fn started() -> Running {
    let server = Running::start().await.table().await;
    let records = [record("a", 4.0, 3000), record("a", -1.0, 2000), record("b", 9.0, 1000)];
    server.records(records).send().await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn nan_and_infinities_come_back_as_text() {
    let server = started().await;
    let roots = "SELECT host, sqrt(measure_value::double) AS x, infinity() FROM db1.metrics";
    assert_eq!(
        server.rows(&format!("{roots} ORDER BY x, host")).await,
        ["a 2.0 Infinity", "b 3.0 Infinity", "a NaN Infinity"]
    );
    assert_eq!(server.rows(&format!("{roots} WHERE sqrt(measure_value::double) < infinity()")).await.len(), 2);
    let means = "SELECT host, avg(sqrt(measure_value::double)), max(sqrt(measure_value::double)) FROM db1.metrics GROUP BY host";
    assert_eq!(server.rows(&format!("{means} ORDER BY host")).await, ["a NaN 2.0", "b 3.0 3.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn subqueries_look_at_the_row_around_them() {
    let server = started().await;
    let latest = "SELECT host, measure_value::double FROM db1.metrics AS o WHERE time = (SELECT max(time) FROM db1.metrics AS i \
                  WHERE i.host = o.host AND i.measure_name = 'm') ORDER BY host";
    assert_eq!(server.rows(latest).await, ["a -1.0", "b 9.0"]);
    let followed = "SELECT host, measure_value::double FROM db1.metrics AS o WHERE EXISTS (SELECT 1 FROM db1.metrics AS i \
                    WHERE i.host = o.host AND i.time > o.time)";
    assert_eq!(server.rows(followed).await, ["a 4.0"]);
    let counted = "SELECT host, (SELECT count(*) FROM db1.metrics AS i WHERE i.host = o.host) FROM db1.metrics AS o GROUP BY host \
                   ORDER BY host";
    assert_eq!(server.rows(counted).await, ["a 2", "b 1"]);
    let several = "SELECT (SELECT time FROM db1.metrics AS i WHERE i.host = o.host) FROM db1.metrics AS o";
    let error = server.query.query().query_string(several).send().await.unwrap_err();
    assert_eq!(error.code(), Some("QueryExecutionException"));
    assert!(error.message().unwrap().contains("Scalar sub-query has returned multiple rows"), "{error:?}");
}
