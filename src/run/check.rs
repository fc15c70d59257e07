//! `--check`: checks everything that a start would use, up to the table. For each step it says whether it is good, or
//! what is wrong and what to do. Nothing is stored.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::dimension;
use crate::door;
use crate::error::{Error, Kind};
use crate::options::Options;
use crate::query;
use crate::run::connector;
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::sink::service_error;
use crate::sink::transport::Accepted;

/// How far ahead the time of the test record is. Timestream rejects records that are more than 15 minutes ahead, but
/// only after it has let the caller in and found the table.
const AHEAD: Duration = Duration::from_secs(366 * 86_400);

/// Checks with these options, and prints what it finds to standard output. The exit code is 0 if all is good, else 1.
pub async fn run(options: Options) -> ExitCode {
    let mut report = Report { failed: false };
    report.step("options", Ok(destination(&options)));
    report.step("web", web(&options));
    if let Err((error, advice)) = timestream(options, &mut report).await {
        report.step("embedded Timestream", Err((error, advice)));
    }
    if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What a step found, or the fault and what to do.
type Found = Result<String, (Error, String)>;

struct Report {
    failed: bool,
}

impl Report {
    fn step(&mut self, name: &str, found: Found) -> bool {
        let (text, good) = match found {
            Ok(text) => (format!("ok      {name}: {text}\n"), true),
            Err((error, advice)) => (format!("FAILED  {name}: {error}\n        {advice}\n"), false),
        };
        self.failed |= !good;
        // If the reader has closed the pipe, nobody wants the text.
        let _ = std::io::stdout().write_all(text.as_bytes());
        good
    }
}

fn destination(options: &Options) -> String {
    let Destination { database, table } = &options.destination;
    match &options.embedded {
        Some(embedded) => match &embedded.data_dir {
            Some(folder) => format!("{database}.{table}, embedded, data in {}", folder.display()),
            None => format!("{database}.{table}, embedded, data thrown away"),
        },
        None => format!("{database}.{table} in {}", options.clients.region),
    }
}

fn web(options: &Options) -> Found {
    let opened = door::open(options.web.sources.clone(), connector::takes_keys(options), Arc::default());
    let (_, tls, _) = opened.map_err(|error| (error, "Mend the file, or the option that names it.".to_owned()))?;
    let scheme = if tls.borrow().is_some() { "HTTPS" } else { "HTTP" };
    Ok(format!("{scheme} at {}", options.web.listen_address))
}

async fn timestream(options: Options, report: &mut Report) -> Result<(), (Error, String)> {
    #[cfg(feature = "embedded")]
    let (options, embedded) = crate::run::embedded::start(options).await.map_err(|error| {
        (
            error,
            "Where a connector runs with the same data or address already, stop it, or ask it: GET /-/ready.".into(),
        )
    })?;
    let mut options = options;
    let region = options.clients.region.clone();
    // The check needs keys, even if each caller brings its own.
    let callers_bring_keys = connector::takes_keys(&options);
    options.enable_sigv4_auth = true;
    let clients = connector::clients(&options, Arc::default());
    let Some(caller) = clients.fixed() else { return Ok(()) };
    #[cfg(feature = "embedded")]
    if embedded.is_some() {
        let made = crate::run::embedded::create_table(&clients, &options.destination).await;
        made.map_err(|error| (error, "Look at the data directory.".to_owned()))?;
    }
    if report.step("credentials", credentials(caller, callers_bring_keys).await) {
        let destination = &options.destination;
        report.step("reading", reading(caller, destination, &region).await);
        report.step("writing", writing(caller, destination, &region).await);
    }
    #[cfg(feature = "embedded")]
    if let Some(embedded) = embedded {
        embedded.shutdown().await;
    }
    Ok(())
}

async fn credentials(caller: &CallerClients, callers_bring_keys: bool) -> Found {
    let access_key = caller.access_key_id().await.map_err(|error| {
        let keys = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE) or a role";
        let advice = if callers_bring_keys {
            format!("Each caller brings its own keys, but this check needs some to reach the table with: {keys}.")
        } else {
            format!("With --enable-sigv4-auth the connector needs keys of its environment: {keys}.")
        };
        (error, advice)
    })?;
    let whose =
        if callers_bring_keys { "of the environment, for this check; callers bring their own" } else { "found" };
    Ok(format!("access key {access_key}, {whose}"))
}

/// Asks for the table's columns, as a read does.
async fn reading(caller: &CallerClients, destination: &Destination, region: &str) -> Found {
    let failed = |error: Error| {
        let advice = advice(&error, destination, region, "timestream:Select");
        (error, advice)
    };
    let (client, _) = caller.query().await.map_err(failed)?;
    let Destination { database, table } = destination;
    let sql = query::nothing_of(&query::table(database, table));
    let answer = client.query().query_string(sql).send().await;
    let answer = answer.map_err(|error| failed(service_error::from_sdk(&error)))?;
    Ok(format!("{database}.{table} answers, with {} columns", answer.column_info().len()))
}

/// Sends a record that can't be stored: if it is rejected for its time, everything else is good.
async fn writing(caller: &CallerClients, destination: &Destination, region: &str) -> Found {
    let failed = |error: Error| {
        let advice = advice(&error, destination, region, "timestream:WriteRecords");
        (error, advice)
    };
    let (client, _) = caller.write().await.map_err(failed)?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + AHEAD;
    let Destination { database, table } = destination;
    let body = json!({
        "DatabaseName": database,
        "TableName": table,
        "Records": [{
            "Dimensions": [{"Name": dimension::PLACEHOLDER, "Value": dimension::PLACEHOLDER_VALUE}],
            "MeasureName": "timestream_connector_check",
            "MeasureValue": "0",
            "MeasureValueType": "DOUBLE",
            "Time": time.as_millis().to_string(),
            "TimeUnit": "MILLISECONDS",
        }],
    });
    match client.write_records(body.to_string().into(), 1).await.map_err(failed)? {
        Accepted::All => Ok(format!("{database}.{table} takes records, even one of next year, which it stored")),
        Accepted::Partly(_) => Ok(format!(
            "{database}.{table} takes records (the one of next year that was sent is rejected, as it must be)"
        )),
    }
}

/// What to do about an error of Timestream.
fn advice(error: &Error, destination: &Destination, region: &str, actions: &str) -> String {
    let Destination { database, table } = destination;
    match error.kind() {
        Kind::Forbidden => {
            format!(
                "Allow {actions} on the table, and timestream:DescribeEndpoints on *. Timestream for LiveAnalytics \
                     takes no new customers: an account without it is denied everything."
            )
        }
        Kind::CredentialsRefused | Kind::CredentialsExpired => {
            "Timestream does not know these keys, or they have expired: use others.".to_owned()
        }
        Kind::NotFound | Kind::Invalid => format!(
            "Is it another region or name? To create them: aws timestream-write create-database --region {region} \
             --database-name {database}; aws timestream-write create-table --region {region} --database-name {database} \
             --table-name {table}"
        ),
        Kind::NoCredentials => "Look at where the environment's credentials come from.".to_owned(),
        Kind::Unreachable | Kind::TimedOut => {
            format!("Look at --region ({region}), the endpoint options, DNS, firewalls and VPC endpoints.")
        }
        kind if kind.is_retryable() => "It may pass: check again.".to_owned(),
        _ => "docs/errors.md lists the errors by name.".to_owned(),
    }
}
