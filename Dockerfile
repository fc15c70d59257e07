# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# --build-arg FEATURES=--no-default-features makes the slim image, which lacks the embedded Timestream.
ARG FEATURES=
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Some arm64 kernels have pages of 64 KiB: the allocator must know.
RUN if [ "$(uname -m)" = aarch64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi \
    && cargo build --profile dist --locked $FEATURES --bin timestream-prometheus-connector \
    && deploy/image/rootfs target/dist/timestream-prometheus-connector /rootfs

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
