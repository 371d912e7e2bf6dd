package main

import (
	"bytes"
	"fmt"
	"strings"
)

// testCounter reads go test's output as it passes and counts the packages.
type testCounter struct {
	rest                   []byte
	passed, failed, noTest int
}

// Write takes a piece of the output.
func (c *testCounter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, after, found := bytes.Cut(c.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		c.line(string(line))
		c.rest = after
	}
}

// flush counts a last line without a line feed.
func (c *testCounter) flush() {
	c.line(string(c.rest))
	c.rest = nil
}

// line counts the lines that close a package: "ok", "FAIL" and "?", each with a tab and the package's path.
func (c *testCounter) line(s string) {
	word, _, tab := strings.Cut(strings.TrimRight(s, "\r"), "\t")
	switch strings.TrimRight(word, " ") {
	case "ok":
		if tab {
			c.passed++
		}
	case "FAIL":
		if tab {
			c.failed++
		}
	case "?":
		if tab {
			c.noTest++
		}
	}
}

// summary is the closing line.
func (c *testCounter) summary() string {
	return fmt.Sprintf("packages: %d passed, %d failed, %d skipped", c.passed, c.failed, c.noTest)
}
