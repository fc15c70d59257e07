import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Answers what java.util.regex says of patterns and values, as Timestream's regexp_like does: it finds a match anywhere.
 * Input and output are those of re2.go.
 */
public final class JavaRegex {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        String line;
        while ((line = lines.readLine()) != null) {
            String[] parts = line.split(",", -1);
            StringBuilder digits = new StringBuilder();
            try {
                Pattern pattern = Pattern.compile(text(parts[0]));
                for (int index = 1; index < parts.length; index++) {
                    digits.append(pattern.matcher(text(parts[index])).find() ? '1' : '0');
                }
            } catch (PatternSyntaxException error) {
                digits = new StringBuilder("refused");
            }
            out.println(digits);
        }
        out.flush();
    }

    private static String text(String hex) {
        return new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8);
    }
}
