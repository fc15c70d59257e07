import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Answers for each line of two texts in hexadecimal, a pattern and a subject, what java.util.regex makes of them. */
class Oracle {
    static final HexFormat HEX = HexFormat.of();

    static String text(String hex) {
        return new String(HEX.parseHex(hex), StandardCharsets.UTF_8);
    }

    static String hex(String text) {
        return HEX.formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    static String answer(String pattern, String subject) {
        try {
            Matcher matcher = Pattern.compile(pattern).matcher(subject);
            if (!matcher.find()) {
                return "none";
            }
            String whole = matcher.group();
            return "found " + hex(whole) + "." + " " + hex(matcher.replaceAll("<$0>")) + ".";
        } catch (PatternSyntaxException error) {
            return "refused";
        }
    }

    /** With an argument, case and space of the characters below it; otherwise answers standard input. */
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        if (arguments.length > 0) {
            for (int character = 0; character < Integer.parseInt(arguments[0]); character++) {
                out.println(Character.isDefined(character) + " " + Character.toLowerCase(character) + " "
                    + Character.toUpperCase(character) + " " + Character.isWhitespace(character));
            }
        } else {
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String[] texts = line.split(" ", -1);
                out.println(answer(text(texts[0]), text(texts[1])));
            }
        }
        out.flush();
    }
}
