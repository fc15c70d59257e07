//! Scheduled queries as resources: made, listed, tagged, switched, removed, and kept over a restart.

use std::time::Duration;

use aws_sdk_timestreamquery::error::ProvideErrorMetadata;
use aws_sdk_timestreamquery::primitives::DateTime;
use aws_sdk_timestreamquery::types::{
    MeasureValueType, MixedMeasureMapping, ScalarMeasureValueType, ScheduledQueryState, Tag,
};
use timestream_local::{Clock, Config, Server};

use crate::scheduling::{attributes, built, create, described, execute, make_derived, multi, run_for, target};
use crate::server::{Running, Scratch, clients, keys, make_table, now_ms};

const SQL: &str = "SELECT 'a' AS host, @scheduled_runtime AS time, 1 AS n";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_has_what_the_request_had() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let target = built(
        target("time", &["host"])
            .multi_measure_mappings(multi(Some("counts"), attributes(&[("n", ScalarMeasureValueType::Bigint)]))),
    );
    let request = create(&running.query, "Every-5!min", SQL, "rate(5 minutes)").target_configuration(target.clone());
    let before = now_ms() / 1000;
    let made = request.kms_key_id("alias/key").tags(tag("team", "a")).send().await.unwrap();
    assert!(
        made.arn.starts_with("arn:aws:timestream:us-east-1:000000000000:scheduled-query/Every-5!min-"),
        "{}",
        made.arn
    );
    let found = described(&running.query, &made.arn).await;
    assert_eq!(
        (found.arn.as_str(), found.name.as_str(), found.query_string.as_str()),
        (made.arn.as_str(), "Every-5!min", SQL)
    );
    assert_eq!(found.state, ScheduledQueryState::Enabled);
    assert_eq!(found.schedule_configuration.unwrap().schedule_expression, "rate(5 minutes)");
    let topic = found.notification_configuration.unwrap().sns_configuration.unwrap().topic_arn;
    assert_eq!(topic, "arn:aws:sns:us-east-1:000000000000:topic");
    assert_eq!(found.scheduled_query_execution_role_arn.as_deref(), Some("arn:aws:iam::000000000000:role/role"));
    assert_eq!(found.target_configuration, Some(target));
    assert_eq!(found.kms_key_id.as_deref(), Some("alias/key"));
    let bucket = found.error_report_configuration.unwrap().s3_configuration.unwrap();
    assert_eq!((bucket.bucket_name.as_str(), bucket.object_key_prefix.as_deref()), ("reports", Some("failed/runs")));
    let created = found.creation_time.unwrap();
    assert!((before..before + 100).contains(&created.secs()));
    // The first run is one interval after the creation, which is counted from its whole second.
    assert_eq!(found.next_invocation_time, Some(DateTime::from_secs(created.secs() + 300)));
    assert_eq!(
        (found.previous_invocation_time, found.last_run_summary, found.recently_failed_runs),
        (None, None, Some(vec![]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_and_tags_belong_to_each() {
    let running = Running::start().await;
    let client = &running.query;
    let mut names: Vec<String> = (0..7).map(|number| format!("query/{number}(x)")).collect();
    let mut arns = Vec::new();
    for name in &names {
        arns.push(create(client, name, "SELECT 1", "cron(0 0 1 1 ? *)").send().await.unwrap().arn);
    }
    names.sort_unstable();
    let mut pages = client.list_scheduled_queries().max_results(3).into_paginator().send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.scheduled_queries.len() <= 3);
        listed.extend(page.scheduled_queries.into_iter().map(|query| query.name));
    }
    assert_eq!(listed, names);
    assert_eq!(client.list_scheduled_queries().send().await.unwrap().scheduled_queries.len(), 7);
    let error = client.list_scheduled_queries().max_results(1001).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"));

    let list = |arn: &str| client.list_tags_for_resource().resource_arn(arn).send();
    let tags = vec![tag("a", "1"), tag("b", "2"), tag("c", "3")];
    client.tag_resource().resource_arn(&arns[0]).set_tags(Some(tags)).send().await.unwrap();
    client.untag_resource().resource_arn(&arns[0]).tag_keys("b").send().await.unwrap();
    assert_eq!(list(&arns[0]).await.unwrap().tags(), [tag("a", "1"), tag("c", "3")]);
    assert_eq!(list(&arns[1]).await.unwrap().tags(), []);
    let mut pages = client.list_tags_for_resource().resource_arn(&arns[0]).max_results(1).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().tags.into_iter().map(|tag| tag.key));
    }
    assert_eq!(keys, ["a", "c"]);
    let error = list(&format!("{}x", arns[0])).await.unwrap_err();
    assert_eq!(error.code(), Some("ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_switched_off_and_on_and_removed() {
    let running = Running::start().await;
    let client = &running.query;
    let arn = create(client, "one", "SELECT 1", "cron(0 0 1 1 ? *)").send().await.unwrap().arn;
    let first = described(client, &arn).await.next_invocation_time;
    let switch = |state| client.update_scheduled_query().scheduled_query_arn(&arn).state(state).send();
    switch(ScheduledQueryState::Disabled).await.unwrap();
    let off = described(client, &arn).await;
    assert_eq!((off.state, off.next_invocation_time), (ScheduledQueryState::Disabled, None));
    switch(ScheduledQueryState::Enabled).await.unwrap();
    let on = described(client, &arn).await;
    assert_eq!((on.state, on.next_invocation_time), (ScheduledQueryState::Enabled, first));
    let error = switch(ScheduledQueryState::from("PAUSED")).await.unwrap_err();
    assert!(error.message().unwrap().contains("'state' failed to satisfy constraint"));
    client.delete_scheduled_query().scheduled_query_arn(&arn).send().await.unwrap();
    let missing = |code: Option<&str>| assert_eq!(code, Some("ResourceNotFoundException"));
    missing(client.describe_scheduled_query().scheduled_query_arn(&arn).send().await.unwrap_err().code());
    missing(client.delete_scheduled_query().scheduled_query_arn(&arn).send().await.unwrap_err().code());
    missing(switch(ScheduledQueryState::Enabled).await.unwrap_err().code());
    let now = DateTime::from_millis(now_ms());
    let call = client.execute_scheduled_query().scheduled_query_arn(&arn).invocation_time(now);
    missing(call.send().await.unwrap_err().code());
    let error = client.describe_scheduled_query().scheduled_query_arn("arn:aws:timestream:::database/x").send().await;
    assert_eq!(error.unwrap_err().code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_one_query_and_a_name_is_used_once() {
    let running = Running::start().await;
    let client = &running.query;
    let (token, other) = ("t".repeat(32), "u".repeat(64));
    let request = |text: &str, token: &str| create(client, "one", text, "rate(1 day)").client_token(token).send();
    let arn = request("SELECT 1", &token).await.unwrap().arn;
    assert_eq!(request("SELECT 1", &token).await.unwrap().arn, arn);
    let changed = request("SELECT 2", &token).await.unwrap_err();
    assert!(changed.message().unwrap().contains("ClientToken was used"), "{changed:?}");
    assert_eq!(request("SELECT 1", &other).await.unwrap_err().code(), Some("ConflictException"));
    let short = request("SELECT 1", "short").await.unwrap_err();
    assert!(short.message().unwrap().contains("clientToken"));
    assert_eq!(client.list_scheduled_queries().send().await.unwrap().scheduled_queries.len(), 1);
    // The name is free again when the query is gone, and the ARN is another.
    client.delete_scheduled_query().scheduled_query_arn(&arn).send().await.unwrap();
    assert_ne!(request("SELECT 1", &token).await.unwrap().arn, arn);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_run_is_refused() {
    let running = Running::start().await.table().await;
    make_derived(&running).await;
    let client = &running.query;
    let counts = || multi(Some("counts"), attributes(&[("n", ScalarMeasureValueType::Bigint)]));
    let whole = || target("time", &["host"]).multi_measure_mappings(counts());
    let mixed = |mapping: aws_sdk_timestreamquery::types::builders::MixedMeasureMappingBuilder| {
        target("time", &["host"]).mixed_measure_mappings(mapping.build().unwrap())
    };
    let single = || MixedMeasureMapping::builder().measure_value_type(MeasureValueType::Bigint);
    let refused = async |name: &str, text: &str, schedule: &str, target| {
        let target: Option<aws_sdk_timestreamquery::types::builders::TimestreamConfigurationBuilder> = target;
        let request = create(client, name, text, schedule).set_target_configuration(target.map(built));
        let error = request.send().await.unwrap_err();
        assert_eq!(error.code(), Some("ValidationException"), "{error:?}");
        error.message().unwrap().to_owned()
    };
    let rate = "rate(1 day)";
    for (name, text, schedule, target, expected) in [
        ("a", SQL, rate, None, "'name' failed to satisfy constraint"),
        ("a b", SQL, rate, None, "'name' failed to satisfy constraint"),
        (&"a".repeat(65), SQL, rate, None, "'name' failed to satisfy constraint"),
        ("ok", "", rate, None, "'queryString' failed to satisfy constraint"),
        ("ok", SQL, "rate(1 minutes)", None, "Parameter ScheduleExpression is not valid"),
        ("ok", SQL, "cron(0 10 * * * *)", None, "one of the day of month and the day of week must be ?"),
        ("ok", SQL, "cron(0 0 1 1 ? 1999)", None, "it never runs the query"),
        ("ok", "SELECT nothing FROM db1.metrics", rate, None, "line 1:8: Column 'nothing' does not exist"),
        ("ok", "SELECT @other", rate, None, "the only parameter of a scheduled query is @scheduled_runtime"),
        ("ok", SQL, rate, Some(whole().table_name("other")), "The target table db1.other does not exist"),
        (
            "ok",
            SQL,
            rate,
            Some(whole().time_column("n")),
            "TimeColumn n must be of the type TIMESTAMP, and is of integer",
        ),
        ("ok", SQL, rate, Some(whole().time_column("t")), "TimeColumn t is not a column of the query"),
        ("ok", SQL, rate, Some(whole().measure_name_column("n")), "MeasureNameColumn n must be of the type VARCHAR"),
        ("ok", SQL, rate, Some(target("time", &[]).multi_measure_mappings(counts())), "at least one dimension"),
        ("ok", SQL, rate, Some(target("time", &["n"]).multi_measure_mappings(counts())), "DimensionMappings n must be"),
        ("ok", SQL, rate, Some(target("time", &["host", "host"]).multi_measure_mappings(counts())), "have host twice"),
        ("ok", SQL, rate, Some(target("time", &["host"])), "exactly one of MultiMeasureMappings and Mixed"),
        ("ok", SQL, rate, Some(mixed(single().source_column("n")).multi_measure_mappings(counts())), "exactly one of"),
        ("ok", SQL, rate, Some(mixed(single())), "MULTI needs a TargetMeasureName"),
        ("ok", SQL, rate, Some(mixed(single().target_measure_name("x"))), "needs a SourceColumn"),
        ("ok", SQL, rate, Some(mixed(single().source_column("host"))), "SourceColumn host must be of the type BIGINT"),
        ("ok", SQL, rate, Some(mixed(single().source_column("n").target_measure_name("a:b"))), "it has a colon"),
        ("ok", SQL, rate, Some(mixed(single().source_column("n")).measure_name_column("host")), "needs a MeasureName"),
        (
            "ok",
            SQL,
            rate,
            Some(
                target("time", &["host"])
                    .multi_measure_mappings(multi(None, attributes(&[("n", ScalarMeasureValueType::Bigint)]))),
            ),
            "TargetMultiMeasureName is needed",
        ),
        (
            "ok",
            SQL,
            rate,
            Some(
                target("time", &["host"])
                    .multi_measure_mappings(multi(Some("m"), attributes(&[("n", ScalarMeasureValueType::Double)]))),
            ),
            "SourceColumn n must be of the type DOUBLE, and is of integer",
        ),
        (
            "ok",
            SQL,
            rate,
            Some(
                target("time", &["host"])
                    .multi_measure_mappings(multi(Some("m"), attributes(&[("host", ScalarMeasureValueType::Varchar)]))),
            ),
            "host is the name of a dimension and of a multi-measure attribute",
        ),
    ] {
        let message = refused(name, text, schedule, target).await;
        assert!(message.contains(expected), "{message}");
    }
    // Only scheduled queries know the time for which they run.
    let error = running.query.query().query_string("SELECT @scheduled_runtime").send().await.unwrap_err();
    assert!(error.message().unwrap().contains("parameters are for PrepareQuery only"));
    assert!(client.list_scheduled_queries().send().await.unwrap().scheduled_queries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_queries_and_leaves_out_what_was_missed() {
    let (scratch, clock) = (Scratch::new(), Clock::system());
    let start = async || {
        let mut config = Config::new(scratch.path().join("data"), "127.0.0.1:0".parse().unwrap());
        config.clock = clock.clone();
        let server = Server::start(config).await.unwrap();
        let (write, query) = clients(&format!("http://{}", server.local_addr()), &keys("any", "any"));
        (server, write, query)
    };
    let (server, write, client) = start().await;
    make_table(&write).await;
    let arn = create(&client, "one", "SELECT 1", "rate(10 minutes)").tags(tag("a", "1")).send().await.unwrap().arn;
    execute(&client, &arn, 1_000).await;
    let before = described(&client, &arn).await;
    server.shutdown().await;

    // The run at ten minutes is missed, and that at twenty too. The next one is at thirty.
    clock.advance(Duration::from_secs(25 * 60));
    let (server, _, client) = start().await;
    let created = before.creation_time.unwrap().secs();
    let next = DateTime::from_secs(created + 1800);
    let after = loop {
        let found = described(&client, &arn).await;
        if found.next_invocation_time == Some(next) {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(after.last_run_summary, before.last_run_summary);
    assert_eq!(client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags(), [tag("a", "1")]);
    clock.advance(Duration::from_secs(6 * 60));
    run_for(&client, &arn, (created + 1800) * 1000, None).await;
    server.shutdown().await;
}
