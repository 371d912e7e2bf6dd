package dom

import (
	"cmp"
	"slices"
)

// Kind is what an operation does.
type Kind uint8

// The operations.
const (
	OpElement Kind = iota // make element ID with tag Name
	OpText                // make text ID with Value
	OpSetText             // change text ID to Value
	OpSetAttr             // set attribute Name of ID to Value
	OpDelAttr             // remove attribute Name of ID
	OpSetProp             // set property Name of ID to Value
	OpDelProp             // put property Name of ID back to its default
	OpInsert              // put ID into Parent before Before, or last when Before is 0
	OpRemove              // take ID out, with all that is in it
)

// Op is one operation on the page. Elements and texts are named by number; 0 is the element that holds the tree.
type Op struct {
	Kind           Kind
	ID             int
	Parent, Before int
	Name, Value    string
}

// Tree is the tree that the page shows.
type Tree struct {
	root *Node
	last int
	live map[int]*Node // the nodes that have handlers
	ops  []Op          // reused from call to call
}

// NewTree returns an empty tree.
func NewTree() *Tree { return &Tree{live: map[int]*Node{}} }

// Replace shows next instead of the current tree and returns the operations for the page. They are valid until the next call.
func (t *Tree) Replace(next *Node) []Op {
	t.ops = t.ops[:0]
	var before, after []*Node
	if t.root != nil {
		before = []*Node{t.root}
	}
	if next != nil {
		after = []*Node{next}
	}
	t.children(0, before, after)
	t.root = next
	return t.ops
}

// Handlers returns the handlers of a node for an event.
func (t *Tree) Handlers(id int, event string) []Handler {
	n := t.live[id]
	if n == nil {
		return nil
	}
	var found []Handler
	for _, h := range n.On {
		if h.Event == event {
			found = append(found, h)
		}
	}
	return found
}

func (t *Tree) op(o Op) { t.ops = append(t.ops, o) }

// create makes a node with its descendants. An element is inserted last, so that the page sees it complete. Properties come
// after the children, because the value of a select needs its options.
func (t *Tree) create(n *Node) {
	t.last++
	n.id = t.last
	if n.Tag == "" {
		t.op(Op{Kind: OpText, ID: n.id, Value: n.Text})
		return
	}
	t.op(Op{Kind: OpElement, ID: n.id, Name: n.Tag})
	for _, a := range n.Attrs {
		if !a.Prop {
			t.op(Op{Kind: OpSetAttr, ID: n.id, Name: a.Name, Value: a.Value})
		}
	}
	for _, k := range n.Kids {
		t.create(k)
		t.op(Op{Kind: OpInsert, ID: k.id, Parent: n.id})
	}
	for _, a := range n.Attrs {
		if a.Prop {
			t.op(Op{Kind: OpSetProp, ID: n.id, Name: a.Name, Value: a.Value})
		}
	}
	if len(n.On) > 0 {
		t.live[n.id] = n
	}
}

func (t *Tree) forget(n *Node) {
	delete(t.live, n.id)
	for _, k := range n.Kids {
		t.forget(k)
	}
}

// patch turns old into next, which has the same tag.
func (t *Tree) patch(old, next *Node) {
	next.id = old.id
	if next.Tag == "" {
		if old.Text != next.Text {
			t.op(Op{Kind: OpSetText, ID: next.id, Value: next.Text})
		}
		return
	}
	t.attributes(old, next, false)
	t.children(next.id, old.Kids, next.Kids)
	t.attributes(old, next, true)
	if len(next.On) > 0 {
		t.live[next.id] = next
	} else if len(old.On) > 0 {
		delete(t.live, next.id)
	}
}

func (t *Tree) attributes(old, next *Node, prop bool) {
	set, del := OpSetAttr, OpDelAttr
	if prop {
		set, del = OpSetProp, OpDelProp
	}
	for _, a := range next.Attrs {
		if a.Prop != prop {
			continue
		}
		if b, ok := find(old.Attrs, a); !ok || b.Value != a.Value {
			t.op(Op{Kind: set, ID: next.id, Name: a.Name, Value: a.Value})
		}
	}
	for _, b := range old.Attrs {
		if _, ok := find(next.Attrs, b); !ok && b.Prop == prop {
			t.op(Op{Kind: del, ID: next.id, Name: b.Name})
		}
	}
}

func find(attrs []Attr, want Attr) (Attr, bool) {
	for _, a := range attrs {
		if a.Name == want.Name && a.Prop == want.Prop {
			return a, true
		}
	}
	return Attr{}, false
}

// children turns the children of one element from old into next.
//
// First, each new child is matched with the old child of the same key and tag; without a key, with the next old child of its
// tag that has no key either. Old children without a match are removed. Then the others are put in order with as few moves
// as possible: the longest increasing run of old positions stays, and the rest moves, from the last to the first, each
// before its right neighbour, which is in place by then. A list that only lost or gained rows moves nothing.
func (t *Tree) children(parent int, old, next []*Node) {
	if len(old) == 0 && len(next) == 0 {
		return
	}
	match := make([]int, len(next)) // the old position of each new child, or -1
	used := make([]bool, len(old))
	if sameShape(old, next) {
		for i := range next {
			match[i], used[i] = i, true
		}
	} else {
		t.match(old, next, match, used)
	}
	for i, o := range old {
		if !used[i] {
			t.forget(o)
			t.op(Op{Kind: OpRemove, ID: o.id})
		}
	}
	for i, n := range next {
		if match[i] >= 0 {
			t.patch(old[match[i]], n)
		} else {
			t.create(n)
		}
	}
	stays := rising(match)
	before := 0
	for i := len(next) - 1; i >= 0; i-- {
		if !stays[i] {
			t.op(Op{Kind: OpInsert, ID: next[i].id, Parent: parent, Before: before})
		}
		before = next[i].id
	}
}

// sameShape reports whether each child matches the one at the same position, as it usually does.
func sameShape(old, next []*Node) bool {
	if len(old) != len(next) {
		return false
	}
	for i := range old {
		if old[i].Tag != next[i].Tag || old[i].Key != next[i].Key {
			return false
		}
	}
	return true
}

type identity struct{ key, tag string }

func (t *Tree) match(old, next []*Node, match []int, used []bool) {
	byName := map[identity][]int{} // old positions by key and tag, in order
	for i, o := range old {
		k := identity{o.Key, o.Tag}
		byName[k] = append(byName[k], i)
	}
	for i, n := range next {
		match[i] = -1
		k := identity{n.Key, n.Tag}
		if at := byName[k]; len(at) > 0 {
			match[i], used[at[0]] = at[0], true
			byName[k] = at[1:]
		}
	}
}

// rising marks a longest increasing subsequence of the non-negative numbers (patience sorting, n log n).
func rising(seq []int) []bool {
	stays := make([]bool, len(seq))
	tails := make([]int, 0, len(seq)) // positions in seq that end the best run of each length
	prev := make([]int, len(seq))
	for i, v := range seq {
		if v < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(tails, v, func(tail, v int) int { return cmp.Compare(seq[tail], v) })
		prev[i] = -1
		if at > 0 {
			prev[i] = tails[at-1]
		}
		if at == len(tails) {
			tails = append(tails, i)
		} else {
			tails[at] = i
		}
	}
	if len(tails) == 0 {
		return stays
	}
	for i := tails[len(tails)-1]; i >= 0; i = prev[i] {
		stays[i] = true
	}
	return stays
}
