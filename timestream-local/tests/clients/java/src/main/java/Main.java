import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.services.timestreamquery.TimestreamQueryClient;
import software.amazon.awssdk.services.timestreamwrite.TimestreamWriteClient;
import software.amazon.awssdk.services.timestreamwrite.model.Dimension;
import software.amazon.awssdk.services.timestreamwrite.model.MeasureValueType;
import software.amazon.awssdk.services.timestreamwrite.model.Record;

/** Writes three records and reads them back, a row on a page. */
public final class Main {
  public static void main(String[] arguments) {
    var write = TimestreamWriteClient.create();
    write.createDatabase(call -> call.databaseName("clients"));
    write.createTable(call -> call.databaseName("clients").tableName("metrics"));
    long now = System.currentTimeMillis();
    List<Record> records = new ArrayList<>();
    for (String value : List.of("1.5", "2.5", "3.5")) {
      records.add(
          Record.builder()
              .dimensions(Dimension.builder().name("job").value("java").build())
              .measureName("cpu")
              .measureValue(value)
              .measureValueType(MeasureValueType.DOUBLE)
              .time(Long.toString(now + records.size()))
              .build());
    }
    write.writeRecords(call -> call.databaseName("clients").tableName("metrics").records(records));
    var query = TimestreamQueryClient.create();
    var text = "SELECT measure_value::double FROM \"clients\".\"metrics\" ORDER BY time";
    for (var page : query.queryPaginator(call -> call.queryString(text).maxRows(1))) {
      page.rows().forEach(row -> System.out.println(row.data().get(0).scalarValue()));
    }
  }
}
