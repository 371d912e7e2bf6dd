// Package wire decodes JSON into the types of package api, and turns these into values for JavaScript. It reads tokens with
// jsontext and sets fields with reflect. encoding/json would do all of it, but costs 6 % of the window's start: its code is
// larger, and it prepares each type at the first use, which WebKit still interprets.
//
// Supported is what package api needs: structs, slices, maps of strings, pointers, strings, booleans, whole numbers, times.
package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

var errShape = errors.New("wire: this JSON has another shape than expected")

// Decode reads JSON into the value that into points to. Unknown fields are skipped.
func Decode(data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return errShape
	}
	d := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err := read(d, v.Elem()); err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errShape
	}
	return nil
}

// read reads the next value into v.
func read(d *jsontext.Decoder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer && d.PeekKind() != 'n' {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return read(d, v.Elem())
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch kind := v.Kind(); {
	case token.Kind() == 'n':
		v.SetZero()
	case token.Kind() == '{' && kind == reflect.Struct:
		return readStruct(d, v)
	case token.Kind() == '{' && kind == reflect.Map:
		return readMap(d, v)
	case token.Kind() == '[' && kind == reflect.Slice:
		return readSlice(d, v)
	case token.Kind() == '"' && kind == reflect.String:
		v.SetString(token.String())
	case token.Kind() == '"' && v.Type() == reflect.TypeFor[time.Time]():
		said := token.String()
		at, err := time.Parse(time.RFC3339, said)
		if err != nil {
			return err
		}
		if zone := said[len(said)-len("07:00"):]; !strings.HasSuffix(said, "Z") && (zone[:2] > "23" || zone[3:] > "59") {
			return errShape // Parse takes 24 hours and 60 minutes, which RFC 3339 has not
		}
		v.Set(reflect.ValueOf(at))
	case (token.Kind() == 't' || token.Kind() == 'f') && kind == reflect.Bool:
		v.SetBool(token.Bool())
	case token.Kind() == '0' && v.CanInt():
		v.SetInt(token.Int())
	default:
		return errShape
	}
	return nil
}

func readStruct(d *jsontext.Decoder, v reflect.Value) error {
	known := fieldsOf(v.Type())
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if i, ok := known.at[name.String()]; ok {
			err = read(d, v.FieldByIndex(known.list[i].index))
		} else {
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func readMap(d *jsontext.Decoder, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		key, value := reflect.ValueOf(name.String()), reflect.New(v.Type().Elem()).Elem()
		if err := read(d, value); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	_, err := d.ReadToken()
	return err
}

func readSlice(d *jsontext.Decoder, v reflect.Value) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 1))
	for d.PeekKind() != ']' {
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		if err := read(d, v.Index(n)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// fields are a struct's fields as JSON names them, an embedded struct's included.
type fields struct {
	list []field
	at   map[string]int
}

type field struct {
	name  string
	index []int
}

var cache sync.Map // *fields by reflect.Type

func fieldsOf(t reflect.Type) *fields {
	known, _ := cache.Load(t)
	if f, ok := known.(*fields); ok {
		return f
	}
	f := &fields{at: map[string]int{}}
	for _, v := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(v.Tag.Get("json"), ",")
		if name == "-" || !v.IsExported() || v.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = v.Name
		}
		f.at[name] = len(f.list)
		f.list = append(f.list, field{name, v.Index})
	}
	cache.Store(t, f)
	return f
}

// Value turns a value into one that js.ValueOf takes: maps, slices, strings, booleans, numbers and nil. Times are only ever
// read: one is refused.
func Value(v any) (any, error) { return value(reflect.ValueOf(v)) }

func value(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Invalid:
		return nil, nil
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Pointer, reflect.Interface:
		return value(v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return nil, nil
		}
		list := make([]any, v.Len())
		for i := range list {
			var err error
			if list[i], err = value(v.Index(i)); err != nil {
				return nil, err
			}
		}
		return list, nil
	case reflect.Struct:
		known := fieldsOf(v.Type()).list
		if len(known) == 0 { // a time
			return nil, errShape
		}
		object := make(map[string]any, len(known))
		for _, f := range known {
			var err error
			if object[f.name], err = value(v.FieldByIndex(f.index)); err != nil {
				return nil, err
			}
		}
		return object, nil
	default:
		if v.CanInt() {
			return v.Int(), nil
		}
		return nil, errShape
	}
}
