// Writes three metrics with Telegraf's Timestream output, and reads them back with the SDK for Go, a row on a page.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/timestreamquery"
	"github.com/aws/aws-sdk-go-v2/service/timestreamwrite"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/logger"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/plugins/outputs/timestream"
)

func main() {
	ctx := context.Background()
	settings := must(config.LoadDefaultConfig(ctx))
	write := timestreamwrite.NewFromConfig(settings)
	must(write.CreateDatabase(ctx, &timestreamwrite.CreateDatabaseInput{DatabaseName: aws.String("clients")}))

	output := &timestream.Timestream{
		MappingMode:             timestream.MappingModeMultiTable,
		DatabaseName:            "clients",
		DescribeDatabaseOnStart: true,
		CreateTableIfNotExists:  true,
		CreateTableMemoryStoreRetentionPeriodInHours:  24,
		CreateTableMagneticStoreRetentionPeriodInDays: 7,
		MaxWriteGoRoutinesCount:                       2,
		Log:                                           logger.New("outputs", "timestream", ""),
	}
	output.Region = "us-east-1"
	check(output.Connect())
	now := time.Now().Truncate(time.Millisecond)
	var metrics []telegraf.Metric
	for index, value := range []float64{1.5, 2.5, 3.5} {
		tags, fields := map[string]string{"job": "telegraf"}, map[string]interface{}{"value": value}
		metrics = append(metrics, metric.New("cpu", tags, fields, now.Add(time.Duration(index)*time.Second)))
	}
	check(output.Write(metrics))
	check(output.Close())

	query := timestreamquery.NewFromConfig(settings)
	sql := aws.String(`SELECT measure_value::double FROM "clients"."cpu" ORDER BY time`)
	pages := timestreamquery.NewQueryPaginator(query, &timestreamquery.QueryInput{QueryString: sql, MaxRows: aws.Int32(1)})
	for pages.HasMorePages() {
		for _, row := range must(pages.NextPage(ctx)).Rows {
			fmt.Println(*row.Data[0].ScalarValue)
		}
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
