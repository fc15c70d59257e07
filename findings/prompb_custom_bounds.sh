#!/usr/bin/env bash
# Prometheus' own codec for remote write 1.0 and remote read loses the bounds of native histograms with custom buckets.
#
# What: github.com/prometheus/prometheus/prompb, v0.308.1 (Prometheus 3.8). A histogram of schema -53 (custom buckets) goes through
# prompb.FromIntHistogram and back through ToIntHistogram. The message has a field for the bounds (custom_values, 16), but neither
# function touches it: buckets and counts come back, the bounds do not, and the result fails Prometheus' own Validate(). No error
# is raised on the way. So a sender with remote write 1.0, or a remote read server that answers SAMPLES, hands on buckets without
# bounds. v0.315.1 (Prometheus 3.15) carries them both ways. Remote write 2.0 (prompb/io/prometheus/write/v2) carries them in both.
#
# Why it matters here: such a histogram can't be expanded to classic buckets. The connector answers it 400 and says why, and stores
# the rest of the request; tests/senders replays a body that a real Prometheus 3.5 sent.
#
# Seen (2026-11-28, Go 1.26):
#   v0.308.1 sent=[0.1 0.5 1] back=[] buckets=[1 1 -1] valid=false
#   v0.315.1 sent=[0.1 0.5 1] back=[0.1 0.5 1] buckets=[1 1 -1] valid=true
#
# Exits non-zero if that changes. Needs Go and a Go module proxy.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/prompb"
)

func main() {
	sent := &histogram.Histogram{
		Schema:          histogram.CustomBucketsSchema,
		Count:           4,
		Sum:             1.5,
		PositiveSpans:   []histogram.Span{{Offset: 0, Length: 3}},
		PositiveBuckets: []int64{1, 1, -1},
		CustomValues:    []float64{0.1, 0.5, 1},
	}
	if err := sent.Validate(); err != nil {
		panic(err)
	}
	message := prompb.FromIntHistogram(1, sent)
	wire, err := message.Marshal()
	if err != nil {
		panic(err)
	}
	var read prompb.Histogram
	if err := read.Unmarshal(wire); err != nil {
		panic(err)
	}
	back := read.ToIntHistogram()
	fmt.Printf("%s sent=%v back=%v buckets=%v valid=%v\n",
		os.Args[1], sent.CustomValues, back.CustomValues, back.PositiveBuckets, back.Validate() == nil)
}
GO
seen=
for version in v0.308.1 v0.315.1; do
    rm -f go.mod go.sum
    go mod init finding >/dev/null 2>&1
    go get "github.com/prometheus/prometheus@$version" >/dev/null 2>&1
    go mod tidy >/dev/null 2>&1
    seen+=$(go run . "$version")$'\n'
done
echo -n "$seen"
expected='v0.308.1 sent=[0.1 0.5 1] back=[] buckets=[1 1 -1] valid=false
v0.315.1 sent=[0.1 0.5 1] back=[0.1 0.5 1] buckets=[1 1 -1] valid=true
'
[ "$seen" = "$expected" ] || { echo "this is no longer so" >&2; exit 1; }
