package samlflow

import (
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// refuse says why a response is not believed.
func refuse(why string) *api.Error {
	return &api.Error{Code: api.CodeSignInInvalid, Why: "answer", Params: map[string]string{"why": why}}
}

// shown bounds and escapes what a stranger sent, for a sentence.
func shown(s string) string {
	const limit = 200
	if len(s) > limit {
		for s = s[:limit]; !utf8.ValidString(s); {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return api.Printable(s)
}
