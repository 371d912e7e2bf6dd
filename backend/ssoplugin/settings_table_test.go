package ssoplugin

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// settingsTable is settings.md: for each setting, whether it is read.
func settingsTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("settings.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(cells[1], "-") || strings.TrimSpace(cells[1]) == "Setting" {
			continue
		}
		name := strings.TrimSpace(cells[1])
		if _, twice := table[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		table[name] = strings.TrimSpace(cells[3])
	}
	return table
}

func TestEveryRecordedSettingIsInTheTable(t *testing.T) {
	t.Parallel()
	table := settingsTable(t)
	recordings, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(recordings) == 0 {
		t.Fatal(recordings, err)
	}
	seen := map[string]bool{}
	for _, name := range recordings {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var exchange struct {
				Path, Body string
				Answer     struct{ Body string }
			}
			if err := json.Unmarshal(lines.Bytes(), &exchange); err != nil {
				t.Fatal(err)
			}
			var providers map[string]map[string]json.RawMessage
			switch {
			case strings.HasSuffix(exchange.Path, "/Get"):
				_ = json.Unmarshal([]byte(exchange.Answer.Body), &providers) // what was cut off is there elsewhere
			case strings.Contains(exchange.Path, "/Add/"):
				var one map[string]json.RawMessage
				_ = json.Unmarshal([]byte(exchange.Body), &one)
				providers = map[string]map[string]json.RawMessage{"": one}
			}
			for _, settings := range providers {
				for setting := range settings {
					seen[setting] = true
					if table[setting] == "" {
						t.Errorf("%s: %s is not in the table", name, setting)
					}
				}
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	if len(seen) < 50 {
		t.Errorf("only %d settings were seen", len(seen))
	}
}

func TestSettingsAreReadAsTheTableSays(t *testing.T) {
	t.Parallel()
	table := settingsTable(t)
	read := map[string]bool{}
	for field := range reflect.TypeFor[settings]().Fields() {
		name := field.Name
		if tag := field.Tag.Get("json"); tag != "" {
			name = tag
		}
		read[name] = true
		if table[name] != "yes" {
			t.Errorf("%s is read; the table says %q", name, table[name])
		}
	}
	for name, says := range table {
		switch says {
		case "yes":
			if !read[name] {
				t.Errorf("%s is not read", name)
			}
		case "links", "secret", "no":
		default:
			t.Errorf("%s: %q", name, says)
		}
	}
}
