//! The connector as one would write it first: prost into Strings, the SDK's `Record` builders, calls of a hundred in the
//! order of arrival, all calls of a request at once. No limits, no retries, no accounting.

use std::convert::Infallible;
use std::net::SocketAddr;

use aws_credential_types::Credentials;
use aws_sdk_timestreamwrite::config::{BehaviorVersion, Region};
use aws_sdk_timestreamwrite::types::Record;
use aws_sdk_timestreamwrite::{Client, Config};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prost::Message;
use timestream_prometheus_connector::proto::WriteRequest;
use timestream_prometheus_connector::sink::clients;

use crate::sdk;

pub fn serve(address: SocketAddr, endpoint: &str) {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("load", "load", None, None, "load"))
        .endpoint_url(endpoint)
        .http_client(clients::http_client())
        .build();
    let client = Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let client = client.clone();
            let service = service_fn(move |request| write(request, client.clone()));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

async fn write(request: Request<Incoming>, client: Client) -> Result<Response<Empty<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let request = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
    let request = WriteRequest::decode(request.as_slice()).unwrap();
    let records: Vec<Record> = request.timeseries.into_iter().flat_map(sdk::records).collect();
    let calls: Vec<_> = records
        .chunks(100)
        .map(|records| {
            let call = client.write_records().database_name("d").table_name("t").set_records(Some(records.to_vec()));
            tokio::spawn(call.send())
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = hyper::StatusCode::NO_CONTENT;
    Ok(answer)
}
