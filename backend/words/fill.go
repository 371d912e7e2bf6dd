package words

import (
	"cmp"
	"reflect"
	"sync"

	"github.com/jellybind/jellybind/backend/api"
)

// Fill writes the catalogue's texts into a document of the command line: into every api.Error, api.Ability, api.Option,
// api.Remark, api.Fact, api.SetLine, api.Finding, api.Plan and api.UnregisterPlan in it. The document is a pointer, or has one
// where a text is to be written.
func (c *Catalogue) Fill(document any, face Face) {
	c.fillValue(reflect.ValueOf(document), face)
}

// Filled returns a pointer to a copy of the document, with the catalogue's texts as Fill writes them. What the document points
// to is not copied.
func (c *Catalogue) Filled(document any, face Face) any {
	v := reflect.ValueOf(document)
	if !v.IsValid() {
		return nil
	}
	filled := reflect.New(v.Type())
	filled.Elem().Set(v)
	c.Fill(filled.Interface(), face)
	return filled.Interface()
}

func (c *Catalogue) fillValue(v reflect.Value, face Face) {
	if !v.IsValid() || !speaks(v.Type()) {
		return
	}
	switch v.Kind() { //nolint:exhaustive // nothing else holds a text
	case reflect.Pointer, reflect.Interface:
		c.fillValue(v.Elem(), face)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			c.fillValue(v.Index(i), face)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.fillValue(v.Field(i), face)
			}
		}
		if v.CanAddr() {
			c.say(v.Addr().Interface(), face)
		}
	}
}

// say writes the texts of one value, whose fields have theirs.
func (c *Catalogue) say(value any, face Face) {
	switch v := value.(type) {
	case *api.Error:
		v.Sentence, v.Hint = c.Error(v, face)
	case *api.Ability:
		if !v.OK {
			v.Reason = c.Why(v.Why, v.Params)
		}
	case *api.Option:
		v.Reason = c.Why(v.Why, v.Params)
	case *api.Attempt:
		if !v.OK {
			v.Reason, _ = c.Error(v.Error(), face)
		}
	case *api.Remark:
		v.Sentence = c.Why(v.Why, v.Params)
	case *api.Fact:
		v.Value = cmp.Or(v.Value, c.Fact(*v))
	case *api.SetLine:
		if v.Why != "" {
			v.Reason, v.Hint = c.Error(&api.Error{Why: v.Why, Params: v.Params}, face)
		}
	case *api.Finding:
		v.Sentence, v.Next = c.Error(&api.Error{Why: v.Why, Params: v.Params}, face)
	case *api.Plan:
		v.Warnings = sentences(v.Remarks)
	case *api.UnregisterPlan:
		v.Effects = sentences(v.Remarks)
	}
}

func sentences(remarks []api.Remark) []string {
	var list []string
	for _, r := range remarks {
		list = append(list, r.Sentence)
	}
	return list
}

// speaking remembers of each type whether a value of it can hold a text. A roster of 10,000 accounts cannot, and is not
// walked through.
var speaking sync.Map

func speaks(t reflect.Type) bool {
	if known, ok := speaking.Load(t); ok {
		return known.(bool) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	speaking.Store(t, false) // of a type within itself, the rest decides
	does := canSpeak(t)
	speaking.Store(t, does)
	return does
}

func canSpeak(t reflect.Type) bool {
	switch t.Kind() { //nolint:exhaustive // nothing else holds a text
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return speaks(t.Elem())
	case reflect.Struct:
		switch reflect.Zero(reflect.PointerTo(t)).Interface().(type) {
		case *api.Error, *api.Ability, *api.Option, *api.Attempt, *api.Remark, *api.Fact, *api.SetLine, *api.Finding:
			return true
		}
		for i := range t.NumField() {
			if t.Field(i).IsExported() && speaks(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
