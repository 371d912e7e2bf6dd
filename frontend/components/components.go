// Package components has the building blocks of the window's screens. Each function is pure: values in, nodes out.
package components

import (
	"strings"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/text"
)

// Icon is a picture from static/icons.svg. Screen readers skip it; the control around it has a name.
func Icon(name string) *dom.Node {
	pointing := name == "back" || name == "forward" || name == "undo" || name == "signout"
	return dom.E("svg", dom.Class("icon"), dom.ClassIf("pointing", pointing), dom.A("aria-hidden", "true"),
		dom.E("use", dom.A("href", "#i-"+name)))
}

// Name shows a name from a server. Hidden characters are escaped, blanks at its ends are marked, and its direction does not
// affect the text around it.
func Name(s string, parts ...any) *dom.Node {
	return dom.E("bdi", append(parts, api.ShowEnds(api.Printable(s)))...)
}

// Button is a button with a label. The parts are further attributes, or an icon before the label.
func Button(class, label string, msg any, parts ...any) *dom.Node {
	all := append([]any{dom.Class("button " + class), dom.A("type", "button"), dom.OnClick(msg)}, parts...)
	return dom.E("button", append(all, dom.E("span", label))...)
}

// Primary is the button for the next step. A screen has one.
func Primary(label string, msg any, parts ...any) *dom.Node {
	return Button("primary", label, msg, parts...)
}

// Secondary is a button for another choice.
func Secondary(label string, msg any, parts ...any) *dom.Node {
	return Button("secondary", label, msg, parts...)
}

// Quiet is a button without a border.
func Quiet(label string, msg any, parts ...any) *dom.Node {
	return Button("quiet", label, msg, parts...)
}

// Danger is a button that deletes or removes something.
func Danger(label string, msg any, parts ...any) *dom.Node {
	return Button("danger", label, msg, parts...)
}

// Submit is the button of a form. The form handles the submission.
func Submit(label string, busy bool, parts ...any) *dom.Node {
	all := append([]any{dom.Class("button primary"), dom.A("type", "submit"), dom.Flag("disabled", busy)}, parts...)
	if busy {
		all = append(all, Spinner())
	}
	return dom.E("button", append(all, dom.E("span", label))...)
}

// IconButton is a button with an icon. Its label is for screen readers and the tooltip.
func IconButton(icon, label string, msg any, parts ...any) *dom.Node {
	all := append([]any{
		dom.Class("icon-button"), dom.A("type", "button"), dom.A("aria-label", label), dom.A("title", label), dom.OnClick(msg),
	}, parts...)
	return dom.E("button", append(all, Icon(icon))...)
}

// Spinner turns while something is in progress; the text next to it says what.
func Spinner() *dom.Node { return dom.E("span", dom.Class("spinner"), dom.A("aria-hidden", "true")) }

// Badge is a label of a word or two. Tones: "", "accent", "warn", "bad", "good".
func Badge(words, tone string) *dom.Node {
	class := "badge"
	if tone != "" {
		class += " " + tone
	}
	return dom.E("span", dom.Class(class), words)
}

// Protocol is the badge of a protocol.
func Protocol(p api.Protocol) *dom.Node {
	return dom.E("span", dom.Class("protocol"), strings.ToUpper(string(p)))
}

// Chip is one identity in a row. A note says better than a subject who it is; the name is then told with the whole chip.
func Chip(i api.Identity, note string) *dom.Node {
	parts := []any{
		dom.Class("chip"), dom.A("data-whole", ""), Protocol(i.Protocol), Name(i.Provider, dom.Class("chip-provider")),
	}
	if note == "" {
		return dom.E("span", append(parts, Name(i.Name, dom.Class("chip-name")))...)
	}
	return dom.E("span", append(parts, Name(note, dom.Class("chip-name")), Name(i.Name, dom.Class("chip-whole")))...)
}

// Avatar is the first letter of a name.
func Avatar(name string) *dom.Node {
	letter := "?"
	for _, r := range api.Printable(name) {
		letter = strings.ToUpper(string(r))
		break
	}
	return dom.E("span", dom.Class("avatar"), dom.A("aria-hidden", "true"), letter)
}

// Input describes a form field.
type Input struct {
	ID, Label, Hint, Value string
	// Type is the input's type; empty means text.
	Type        string
	Placeholder string
	Error       string
	Msg         func(string) any
	// Mono shows the value in a monospaced font.
	Mono bool
	// Parts are further attributes of the input. After is shown next to it.
	Parts []any
	After *dom.Node
}

// Field is a form field with label, hint and error, connected for screen readers.
func Field(f Input) *dom.Node {
	kind := f.Type
	if kind == "" {
		kind = "text"
	}
	described := ""
	if f.Hint != "" {
		described = f.ID + "-hint"
	}
	if f.Error != "" {
		described = strings.TrimSpace(f.ID + "-error " + described)
	}
	parts := []any{
		dom.ID(f.ID), dom.A("type", kind), dom.Class("input"), dom.ClassIf("mono", f.Mono), dom.A("autocomplete", "off"),
		dom.A("spellcheck", "false"), dom.Prop("value", f.Value), dom.OnValue(f.Msg),
	}
	if f.Placeholder != "" {
		parts = append(parts, dom.A("placeholder", f.Placeholder))
	}
	if described != "" {
		parts = append(parts, dom.A("aria-describedby", described))
	}
	if f.Error != "" {
		parts = append(parts, dom.A("aria-invalid", "true"))
	}
	input := dom.E("input", append(parts, f.Parts...)...)
	return dom.E("div", dom.Class("field"),
		dom.E("label", dom.A("for", f.ID), f.Label),
		dom.E("div", dom.Class("field-row"), input, f.After),
		dom.If(f.Error != "", func() *dom.Node {
			return dom.E("p", dom.Class("field-error"), dom.ID(f.ID+"-error"), dom.A("role", "alert"), f.Error)
		}),
		dom.If(f.Hint != "", func() *dom.Node {
			return dom.E("p", dom.Class("field-hint"), dom.ID(f.ID+"-hint"), f.Hint)
		}))
}

// Choice is one option of a Select or of Radios.
type Choice struct{ Value, Label, Hint string }

// Select is a list to pick one from.
func Select(id, label, value string, choices []Choice, msg func(string) any) *dom.Node {
	options := make([]*dom.Node, len(choices))
	for i, c := range choices {
		options[i] = dom.E("option", dom.Key(c.Value), dom.A("value", c.Value), c.Label)
	}
	return dom.E("div", dom.Class("field"),
		dom.E("label", dom.A("for", id), label),
		dom.E("select", dom.ID(id), dom.Class("input"), dom.Prop("value", value),
			dom.OnChosen(msg), options))
}

// Radios is a group of choices that are all visible.
func Radios(name, legend, value string, choices []Choice, msg func(string) any) *dom.Node {
	items := make([]*dom.Node, len(choices))
	for i, c := range choices {
		on := c.Value == value
		items[i] = dom.E("label", dom.Key(c.Value), dom.Class("radio"), dom.ClassIf("on", on),
			dom.E("input", dom.A("type", "radio"), dom.A("name", name), dom.A("value", c.Value),
				dom.Checked(on),
				dom.Make("change", func(dom.Event) any { return msg(c.Value) })),
			dom.E("span", dom.Class("radio-text"), dom.E("span", dom.Class("radio-label"), c.Label),
				dom.If(c.Hint != "", func() *dom.Node { return dom.E("span", dom.Class("radio-hint"), c.Hint) })))
	}
	return dom.E("fieldset", dom.Class("radios"), dom.E("legend", legend), items)
}

// Checkbox is a checkbox with its label.
func Checkbox(id, label string, on bool, msg func(bool) any) *dom.Node {
	return dom.E("label", dom.Class("check"), dom.A("for", id),
		dom.E("input", dom.ID(id), dom.A("type", "checkbox"), dom.Checked(on), dom.OnChecked(msg)),
		dom.E("span", label))
}

// Copyable shows a value with a button that copies it.
func Copyable(l *text.Catalogue, label, value string, msg any) *dom.Node {
	return dom.E("div", dom.Class("copyable"),
		dom.E("code", dom.Class("copy-value"), dom.A("dir", "ltr"), api.Printable(value)),
		IconButton("copy", l.T("copy.button", "what", label), msg))
}

// Banner is a message above what it is about. Tones: "info", "warn", "bad", "good".
func Banner(tone, icon string, parts ...any) *dom.Node {
	role := "note"
	if tone == "bad" {
		role = "alert"
	}
	return dom.E("div", dom.Class("banner "+tone), dom.A("role", role), Icon(icon),
		dom.E("div", append([]any{dom.Class("banner-text")}, parts...)...))
}

// Error says what went wrong and what to do next.
func Error(l *text.Catalogue, e *api.Error, actions ...any) *dom.Node {
	if e == nil {
		return nil
	}
	sentence, hint := l.Error(e)
	parts := []any{dom.E("p", dom.Class("banner-title"), api.Printable(sentence))}
	if hint != "" {
		parts = append(parts, dom.E("p", api.Printable(hint)))
	}
	if len(actions) > 0 {
		parts = append(parts, dom.E("div", append([]any{dom.Class("actions")}, actions...)...))
	}
	return Banner("bad", "alert", parts...)
}

// Empty says that there is nothing to show, and why.
func Empty(icon, title, words string, actions ...any) *dom.Node {
	parts := []any{
		dom.Class("empty"), dom.E("div", dom.Class("empty-icon"), Icon(icon)), dom.E("h2", title),
		dom.If(words != "", func() *dom.Node { return dom.E("p", api.Printable(words)) }),
	}
	if len(actions) > 0 {
		parts = append(parts, dom.E("div", append([]any{dom.Class("actions centre")}, actions...)...))
	}
	return dom.E("div", parts...)
}

// Loading stands for content that is being loaded.
func Loading(words string) *dom.Node {
	return dom.E("div", dom.Class("loading"), dom.A("role", "status"), Spinner(), dom.E("span", words))
}

// Sentence is a text of the catalogue with nodes in its placeholders.
func Sentence(l *text.Catalogue, key string, nodes map[string]*dom.Node) []*dom.Node {
	var list []*dom.Node
	for _, p := range l.Parts(key) {
		if p.Name == "" {
			list = append(list, dom.Text(p.Words))
		} else if n := nodes[p.Name]; n != nil {
			list = append(list, n)
		}
	}
	return list
}

// Dialog is a modal dialog. The browser keeps the focus inside and restores it afterwards. Escape sends closing.
func Dialog(l *text.Catalogue, class, title string, closing any, parts ...any) *dom.Node {
	return dom.E("dialog", append([]any{
		dom.Key(class), dom.Class("dialog " + class), dom.A("aria-labelledby", "dialog-title"), dom.Prop("modal", "true"),
		dom.Instead("cancel", func(dom.Event) any { return closing }),
		dom.E("div", dom.Class("dialog-head"),
			dom.E("h2", dom.ID("dialog-title"), title),
			IconButton("close", l.T("close"), closing)),
	}, parts...)...)
}

// Fact is a line of a definition list.
func Fact(name string, value ...any) *dom.Node {
	return dom.E("div", dom.Class("fact"), dom.E("dt", name), dom.E("dd", value...))
}

// Key shows a key of the keyboard.
func Key(name string) *dom.Node { return dom.E("kbd", name) }

// Tab is one tab of Tabs.
type Tab struct {
	ID, Label string
	On        bool
	Msg       any
}

// Tabs chooses between two panels. The arrow keys move between the tabs.
func Tabs(label, panel string, tabs ...Tab) *dom.Node {
	list := make([]*dom.Node, len(tabs))
	for i, t := range tabs {
		index := "-1"
		if t.On {
			index = "0"
		}
		next := tabs[(i+1)%len(tabs)].Msg
		before := tabs[(i+len(tabs)-1)%len(tabs)].Msg
		list[i] = dom.E("button", dom.ID(t.ID), dom.Class("tab"), dom.A("type", "button"), dom.A("role", "tab"),
			dom.Bool("aria-selected", t.On), dom.A("aria-controls", panel), dom.A("tabindex", index),
			dom.OnClick(t.Msg),
			dom.Make("keydown", func(e dom.Event) any {
				switch e.Key {
				case "ArrowRight":
					return next
				case "ArrowLeft":
					return before
				}
				return nil
			}), t.Label)
	}
	return dom.E("div", dom.Class("tabs"), dom.A("role", "tablist"), dom.A("aria-label", label), list)
}

// Steps shows the current step of several.
func Steps(label string, names []string, at int) *dom.Node {
	items := make([]*dom.Node, len(names))
	for i, n := range names {
		class, current := "step", ""
		switch {
		case i < at:
			class += " done"
		case i == at:
			class, current = "step on", "step"
		}
		item := dom.E("li", dom.Class(class), dom.E("span", dom.Class("step-dot")), dom.E("span", dom.Class("step-name"), n))
		if i < at {
			item.Kids[0].Kids = []*dom.Node{Icon("check")}
		}
		if current != "" {
			item.Set(dom.A("aria-current", current))
		}
		items[i] = item
	}
	return dom.E("ol", dom.Class("steps"), dom.A("aria-label", label), items)
}
