# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# --build-arg FEATURES=--no-default-features makes the slim image, which lacks the embedded Timestream.
ARG FEATURES=
WORKDIR /src
COPY . .
RUN cargo build --release --locked $FEATURES --bin timestream-prometheus-connector \
    && deploy/image/rootfs target/release/timestream-prometheus-connector /rootfs

# The binary, glibc and CA certificates; no shell. Runs with a read-only root file system and without any capability if told
# to: docs/security.md.
FROM scratch
COPY --from=build /rootfs /
# For --embedded: mount a volume here to keep the data.
COPY --from=build --chown=65532:65532 /rootfs/data /data
USER 65532:65532
WORKDIR /
EXPOSE 9201
ENTRYPOINT ["/usr/local/bin/timestream-prometheus-connector"]
