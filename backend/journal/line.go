package journal

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// entry is a line of a server's main file: a change, or a run's beginning or end.
type entry struct {
	change api.Change
	run    *runLine // nil for a change
}

// runLine is a run as the main file has it. Its changes are in a file of its own.
type runLine struct {
	api.Run
	// Of counts the made changes that take back others: by the run that those belong to, "" for changes of their own.
	Of map[string]int `json:"of,omitempty"`
}

// runMark is a key that only runs have. In a string its quotes would be escaped.
var runMark = []byte(`"planned":`)

func decode(line []byte) (entry, bool) {
	if bytes.Contains(line, runMark) {
		var r runLine
		err := json.Unmarshal(line, &r)
		return entry{run: &r}, err == nil && plain(r.ID)
	}
	var e entry
	err := json.Unmarshal(line, &e.change)
	return e, err == nil && e.change.ID != ""
}

func (e entry) id() string {
	if e.run != nil {
		return e.run.ID
	}
	return e.change.ID
}

func (e entry) time() time.Time {
	if e.run != nil {
		return e.run.Time
	}
	return e.change.Time
}

// opens reports whether a line is the first one of its change or run. An intended change with an error has ended: its outcome
// is not known.
func (e entry) opens() bool {
	if e.run != nil {
		return e.run.State == api.RunOpen
	}
	return e.change.State == api.ChangeIntended && e.change.Error == ""
}

// ending is how a change of a run ended, as the run's file has it.
type ending struct {
	ID     string            `json:"id"`
	State  api.ChangeState   `json:"state"`
	Error  api.Code          `json:"error,omitempty"`
	Why    api.Why           `json:"why,omitempty"`
	Params map[string]string `json:"params,omitempty"`
}

// runLines joins the lines of a run's file to its changes, in the order of their first lines.
func runLines(lines []entry) []api.Change {
	at := make(map[string]int, len(lines))
	var changes []api.Change
	for _, l := range lines {
		c := l.change
		i, known := at[c.ID]
		switch {
		case known && c.Kind == "":
			old := &changes[i]
			old.State, old.Error, old.Why, old.Params = c.State, c.Error, c.Why, c.Params
		case known:
			changes[i] = c
		case c.Kind != "": // an ending alone says nothing
			at[c.ID] = len(changes)
			changes = append(changes, c)
		}
	}
	return changes
}

// joined is one line after the other.
func joined[T any](values []T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
