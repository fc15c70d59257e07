package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/timestreamquery"
	"github.com/aws/aws-sdk-go-v2/service/timestreamquery/types"
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// reader makes a pointer to a value from a text.
type reader func(text string) (any, error)

func pointer[T any](value T, err error) (any, error) { return &value, err }

func parsed(layout string) reader {
	return func(text string) (any, error) { return pointer(time.Parse(layout, text)) }
}

// kind is the type of a column's field, and what reads its scalars.
func kind(scalar types.ScalarType) (data.FieldType, reader) {
	switch scalar {
	case types.ScalarTypeTimestamp:
		return data.FieldTypeNullableTime, parsed("2006-01-02 15:04:05.99999999")
	case types.ScalarTypeDate:
		return data.FieldTypeNullableTime, parsed("2006-01-02")
	case types.ScalarTypeTime:
		return data.FieldTypeNullableTime, parsed("15:04:05.99999999")
	case types.ScalarTypeBoolean:
		return data.FieldTypeNullableBool, func(text string) (any, error) { return pointer(strconv.ParseBool(text)) }
	case types.ScalarTypeDouble:
		return data.FieldTypeNullableFloat64, func(text string) (any, error) { return pointer(strconv.ParseFloat(text, 64)) }
	case types.ScalarTypeBigint:
		return data.FieldTypeNullableInt64, func(text string) (any, error) { return pointer(strconv.ParseInt(text, 10, 64)) }
	case types.ScalarTypeInteger:
		return data.FieldTypeNullableInt32, func(text string) (any, error) {
			number, err := strconv.ParseInt(text, 10, 32)
			return pointer(int32(number), err)
		}
	}
	return data.FieldTypeNullableString, func(text string) (any, error) { return &text, nil }
}

// frame is a table of scalars, and of arrays and rows as JSON.
func frame(output *timestreamquery.QueryOutput) *data.Frame {
	table := data.NewFrame("")
	for place, column := range output.ColumnInfo {
		is, read := kind(column.Type.ScalarType)
		field := data.NewFieldFromFieldType(is, len(output.Rows))
		field.Name = *column.Name
		for index, row := range output.Rows {
			datum := row.Data[place]
			text := datum.ScalarValue
			if column.Type.ScalarType == "" {
				nested, err := json.Marshal(datum)
				must(err)
				all := string(nested)
				text = &all
			}
			if text == nil {
				check(datum.NullValue != nil && *datum.NullValue, "neither a value nor NULL")
				continue
			}
			value, err := read(*text)
			must(err)
			field.Set(index, value)
		}
		table.Fields = append(table.Fields, field)
	}
	return table
}

// frames are the time series of an answer, one of each row. The scalars beside them are their labels.
func frames(output *timestreamquery.QueryOutput) []*data.Frame {
	var all []*data.Frame
	for _, row := range output.Rows {
		labels, series := data.Labels{}, -1
		for place, column := range output.ColumnInfo {
			if column.Type.TimeSeriesMeasureValueColumnInfo != nil {
				series = place
			} else if text := row.Data[place].ScalarValue; text != nil {
				labels[*column.Name] = *text
			}
		}
		column := output.ColumnInfo[series]
		is, read := kind(column.Type.TimeSeriesMeasureValueColumnInfo.Type.ScalarType)
		points := row.Data[series].TimeSeriesValue
		times := data.NewFieldFromFieldType(data.FieldTypeTime, len(points))
		values := data.NewFieldFromFieldType(is, len(points))
		times.Name, values.Name, values.Labels = "time", *column.Name, labels
		for index, point := range points {
			at, err := parsed("2006-01-02 15:04:05.99999999")(*point.Time)
			must(err)
			times.Set(index, *at.(*time.Time))
			value, err := read(*point.Value.ScalarValue)
			must(err)
			values.Set(index, value)
		}
		all = append(all, data.NewFrame(fmt.Sprint(labels), times, values))
	}
	return all
}
