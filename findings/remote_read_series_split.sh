#!/usr/bin/env bash
# Prometheus' own remote read server and client disagree on a series that is larger than a frame: it arrives as several series.
#
# What: github.com/prometheus/prometheus/storage/remote, v0.315.1 (Prometheus 3.15). The server's StreamChunkedReadResponses begins a new
# frame of the same series when the chunks of one reach 1 MiB, the default of --storage.remote.read-max-bytes-in-frame. The protocol
# allows that. The client's NewChunkedSeriesSet takes each frame for a series of its own: it gives two series with the same labels
# in a row, which no other SeriesSet does. Nothing is lost and no error is raised, but an engine that counts on distinct labels
# counts twice: count() and sum() double where both are in the lookback, and rate() of it fails with "same labelset".
#
# Why it matters here: the connector sends a series in one frame, however large, up to its limit below the client's 50 MB.
#
# Seen (2026-11-28, Go 1.26): 200000 noisy samples of one series sent, and read back:
#   series=2 distinct=1 samples=200000
#
# Exits non-zero if that changes. Needs Go and a Go module proxy; builds for some minutes.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand"
	"sync"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

const samples = 200_000

type sample struct {
	t int64
	v float64
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

type one struct {
	series storage.Series
	done   bool
}

func (o *one) Next() bool                        { first := !o.done; o.done = true; return first }
func (o *one) At() storage.Series                { return o.series }
func (o *one) Err() error                        { return nil }
func (o *one) Warnings() annotations.Annotations { return nil }

func main() {
	random := rand.New(rand.NewSource(1))
	list := make([]chunks.Sample, samples)
	for i := range list {
		list[i] = sample{int64(i) * 1000, random.Float64()}
	}
	series := storage.NewListSeries(labels.FromStrings("__name__", "noisy"), list)
	var wire bytes.Buffer
	pool := &sync.Pool{}
	_, err := remote.StreamChunkedReadResponses(
		remote.NewChunkedWriter(&wire, flusher{}), 0,
		storage.NewSeriesSetToChunkSet(&one{series: series}), nil, 1<<20, pool)
	if err != nil {
		panic(err)
	}
	body := io.NopCloser(&wire)
	set := remote.NewChunkedSeriesSet(
		remote.NewChunkedReader(body, 50_000_000, nil), body, 0, math.MaxInt64, func(error) {})
	count, read, distinct := 0, 0, map[string]bool{}
	for set.Next() {
		count++
		distinct[set.At().Labels().String()] = true
		values := set.At().Iterator(nil)
		for values.Next() == chunkenc.ValFloat {
			read++
		}
	}
	if set.Err() != nil {
		panic(set.Err())
	}
	fmt.Printf("series=%d distinct=%d samples=%d\n", count, len(distinct), read)
}

type flusher struct{}

func (flusher) Flush() {}
GO
go mod init finding >/dev/null 2>&1
go get github.com/prometheus/prometheus@v0.315.1 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
seen=$(go run .)
echo "$seen"
[ "$seen" = "series=2 distinct=1 samples=200000" ] || { echo "this is no longer so" >&2; exit 1; }
