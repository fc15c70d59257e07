//! Error reports: what a run could not write, as JSON in the place of S3 (developer guide, "Scheduled query error
//! reports").

use serde_json::{Value, json};

use crate::objects::{Folder, ObjectRoot};
use crate::query::ScheduledRow;
use crate::records::{Measured, Record, Value as Measurement, decode_key};
use crate::storage::{ErrorReport, ReportLocation};

/// Errors that a report lists, and their bytes. Further ones are counted.
const MAX_ERRORS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// What a run could not write.
#[derive(Debug, Default)]
pub(super) struct Report {
    errors: Vec<Value>,
    bytes: usize,
    further: u64,
    first: Option<String>,
}

impl Report {
    /// Notes a row that has no record.
    pub(super) fn row(&mut self, reason: &str, row: &ScheduledRow) {
        self.push(reason, || json!({"reason": reason, "rawLine": json!(row).to_string()}));
    }

    /// Notes a record that was rejected.
    pub(super) fn record(&mut self, reason: &str, record: &Record) {
        self.push(reason, || json!({"reason": reason, "records": [shown(record)]}));
    }

    fn push(&mut self, reason: &str, error: impl FnOnce() -> Value) {
        self.first.get_or_insert_with(|| reason.to_owned());
        if self.errors.len() < MAX_ERRORS && self.bytes < MAX_BYTES {
            let error = error();
            self.bytes += error.to_string().len();
            self.errors.push(error);
        } else {
            self.further += 1;
        }
    }

    /// Why the run failed, if anything is in the report.
    pub(super) fn reason(&self) -> Option<String> {
        let first = self.first.as_ref()?;
        let count = self.errors.len() as u64 + self.further;
        Some(format!("{count} rows or records of the result could not be written. The first: {first}"))
    }

    /// Puts the report into the place of S3. `path` is that of the run, from the prefix on.
    ///
    /// # Errors
    /// Why it can't be written.
    pub(super) fn put(
        mut self,
        objects: &ObjectRoot,
        config: &ErrorReport,
        path: &str,
        id: &str,
    ) -> Result<ReportLocation, String> {
        if self.further > 0 {
            self.errors.push(json!({"reason": format!("{} further errors are left out.", self.further)}));
        }
        let prefix = config.object_key_prefix.as_deref().unwrap_or_default();
        let address = Folder::new(&config.bucket_name, prefix).and_then(|folder| folder.object(path));
        let address = address.map_err(|error| error.to_string())?;
        let location = ReportLocation { bucket_name: config.bucket_name.clone(), object_key: address.key().to_owned() };
        let report = json!({"reportId": id, "errors": self.errors}).to_string();
        objects.put(address, report.as_bytes()).map_err(|error| error.to_string())?;
        Ok(location)
    }
}

/// A record with the names that reports have.
fn shown(record: &Record) -> Value {
    let (measure, dimensions) = decode_key(&record.key).unwrap_or_default();
    let dimension =
        |(name, value): &(&str, &str)| json!({"name": name, "value": value, "dimensionValueType": "VARCHAR"});
    let (kind, value, values) = match &record.measured {
        Measured::Single(value) => (value.kind().name(), json!(text(value)), Value::Null),
        Measured::Multi(values) => {
            let value = |(name, value): &(String, Measurement)| json!({"name": name, "value": text(value), "type": value.kind().name()});
            ("MULTI", Value::Null, values.iter().map(value).collect())
        }
    };
    json!({
        "dimensions": dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "measureName": measure,
        "measureValue": value,
        "measureValues": values,
        "measureValueType": kind,
        "time": record.time.to_string(),
        "timeUnit": "NANOSECONDS",
        "version": record.version,
    })
}

fn text(value: &Measurement) -> String {
    match value {
        Measurement::Double(number) => number.to_string(),
        Measurement::Bigint(number) | Measurement::Timestamp(number) => number.to_string(),
        Measurement::Varchar(text) => text.clone(),
        Measurement::Boolean(truth) => truth.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_bound_and_counts_the_rest() {
        let folder = std::env::temp_dir().join(format!("timestream-report-{}", std::process::id()));
        let objects = ObjectRoot::open(&folder).unwrap();
        let config =
            ErrorReport { bucket_name: "reports".to_owned(), object_key_prefix: None, encryption_option: None };
        let put = |report: Report, path: &str| {
            let location = report.put(&objects, &config, path, "1").unwrap();
            let text = std::fs::read_to_string(folder.join(location.bucket_name).join(location.object_key)).unwrap();
            serde_json::from_str::<Value>(&text).unwrap()
        };
        let (mut many, mut large) = (Report::default(), Report::default());
        assert_eq!(many.reason(), None);
        for _ in 0..1005 {
            many.row("why", &vec![Some("a".to_owned()), None]);
            large.row("why", &vec![Some("a".repeat(1 << 20))]);
        }
        assert_eq!(many.reason().unwrap(), "1005 rows or records of the result could not be written. The first: why");
        let report = put(many, "many");
        assert_eq!(report["errors"].as_array().unwrap().len(), 1001);
        assert_eq!(report["errors"][0], json!({"reason": "why", "rawLine": "[\"a\",null]"}));
        assert_eq!(report["errors"][1000]["reason"], "5 further errors are left out.");
        assert_eq!(put(large, "large")["errors"].as_array().unwrap().len(), 5);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
