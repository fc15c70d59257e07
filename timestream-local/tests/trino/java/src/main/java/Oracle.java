import static io.trino.testing.TestingSession.testSessionBuilder;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.trino.Session;
import io.trino.SystemSessionProperties;
import io.trino.spi.TrinoException;
import io.trino.spi.type.TimeZoneKey;
import io.trino.spi.type.Type;
import io.trino.sql.parser.ParsingException;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.MaterializedRow;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;

/** Runs the statements of standard input in Trino, one a line, and prints for each a line of JSON. */
public final class Oracle {
  public static void main(String[] arguments) throws Exception {
    Logger.getLogger("").setLevel(Level.OFF);
    var mapper = new ObjectMapper();
    var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err);
    // 1.5 is a DOUBLE in Timestream, and times are in UTC.
    Session session =
        testSessionBuilder()
            .setTimeZoneKey(TimeZoneKey.UTC_KEY)
            .setSystemProperty(SystemSessionProperties.PARSE_DECIMAL_LITERALS_AS_DOUBLE, "true")
            .build();
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (var runner = LocalQueryRunner.create(session)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        out.println(mapper.writeValueAsString(answer(runner, line)));
      }
    }
    System.exit(0);
  }

  private static Map<String, Object> answer(LocalQueryRunner runner, String statement) {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("statement", statement);
    try {
      MaterializedResult result = runner.execute(statement);
      answer.put("types", result.getTypes().stream().map(Type::getDisplayName).toList());
      List<Object> rows = new ArrayList<>();
      for (MaterializedRow row : result.getMaterializedRows()) {
        rows.add(plain(row.getFields()));
      }
      answer.put("rows", rows);
    } catch (Throwable failure) {
      answer.put("error", name(failure));
      answer.put("message", String.valueOf(failure.getMessage()));
    }
    return answer;
  }

  private static String name(Throwable failure) {
    if (failure instanceof TrinoException trino) {
      return trino.getErrorCode().getName();
    }
    return failure instanceof ParsingException ? "SYNTAX_ERROR" : failure.getClass().getName();
  }

  /** Lists and rows as arrays, and all other values as their texts. */
  private static Object plain(Object value) {
    if (value == null) {
      return null;
    }
    if (value instanceof MaterializedRow row) {
      return plain(row.getFields());
    }
    if (value instanceof List<?> list) {
      List<Object> values = new ArrayList<>();
      list.forEach(element -> values.add(plain(element)));
      return values;
    }
    return value.toString();
  }
}
