//! `POST /read`: from the bytes of a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::CONTENT_ENCODING;
use prost::Message;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::{Budget, Limit};
use crate::error::{Error, Kind};
use crate::http::answer::OnePiece;
use crate::http::body::{self, BodyLimits};
use crate::proto::ReadRequest;
use crate::proto::read_request::ResponseType;
use crate::query::{self, Caller, ReadAnswer, ReadSettings, Reader, StatementLimits, StatementRows};
use crate::sink::caller_clients::CallerClients;
use crate::sink::destination::Destination;
use crate::telemetry::metrics::ReadMetrics;

/// The memory that the bodies of read requests may take together. They are small: selectors, no samples.
const BODY_BUDGET: Limit = Limit::new("the memory for bodies of read requests", 32 << 20);

/// Handles read requests.
pub struct ReadHandler {
    reader: Reader,
    limits: BodyLimits,
    budget: Budget,
    destination: Destination,
    abandon: CancellationToken,
    /// The label that is taken off the samples of HA pairs.
    replica_label: Option<String>,
}

impl std::fmt::Debug for ReadHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadHandler(..)")
    }
}

impl ReadHandler {
    /// A handler that reads from `destination`. Once `abandon` is cancelled it answers 503. Matchers for a value of
    /// `replica_label` find series without the label, too.
    pub fn new(
        settings: ReadSettings,
        limits: BodyLimits,
        destination: Destination,
        metrics: ReadMetrics,
        abandon: CancellationToken,
        replica_label: Option<String>,
    ) -> Self {
        let reader = Reader::new(settings, metrics);
        ReadHandler { reader, limits, budget: Budget::new(BODY_BUDGET), destination, abandon, replica_label }
    }

    /// Answers a request, within its time-out and as `one_piece` asks.
    ///
    /// # Errors
    /// The fault of a bad request, or Timestream's error before a part of the answer is sent.
    pub async fn read<B>(
        &self,
        caller: &Arc<CallerClients>,
        headers: &HeaderMap,
        body: B,
        one_piece: Option<OnePiece>,
    ) -> Result<ReadAnswer, Error>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        if let Some(encoding) = headers.get(CONTENT_ENCODING)
            && !encoding.as_bytes().eq_ignore_ascii_case(b"snappy")
        {
            let message = "the content encoding of a read request is snappy";
            return Err(Error::new(Kind::UnsupportedMedia, "UnsupportedMediaType", message));
        }
        let (packed, mut reservation) = body::read(body, self.limits, &self.budget).await?;
        let unpacked = body::decompress(&packed, self.limits.max_decoded_bytes, 1, &mut reservation).await?;
        let mut request = ReadRequest::decode(unpacked.as_slice()).map_err(|error| {
            Error::invalid("ProtobufError", format!("the body is not a prometheus.ReadRequest: {error}"))
        })?;
        if let Some(label) = &self.replica_label {
            query::find_without_replica(&mut request, label);
        }
        let samples = i32::from(ResponseType::Samples);
        if one_piece.is_some() && request.accepted_response_types.contains(&samples) {
            // An answer in one piece gains nothing from chunks, and their order costs Timestream a sort.
            request.accepted_response_types = vec![samples];
        }
        let deadline = self.reader.deadline(one_piece.map(|answer| answer.by));
        tokio::select! {
            answer = tokio::time::timeout_at(deadline, self.ask(caller, request, deadline)) => {
                answer.unwrap_or_else(|_| Err(query::too_late()))
            }
            () = self.abandon.cancelled() => Err(stopping()),
        }
    }

    /// Answers a query in SQL, for the embedded Timestream with its one caller: the client is not renewed.
    ///
    /// # Errors
    /// Timestream's error, or the deadline is over.
    pub async fn statement(
        &self,
        caller: &CallerClients,
        sql: &str,
        limits: StatementLimits,
        deadline: Instant,
    ) -> Result<StatementRows, Error> {
        let (client, _) = caller.query().await?;
        tokio::select! {
            answer = self.reader.statement(client, sql, limits, deadline) => answer,
            () = self.abandon.cancelled() => Err(stopping()),
        }
    }

    /// Waits until the queries that were dropped so far are cancelled, but not beyond `by`.
    pub async fn cancelled(&self, by: Instant) {
        let _ = tokio::time::timeout_at(by, self.reader.cancelled()).await;
    }

    /// Reads, and once more if the client turns out to be outdated.
    async fn ask(&self, caller: &CallerClients, request: ReadRequest, deadline: Instant) -> Result<ReadAnswer, Error> {
        let Destination { database, table } = &self.destination;
        let (client, generation) = caller.query().await?;
        let asked = Caller { client, id: caller.id().bytes() };
        match self.reader.read(&asked, database, table, request.clone(), deadline).await {
            Err(error) if caller.renew_query(generation, &error).await => {
                let (client, _) = caller.query().await?;
                self.reader.read(&Caller { client, ..asked }, database, table, request, deadline).await
            }
            answer => answer,
        }
    }
}

fn stopping() -> Error {
    Error::new(Kind::Stopping, "Shutdown", "the connector is stopping; ask again")
}
