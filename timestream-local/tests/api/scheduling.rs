//! What tests of scheduled queries share.

use std::time::Duration;

use aws_sdk_timestreamquery as query;
use aws_sdk_timestreamquery::operation::create_scheduled_query::builders::CreateScheduledQueryFluentBuilder;
use aws_sdk_timestreamquery::primitives::DateTime;
use aws_sdk_timestreamquery::types::builders::TimestreamConfigurationBuilder;
use aws_sdk_timestreamquery::types::{
    DimensionMapping, DimensionValueType, ErrorReportConfiguration, MultiMeasureAttributeMapping, MultiMeasureMappings,
    NotificationConfiguration, S3Configuration, ScalarMeasureValueType, ScheduleConfiguration,
    ScheduledQueryDescription, ScheduledQueryRunSummary, SnsConfiguration, TargetConfiguration,
    TimestreamConfiguration,
};

use crate::server::{PATIENCE, Running};

/// A request for a scheduled query with all that is required.
pub fn create(client: &query::Client, name: &str, text: &str, schedule: &str) -> CreateScheduledQueryFluentBuilder {
    let topic = SnsConfiguration::builder().topic_arn("arn:aws:sns:us-east-1:000000000000:topic").build().unwrap();
    let bucket = S3Configuration::builder().bucket_name("reports").object_key_prefix("failed/runs").build().unwrap();
    client
        .create_scheduled_query()
        .name(name)
        .query_string(text)
        .schedule_configuration(ScheduleConfiguration::builder().schedule_expression(schedule).build().unwrap())
        .notification_configuration(NotificationConfiguration::builder().sns_configuration(topic).build())
        .scheduled_query_execution_role_arn("arn:aws:iam::000000000000:role/role")
        .error_report_configuration(ErrorReportConfiguration::builder().s3_configuration(bucket).build())
}

/// A target `db1.derived` with a column of times, and dimensions.
pub fn target(time: &str, dimensions: &[&str]) -> TimestreamConfigurationBuilder {
    let dimension = |name: &&str| {
        DimensionMapping::builder().name(*name).dimension_value_type(DimensionValueType::Varchar).build().unwrap()
    };
    TimestreamConfiguration::builder()
        .database_name("db1")
        .table_name("derived")
        .time_column(time)
        .set_dimension_mappings(Some(dimensions.iter().map(dimension).collect()))
}

/// A target, built.
pub fn built(target: TimestreamConfigurationBuilder) -> TargetConfiguration {
    TargetConfiguration::builder().timestream_configuration(target.build().unwrap()).build()
}

/// Values of multi-measure records that have their columns' names.
pub fn attributes(columns: &[(&str, ScalarMeasureValueType)]) -> Vec<MultiMeasureAttributeMapping> {
    let attribute = |(name, kind): &(&str, ScalarMeasureValueType)| {
        MultiMeasureAttributeMapping::builder().source_column(*name).measure_value_type(kind.clone()).build().unwrap()
    };
    columns.iter().map(attribute).collect()
}

/// Multi-measure records of a name.
pub fn multi(name: Option<&str>, attributes: Vec<MultiMeasureAttributeMapping>) -> MultiMeasureMappings {
    MultiMeasureMappings::builder()
        .set_target_multi_measure_name(name.map(str::to_owned))
        .set_multi_measure_attribute_mappings(Some(attributes))
        .build()
        .unwrap()
}

/// Makes the table `db1.derived`, which takes all times.
pub async fn make_derived(running: &Running) {
    use aws_sdk_timestreamwrite::types::{MagneticStoreWriteProperties, RetentionProperties};
    let retention = RetentionProperties::builder()
        .memory_store_retention_period_in_hours(8766)
        .magnetic_store_retention_period_in_days(73_000);
    let late = MagneticStoreWriteProperties::builder().enable_magnetic_store_writes(true);
    let table = running.write.create_table().database_name("db1").table_name("derived");
    let table = table.retention_properties(retention.build().unwrap());
    table.magnetic_store_write_properties(late.build().unwrap()).send().await.unwrap();
}

/// A description.
pub async fn described(client: &query::Client, arn: &str) -> ScheduledQueryDescription {
    client.describe_scheduled_query().scheduled_query_arn(arn).send().await.unwrap().scheduled_query.unwrap()
}

/// Waits until the run for a time, in milliseconds since 1970 and a whole second, has ended as the last one after `before`.
pub async fn run_for(
    client: &query::Client,
    arn: &str,
    time: i64,
    before: Option<DateTime>,
) -> ScheduledQueryRunSummary {
    let wanted = DateTime::from_millis(time);
    let ended = async {
        loop {
            if let Some(run) = described(client, arn).await.last_run_summary
                && run.invocation_time == Some(wanted)
                && run.trigger_time != before
            {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap()
}

/// Runs a query for a time, in milliseconds since 1970 and a whole second, and waits until it has ended.
pub async fn execute(client: &query::Client, arn: &str, time: i64) -> ScheduledQueryRunSummary {
    let before = described(client, arn).await.last_run_summary.and_then(|run| run.trigger_time);
    let call = client.execute_scheduled_query().scheduled_query_arn(arn).invocation_time(DateTime::from_millis(time));
    call.send().await.unwrap();
    run_for(client, arn, time, before).await
}
