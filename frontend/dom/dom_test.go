package dom_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jellybind/jellybind/frontend/dom"
)

// document is a page in memory: it knows nothing of trees and does what operations say, strictly.
type document struct {
	t     *testing.T
	nodes map[int]*element
}

type element struct {
	id     int
	tag    string
	text   string
	attrs  map[string]string
	props  map[string]string
	kids   []*element
	parent *element
}

func newDocument(t *testing.T) *document {
	return &document{t: t, nodes: map[int]*element{0: {tag: "root"}}}
}

func (d *document) get(id int) *element {
	e := d.nodes[id]
	if e == nil {
		d.t.Fatalf("operation on %d, which is not there", id)
	}
	return e
}

func (e *element) detach() {
	if e.parent != nil {
		e.parent.kids = slices.DeleteFunc(e.parent.kids, func(k *element) bool { return k == e })
		e.parent = nil
	}
}

func (d *document) drop(e *element) {
	delete(d.nodes, e.id)
	for _, k := range e.kids {
		d.drop(k)
	}
}

func (d *document) apply(ops []dom.Op) {
	for _, o := range ops {
		switch o.Kind {
		case dom.OpElement:
			d.nodes[o.ID] = &element{id: o.ID, tag: o.Name, attrs: map[string]string{}, props: map[string]string{}}
		case dom.OpText:
			d.nodes[o.ID] = &element{id: o.ID, text: o.Value}
		case dom.OpSetText:
			d.get(o.ID).text = o.Value
		case dom.OpSetAttr:
			d.get(o.ID).attrs[o.Name] = o.Value
		case dom.OpDelAttr:
			delete(d.get(o.ID).attrs, o.Name)
		case dom.OpSetProp:
			d.get(o.ID).props[o.Name] = o.Value
		case dom.OpDelProp:
			delete(d.get(o.ID).props, o.Name)
		case dom.OpInsert:
			e, p := d.get(o.ID), d.get(o.Parent)
			e.detach()
			at := len(p.kids)
			if o.Before != 0 {
				at = slices.Index(p.kids, d.get(o.Before))
				if at < 0 {
					d.t.Fatalf("insert before %d, which is no child of %d", o.Before, o.Parent)
				}
			}
			p.kids = slices.Insert(p.kids, at, e)
			e.parent = p
		case dom.OpRemove:
			e := d.get(o.ID)
			e.detach()
			d.drop(e)
		}
	}
}

// String renders what the page shows; expected renders what a tree says. They share no code with the diff.
func (e *element) String() string {
	if e.tag == "" {
		return fmt.Sprintf("%q", e.text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%s %v %v>", e.tag, e.attrs, e.props)
	for _, k := range e.kids {
		b.WriteString(k.String())
	}
	return b.String() + "</>"
}

func expected(n *dom.Node) string {
	if n.Tag == "" {
		return fmt.Sprintf("%q", n.Text)
	}
	attrs, props := map[string]string{}, map[string]string{}
	for _, a := range n.Attrs {
		if a.Prop {
			props[a.Name] = a.Value
		} else {
			attrs[a.Name] = a.Value
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<%s %v %v>", n.Tag, attrs, props)
	for _, k := range n.Kids {
		b.WriteString(expected(k))
	}
	return b.String() + "</>"
}

// grow makes a tree of bytes: each byte picks what comes next.
func grow(data []byte, depth int) (*dom.Node, []byte) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	b := next()
	if b&3 == 0 || depth > 4 {
		return dom.Text(string(rune('a' + b>>4))), data
	}
	n := dom.E([]string{"div", "p", "tr"}[b%3])
	if b&8 != 0 {
		n.Key = string(rune('A' + next()%6)) // few keys, so that doubles happen
	}
	if b&16 != 0 {
		n.Set(dom.A("class", string(rune('a'+next()%4))))
	}
	if b&32 != 0 {
		n.Set(dom.Prop("value", string(rune('a'+next()%4))))
	}
	if b&64 != 0 {
		n.On = append(n.On, *dom.OnClick(int(b)))
	}
	for range int(next() % 7) {
		var k *dom.Node
		k, data = grow(data, depth+1)
		n.Kids = append(n.Kids, k)
	}
	return n, data
}

func FuzzReplace(f *testing.F) {
	f.Add([]byte{9, 1, 6, 9, 1, 0, 9, 2, 0, 9, 3, 0}, []byte{9, 1, 6, 9, 3, 0, 9, 1, 0, 9, 2, 0}, []byte{})
	f.Add([]byte("<div>some words make a tree"), []byte("others make another one"), []byte("and a third"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		tree, doc := dom.NewTree(), newDocument(t)
		for _, data := range [][]byte{a, b, c, a} {
			n, _ := grow(data, 0)
			again, _ := grow(data, 0)
			ops := tree.Replace(n)
			checkEncoding(t, ops)
			doc.apply(ops)
			if got, want := doc.nodes[0].kids[0].String(), expected(n); got != want || len(doc.nodes[0].kids) != 1 {
				t.Fatalf("page  %s\nwants %s", got, want)
			}
			if ops := tree.Replace(again); len(ops) != 0 {
				t.Fatalf("the same tree again needs %v", ops)
			}
		}
		if doc.apply(tree.Replace(nil)); len(doc.nodes) != 1 {
			t.Fatalf("%d nodes are left on an empty page", len(doc.nodes)-1)
		}
	})
}

func checkEncoding(t *testing.T, ops []dom.Op) {
	t.Helper()
	var flat []any
	if err := json.Unmarshal(dom.Encode(nil, ops), &flat); err != nil {
		t.Fatalf("operations are no JSON: %v", err)
	}
}

func list(keys string) *dom.Node {
	n := dom.E("ul")
	for _, k := range keys {
		n.Kids = append(n.Kids, dom.E("li", dom.Key(string(k)), string(k)))
	}
	return n
}

func TestKeyedChildrenKeepTheirElements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		moves    int // insertions of elements that were there
	}{
		{"abcde", "abcde", 0},
		{"abcde", "acde", 0},
		{"abcde", "abxcde", 0},
		{"abcde", "eabcd", 1},
		{"abcde", "bcdea", 1},
		{"abcde", "edcba", 4},
		{"abcdefgh", "cdefghij", 0}, // a scrolled window of rows
	} {
		tree, doc := dom.NewTree(), newDocument(t)
		doc.apply(tree.Replace(list(c.from)))
		before := map[string]*element{}
		for _, k := range doc.nodes[0].kids[0].kids {
			before[k.kids[0].text] = k
		}
		ops := tree.Replace(list(c.to))
		doc.apply(ops)
		var shown strings.Builder
		for _, k := range doc.nodes[0].kids[0].kids {
			text := k.kids[0].text
			shown.WriteString(text)
			if old, ok := before[text]; ok && old != k {
				t.Errorf("%s → %s: %s got another element", c.from, c.to, text)
			}
		}
		if shown.String() != c.to {
			t.Errorf("%s → %s: shows %s", c.from, c.to, shown.String())
		}
		moves := 0
		for _, o := range ops {
			for _, e := range before {
				if o.Kind == dom.OpInsert && o.ID == e.id {
					moves++
				}
			}
		}
		if moves != c.moves {
			t.Errorf("%s → %s: %d moves, want %d", c.from, c.to, moves, c.moves)
		}
	}
}

func TestHandlersFollowTheTree(t *testing.T) {
	t.Parallel()
	tree := dom.NewTree()
	ops := tree.Replace(dom.E("button", dom.OnClick("one")))
	id := ops[0].ID
	if h := tree.Handlers(id, "click"); len(h) != 1 || h[0].Msg != "one" {
		t.Fatalf("handlers %v", h)
	}
	if ops := tree.Replace(dom.E("button", dom.OnClick("two"))); len(ops) != 0 {
		t.Errorf("a changed handler needs operations: %v", ops)
	}
	if h := tree.Handlers(id, "click"); len(h) != 1 || h[0].Msg != "two" {
		t.Errorf("handlers %v", h)
	}
	tree.Replace(dom.E("button"))
	if h := tree.Handlers(id, "click"); len(h) != 0 {
		t.Errorf("a handler that is gone still answers: %v", h)
	}
	tree.Replace(dom.E("p"))
	if h := tree.Handlers(id, "click"); len(h) != 0 {
		t.Errorf("an element that is gone still answers: %v", h)
	}
}

func TestEncodeKeepsAwkwardText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", `"\`, "\x00\n\x1f", "Zoë 漢字 😀", "</script>", "\u2028"} {
		var flat []any
		if err := json.Unmarshal(dom.Encode(nil, []dom.Op{{Kind: dom.OpText, ID: 1, Value: s}}), &flat); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if flat[2] != s {
			t.Errorf("%q came back as %q", s, flat[2])
		}
	}
	var flat []any
	if err := json.Unmarshal(dom.Encode(nil, []dom.Op{{Kind: dom.OpText, ID: 1, Value: "a\xffb"}}), &flat); err != nil ||
		flat[2] != "a\uFFFDb" {
		t.Errorf("invalid UTF-8: %v %v", flat, err)
	}
}
