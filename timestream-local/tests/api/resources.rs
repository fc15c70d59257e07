//! Databases, tables and their tags.

use aws_sdk_timestreamwrite::error::ProvideErrorMetadata;
use aws_sdk_timestreamwrite::types::{RetentionProperties, Tag};

use crate::server::Running;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_come_change_and_go() {
    let running = Running::start().await;
    let write = &running.write;
    let made = write.create_database().database_name("one").tags(tag("a", "1")).send().await.unwrap().database.unwrap();
    assert_eq!((made.database_name(), made.table_count), (Some("one"), 0));
    assert!(made.creation_time.is_some() && made.kms_key_id.is_some());
    let again = write.create_database().database_name("one").send().await.unwrap_err();
    assert_eq!(again.code(), Some("ConflictException"));
    let updated = write.update_database().database_name("one").kms_key_id("alias/key").send().await.unwrap();
    assert_eq!(updated.database.unwrap().kms_key_id(), Some("alias/key"));
    write.create_table().database_name("one").table_name("metrics").send().await.unwrap();
    let described = write.describe_database().database_name("one").send().await.unwrap().database.unwrap();
    assert_eq!((described.table_count, described.arn()), (1, made.arn()));
    let full = write.delete_database().database_name("one").send().await.unwrap_err();
    assert_eq!(full.code(), Some("ValidationException"));
    write.delete_table().database_name("one").table_name("metrics").send().await.unwrap();
    write.delete_database().database_name("one").send().await.unwrap();
    let gone = write.describe_database().database_name("one").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages() {
    let running = Running::start().await;
    let write = &running.write;
    let mut names: Vec<String> = (0..45).map(|number| format!("db{number}")).collect();
    for name in &names {
        write.create_database().database_name(name).send().await.unwrap();
        write.create_table().database_name("db0").table_name(name).send().await.unwrap();
    }
    names.sort_unstable();
    let (mut listed, mut pages) = (Vec::new(), write.list_databases().into_paginator().send());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.databases().len() <= 20);
        listed.extend(page.databases.unwrap_or_default().into_iter().filter_map(|database| database.database_name));
    }
    assert_eq!(listed, names);
    let mut listed = Vec::new();
    let mut pages = write.list_tables().database_name("db0").max_results(7).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.tables().len() <= 7);
        listed.extend(page.tables.unwrap_or_default().into_iter().filter_map(|table| table.table_name));
    }
    assert_eq!(listed, names);
    write.create_table().database_name("db1").table_name("other").send().await.unwrap();
    let mut pages = write.list_tables().into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.unwrap().tables().len();
    }
    assert_eq!(count, 46);
    for max_results in [0, -1, 21] {
        let error = write.list_databases().max_results(max_results).send().await.unwrap_err();
        assert!(error.message().unwrap().contains("'maxResults' failed to satisfy constraint"));
    }
    let error = write.list_databases().next_token("no token").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ValidationException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_keep_what_an_update_leaves_out() {
    let running = Running::start().await.table().await;
    let write = &running.write;
    let retention = |hours, days| {
        let retention = RetentionProperties::builder().memory_store_retention_period_in_hours(hours);
        retention.magnetic_store_retention_period_in_days(days).build().unwrap()
    };
    let update = || write.update_table().database_name("db1").table_name("metrics");
    let table = update().retention_properties(retention(5, 6)).send().await.unwrap().table.unwrap();
    assert_eq!(table.retention_properties, Some(retention(5, 6)));
    assert!(table.magnetic_store_write_properties.unwrap().enable_magnetic_store_writes);
    for (hours, days) in [(0, 1), (8767, 1), (1, 0), (1, 73_001)] {
        let error = update().retention_properties(retention(hours, days)).send().await.unwrap_err();
        assert_eq!(error.code(), Some("ValidationException"));
    }
    let short = write.create_table().database_name("db1").table_name("ab").send().await.unwrap_err();
    assert!(short.message().unwrap().contains("'tableName'"));
    let unknown = write.create_table().database_name("nowhere").table_name("abc").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("ResourceNotFoundException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_added_changed_and_removed() {
    let running = Running::start().await.table().await;
    let write = &running.write;
    let table = write.describe_table().database_name("db1").table_name("metrics").send().await.unwrap().table.unwrap();
    let arn = table.arn().unwrap();
    let add = |tags: Vec<Tag>| write.tag_resource().resource_arn(arn).set_tags(Some(tags)).send();
    add(vec![tag("a", "1"), tag("b", "2")]).await.unwrap();
    add(vec![tag("b", ""), tag("c", "3")]).await.unwrap();
    write.untag_resource().resource_arn(arn).tag_keys("a").tag_keys("none").send().await.unwrap();
    let list = |arn: &str| write.list_tags_for_resource().resource_arn(arn).send();
    assert_eq!(list(arn).await.unwrap().tags(), [tag("b", ""), tag("c", "3")]);
    let many = (0..49).map(|number| tag(&format!("k{number}"), "")).collect();
    assert_eq!(add(many).await.unwrap_err().code(), Some("ServiceQuotaExceededException"));
    assert_eq!(add(vec![tag("aws:x", "1")]).await.unwrap_err().code(), Some("ValidationException"));
    let missing = arn.replace("metrics", "missing");
    assert_eq!(list(&missing).await.unwrap_err().code(), Some("ResourceNotFoundException"));
    assert_eq!(list("arn:aws:s3:::bucket").await.unwrap_err().code(), Some("ValidationException"));
}
