// Sends once through client_golang's remote API in remote write 2.0, and prints what it made of the answer.
//
//	sender URL
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
)

func main() {
	// Errors that it sends again after are logged only.
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	api, err := remote.NewAPI(os.Args[1], remote.WithAPIPath(""), remote.WithAPILogger(logger))
	must(err)
	now := time.Now().UnixMilli()
	symbols := writev2.NewSymbolTable()
	series := func(labels []string, value float64) *writev2.TimeSeries {
		return &writev2.TimeSeries{
			LabelsRefs: symbols.SymbolizeLabels(labels, nil),
			Samples:    []*writev2.Sample{{Value: value, Timestamp: now}},
			Metadata: &writev2.Metadata{
				Type:    writev2.Metadata_METRIC_TYPE_GAUGE,
				HelpRef: symbols.Symbolize("A gauge."),
			},
		}
	}
	request := &writev2.Request{Timeseries: []*writev2.TimeSeries{
		// It sends labels in the caller's order.
		series([]string{"room", "küche", "__name__", "demo_temperature_celsius", "job", "demo"}, 21.5),
		series([]string{"__name__", "demo.utf8", "job", "demo", "a.b", "c"}, 7),
	}}
	request.Symbols = symbols.Symbols()
	stats, err := api.Write(context.Background(), remote.WriteV2MessageType, request)
	log.Printf("ANSWER %+v error %v", stats, err)
	if err != nil {
		os.Exit(1)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
