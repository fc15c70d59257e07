//! The naive way to a WriteRecords call: prost's series into the SDK's `Record`s, and these into a body by the SDK.

#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a module of benches, where a panic is the report"
)]

use aws_sdk_timestreamwrite::operation::write_records::{WriteRecords, WriteRecordsInput};
use aws_sdk_timestreamwrite::types::{Dimension, MeasureValueType, Record, TimeUnit};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{SerializeRequest, SharedRequestSerializer};
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use timestream_prometheus_connector::proto;

/// The records of a series.
pub fn records(series: proto::TimeSeries) -> Vec<Record> {
    let mut name = String::new();
    let mut dimensions = Vec::with_capacity(series.labels.len());
    for label in series.labels {
        if label.name == "__name__" {
            name = label.value;
        } else {
            dimensions.push(Dimension::builder().name(label.name).value(label.value).build().unwrap());
        }
    }
    let record = |sample: &proto::Sample| {
        Record::builder()
            .measure_name(&name)
            .set_dimensions(Some(dimensions.clone()))
            .measure_value(sample.value().to_string())
            .measure_value_type(MeasureValueType::Double)
            .time(sample.timestamp.to_string())
            .time_unit(TimeUnit::Milliseconds)
            .build()
    };
    series.samples.iter().map(record).collect()
}

/// A call of all samples of `request`.
pub fn input(database: &str, table: &str, request: proto::WriteRequest) -> WriteRecordsInput {
    let records = request.timeseries.into_iter().flat_map(records).collect();
    let input = WriteRecordsInput::builder().database_name(database).table_name(table);
    input.set_records(Some(records)).build().unwrap()
}

/// What the SDK makes a body with.
pub struct Serializer(FrozenLayer);

impl Serializer {
    pub fn new() -> Self {
        Serializer(WriteRecords::new().config().unwrap())
    }

    /// The body that the SDK writes.
    pub fn body(&self, input: WriteRecordsInput) -> Vec<u8> {
        let mut bag = ConfigBag::base();
        bag.push_shared_layer(self.0.clone());
        let serializer = bag.load::<SharedRequestSerializer>().unwrap().clone();
        let request = serializer.serialize_input(Input::erase(input), &mut bag).unwrap();
        request.body().bytes().unwrap().to_vec()
    }
}
