package main

import (
	"slices"
	"testing"
)

func TestToInstall(t *testing.T) {
	t.Parallel()
	simulated := `Reading package lists...
The following NEW packages will be installed:
  liblua5.3-0 haproxy
Inst liblua5.3-0 (5.3.6-2 Debian:12.15/oldstable [amd64])
Inst libnss3 [2:3.87.1-1] (2:3.87.1-2 Debian-Security:12 [amd64]) []
Inst haproxy (2.6.12-1 Debian-Security:12/oldstable-security [amd64])
Conf haproxy (2.6.12-1 Debian-Security:12/oldstable-security [amd64])
`
	want := []string{"liblua5.3-0", "libnss3", "haproxy"}
	if got := toInstall(simulated); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
