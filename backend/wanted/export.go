package wanted

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// NewDocument returns the links of a roster at some providers; empty means all. It speaks for these providers.
func NewDocument(r api.Roster, server string, of []api.ProviderRef) Document {
	d := Document{Format: documentFormat, Version: documentVersion, Server: server, Taken: r.Taken.UTC().Truncate(time.Second)}
	wanted := func(ref api.ProviderRef) bool { return len(of) == 0 || slices.Contains(of, ref) }
	d.Providers, d.Links = []api.ProviderRef{}, []DocumentLink{}
	for _, p := range r.Providers {
		if ref := p.Ref(); wanted(ref) {
			d.Providers = append(d.Providers, ref)
		}
	}
	for _, a := range r.Accounts {
		for _, id := range a.Identities {
			ref := id.Ref()
			if !wanted(ref) {
				continue
			}
			if !slices.Contains(d.Providers, ref) { // it is gone from the settings
				d.Providers = append(d.Providers, ref)
			}
			d.Links = append(d.Links, DocumentLink{
				Protocol: id.Protocol, Provider: id.Provider, Name: id.Name, UserName: a.Name, UserID: a.ID,
			})
		}
	}
	slices.SortFunc(d.Providers, byProvider)
	return d
}

// WriteJSON writes a document as JSON, a link a line, so that changes show in a repository.
func (d Document) WriteJSON(w io.Writer) error {
	head, err := json.Marshal(Document{
		Format: d.Format, Version: d.Version, Server: d.Server, Taken: d.Taken, Providers: d.Providers, Links: []DocumentLink{},
	})
	if err != nil {
		return fmt.Errorf("encoding the document: %w", err)
	}
	var b strings.Builder
	b.Write(head[:len(head)-len("]}")])
	for i, l := range d.Links {
		line, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("encoding a link: %w", err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  ")
		b.Write(line)
	}
	b.WriteString("\n]}\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// WriteCSV writes a document as a table for spreadsheets. A name with a carriage return cannot stand in a table to the letter.
//
// Errors: CodeUsage for such a name.
func (d Document) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"protocol", "provider", "name", "account", "account id"}}
	for _, l := range d.Links {
		if strings.ContainsRune(l.Name+l.Provider+l.UserName, '\r') {
			return wrong("csv-line-end", 0, map[string]string{"name": l.Name, "account": l.UserName})
		}
		rows = append(rows, []string{string(l.Protocol), guarded(l.Provider), guarded(l.Name), guarded(l.UserName), l.UserID})
	}
	return out.WriteAll(rows)
}
