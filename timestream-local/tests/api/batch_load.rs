//! Batch load.

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use aws_sdk_timestreamwrite::operation::create_batch_load_task::builders::CreateBatchLoadTaskFluentBuilder;
use aws_sdk_timestreamwrite::types::{
    BatchLoadDataFormat, BatchLoadStatus, BatchLoadTaskDescription, CsvConfiguration, DataModel,
    DataModelConfiguration, DataModelS3Configuration, DataSourceConfiguration, DataSourceS3Configuration,
    DimensionMapping, MeasureValueType, MixedMeasureMapping, MultiMeasureAttributeMapping, MultiMeasureMappings,
    ReportConfiguration, ReportS3Configuration, ScalarMeasureValueType, TimeUnit,
};

use crate::binary::Binary;
use crate::objects::{self, Objects};
use crate::scratch::Scratch;
use crate::server::{PATIENCE, Running, clients, keys, make_table, now_ms, rows};

fn dimension(source: &str) -> DimensionMapping {
    DimensionMapping::builder().source_column(source).destination_column(source).build()
}

fn attribute(source: &str, kind: ScalarMeasureValueType) -> MultiMeasureAttributeMapping {
    MultiMeasureAttributeMapping::builder().source_column(source).measure_value_type(kind).build().unwrap()
}

/// Time, host, and a multi-measure record of `cpu` and `state`.
fn multi_model() -> DataModel {
    let multi = MultiMeasureMappings::builder()
        .target_multi_measure_name("metrics")
        .multi_measure_attribute_mappings(attribute("cpu", ScalarMeasureValueType::Double))
        .multi_measure_attribute_mappings(attribute("state", ScalarMeasureValueType::Varchar));
    let model = DataModel::builder().time_column("time").time_unit(TimeUnit::Milliseconds);
    let model = model.dimension_mappings(dimension("host")).multi_measure_mappings(multi.build().unwrap());
    model.build().unwrap()
}

fn report(prefix: &str) -> ReportConfiguration {
    let s3 = ReportS3Configuration::builder().bucket_name("reports").object_key_prefix(prefix).build().unwrap();
    ReportConfiguration::builder().report_s3_configuration(s3).build()
}

/// A task that loads `s3://data/<prefix>`.
fn task(
    client: &Client,
    prefix: &str,
    model: DataModel,
    csv: Option<CsvConfiguration>,
) -> CreateBatchLoadTaskFluentBuilder {
    let s3 = DataSourceS3Configuration::builder().bucket_name("data").object_key_prefix(prefix).build().unwrap();
    let source = DataSourceConfiguration::builder().data_source_s3_configuration(s3).set_csv_configuration(csv);
    client
        .create_batch_load_task()
        .target_database_name("db1")
        .target_table_name("metrics")
        .data_source_configuration(source.data_format(BatchLoadDataFormat::Csv).build().unwrap())
        .data_model_configuration(DataModelConfiguration::builder().data_model(model).build())
        .report_configuration(report("errors"))
}

async fn described(client: &Client, id: &str) -> BatchLoadTaskDescription {
    let answer = client.describe_batch_load_task().task_id(id).send().await.unwrap();
    answer.batch_load_task_description.unwrap()
}

/// Waits until a task is no longer under way.
async fn ended(client: &Client, id: &str) -> BatchLoadTaskDescription {
    let ended = async {
        loop {
            let found = described(client, id).await;
            match found.task_status.as_ref().unwrap() {
                BatchLoadStatus::Created | BatchLoadStatus::InProgress | BatchLoadStatus::PendingResume => {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                _ => return found,
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap()
}

async fn loaded(client: &Client, request: CreateBatchLoadTaskFluentBuilder) -> BatchLoadTaskDescription {
    let id = request.send().await.unwrap().task_id;
    ended(client, &id).await
}

/// Processed, ingested, parse failures, record failures, file failures.
fn counts(task: &BatchLoadTaskDescription) -> [i64; 5] {
    let progress = task.progress_report.as_ref().unwrap();
    [
        progress.records_processed,
        progress.records_ingested,
        progress.parse_failures,
        progress.record_ingestion_failures,
        progress.file_failures,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multi_measure_file_is_loaded() {
    let (running, objects) = objects::start().await;
    let now = now_ms();
    objects.put(
        "s3://data/in/a.csv",
        &format!("host,time,cpu,state,other\na,{now},0.5,\"up, \"\"and\"\" away\",x\nb,{now},,down,x\n"),
    );
    objects.put("s3://data/in/b.csv", &format!("time,host,cpu,state\n{now},c,1.5,\n"));
    let done = loaded(&running.write, task(&running.write, "in/", multi_model(), None)).await;
    assert_eq!(done.task_status, Some(BatchLoadStatus::Succeeded), "{done:?}");
    assert_eq!(counts(&done), [3, 3, 0, 0, 0]);
    let bytes: u64 = ["a", "b"]
        .map(|f| std::fs::metadata(objects.path(&format!("s3://data/in/{f}.csv"))).unwrap().len())
        .iter()
        .sum();
    assert_eq!(done.progress_report.as_ref().unwrap().bytes_metered, bytes as i64);
    assert_eq!(done.target_table_name.as_deref(), Some("metrics"));
    assert_eq!(done.resumable_until, None);
    let found = running.rows("SELECT host, measure_name, cpu, state FROM db1.metrics ORDER BY host").await;
    assert_eq!(found, ["a metrics 0.5 up, \"and\" away", "b metrics - down", "c metrics 1.5 -"]);
    assert!(objects.all().iter().all(|file| !file.contains("error_report")));
    // The same again changes nothing, and so does a lower version.
    let again = loaded(&running.write, task(&running.write, "in/", multi_model(), None)).await;
    assert_eq!(counts(&again), [3, 3, 0, 0, 0]);
    let higher = loaded(&running.write, task(&running.write, "in/", multi_model(), None).record_version(2)).await;
    assert_eq!((counts(&higher), higher.record_version), ([3, 3, 0, 0, 0], 2));
    objects.put("s3://data/in/a.csv", &format!("host,time,cpu,state\na,{now},7,up\n"));
    let lower = loaded(&running.write, task(&running.write, "in/a.csv", multi_model(), None)).await;
    assert_eq!(counts(&lower), [1, 0, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_measures_come_from_rows_that_name_them() {
    let (running, objects) = objects::start().await;
    let now = now_ms() / 1000;
    objects.put(
        "s3://data/mixed.csv",
        &format!("host|time|measure|cpu|free|seen\na|{now}|load|' 0.5 '|NONE|x\na|{now}|disk|9|7|{now}\na|{now}|other|1|1|1\n"),
    );
    let attribute = attribute("seen", ScalarMeasureValueType::Timestamp);
    let free =
        MultiMeasureAttributeMapping::builder().source_column("free").target_multi_measure_attribute_name("left");
    let free = free.measure_value_type(ScalarMeasureValueType::Bigint).build().unwrap();
    let load = MixedMeasureMapping::builder().measure_name("load").source_column("cpu").target_measure_name("cpu_load");
    let disk = MixedMeasureMapping::builder().measure_name("disk").measure_value_type(MeasureValueType::Multi);
    let disk = disk.multi_measure_attribute_mappings(attribute).multi_measure_attribute_mappings(free);
    let model = DataModel::builder()
        .time_column("time")
        .time_unit(TimeUnit::Seconds)
        .dimension_mappings(dimension("host"))
        .measure_name_column("measure")
        .mixed_measure_mappings(load.measure_value_type(MeasureValueType::Double).build().unwrap())
        .mixed_measure_mappings(disk.build().unwrap());
    let csv =
        CsvConfiguration::builder().column_separator("|").quote_char("'").null_value("NONE").trim_white_space(true);
    let request = task(&running.write, "mixed", model.build().unwrap(), Some(csv.build()));
    let done = loaded(&running.write, request).await;
    assert_eq!(done.task_status, Some(BatchLoadStatus::Failed), "{done:?}");
    assert_eq!(counts(&done), [3, 2, 1, 0, 0]);
    let found =
        running.rows("SELECT measure_name, measure_value::double, left, seen = time FROM db1.metrics ORDER BY 1").await;
    assert_eq!(found, ["cpu_load 0.5 - -", "disk - 7 true"]);
    let id = done.task_id.unwrap();
    let report = objects.json(&format!("s3://reports/errors/{id}_error_report.json"));
    assert_eq!(
        report,
        serde_json::json!({"taskId": id, "taskErrors": [], "fileErrors": [{"fileName": "mixed.csv", "errors": [
            {"reason": "The row has no measure that is mapped.", "lineRanges": [[4, 4]]}]}]})
    );
    assert!(done.error_message.unwrap().contains(&format!("s3://reports/errors/{id}_error_report.json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_and_reported_by_line() {
    let (running, objects) = objects::start().await;
    let now = now_ms();
    let ahead = now + 3_600_000;
    objects.put(
        "s3://data/in/a.csv",
        &format!(
            "host,time,cpu,state\na,{now},x,up\na,{now},y,up\n,{now},1,up\na,yesterday,1,up\na,{now}\na,{ahead},1,up\n\
             a,{ahead},2,up\ngood,{now},1,up\n"
        ),
    );
    objects.put("s3://data/in/b.csv", "host,time\n");
    objects.put("s3://data/in/c.csv", "");
    objects.put("s3://data/in/d.csv", "\u{feff}host,time,cpu,state\n");
    let done = loaded(&running.write, task(&running.write, "in", multi_model(), None)).await;
    assert_eq!(done.task_status, Some(BatchLoadStatus::Failed));
    assert_eq!(counts(&done), [8, 1, 4, 3, 3]);
    let report = objects.json(&format!("s3://reports/errors/{}_error_report.json", done.task_id.unwrap()));
    let errors = report["fileErrors"][0]["errors"].as_array().unwrap();
    let lines = |reason: &str| {
        let found = errors.iter().find(|error| error["reason"].as_str().unwrap().contains(reason));
        found.unwrap_or_else(|| panic!("{reason}: {report}"))["lineRanges"].clone()
    };
    assert_eq!(lines("not a valid DOUBLE: x"), serde_json::json!([[2, 2]]));
    assert_eq!(lines("At least one dimension"), serde_json::json!([[4, 4]]));
    assert_eq!(lines("not a whole number"), serde_json::json!([[5, 5]]));
    assert_eq!(lines("not as many values"), serde_json::json!([[6, 6]]));
    assert_eq!(lines("time range of the data ingestion window."), serde_json::json!([[7, 8]]));
    let reasons: Vec<_> =
        (1..4).map(|file| report["fileErrors"][file]["errors"][0]["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        ["The header has no column cpu.", "The file has no header.", "The file begins with a byte order mark."]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_model_may_be_an_object() {
    let (running, objects) = objects::start().await;
    objects.put("s3://data/in.csv", &format!("host,time,cpu\na,{},1\n", now_ms()));
    objects.put(
        "s3://models/model.json",
        r#"{"TimeColumn": "time", "DimensionMappings": [{"SourceColumn": "host"}], "MixedMeasureMappings":
            [{"SourceColumn": "cpu", "MeasureValueType": "DOUBLE"}]}"#,
    );
    let s3 = DataModelS3Configuration::builder().bucket_name("models").object_key("model.json").build();
    let model = DataModelConfiguration::builder().data_model_s3_configuration(s3).build();
    let request = task(&running.write, "in.csv", multi_model(), None).data_model_configuration(model);
    let done = loaded(&running.write, request).await;
    assert_eq!(done.task_status, Some(BatchLoadStatus::Succeeded), "{done:?}");
    assert!(done.data_model_configuration.unwrap().data_model.is_none());
    assert_eq!(running.rows("SELECT host, measure_name, measure_value::double FROM db1.metrics").await, ["a cpu 1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_a_rule_makes_no_task() {
    let (running, objects) = objects::start().await;
    let client = &running.write;
    let refused = async |request: CreateBatchLoadTaskFluentBuilder| {
        let error = request.send().await.unwrap_err();
        format!("{}: {}", error.code().unwrap(), error.message().unwrap())
    };
    let good = || task(client, "in", multi_model(), None);
    assert!(refused(good()).await.starts_with("ValidationException: There are no objects below s3://data/in"));
    objects.put("s3://data/in.csv", "x\n");
    let csv = |build: fn(
        aws_sdk_timestreamwrite::types::builders::CsvConfigurationBuilder,
    ) -> aws_sdk_timestreamwrite::types::builders::CsvConfigurationBuilder| {
        task(client, "in", multi_model(), Some(build(CsvConfiguration::builder()).build()))
    };
    for (request, message) in [
        (csv(|csv| csv.column_separator("x")), "columnSeparator"),
        (csv(|csv| csv.quote_char("`")), "quoteChar"),
        (csv(|csv| csv.escape_char(",")), "escapeChar"),
        (good().record_version(0), "recordVersion"),
        (task(client, "../in", multi_model(), None), "objectKeyPrefix"),
        (good().report_configuration(ReportConfiguration::builder().build()), "reportS3Configuration"),
        (good().target_table_name("nothing"), "ResourceNotFoundException: The table nothing"),
        (good().data_model_configuration(DataModelConfiguration::builder().build()), "either a DataModel or"),
        (
            task(client, "in", DataModel::builder().dimension_mappings(dimension("host")).build().unwrap(), None),
            "timeColumn",
        ),
        (
            task(
                client,
                "in",
                DataModel::builder().time_column("t").dimension_mappings(dimension("host")).build().unwrap(),
                None,
            ),
            "either MultiMeasureMappings or MixedMeasureMappings",
        ),
    ] {
        let found = refused(request).await;
        assert!(found.contains(message), "{message}: {found}");
    }
    // A model that is kept with its task, as long as the task.
    let long = DataModel::builder().time_column("t").dimension_mappings(dimension("host"));
    let mapping = |number: usize| {
        let mapping = MixedMeasureMapping::builder().measure_value_type(MeasureValueType::Double);
        mapping.source_column(format!("{number:0>250}")).build().unwrap()
    };
    let long = long.set_mixed_measure_mappings(Some((0..1024).map(mapping).collect())).build().unwrap();
    let found = refused(task(client, "in", long, None)).await;
    assert_eq!(found, "ValidationException: The task takes more than 262144 bytes as JSON.");
    assert!(client.list_batch_load_tasks().send().await.unwrap().batch_load_tasks().is_empty());
    let error = client.describe_batch_load_task().task_id("ABC").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_for_one_task_and_tasks_are_listed() {
    let (running, objects) = objects::start().await;
    objects.put("s3://data/in.csv", &format!("host,time,cpu,state\na,{},1,up\n", now_ms()));
    let create = || task(&running.write, "in", multi_model(), None).client_token("token");
    let id = create().send().await.unwrap().task_id;
    ended(&running.write, &id).await;
    assert_eq!(create().send().await.unwrap().task_id, id);
    let error = create().record_version(5).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ConflictException"));
    for _ in 0..2 {
        loaded(&running.write, task(&running.write, "in", multi_model(), None)).await;
    }
    let first = running.write.list_batch_load_tasks().max_results(2).send().await.unwrap();
    assert_eq!(first.batch_load_tasks().len(), 2);
    assert_eq!(first.batch_load_tasks()[0].task_id.as_deref(), Some(id.as_str()));
    let rest = running.write.list_batch_load_tasks().set_next_token(first.next_token).send().await.unwrap();
    assert_eq!((rest.batch_load_tasks().len(), rest.next_token), (1, None));
    let failed = running.write.list_batch_load_tasks().task_status(BatchLoadStatus::Failed).send().await.unwrap();
    assert!(failed.batch_load_tasks().is_empty());
    let error = running.write.resume_batch_load_task().task_id(&id).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("is SUCCEEDED"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_the_option_is_named() {
    let running = Running::start().await.table().await;
    let error = task(&running.write, "in", multi_model(), None).send().await.unwrap_err();
    assert!(error.message().unwrap().contains("--embedded.object-root"), "{error:?}");
}

/// A file that takes a while to load: `count` records of ten hosts, a millisecond apart.
fn long_file(objects: &Objects, count: i64) {
    let now = now_ms();
    let mut text = String::from("host,time,cpu,state\n");
    for number in 0..count {
        text.push_str(&format!("h{},{},{number},up\n", number % 10, now - count + number));
    }
    objects.put("s3://data/long.csv", &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_killed_is_resumed_and_ends_complete() {
    const COUNT: i64 = 200_000;
    let scratch = Scratch::new();
    let objects = Objects(scratch.path().join("objects"));
    let root = objects.0.to_str().unwrap().to_owned();
    let data = scratch.path().join("data");
    long_file(&objects, COUNT);
    let server = Binary::with(&data, &["--object-root", &root]);
    let (client, query) = clients(&server.endpoint, &keys("any", "any"));
    make_table(&client).await;
    let id = task(&client, "long", multi_model(), None).send().await.unwrap().task_id;
    let started = async {
        while described(&client, &id).await.progress_report.unwrap().records_ingested < 2000 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, started).await.unwrap();
    let _ = query;
    drop(server);
    let server = Binary::with(&data, &["--object-root", &root]);
    let (client, query) = clients(&server.endpoint, &keys("any", "any"));
    let stopped = described(&client, &id).await;
    assert_eq!(stopped.task_status, Some(BatchLoadStatus::ProgressStopped), "{stopped:?}");
    assert!(stopped.resumable_until.unwrap().as_secs_f64() * 1000.0 > now_ms() as f64);
    client.resume_batch_load_task().task_id(&id).send().await.unwrap();
    let done = ended(&client, &id).await;
    assert_eq!(done.task_status, Some(BatchLoadStatus::Succeeded), "{done:?}");
    assert_eq!(counts(&done), [COUNT, COUNT, 0, 0, 0]);
    assert_eq!(
        rows(&query, "SELECT count(*), count(DISTINCT host), sum(cpu) FROM db1.metrics").await,
        [format!("{COUNT} 10 {}", "1.99999E10")]
    );
}
