package samlflow

import (
	"unicode/utf8"

	"github.com/jellybind/jellybind/backend/api"
)

// refuse says why a response is not believed.
func refuse(why, hint string) *api.Error {
	if hint == "" {
		hint = "Sign in again. If it keeps happening, look at how the identity provider makes its SAML responses."
	}
	return &api.Error{
		Code: api.CodeSignInInvalid, Why: "answer", Sentence: "The identity provider's answer was refused: " + why + ".",
		Hint: hint, Params: map[string]string{"why": why},
	}
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
