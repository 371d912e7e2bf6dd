// Package dom is a small keyed virtual DOM. Views build trees of nodes. Tree.Replace compares a new tree with the current
// one and returns a short list of operations. The page applies them in one call (mount_js.go and static/dom.js); tests apply
// them to a document in memory.
package dom

// Node is an element or, with an empty Tag, a text. A node belongs to one tree only.
type Node struct {
	Tag string
	// Key identifies a node among its siblings when their order changes. A node with the same key and tag keeps its element,
	// with focus, selection and scroll position.
	Key   string
	Text  string
	Attrs []Attr
	On    []Handler
	Kids  []*Node

	id int
}

// Attr is an attribute or, if Prop is set, a property of the element: "value" and "checked" of form fields, "modal" of a
// dialog, and "style.NAME" for computed styles, since the page's content security policy forbids style attributes.
type Attr struct {
	Name, Value string
	Prop        bool
}

// Event is a browser event, as far as handlers need it.
type Event struct {
	Type    string
	Value   string // of the form field
	Checked bool
	Key     string
	Ctrl    bool // Control, or Command on a Mac
	Shift   bool
	Alt     bool
	// Editable is true when the target takes text.
	Editable bool
	// Target is the id attribute of the element that the event began at, or "".
	Target string
	// ScrollTop and Height are in rem, so they are valid at every text size.
	ScrollTop, Height float64
	// X and Y are where a menu is asked for, in rem from the window's corner.
	X, Y float64
}

// Handler answers one kind of event with a message.
type Handler struct {
	Event string
	// Msg is sent unless Make is set.
	Msg any
	// Make returns the message, or nil to let the event bubble.
	Make func(Event) any
	// Prevent prevents the browser's default action.
	Prevent bool
}

// E builds an element from attributes, handlers, nodes, lists of nodes and texts. It skips nil and empty parts.
func E(tag string, parts ...any) *Node {
	n := &Node{Tag: tag}
	for _, p := range parts {
		switch p := p.(type) {
		case nil:
		case *Node:
			if p != nil {
				n.Kids = append(n.Kids, p)
			}
		case []*Node:
			for _, k := range p {
				if k != nil {
					n.Kids = append(n.Kids, k)
				}
			}
		case string:
			if p != "" {
				n.Kids = append(n.Kids, Text(p))
			}
		case *Attr:
			n.Set(p)
		case *Handler:
			if p != nil {
				n.On = append(n.On, *p)
			}
		default:
			panic("dom: E takes no such part")
		}
	}
	return n
}

// Set adds an attribute or the key. Classes add up; any other attribute replaces the one before.
func (n *Node) Set(a *Attr) {
	if a == nil {
		return
	}
	if a.Name == "key" {
		n.Key = a.Value
		return
	}
	for i := range n.Attrs {
		if n.Attrs[i].Name != a.Name || n.Attrs[i].Prop != a.Prop {
			continue
		}
		if a.Name == "class" {
			n.Attrs[i].Value += " " + a.Value
		} else {
			n.Attrs[i].Value = a.Value
		}
		return
	}
	n.Attrs = append(n.Attrs, *a)
}

// Text builds a text.
func Text(s string) *Node { return &Node{Text: s} }

// A is an attribute.
func A(name, value string) *Attr { return &Attr{Name: name, Value: value} }

// Flag is an attribute without a value. It is present if on.
func Flag(name string, on bool) *Attr {
	if !on {
		return nil
	}
	return &Attr{Name: name}
}

// Bool is an ARIA attribute that is "true" or "false".
func Bool(name string, on bool) *Attr { return &Attr{Name: name, Value: boolWord(on)} }

// Prop is a property; see Attr.
func Prop(name, value string) *Attr { return &Attr{Name: name, Value: value, Prop: true} }

// Checked is the checked property of a checkbox or radio button.
func Checked(on bool) *Attr { return &Attr{Name: "checked", Value: boolWord(on), Prop: true} }

func boolWord(on bool) string {
	if on {
		return "true"
	}
	return "false"
}

// Class is a class attribute.
func Class(c string) *Attr { return &Attr{Name: "class", Value: c} }

// ClassIf is a class that is present if on.
func ClassIf(c string, on bool) *Attr {
	if !on {
		return nil
	}
	return &Attr{Name: "class", Value: c}
}

// ID is an id attribute.
func ID(id string) *Attr { return &Attr{Name: "id", Value: id} }

// Key is the node's key.
func Key(k string) *Attr { return &Attr{Name: "key", Value: k} }

// Make answers an event with the message that msg returns; nil lets the event bubble.
func Make(event string, msg func(Event) any) *Handler { return &Handler{Event: event, Make: msg} }

// Instead is Make, and prevents the browser's default action.
func Instead(event string, msg func(Event) any) *Handler {
	return &Handler{Event: event, Make: msg, Prevent: true}
}

// OnClick answers a click with a message.
func OnClick(msg any) *Handler { return &Handler{Event: "click", Msg: msg} }

// OnSubmit answers the submission of a form with a message, and keeps the browser from loading a page.
func OnSubmit(msg any) *Handler { return &Handler{Event: "submit", Msg: msg, Prevent: true} }

// OnValue answers input with the message that msg makes of the field's value.
func OnValue(msg func(string) any) *Handler {
	return &Handler{Event: "input", Make: func(e Event) any { return msg(e.Value) }}
}

// OnChosen answers a change of a select with the message that msg makes of its value.
func OnChosen(msg func(string) any) *Handler {
	return &Handler{Event: "change", Make: func(e Event) any { return msg(e.Value) }}
}

// OnChecked answers a change of a checkbox with the message that msg makes of its state.
func OnChecked(msg func(bool) any) *Handler {
	return &Handler{Event: "change", Make: func(e Event) any { return msg(e.Checked) }}
}

// If returns the node if on, and nil otherwise.
func If(on bool, node func() *Node) *Node {
	if !on {
		return nil
	}
	return node()
}
