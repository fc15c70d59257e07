// Answers what RE2, in Go's implementation, says of patterns and values, as Prometheus uses it.
//
// Each line of the input is a pattern and its values, in hexadecimal, separated by commas. The line of the output is
// "refused", or a digit for each value: 1 when the pattern matches all of it.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"regexp/syntax"
	"strings"
)

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		var parts []string
		for _, part := range strings.Split(strings.TrimSuffix(line, "\n"), ",") {
			text, err := hex.DecodeString(part)
			if err != nil {
				panic(err)
			}
			parts = append(parts, string(text))
		}
		fmt.Fprintln(out, verdicts(parts[0], parts[1:]))
	}
}

func verdicts(pattern string, values []string) string {
	if _, err := syntax.Parse(pattern, syntax.Perl|syntax.DotNL); err != nil {
		return "refused"
	}
	matcher, err := regexp.Compile("(?s)" + pattern)
	if err != nil {
		return "refused"
	}
	// The leftmost match that is longest is the whole value, if that matches at all.
	matcher.Longest()
	digits := make([]byte, len(values))
	for index, value := range values {
		digits[index] = '0'
		if found := matcher.FindStringIndex(value); found != nil && found[0] == 0 && found[1] == len(value) {
			digits[index] = '1'
		}
	}
	return string(digits)
}
