// Speaks as the backend of Grafana's data source for Timestream does: its statements with their macros written out, pages
// until there is no token, and answers as Grafana's data frames.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/timestreamquery"
	querytypes "github.com/aws/aws-sdk-go-v2/service/timestreamquery/types"
	"github.com/aws/aws-sdk-go-v2/service/timestreamwrite"
	"github.com/aws/aws-sdk-go-v2/service/timestreamwrite/types"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

const database, table = "clients", "metrics"

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func check(holds bool, message string, found ...any) {
	if !holds {
		log.Fatalf(message, found...)
	}
}

// store makes a table and writes three records, a minute apart.
func store(ctx context.Context, own aws.Config, start time.Time) {
	write := timestreamwrite.NewFromConfig(own)
	_, err := write.CreateDatabase(ctx, &timestreamwrite.CreateDatabaseInput{DatabaseName: aws.String(database)})
	must(err)
	_, err = write.CreateTable(ctx, &timestreamwrite.CreateTableInput{
		DatabaseName: aws.String(database), TableName: aws.String(table),
	})
	must(err)
	var records []types.Record
	for index, value := range []string{"1.5", "2.5", "3.5"} {
		at := start.Add(time.Duration(index) * time.Minute)
		records = append(records, types.Record{
			Dimensions:       []types.Dimension{{Name: aws.String("job"), Value: aws.String("grafana")}},
			MeasureName:      aws.String("cpu"),
			MeasureValue:     aws.String(value),
			MeasureValueType: types.MeasureValueTypeDouble,
			Time:             aws.String(strconv.FormatInt(at.UnixMilli(), 10)),
		})
	}
	_, err = write.WriteRecords(ctx, &timestreamwrite.WriteRecordsInput{
		DatabaseName: aws.String(database), TableName: aws.String(table), Records: records,
	})
	must(err)
}

type backend struct {
	client   *timestreamquery.Client
	from, to time.Time
	interval time.Duration
}

// written gives the text that is sent. Of two macros with the same beginning, the longer comes first.
func (b backend) written(text string) string {
	from, to := b.from.UnixMilli(), b.to.UnixMilli()
	step := strconv.FormatInt(b.interval.Milliseconds(), 10)
	return strings.NewReplacer(
		"$__database", strconv.Quote(database),
		"$__table", strconv.Quote(table),
		"$__measure", "cpu",
		"$__timeFilter", fmt.Sprintf("time BETWEEN from_milliseconds(%d) AND from_milliseconds(%d)", from, to),
		"$__timeFrom", strconv.FormatInt(from, 10),
		"$__timeTo", strconv.FormatInt(to, 10),
		"$__interval_raw_ms", step,
		"$__interval_ms", step+"ms",
		"$__interval", step+"ms",
		"$__now_ms", strconv.FormatInt(time.Now().UnixMilli(), 10),
	).Replace(text)
}

// run waits for all pages, and appends their rows to those of the first.
func (b backend) run(ctx context.Context, text string, rows int32) *timestreamquery.QueryOutput {
	input := timestreamquery.QueryInput{QueryString: aws.String(b.written(text))}
	if rows > 0 {
		input.MaxRows = aws.Int32(rows)
	}
	output, err := b.client.Query(ctx, &input)
	must(err)
	for output.NextToken != nil {
		next := timestreamquery.QueryInput{QueryString: input.QueryString, NextToken: output.NextToken}
		page, err := b.client.Query(ctx, &next)
		must(err)
		output.Rows, output.NextToken = append(output.Rows, page.Rows...), page.NextToken
	}
	return output
}

func (b backend) texts(ctx context.Context, statement string) []string {
	var texts []string
	for _, row := range b.run(ctx, statement, 0).Rows {
		texts = append(texts, *row.Data[0].ScalarValue)
	}
	return texts
}

func main() {
	ctx := context.Background()
	own, err := config.LoadDefaultConfig(ctx)
	must(err)
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	store(ctx, own, start)
	b := backend{timestreamquery.NewFromConfig(own), start, start.Add(time.Hour), time.Minute}

	check(b.texts(ctx, "SELECT 1")[0] == "1", "the data source is not healthy")
	found := fmt.Sprint(b.texts(ctx, "SHOW DATABASES"), b.texts(ctx, "SHOW TABLES FROM $__database"))
	check(found == "[clients] [metrics]", "the editor lists %s", found)
	measures := b.run(ctx, "SHOW MEASURES FROM $__database.$__table", 0).Rows[0].Data
	found = *measures[0].ScalarValue + " " + *measures[2].ArrayValue[0].RowValue.Data[0].ScalarValue
	check(found == "cpu job", "the editor lists %s", found)
	check(len(b.texts(ctx, "DESCRIBE $__database.$__table")) >= 4, "the editor misses columns")
	check(len(b.texts(ctx, "SELECT * FROM $__database.$__table LIMIT 10")) == 3, "the editor misses rows")

	// A column for each series, as alerts want it.
	long := frame(b.run(ctx, "SELECT bin(time, $__interval_ms) AS t, job, avg(measure_value::double) AS v "+
		"FROM $__database.$__table WHERE $__timeFilter AND measure_name = '$__measure' "+
		"GROUP BY bin(time, $__interval_ms), job ORDER BY t ASC", 1))
	check(long.TimeSeriesSchema().Type == data.TimeSeriesTypeLong, "no long series: %v", long)
	wide, err := data.LongToWide(long, &data.FillMissing{Mode: data.FillModeNull})
	must(err)
	check(wide.Rows() == 3 && wide.Fields[1].Labels["job"] == "grafana", "the wide frame is %v", wide)

	series := frames(b.run(ctx, "SELECT job, CREATE_TIME_SERIES(time, measure_value::double) AS cpu "+
		"FROM $__database.$__table WHERE time >= from_milliseconds($__timeFrom) AND time < from_milliseconds($__now_ms) "+
		"AND measure_name = '$__measure' GROUP BY job", 0))
	check(len(series) == 1 && series[0].Rows() == 3, "the series are %v", series)
	for index := range 3 {
		for field := range 2 {
			one, _ := series[0].Fields[field].ConcreteAt(index)
			other, _ := wide.Fields[field].ConcreteAt(index)
			check(one == other, "the series and the bins differ: %v, %v", one, other)
		}
		value, _ := series[0].Fields[1].ConcreteAt(index)
		fmt.Println(value)
	}

	// A panel is left while it waits for pages.
	endless := timestreamquery.QueryInput{
		QueryString: aws.String("SELECT n FROM UNNEST(sequence(1, 10000)) AS t (n)"), MaxRows: aws.Int32(1),
	}
	first, err := b.client.Query(ctx, &endless)
	must(err)
	_, err = b.client.CancelQuery(ctx, &timestreamquery.CancelQueryInput{QueryId: first.QueryId})
	must(err)
	endless.NextToken, endless.MaxRows = first.NextToken, nil
	_, err = b.client.Query(ctx, &endless)
	var conflict *querytypes.ConflictException
	check(errors.As(err, &conflict), "a cancelled query goes on: %v", err)
}
