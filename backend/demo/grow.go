package demo

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jellybind/jellybind/backend/api"
)

var (
	firstNames = strings.Fields(`Ada Aisha Alma Amir Anna Arne Aylin Beatriz Ben
		Björn Carla Chen Clara Daan Dmitri Elena Emil
		Emma Erik Fatima Felix Finn Freya Giulia Hana Hugo Ida Ines Ivan Jana João Julia Kai Karim Lars Laura Leon Lina Luca
		Magnus Malik Marta Mateo Mila Mina Nadia Nils Noor Olga Omar
		Oskar Paul Petra Rafael Rosa Samir Sara Simon Sofia Søren
		Tara Theo Tilda Umar Vera Viktor Wanda Yara Yusuf Zofia`)
	lastNames = strings.Fields(`Adler Andersen Bauer Becker Bianchi Bos Braun Costa Dahl Demir Dubois Eriksen Fabre Ferrari
		Fischer Garcia Haas Hansen Horvat Ibrahim Ivanova Jansen Kaya Keller Khan Kim Klein Kovač Kowalski Krüger Lang Larsen
		Lehmann Lindgren Lopez Maier Marino Martin Meyer Moreau Müller
		Nagy Nguyen Nielsen Novak Olsen Patel Peeters Petrov Popov
		Ricci Roth Russo Santos Schmidt Schulz Silva Singh Sørensen Tanaka Toth Varga Vogel Wagner Walsh Weiss Winter Wolf
		Yıldız Zimmer`)
)

// grow returns n more accounts, the same for the same seed. About four in five are linked: most of those once, at any of
// the providers, one in twelve twice.
func grow(n int, seed uint64, taken map[string]bool) []accountSpec {
	r := rand.New(rand.NewPCG(seed, 0x6a656c6c7962696e))
	list := make([]accountSpec, 0, n)
	for len(list) < n {
		first, last := firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]
		name := strings.ToLower(first + "." + last)
		if taken[name] {
			name += strconv.Itoa(2 + r.IntN(9*n))
			if taken[name] {
				continue
			}
		}
		taken[name] = true
		a := accountSpec{
			name: name, administrator: r.IntN(500) == 0, disabled: r.IntN(25) == 0, noPassword: r.IntN(20) == 0,
			idle: time.Duration(r.ExpFloat64() * float64(20*day)),
		}
		if r.IntN(15) == 0 {
			a.idle = never
		}
		if r.IntN(16) > 0 { // few are at risk, as where somebody has looked after them
			a.identities = identities(r, name)
		}
		list = append(list, a)
	}
	return list
}

// identities returns one or two identities of a made-up account.
func identities(r *rand.Rand, name string) []identitySpec {
	login := ascii(name)
	if r.IntN(12) == 0 {
		login += "@corp.example"
	}
	var first identitySpec
	switch k := r.IntN(20); {
	case k < 11:
		first = oidcIdentity(Authelia, login)
	case k < 16:
		first = oidcIdentity(Keycloak, login)
	case k < 19:
		first = samlIdentity(login)
	default:
		first = oidcIdentity(Legacy, login)
	}
	list := []identitySpec{first}
	if r.IntN(12) == 0 {
		second := samlIdentity(login)
		if first.protocol == api.SAML {
			second = oidcIdentity(Authelia, login)
		}
		list = append(list, second)
	}
	if login != name && r.IntN(4) > 0 {
		list = append(list, ownName(name))
	}
	return list
}

// ascii returns a name as a directory would make a login of it.
func ascii(name string) string {
	fold := strings.NewReplacer("ö", "oe", "ü", "ue", "ø", "o", "ã", "a", "č", "c", "ı", "i")
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '_'
		}
		return r
	}, fold.Replace(name))
}
