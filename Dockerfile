# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin timestream-prometheus-connector && mkdir /data

# Holds glibc and CA certificates, no shell; runs as user 65532, with a read-only root file system and without any
# capability if told to: docs/security.md.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/timestream-prometheus-connector /usr/local/bin/
# For --embedded: mount a volume here to keep the data.
COPY --from=build --chown=65532:65532 /data /data
WORKDIR /
EXPOSE 9201
ENTRYPOINT ["/usr/local/bin/timestream-prometheus-connector"]
