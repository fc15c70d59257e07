//! The settings of the account.

use aws_sdk_timestreamquery::error::ProvideErrorMetadata;
use aws_sdk_timestreamquery::types::{
    AccountSettingsNotificationConfiguration, ComputeMode, LastUpdateStatus, ProvisionedCapacityRequest,
    QueryComputeRequest, QueryPricingModel, SnsConfiguration,
};

use crate::binary::Binary;
use crate::server::{Running, Scratch, clients, keys};

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_over_a_restart() {
    let scratch = Scratch::new();
    let server = Binary::start(scratch.path());
    let (_, client) = clients(&server.endpoint, &keys("any", "any"));
    let found = client.describe_account_settings().send().await.unwrap();
    assert_eq!((found.max_query_tcu, found.query_pricing_model), (Some(200), Some(QueryPricingModel::ComputeUnits)));
    assert_eq!(found.query_compute.unwrap().compute_mode, Some(ComputeMode::OnDemand));
    let updated = client.update_account_settings().max_query_tcu(32).send().await.unwrap();
    assert_eq!(updated.max_query_tcu, Some(32));

    let topic = SnsConfiguration::builder().topic_arn("arn:aws:sns:::topic").build().unwrap();
    let notification = AccountSettingsNotificationConfiguration::builder().role_arn("arn:aws:iam:::role/r");
    let capacity = ProvisionedCapacityRequest::builder()
        .target_query_tcu(8)
        .notification_configuration(notification.sns_configuration(topic).build().unwrap())
        .build()
        .unwrap();
    let compute = |mode| QueryComputeRequest::builder().compute_mode(mode);
    let request = compute(ComputeMode::Provisioned).provisioned_capacity(capacity.clone()).build();
    client.update_account_settings().query_compute(request).send().await.unwrap();
    drop(server);
    let server = Binary::start(scratch.path());
    let (_, client) = clients(&server.endpoint, &keys("any", "any"));
    let found = client.describe_account_settings().send().await.unwrap();
    assert_eq!(found.max_query_tcu, Some(32));
    let found = found.query_compute.unwrap();
    assert_eq!(found.compute_mode, Some(ComputeMode::Provisioned));
    let provisioned = found.provisioned_capacity.unwrap();
    assert_eq!(provisioned.active_query_tcu, Some(8));
    assert_eq!(provisioned.last_update.unwrap().status, Some(LastUpdateStatus::Succeeded));
    let topic = provisioned.notification_configuration.unwrap().sns_configuration.unwrap().topic_arn;
    assert_eq!(topic, "arn:aws:sns:::topic");

    let back =
        client.update_account_settings().query_compute(compute(ComputeMode::OnDemand).build()).send().await.unwrap();
    assert_eq!(back.query_compute.unwrap().provisioned_capacity, None);
    let update = || client.update_account_settings();
    for wrong in [
        update().max_query_tcu(0),
        update().max_query_tcu(6),
        update().max_query_tcu(1004),
        update().query_pricing_model(QueryPricingModel::BytesScanned),
        update().query_compute(QueryComputeRequest::builder().provisioned_capacity(capacity.clone()).build()),
        update().query_compute(compute(ComputeMode::from("NEVER")).build()),
    ] {
        assert_eq!(wrong.send().await.unwrap_err().code(), Some("ValidationException"));
    }
    assert_eq!(client.describe_account_settings().send().await.unwrap().max_query_tcu, Some(32));
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_two_clients_at_once_both_count() {
    let running = Running::start().await;
    let capacity = |units| ProvisionedCapacityRequest::builder().target_query_tcu(units).build().unwrap();
    for units in (1..=20).map(|number| number * 4) {
        let compute = QueryComputeRequest::builder().compute_mode(ComputeMode::Provisioned);
        let compute = compute.provisioned_capacity(capacity(units)).build();
        let (one, two) = tokio::join!(
            running.query.update_account_settings().max_query_tcu(units).send(),
            running.query.update_account_settings().query_compute(compute).send(),
        );
        one.unwrap();
        two.unwrap();
        let found = running.query.describe_account_settings().send().await.unwrap();
        let provisioned = found.query_compute.unwrap().provisioned_capacity.unwrap();
        assert_eq!((found.max_query_tcu, provisioned.active_query_tcu), (Some(units), Some(units)));
    }
}
