// Writes three records and reads them back, a row on a page.
package main

import (
	"context"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/timestreamquery"
	"github.com/aws/aws-sdk-go-v2/service/timestreamwrite"
	"github.com/aws/aws-sdk-go-v2/service/timestreamwrite/types"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	own, err := config.LoadDefaultConfig(ctx)
	must(err)
	database, table := aws.String("clients"), aws.String("metrics")
	write := timestreamwrite.NewFromConfig(own)
	_, err = write.CreateDatabase(ctx, &timestreamwrite.CreateDatabaseInput{DatabaseName: database})
	must(err)
	_, err = write.CreateTable(ctx, &timestreamwrite.CreateTableInput{DatabaseName: database, TableName: table})
	must(err)
	now := time.Now().UnixMilli()
	var records []types.Record
	for index, value := range []string{"1.5", "2.5", "3.5"} {
		records = append(records, types.Record{
			Dimensions:       []types.Dimension{{Name: aws.String("job"), Value: aws.String("go")}},
			MeasureName:      aws.String("cpu"),
			MeasureValue:     aws.String(value),
			MeasureValueType: types.MeasureValueTypeDouble,
			Time:             aws.String(strconv.FormatInt(now+int64(index), 10)),
		})
	}
	_, err = write.WriteRecords(ctx, &timestreamwrite.WriteRecordsInput{
		DatabaseName: database, TableName: table, Records: records,
	})
	must(err)
	text := fmt.Sprintf(`SELECT measure_value::double FROM "%s"."%s" ORDER BY time`, *database, *table)
	pages := timestreamquery.NewQueryPaginator(timestreamquery.NewFromConfig(own), &timestreamquery.QueryInput{
		QueryString: aws.String(text), MaxRows: aws.Int32(1),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(err)
		for _, row := range page.Rows {
			fmt.Println(*row.Data[0].ScalarValue)
		}
	}
}
