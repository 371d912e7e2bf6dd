package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// The content types that the server answers with, letter by letter.
const (
	typeJSON    = "application/json; charset=utf-8"
	typeProblem = "application/problem+json; charset=utf-8"
	typeText    = "text/plain"
	typeHTML    = "text/html"
)

// answer is what a route answers.
type answer struct {
	status int
	kind   string   // content type; empty for an answer without a body
	body   [][]byte // in parts, so that large answers need not be put together
	header http.Header
	cut    bool // the connection ends without an answer
}

// processingError is what Jellyfin answers for most of what it refuses and for every exception.
const processingError = "Error processing request."

func bare(status int) answer { return answer{status: status} }

func text(status int, body string) answer {
	return answer{status: status, kind: typeText, body: [][]byte{[]byte(body)}}
}

func failed(status int) answer { return text(status, processingError) }

func page(body string) answer {
	return answer{status: http.StatusOK, kind: typeHTML, body: [][]byte{[]byte(body)}}
}

func redirect(location string) answer {
	return answer{status: http.StatusFound, header: http.Header{"Location": {location}}}
}

// value answers v as JSON in .NET's spelling.
func value(status int, v any) answer {
	return answer{status: status, kind: typeJSON, body: [][]byte{encode(v)}}
}

func ok(v any) answer { return value(http.StatusOK, v) }

func noContent() answer { return bare(http.StatusNoContent) }

func (a answer) write(w http.ResponseWriter) {
	if a.cut {
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	w.WriteHeader(a.status)
	for _, part := range a.body {
		if _, err := w.Write(part); err != nil {
			return // the client is gone
		}
	}
}

// problem is the problem document (RFC 9457) that ASP.NET Core writes.
type problem struct {
	Type    string             `json:"type"`
	Title   string             `json:"title"`
	Status  int                `json:"status"`
	Detail  string             `json:"detail,omitempty"`
	Errors  *ordered[[]string] `json:"errors,omitempty"`
	TraceID string             `json:"traceId"`
}

// problemTypes are the sections of RFC 9110 and titles that ASP.NET Core names.
var problemTypes = map[int]struct{ section, title string }{
	http.StatusBadRequest:           {"15.5.1", "Bad Request"},
	http.StatusNotFound:             {"15.5.5", "Not Found"},
	http.StatusUnsupportedMediaType: {"15.5.16", "Unsupported Media Type"},
	http.StatusInternalServerError:  {"15.6.1", "An error occurred while processing your request."},
}

// problem answers a problem document. Routes that declare what they produce write it as plain JSON in .NET's spelling;
// the others (see route.undeclared) as problem+json, in which only what JSON demands is escaped.
func (c *call) problem(status int, detail string, invalid *ordered[[]string]) answer {
	t := problemTypes[status]
	p := problem{
		Type: "https://tools.ietf.org/html/rfc9110#section-" + t.section, Title: t.title, Status: status, Detail: detail,
		Errors: invalid, TraceID: "00-" + c.s.randomHex(16) + "-" + c.s.randomHex(8) + "-00",
	}
	if invalid != nil {
		p.Title = "One or more validation errors occurred."
	}
	if !c.route.undeclared {
		return value(status, p)
	}
	return answer{status: status, kind: typeProblem, body: [][]byte{marshal(p)}}
}

// invalid answers that fields of a request are not valid; pairs are field, message, field, message, …
func (c *call) invalid(pairs ...string) answer {
	var fields ordered[[]string]
	for i := 0; i+1 < len(pairs); i += 2 {
		fields = append(fields, member[[]string]{pairs[i], []string{pairs[i+1]}})
	}
	return c.problem(http.StatusBadRequest, "", &fields)
}

// ordered is a JSON object whose members keep their order.
type ordered[V any] []member[V]

type member[V any] struct {
	name  string
	value V
}

// MarshalJSON writes the members in order.
func (o ordered[V]) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, marshal(m.name)...), ':')
		b = append(b, marshal(m.value)...)
	}
	return append(b, '}'), nil
}

// marshal encodes v without any escape that JSON does not demand. The server's own types always can be encoded.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("server: encoding %T: %v", v, err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// encode encodes v as System.Text.Json does by default: everything outside printable ASCII and the letters that mean
// something in HTML become \uXXXX with upper-case digits.
func encode(v any) []byte { return dotnetEscapes(marshal(v)) }

func dotnetEscapes(in []byte) []byte {
	out := make([]byte, 0, len(in)+len(in)/8)
	for i := 0; i < len(in); {
		switch b := in[i]; {
		case b == '\\' && in[i+1] == '"':
			out, i = append(out, `\u0022`...), i+2
		case b == '\\' && in[i+1] == 'u':
			out, i = append(append(out, `\u`...), bytes.ToUpper(in[i+2:i+6])...), i+6
		case b == '\\':
			out, i = append(out, b, in[i+1]), i+2
		case b == '<' || b == '>' || b == '&' || b == '\'' || b == '+' || b == '`' || b == 0x7f:
			out, i = fmt.Appendf(out, `\u%04X`, b), i+1
		case b < utf8.RuneSelf:
			out, i = append(out, b), i+1
		default:
			r, n := utf8.DecodeRune(in[i:])
			if r > 0xffff {
				r -= 0x10000
				out = fmt.Appendf(out, `\u%04X\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			} else {
				out = fmt.Appendf(out, `\u%04X`, r)
			}
			i += n
		}
	}
	return out
}

// decode reads the request's JSON body into v. It returns what ASP.NET Core answers for another content type, for a body
// that is not JSON and for one of the wrong shape; parameter is the name of the action's parameter, which Flowfin's answers
// name as well.
func (c *call) decode(v any, parameter string) (answer, bool) {
	kind, _, _ := strings.Cut(c.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return c.problem(http.StatusUnsupportedMediaType, "", nil), false
	}
	err := json.Unmarshal(c.body, v)
	if err == nil {
		return answer{}, true
	}
	pairs := []string{"$", jsonComplaint(c.body, err)}
	if parameter != "" {
		pairs = append(pairs, parameter, "The "+parameter+" field is required.")
	}
	return c.invalid(pairs...), false
}

// jsonComplaint words a JSON error as System.Text.Json does, for errors on the first line.
func jsonComplaint(body []byte, err error) string {
	at := func(i int) string { return fmt.Sprintf(" Path: $ | LineNumber: 0 | BytePositionInLine: %d.", i) }
	if _, isType := errors.AsType[*json.UnmarshalTypeError](err); isType {
		return "The JSON value could not be converted." + at(0)
	}
	next := func(from int) int {
		for from < len(body) && strings.IndexByte(" \t\r\n", body[from]) >= 0 {
			from++
		}
		return from
	}
	first := next(0)
	if first == len(body) {
		return "The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, " +
			"when isFinalBlock is true." + at(0)
	}
	if body[first] != '{' {
		return fmt.Sprintf("'%c' is an invalid start of a value.", body[first]) + at(first)
	}
	if second := next(first + 1); second < len(body) && body[second] != '"' {
		return fmt.Sprintf("'%c' is an invalid start of a property name. Expected a '\"'.", body[second]) + at(second)
	}
	return "The JSON value could not be converted." + at(first)
}
