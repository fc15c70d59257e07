use super::{Measured, Value, decode_key, parse};
use serde_json::{Value as Json, json};

fn call(common: Json, records: Json) -> Result<super::WriteCall, crate::error::ApiError> {
    let body = json!({"DatabaseName": "db1", "TableName": "t", "CommonAttributes": common, "Records": records});
    parse(body.to_string().as_bytes())
}

fn dimension(name: &str, value: &str) -> Json {
    json!({"Name": name, "Value": value})
}

#[test]
fn common_attributes_are_merged_and_a_records_own_win() {
    let common = json!({"Dimensions": [dimension("z", "1")], "MeasureValueType": "DOUBLE", "TimeUnit": "MILLISECONDS"});
    let own = json!([{"Dimensions": [dimension("a", "2")], "MeasureName": "up", "MeasureValue": "1", "Time": "5"},
        {"MeasureName": "n", "MeasureValue": "7", "MeasureValueType": "BIGINT", "Time": "5", "TimeUnit": "SECONDS",
         "Version": 3}]);
    let call = call(common, own).unwrap();
    assert_eq!((call.database.as_str(), call.table.as_str()), ("db1", "t"));
    assert_eq!(decode_key(&call.records[0].key), Some(("up", vec![("a", "2"), ("z", "1")])));
    assert_eq!((call.records[0].time, call.records[0].version), (5_000_000, 1));
    assert_eq!(call.records[1].measured, Measured::Single(Value::Bigint(7)));
    assert_eq!((call.records[1].time, call.records[1].version), (5_000_000_000, 3));
}

#[test]
fn one_bad_record_refuses_the_call() {
    let good = json!({"Dimensions": [dimension("a", "2")], "MeasureName": "m", "MeasureValue": "1", "Time": "5"});
    let bad = |field: &str, value: Json| {
        let mut record = good.clone();
        record[field] = value;
        call(json!({"Dimensions": [dimension("c", "x")]}), json!([good, record])).unwrap_err().message
    };
    assert!(bad("Dimensions", json!([dimension("_x", "1")])).starts_with("The dimension name is invalid."));
    assert!(bad("Dimensions", json!([dimension("c", "1")])).starts_with("Duplicate dimensions"));
    assert!(bad("Dimensions", json!([dimension("b", "")])).contains("empty"));
    assert!(bad("Dimensions", json!([dimension("b", &"x".repeat(2048))])).contains("2048 bytes"));
    assert!(bad("MeasureName", json!("ts_x")).contains("reserved"));
    assert!(bad("MeasureName", json!("job:up:sum")).contains("colon: job:up:sum"));
    assert!(bad("MeasureValue", json!("NaN")).contains("not a valid DOUBLE"));
    assert!(bad("Time", json!("yesterday")).contains("time"));
    assert!(bad("Version", json!(0)).contains("version"));
}

#[test]
fn a_call_has_1_to_100_records_with_a_dimension_each() {
    let record = json!({"Dimensions": [dimension("a", "2")], "MeasureName": "m", "MeasureValue": "1", "Time": "5"});
    assert!(call(json!({}), json!([])).unwrap_err().message.contains("records"));
    assert!(call(json!({}), json!(vec![record.clone(); 100])).is_ok());
    assert!(call(json!({}), json!(vec![record; 101])).unwrap_err().message.contains("records"));
    let bare = json!([{"MeasureName": "m", "MeasureValue": "1", "Time": "5"}]);
    assert!(call(Json::Null, bare).unwrap_err().message.starts_with("At least one dimension"));
}

#[test]
fn what_is_no_call_is_a_serialization_error() {
    for body in ["", "[1]", "{\"Records\": 1}", "null", "\u{0}"] {
        assert_eq!(parse(body.as_bytes()).unwrap_err().kind, crate::error::ErrorKind::Serialization, "{body}");
    }
}

#[test]
fn a_multi_measure_record_has_the_common_values_and_its_own() {
    let value = |name: &str, value: &str, kind: &str| json!({"Name": name, "Value": value, "Type": kind});
    let common = json!({"Dimensions": [dimension("a", "1")], "MeasureName": "m", "MeasureValueType": "MULTI", "Time": "5",
        "MeasureValues": [value("z", "1.5", "DOUBLE")], "TimeUnit": "SECONDS"});
    let records = |own: Json| call(common.clone(), json!([{"MeasureValues": own}]));
    let own = json!([value("b", "7", "TIMESTAMP"), value("c", "true", "BOOLEAN"), value("d", "x", "VARCHAR")]);
    let wanted = [
        ("b", Value::Timestamp(7_000_000_000)),
        ("c", Value::Boolean(true)),
        ("d", Value::Varchar("x".into())),
        ("z", Value::Double(1.5)),
    ];
    let wanted = wanted.map(|(name, value)| (name.to_owned(), value)).to_vec();
    assert_eq!(records(own).unwrap().records[0].measured, Measured::Multi(wanted));

    let refusal = |own: Json| records(own).unwrap_err().message;
    assert!(refusal(json!([value("z", "1", "DOUBLE")])).starts_with("Duplicate measures"));
    assert!(refusal(json!([value("a", "1", "DOUBLE")])).contains("same name: a"));
    for name in ["time", "measure_name"] {
        assert!(refusal(json!([value(name, "1", "DOUBLE")])).contains("reserved"));
    }
    assert!(refusal(json!([value("x:y", "1", "DOUBLE")])).contains("colon: x:y"));
    assert!(refusal(json!([value("b", "1", "MULTI")])).contains("MULTI"));
    assert!(refusal(json!([value("b", "", "VARCHAR")])).contains("length"));
    let many = |count: usize| (0..count).map(|n| value(&format!("v{n}"), "true", "BOOLEAN")).collect::<Vec<_>>();
    assert!(records(json!(many(255))).is_ok());
    assert!(refusal(json!(many(256))).contains("1 to 256"));
    assert!(refusal(json!([value("b", &"x".repeat(2040), "VARCHAR")])).contains("2048 bytes"));

    let single = json!([{"MeasureValue": "1"}]);
    assert!(call(common.clone(), single).unwrap_err().message.contains("not MeasureValue"));
    let typed = json!([{"MeasureValue": "1", "MeasureValueType": "DOUBLE"}]);
    assert!(call(common, typed).unwrap_err().message.contains("only be given with"));
}
