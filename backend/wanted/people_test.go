package wanted_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/wanted"
)

func setText(set api.WantedSet, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, l := range set.Links {
		fmt.Fprintf(&b, "%d %s %s gone=%v %s\n", l.Line, l.Name, l.UserName, l.Gone, l.Why)
	}
	for _, r := range set.Remarks {
		fmt.Fprintf(&b, "%s\n", r.Why)
	}
	return b.String()
}

const (
	keycloakUsers = `[{"id":"f1","username":"maria","email":"bob@example.org","createdTimestamp":1700000000000},
{"id":"f2","username":"carl","email":"carl@example.org","createdTimestamp":1700000000001}]`
	authentikUsers = `{"pagination":{"count":1},"results":[{"pk":7,"uid":"ab12","uuid":"9-9","username":"maria","email":"m@example.org"}]}`
)

func TestReadPeople(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		o    wanted.PeopleOptions
		want string
	}{
		"keycloak":     {keycloakUsers, wanted.PeopleOptions{}, "keycloak username id email 2"},
		"realm":        {`{"realm":"x","clients":[{}],"users":` + keycloakUsers + `}`, wanted.PeopleOptions{}, "keycloak username id email 2"},
		"authentik":    {authentikUsers, wanted.PeopleOptions{}, "authentik username uid email 1"},
		"authentik id": {authentikUsers, wanted.PeopleOptions{Subject: "pk"}, "authentik username pk email 1"},
		"zitadel": {
			`{"result":[{"userId":"30","username":"maria","preferredLoginName":"maria@x","human":{"email":{"email":"m@x"}}}]}`,
			wanted.PeopleOptions{},
			"zitadel username userId human.email.email 1",
		},
		"lists of one":   {`[{"attrs":{"name":["maria"],"uuid":["u1"]}}]`, wanted.PeopleOptions{Subject: "attrs.uuid"}, "people attrs.name attrs.uuid  1"},
		"table":          {"username;sub\nmaria;s1\n", wanted.PeopleOptions{}, "people username sub  1"},
		"an id no sub":   {`[{"id":"1","username":"maria"}]`, wanted.PeopleOptions{}, "people username   1"},
		"no such field":  {`[{"id":"1"}]`, wanted.PeopleOptions{Account: "login"}, "usage (people-no-field): field login, fields id, file f"},
		"no account":     {`[{"id":"1"}]`, wanted.PeopleOptions{}, "usage (people-no-account): fields id, file f"},
		"two lists":      {`{"a":[{}],"b":[{}]}`, wanted.PeopleOptions{}, "usage (people-other): file f"},
		"not of objects": {`[1]`, wanted.PeopleOptions{}, "usage (people-other): file f"},
		"cut":            {`[{"id":`, wanted.PeopleOptions{}, "usage (file-cut): file f"},
		"nobody":         {`[]`, wanted.PeopleOptions{}, "usage (people-other): file f"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := wanted.ReadPeople(strings.NewReader(c.text), "f", c.o)
			got := fmt.Sprintf("%s %s %s %s %d", p.Format, p.Account, p.Subject, p.Email, len(p.People))
			if err != nil {
				got = err.Error()
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMatchAndRekey(t *testing.T) {
	t.Parallel()
	people, err := wanted.ReadPeople(strings.NewReader(keycloakUsers), "f", wanted.PeopleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := api.Roster{Accounts: []api.Account{
		{User: api.User{ID: "1", Name: "Maria"}, Exists: true, Identities: []api.Identity{{Protocol: api.OIDC, Provider: "kc", Name: "maria"}}},
		{User: api.User{ID: "2", Name: "bob"}, Exists: true, Identities: []api.Identity{{Protocol: api.OIDC, Provider: "kc", Name: "stranger"}}},
		{User: api.User{ID: "3", Name: "eve"}, Exists: true, Identities: []api.Identity{{Protocol: api.OIDC, Provider: "kc", Name: "f2"}}},
	}}
	sub := api.Provider{Protocol: api.OIDC, Name: "kc", OIDC: api.OIDCSettings{Rule: api.NameRule{Claim: "sub"}}}
	byName := api.Provider{Protocol: api.OIDC, Name: "kc", OIDC: api.OIDCSettings{Rule: api.NameRule{Claim: "preferred_username"}}}
	kc := api.ProviderRef{Protocol: api.OIDC, Provider: "kc"}
	for name, c := range map[string]struct{ got, want string }{
		"by name": {setText(wanted.Match(people, r, sub, wanted.MatchOptions{})), "1 f1 Maria gone=false \n2 f2  gone=false people-nobody\n"},
		"by e-mail": {
			setText(wanted.Match(people, r, byName, wanted.MatchOptions{By: wanted.MatchEmail})),
			"1 maria bob gone=false \n2 carl  gone=false people-nobody\n",
		},
		"another claim": {
			setText(wanted.Match(people, r, byName, wanted.MatchOptions{Name: "id"})),
			"1 f1 Maria gone=false \n2 f2  gone=false people-nobody\npeople-other-claim\n",
		},
		"rekey": {
			setText(wanted.Rekey(r, kc, people, "", "", false)),
			"1 maria Maria gone=true \n1 f1 Maria gone=false \n2 stranger bob gone=false rekey-nobody\n3 f2 eve gone=false \n",
		},
		"rekey, keeping": {
			setText(wanted.Rekey(r, kc, people, "", "", true)),
			"1 f1 Maria gone=false \n2 stranger bob gone=false rekey-nobody\n3 f2 eve gone=false \n",
		},
		"back": {
			setText(wanted.Rekey(r, kc, people, "id", "username", true)),
			"1 maria Maria gone=false \n2 stranger bob gone=false rekey-nobody\n3 carl eve gone=false \n",
		},
		"SAML": {setText(wanted.Rekey(r, api.ProviderRef{Protocol: api.SAML, Provider: "kc"}, people, "", "", false)), "rekey-saml\n"},
	} {
		if d := cmp.Diff(c.want, c.got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func FuzzReadPeople(f *testing.F) {
	f.Add([]byte(keycloakUsers))
	f.Add([]byte(authentikUsers))
	f.Add([]byte("username;sub\nmaria;s1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := wanted.ReadPeople(strings.NewReader(string(text)), "f", wanted.PeopleOptions{})
		if err == nil && (len(p.People) == 0 || p.Account == "") {
			t.Errorf("read %d people with the account field %q", len(p.People), p.Account)
		}
	})
}
