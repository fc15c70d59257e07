// Sends through the Prometheus remote write exporter of the OpenTelemetry collector, made from its factory as the
// collector makes it: the same metrics every second until it is ended, or once.
//
//	sender -config exporter.yml [-gates gate,…] [-once] [-check]
package main

import (
	"context"
	"flag"
	"log"
	"math"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"
)

func main() {
	config := flag.String("config", "", "the exporter's section of a configuration")
	gates := flag.String("gates", "", "feature gates to open")
	once := flag.Bool("once", false, "send once and end")
	check := flag.Bool("check", false, "read the configuration and end")
	flag.Parse()
	for _, gate := range strings.FieldsFunc(*gates, func(r rune) bool { return r == ',' }) {
		must(featuregate.GlobalRegistry().Set(gate, true))
	}

	factory := prometheusremotewriteexporter.NewFactory()
	settings := factory.CreateDefaultConfig()
	text, err := os.ReadFile(*config)
	must(err)
	section := map[string]any{}
	must(yaml.Unmarshal(text, &section))
	must(confmap.NewFromStringMap(section).Unmarshal(settings))
	must(confmap.Validate(settings))
	if *check {
		return
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger, err := zap.NewDevelopment()
	must(err)
	telemetry := componenttest.NewNopTelemetrySettings()
	telemetry.Logger = logger
	metrics, err := factory.CreateMetrics(ctx, exporter.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: telemetry,
		BuildInfo:         component.BuildInfo{Command: "otelcol-contrib", Description: "OpenTelemetry Collector Contrib", Version: "0.165.1"},
	}, settings)
	must(err)
	must(metrics.Start(ctx, componenttest.NewNopHost()))
	for {
		if err := metrics.ConsumeMetrics(context.Background(), sample(time.Now())); err != nil {
			log.Print("CONSUME FAILED: ", err)
		}
		if *once {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			continue
		}
		break
	}
	must(metrics.Shutdown(context.Background()))
}

// sample has a metric of each kind.
func sample(now time.Time) pmetric.Metrics {
	all := pmetric.NewMetrics()
	resource := all.ResourceMetrics().AppendEmpty()
	attributes := resource.Resource().Attributes()
	attributes.PutStr("service.name", "demo")
	attributes.PutStr("service.instance.id", "demo-1")
	attributes.PutStr("deployment.environment.name", "test")
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName("demo.scope")
	metric := func(name, unit, description string) pmetric.Metric {
		metric := scope.Metrics().AppendEmpty()
		metric.SetName(name)
		metric.SetUnit(unit)
		metric.SetDescription(description)
		return metric
	}
	start, time := pcommon.NewTimestampFromTime(now.Add(-time.Hour)), pcommon.NewTimestampFromTime(now)
	exemplar := func(exemplars pmetric.ExemplarSlice, value float64) {
		exemplar := exemplars.AppendEmpty()
		exemplar.SetTimestamp(time)
		exemplar.SetDoubleValue(value)
		exemplar.SetTraceID([16]byte{1, 2, 3})
	}

	gauge := metric("demo.temperature", "Cel", "A gauge.").SetEmptyGauge().DataPoints()
	for room, value := range map[string]float64{"küche": 21.5, `a "quoted" one`: math.Copysign(0, -1)} {
		point := gauge.AppendEmpty()
		point.SetTimestamp(time)
		point.SetDoubleValue(value)
		point.Attributes().PutStr("room", room)
	}

	sum := metric("demo.requests", "1", "A counter.").SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	point := sum.DataPoints().AppendEmpty()
	point.SetStartTimestamp(start)
	point.SetTimestamp(time)
	point.SetIntValue(42)
	point.Attributes().PutInt("http.response.status_code", 200)
	exemplar(point.Exemplars(), 1)

	histogram := metric("demo.latency", "s", "A histogram with bounds.").SetEmptyHistogram()
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	bounded := histogram.DataPoints().AppendEmpty()
	bounded.SetStartTimestamp(start)
	bounded.SetTimestamp(time)
	bounded.SetCount(6)
	bounded.SetSum(2.75)
	bounded.ExplicitBounds().FromRaw([]float64{1e-7, 0.025, 1, 10})
	bounded.BucketCounts().FromRaw([]uint64{1, 2, 2, 1, 0})
	exemplar(bounded.Exemplars(), 0.01)

	exponential := metric("demo.size", "By", "A histogram with a scale.").SetEmptyExponentialHistogram()
	exponential.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	scaled := exponential.DataPoints().AppendEmpty()
	scaled.SetStartTimestamp(start)
	scaled.SetTimestamp(time)
	scaled.SetScale(1)
	scaled.SetCount(4)
	scaled.SetSum(9.5)
	scaled.SetZeroCount(1)
	scaled.Positive().SetOffset(1)
	scaled.Positive().BucketCounts().FromRaw([]uint64{2, 0, 1})

	summary := metric("demo.duration", "s", "A summary.").SetEmptySummary().DataPoints().AppendEmpty()
	summary.SetStartTimestamp(start)
	summary.SetTimestamp(time)
	summary.SetCount(2)
	summary.SetSum(3)
	for quantile, value := range map[float64]float64{0.5: 1, 0.99: math.NaN()} {
		at := summary.QuantileValues().AppendEmpty()
		at.SetQuantile(quantile)
		at.SetValue(value)
	}

	delta := metric("demo.delta", "1", "A counter of what is new.").SetEmptySum()
	delta.SetIsMonotonic(true)
	delta.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	new := delta.DataPoints().AppendEmpty()
	new.SetStartTimestamp(start)
	new.SetTimestamp(time)
	new.SetIntValue(1)

	gone := metric("demo.gone", "", "A gauge that has no value now.").SetEmptyGauge().DataPoints().AppendEmpty()
	gone.SetTimestamp(time)
	gone.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	return all
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
