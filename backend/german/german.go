// Package german holds in German what the backend says to a person in English: each reason of an error or an ability (its
// Why), with a hint where its code's would not do, and the fragments that stand in such a sentence. The window gets it at its
// start, and puts in the names.
package german

import _ "embed" // the texts

// Reasons are lines, after an empty one, of a key, an equals sign and a text. The key is a Why, a Why with “.hint”, or a
// fragment as it is in English.
// Values are at {name}, as the error's Params name them; at {why} and {doing} is a fragment.
//
//go:embed reasons.txt
var Reasons string
