// Writes three records and reads them back, a row on a page.
import { TimestreamQueryClient, paginateQuery } from "@aws-sdk/client-timestream-query";
import {
  CreateDatabaseCommand,
  CreateTableCommand,
  TimestreamWriteClient,
  WriteRecordsCommand,
} from "@aws-sdk/client-timestream-write";

const [DatabaseName, TableName] = ["clients", "metrics"];
const write = new TimestreamWriteClient({});
await write.send(new CreateDatabaseCommand({ DatabaseName }));
await write.send(new CreateTableCommand({ DatabaseName, TableName }));
const now = Date.now();
const Records = ["1.5", "2.5", "3.5"].map((MeasureValue, index) => ({
  Dimensions: [{ Name: "job", Value: "js" }],
  MeasureName: "cpu",
  MeasureValue,
  MeasureValueType: "DOUBLE",
  Time: String(now + index),
}));
await write.send(new WriteRecordsCommand({ DatabaseName, TableName, Records }));
const QueryString = `SELECT measure_value::double FROM "${DatabaseName}"."${TableName}" ORDER BY time`;
for await (const page of paginateQuery({ client: new TimestreamQueryClient({}) }, { QueryString, MaxRows: 1 })) {
  for (const row of page.Rows) console.log(row.Data[0].ScalarValue);
}
