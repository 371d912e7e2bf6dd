package cli

import "testing"

func TestBlanksOfAPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind       kind
		line, want string
	}{
		{password, " pass ", " pass "},
		{password, "pass\r", "pass"}, // a line of Windows
		{password, "", ""},
		{pasted, " \tkey \r", "key"},
	} {
		if got := c.kind.value(c.line).Reveal(); got != c.want {
			t.Errorf("%q is %q, want %q", c.line, got, c.want)
		}
	}
}
