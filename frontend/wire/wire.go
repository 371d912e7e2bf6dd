// Package wire reads and writes the JSON that crosses between the window and the backend. encoding/json would do, but it
// brings fmt and makes the WebAssembly file 1.2 MB larger, a third of the whole; this covers what package api needs:
// structs with json tags (omitempty and omitzero left out on writing, "-" ignored, embedded structs flattened), pointers,
// slices, maps from strings to strings, strings, booleans, whole numbers and times. The tests hold it against encoding/json.
//
// Of package reflect only the parts are used that read and set in place: Set, Interface, Convert, SetMapIndex, IsZero and
// UnsafePointer bring the making of method values and every conversion, 170 kB of the file. What they would do to a
// pointer, a time and a map is done through the address instead.
package wire

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

var (
	errSyntax = errors.New("wire: this is no JSON")
	errShape  = errors.New("wire: this JSON has another shape than expected")
)

var (
	timeType = reflect.TypeFor[time.Time]()
	mapType  = reflect.TypeFor[map[string]string]()
)

// at returns where v's value lies, for a v that can be addressed and whose type has the layout of T.
func at[T any](v reflect.Value) *T {
	return (*T)(unsafe.Pointer(v.UnsafeAddr())) //nolint:gosec // the conversion that package reflect names for it
}

// maxDepth keeps hostile nesting from using up the stack; api's types are four levels deep.
const maxDepth = 64

// Decode reads JSON into the value that into points to. Unknown fields are skipped, null leaves a value as it is.
func Decode(data []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return errShape
	}
	d := decoder{data: data}
	if err := d.value(v.Elem(), 0); err != nil {
		return err
	}
	if d.space(); d.at != len(d.data) {
		return errSyntax
	}
	return nil
}

type decoder struct {
	data []byte
	at   int
	// names is where each struct's fields are, by JSON name; a page has a hundred rows of one type.
	names map[reflect.Type]map[string][]int
}

func (d *decoder) space() {
	for d.at < len(d.data) {
		switch d.data[d.at] {
		case ' ', '\t', '\r', '\n':
			d.at++
		default:
			return
		}
	}
}

// peek returns the next byte that is no blank, or 0 at the end.
func (d *decoder) peek() byte {
	d.space()
	if d.at == len(d.data) {
		return 0
	}
	return d.data[d.at]
}

func (d *decoder) take(c byte) bool {
	if d.peek() != c {
		return false
	}
	d.at++
	return true
}

func (d *decoder) word(w string) bool {
	if !strings.HasPrefix(string(d.data[d.at:min(d.at+len(w), len(d.data))]), w) {
		return false
	}
	d.at += len(w)
	return true
}

// value reads the next value into v; an invalid v skips it.
func (d *decoder) value(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errShape
	}
	c := d.peek()
	if c == 'n' {
		if !d.word("null") {
			return errSyntax
		}
		if v.IsValid() {
			switch v.Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Map:
				v.SetZero()
			default:
			}
		}
		return nil
	}
	for v.IsValid() && v.Kind() == reflect.Pointer {
		if v.IsNil() {
			*at[*byte](v) = at[byte](reflect.New(v.Type().Elem()).Elem()) // a pointer is one, whatever its type
		}
		v = v.Elem()
	}
	switch c {
	case '{':
		return d.object(v, depth)
	case '[':
		return d.array(v, depth)
	case '"':
		s, err := d.text()
		if err != nil || !v.IsValid() {
			return err
		}
		return setText(v, s)
	case 't', 'f':
		on := c == 't'
		if on && !d.word("true") || !on && !d.word("false") {
			return errSyntax
		}
		if !v.IsValid() {
			return nil
		}
		if v.Kind() != reflect.Bool {
			return errShape
		}
		v.SetBool(on)
		return nil
	}
	return d.number(v)
}

func setText(v reflect.Value, s string) error {
	if v.Type() == timeType {
		t, ok := parseTime(s)
		if !ok {
			return errShape
		}
		*at[time.Time](v) = t
		return nil
	}
	if v.Kind() != reflect.String {
		return errShape
	}
	v.SetString(s)
	return nil
}

// parseTime reads a time of RFC 3339. time.Parse would do, and bring its layouts.
func parseTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	ok := true
	digits := func(s string) int {
		n := 0
		for i := range len(s) {
			ok = ok && s[i] >= '0' && s[i] <= '9'
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	year, month, day := digits(s[:4]), digits(s[5:7]), digits(s[8:10])
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
	rest, nanos := s[19:], 0
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		nanos = digits((rest[1:n] + "000000000")[:9])
		rest = rest[n:]
		ok = ok && n > 1
	}
	zone := time.UTC
	switch {
	case rest == "Z":
	case len(rest) == len("+07:00") && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		offset := (digits(rest[1:3])*60 + digits(rest[4:])) * 60
		ok = ok && offset < 24*60*60
		if rest[0] == '-' {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	default:
		return time.Time{}, false
	}
	ok = ok && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second < 60
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, zone)
	return t, t.Day() == day // no 30th of February
}

func (d *decoder) object(v reflect.Value, depth int) error {
	d.at++
	if v.IsValid() {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == timeType {
				return errShape
			}
		case reflect.Map:
			if v.Type() != mapType {
				return errShape
			}
			if m := at[map[string]string](v); *m == nil {
				*m = map[string]string{}
			}
		default:
			return errShape
		}
	}
	if d.take('}') {
		return nil
	}
	for {
		if d.peek() != '"' {
			return errSyntax
		}
		name, err := d.text()
		if err != nil {
			return err
		}
		if !d.take(':') {
			return errSyntax
		}
		switch {
		case v.IsValid() && v.Kind() == reflect.Map:
			var e string
			if err := d.value(reflect.ValueOf(&e).Elem(), depth+1); err != nil {
				return err
			}
			(*at[map[string]string](v))[name] = e
		case v.IsValid():
			if err := d.value(d.field(v, name), depth+1); err != nil {
				return err
			}
		default:
			if err := d.value(reflect.Value{}, depth+1); err != nil {
				return err
			}
		}
		if d.take(',') {
			continue
		}
		if d.take('}') {
			return nil
		}
		return errSyntax
	}
}

// jsonTag returns the json part of a tag. StructTag.Get would do, and bring strconv's unquoting; no name here needs it.
func jsonTag(tag reflect.StructTag) string {
	_, rest, _ := strings.Cut(string(tag), `json:"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// field returns the struct's field of a JSON name, an embedded struct's included, or an invalid value.
func (d *decoder) field(v reflect.Value, name string) reflect.Value {
	names, ok := d.names[v.Type()]
	if !ok {
		names = map[string][]int{}
		collect(names, v.Type(), nil)
		if d.names == nil {
			d.names = map[reflect.Type]map[string][]int{}
		}
		d.names[v.Type()] = names
	}
	path, ok := names[name]
	if !ok {
		return reflect.Value{}
	}
	for _, i := range path {
		v = v.Field(i)
	}
	return v
}

// collect notes where a type's fields are. A field goes before one of the same name in an embedded struct.
func collect(names map[string][]int, t reflect.Type, path []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(jsonTag(f.Tag), ",")
		here := slices.Concat(path, []int{i})
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			collect(names, f.Type, here)
			continue
		case name == "-" || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		if old, ok := names[name]; !ok || len(here) < len(old) {
			names[name] = here
		}
	}
}

func (d *decoder) array(v reflect.Value, depth int) error {
	d.at++
	if v.IsValid() {
		if v.Kind() != reflect.Slice {
			return errShape
		}
		v.SetZero() // what was there belongs to somebody else
		v.Grow(1)   // an empty list is not nil
		v.SetLen(0)
	}
	if d.take(']') {
		return nil
	}
	for {
		e := reflect.Value{}
		if v.IsValid() {
			n := v.Len()
			v.Grow(1)
			v.SetLen(n + 1)
			e = v.Index(n)
		}
		if err := d.value(e, depth+1); err != nil {
			return err
		}
		if d.take(',') {
			continue
		}
		if d.take(']') {
			return nil
		}
		return errSyntax
	}
}

func (d *decoder) number(v reflect.Value) error {
	start := d.at
	for d.at < len(d.data) && strings.IndexByte("+-0123456789.eE", d.data[d.at]) >= 0 {
		d.at++
	}
	s := string(d.data[start:d.at])
	if !isNumber(s) {
		return errSyntax
	}
	if !v.IsValid() {
		return nil
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		n, ok := whole(s)
		if !ok || v.OverflowInt(n) {
			return errShape
		}
		v.SetInt(n)
	default:
		return errShape
	}
	return nil
}

// whole reads a whole number of JSON's grammar. strconv.ParseInt would do, and bring the quoting in its errors' texts.
func whole(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	n := int64(0) // negative, since there is one negative number more
	for i := range len(digits) {
		c := int64(digits[i]) - '0'
		if c < 0 || c > 9 || n < (math.MinInt64+c)/10 {
			return 0, false
		}
		n = n*10 - c
	}
	if negative {
		return n, true
	}
	return -n, n != math.MinInt64
}

// isNumber checks the grammar of RFC 8259 section 6, which strconv is laxer than.
func isNumber(s string) bool {
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	s = strings.TrimPrefix(s, "-")
	if strings.HasPrefix(s, "0") {
		s = s[1:]
	} else if !digits() {
		return false
	}
	if strings.HasPrefix(s, ".") {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if strings.HasPrefix(s, "e") || strings.HasPrefix(s, "E") {
		if s = s[1:]; strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// text reads a string (RFC 8259 section 7). Lone surrogates and bytes that are no UTF-8 become U+FFFD.
func (d *decoder) text() (string, error) {
	d.at++
	start := d.at
	for d.at < len(d.data) { // most strings have nothing special in them
		c := d.data[d.at]
		if c == '"' {
			s := string(d.data[start:d.at])
			d.at++
			return s, nil
		}
		if c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
		d.at++
	}
	b := append([]byte(nil), d.data[start:d.at]...)
	for d.at < len(d.data) {
		c := d.data[d.at]
		switch {
		case c == '"':
			d.at++
			return string(b), nil
		case c < ' ':
			return "", errSyntax
		case c == '\\':
			var err error
			if b, err = d.escape(b); err != nil {
				return "", err
			}
		case c < utf8.RuneSelf:
			b = append(b, c)
			d.at++
		default:
			r, n := utf8.DecodeRune(d.data[d.at:])
			b = utf8.AppendRune(b, r)
			d.at += n
		}
	}
	return "", errSyntax
}

func (d *decoder) escape(b []byte) ([]byte, error) {
	if d.at+1 >= len(d.data) {
		return nil, errSyntax
	}
	c := d.data[d.at+1]
	d.at += 2
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
		return append(b, "\"\\/\b\f\n\r\t"[at]), nil
	}
	if c != 'u' {
		return nil, errSyntax
	}
	r, ok := d.hex4()
	if !ok {
		return nil, errSyntax
	}
	if utf16.IsSurrogate(r) {
		if mark := d.at; d.word(`\u`) {
			low, ok := d.hex4()
			if !ok {
				return nil, errSyntax
			}
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				return utf8.AppendRune(b, whole), nil
			}
			d.at = mark
		}
		r = utf8.RuneError
	}
	return utf8.AppendRune(b, r), nil
}

func (d *decoder) hex4() (rune, bool) {
	if d.at+4 > len(d.data) {
		return 0, false
	}
	var r rune
	ok := true
	for _, c := range d.data[d.at : d.at+4] {
		if c >= 'a' {
			c -= 'a' - 'A'
		}
		n := strings.IndexByte("0123456789ABCDEF", c)
		ok = ok && n >= 0
		r = r<<4 + rune(n) //nolint:gosec // -1 to 15
	}
	d.at += 4
	return r, ok
}

// Encode writes a value as JSON. Maps and times are only ever read: writing one is refused.
func Encode(v any) ([]byte, error) { return write(nil, reflect.ValueOf(v)) }

func write(b []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() {
		return append(b, "null"...), nil
	}
	if v.Type() == timeType {
		return nil, errShape
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return write(b, v.Elem())
	case reflect.String:
		return AppendText(b, v.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Int, reflect.Int64, reflect.Int32:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case reflect.Slice:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = write(b, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case reflect.Struct:
		b, _, err := fields(append(b, '{'), v, true)
		if err != nil {
			return nil, err
		}
		return append(b, '}'), nil
	default:
		return nil, errShape
	}
}

func fields(b []byte, v reflect.Value, first bool) ([]byte, bool, error) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(jsonTag(f.Tag), ",")
		var err error
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			if b, first, err = fields(b, v.Field(i), first); err != nil {
				return nil, false, err
			}
			continue
		case name == "-" || !f.IsExported():
			continue
		case options == "omitempty" && empty(v.Field(i)), options == "omitzero" && zero(v.Field(i)):
			continue
		}
		if name == "" {
			name = f.Name
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(AppendText(b, name), ':')
		if b, err = write(b, v.Field(i)); err != nil {
			return nil, false, err
		}
	}
	return b, first, nil
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return zero(v)
	}
}

// zero reports whether a value is its type's zero. A time with another zone than UTC is not.
func zero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Bool:
		return !v.Bool()
	case reflect.Int, reflect.Int64, reflect.Int32:
		return v.Int() == 0
	case reflect.Uint64:
		return v.Uint() == 0
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.Struct:
		for i := range v.NumField() {
			if !zero(v.Field(i)) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// AppendText appends a JSON string (RFC 8259 section 7). Bytes that are no UTF-8 become U+FFFD.
func AppendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
