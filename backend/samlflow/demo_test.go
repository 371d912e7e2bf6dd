package samlflow_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/loopback"
	"github.com/jellybind/jellybind/backend/samlflow"
	"github.com/jellybind/jellybind/backend/samlmsg"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// signedIn is the plugin of a demo world as somebody sees it.
type signedIn struct {
	*demo.World
	plugin *ssoplugin.Plugin
	client *jellyfin.Client
	user   api.User
}

// join starts a demo world and signs in, as an administrator or as a plain user.
func join(t *testing.T, o demo.Options, administrator bool) signedIn {
	t.Helper()
	w, err := demo.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := jellyfin.New(jellyfin.Options{URL: w.URL(), DeviceID: "samlflow-test"})
	if err != nil {
		t.Fatal(err)
	}
	name, password := w.User()
	kind := api.CredentialUser
	if administrator {
		name, password = w.Admin()
		kind = api.CredentialAdmin
	}
	in, err := client.SignIn(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	client = client.WithCredential(in.Token)
	p, err := ssoplugin.Detect(t.Context(), client, kind, &in.User)
	if err != nil {
		t.Fatal(err)
	}
	return signedIn{w, p, client, in.User}
}

// settings make a request from the provider's settings.
func (s signedIn) settings(t *testing.T, judge samlflow.Judge) samlflow.Request {
	t.Helper()
	p, err := s.plugin.Provider(t.Context(), api.SAML, demo.ADFS)
	if err != nil {
		t.Fatal(err)
	}
	return samlflow.Request{
		Endpoint: p.Endpoint, ClientID: p.ClientID, Audience: p.SAML.Audience, Certificate: p.Certificate, Judge: judge,
		Callback: s.client.URL().EscapedPath() + ssoplugin.CallbackPath(p),
	}
}

// as signs a person in at the provider's page.
func as(t *testing.T, login string) func(context.Context, api.SignIn) error {
	t.Helper()
	return func(ctx context.Context, s api.SignIn) error {
		answer, err := visitor.New().SignIn(ctx, s.URL, login)
		if err == nil && answer.Status != http.StatusOK {
			return fmt.Errorf("a page of status %d", answer.Status)
		}
		return err
	}
}

// TestLink goes from our own request to the link, on each flavour, with each base path, and reads it back.
func TestLink(t *testing.T) {
	t.Parallel()
	for _, flavour := range demo.Flavours() {
		for _, base := range []string{"", "/jf"} {
			for _, administrator := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s%s/%t", flavour, base, administrator), func(t *testing.T) {
					t.Parallel()
					w := join(t, demo.Options{Flavour: flavour, BasePath: base}, administrator)
					person, ok := w.Person(demo.TourName)
					if !ok {
						t.Fatal("nobody is on tour")
					}
					var r samlflow.Request
					if administrator {
						r = w.settings(t, samlflow.ServersToo)
					} else {
						asked, err := w.plugin.StartTrueName(t.Context(), demo.ADFS)
						if err != nil {
							t.Fatal(err)
						}
						if r, err = samlflow.FromServer(asked); err != nil {
							t.Fatal(err)
						}
					}
					result, err := samlflow.Run(t.Context(), r, options(&samlflow.Replay{}), as(t, person.Login))
					if err != nil {
						t.Fatal(err, errors.Unwrap(err))
					}
					want := w.Identity(api.SAML, demo.ADFS, person)
					if result.NameID != want.Name || len(result.Remarks) != 0 {
						t.Errorf("signed in as %q, want %q; %v", result.NameID, want.Name, result.Remarks)
					}
					if err := w.plugin.PostLink(t.Context(), api.SAML, demo.ADFS, w.user.ID, result.Response, nil); err != nil {
						t.Fatal(err)
					}
					if err := w.plugin.DeleteLink(t.Context(), api.Link{Identity: want, UserID: w.user.ID}); err != nil {
						t.Errorf("the link was not there: %v", err)
					}
				})
			}
		}
	}
}

// TestVerify: the raw response opens the linked account where the server takes it; elsewhere the name is what was checked.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, flavour := range demo.Flavours() {
		t.Run(string(flavour), func(t *testing.T) {
			t.Parallel()
			w := join(t, demo.Options{Flavour: flavour}, true)
			person, ok := w.Person(demo.TourName)
			if !ok {
				t.Fatal("nobody is on tour")
			}
			link, err := samlflow.Run(t.Context(), w.settings(t, samlflow.ServersToo), options(&samlflow.Replay{}), as(t, person.Login))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.plugin.PostLink(t.Context(), api.SAML, demo.ADFS, w.user.ID, link.Response, nil); err != nil {
				t.Fatal(err)
			}
			proof, err := samlflow.Run(t.Context(), w.settings(t, samlflow.Ours), options(&samlflow.Replay{}), as(t, person.Login))
			if err != nil || proof.NameID != link.NameID || proof.ID == link.ID {
				t.Fatalf("%+v, %v", proof, err)
			}
			in, err := w.plugin.Authenticate(t.Context(), api.SAML, demo.ADFS, proof.Response, nil)
			if flavour == api.FlavourFlowfin {
				if !api.IsCode(err, api.CodeUnsupported) {
					t.Errorf("Flowfin takes the response itself: %v", err)
				}
				return
			}
			if err != nil || in.User.ID != w.user.ID {
				t.Errorf("signed in as %s, %v", in.User.Name, err)
			}
		})
	}
}

func TestDemoRefusals(t *testing.T) {
	t.Parallel()
	w := join(t, demo.Options{TransientNameID: true}, true)
	_, err := samlflow.Run(t.Context(), w.settings(t, samlflow.ServersToo), options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
		_, err := visitor.New().SignIn(ctx, s.URL, demo.TourName)
		return err
	})
	if !api.IsCode(err, api.CodeNameIDTransient) {
		t.Errorf("transient: %v", err)
	}
	_, err = samlflow.Run(t.Context(), w.settings(t, samlflow.ServersToo), options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
		_, err := visitor.New().SignIn(ctx, s.URL, visitor.Cancel)
		return err
	})
	if !api.IsCode(err, api.CodeSignInRefused) {
		t.Errorf("cancelled: %v", err)
	}
	r := w.settings(t, samlflow.Ours)
	r.Audience = "urn:other"
	_, err = samlflow.Run(t.Context(), r, options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
		_, err := visitor.New().SignIn(ctx, s.URL, demo.TourName)
		return err
	})
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Why != "answer-audience" {
		t.Errorf("another audience: %v", err)
	}
}

// TestStolenResponses: a response that belongs to another sign-in ends nothing and links nothing, though the provider signed it.
func TestStolenResponses(t *testing.T) {
	t.Parallel()
	w := join(t, demo.Options{}, true)
	person, ok := w.Person(demo.TourName)
	if !ok {
		t.Fatal("nobody is on tour")
	}
	for _, judge := range []samlflow.Judge{samlflow.Ours, samlflow.ServersToo, samlflow.ServersAlone} {
		// The victim's response comes from another sign-in, at another port.
		stolen, err := samlflow.Run(t.Context(), w.settings(t, judge), options(&samlflow.Replay{}), as(t, person.Login))
		if err != nil {
			t.Fatal(err)
		}
		opts := options(&samlflow.Replay{})
		opts.Listen = loopback.Options{Timeout: time.Second}
		result, err := samlflow.Run(t.Context(), w.settings(t, judge), opts, func(ctx context.Context, s api.SignIn) error {
			u, err := url.Parse(s.URL)
			if err != nil {
				return err
			}
			asked, err := samlmsg.ReadAuthnRequest(u)
			if err != nil {
				return err
			}
			for name, response := range map[string]secret.Value{
				"as it was":   stolen.Response,
				"unsolicited": posted(spec{change: func(r *saml.Response, _ *saml.Assertion) { r.InResponseTo = "" }}.build(t)),
			} {
				if status, _, err := post(ctx, asked.ACS, url.Values{"SAMLResponse": {response.Reveal()}}); err != nil || status != http.StatusBadRequest {
					return fmt.Errorf("%s: %d, %w", name, status, err)
				}
			}
			return nil
		})
		if !api.IsCode(err, api.CodeTimeout) || result.NameID != "" || !result.Response.IsZero() {
			t.Errorf("judge %d: %+v, %v", judge, result, err)
		}
		// Around the stolen assertion, somebody writes a response to our request.
		result, err = samlflow.Run(t.Context(), w.settings(t, judge), options(&samlflow.Replay{}), func(ctx context.Context, s api.SignIn) error {
			u, err := url.Parse(s.URL)
			if err != nil {
				return err
			}
			asked, err := samlmsg.ReadAuthnRequest(u)
			if err != nil {
				return err
			}
			xml, err := base64.StdEncoding.DecodeString(stolen.Response.Reveal())
			if err != nil {
				return err
			}
			forged := edit(t, xml, func(root *etree.Element) {
				root.CreateAttr("InResponseTo", asked.ID)
				root.CreateAttr("Destination", asked.ACS)
				if s := root.FindElement("./Signature"); s != nil {
					root.RemoveChild(s)
				}
			})
			_, _, err = post(ctx, asked.ACS, url.Values{"SAMLResponse": {posted(forged).Reveal()}})
			return err
		})
		if !api.IsCode(err, api.CodeSignInInvalid) || result.NameID != "" {
			t.Errorf("judge %d: a stolen assertion in a response of ours: %+v, %v", judge, result, err)
		}
	}
}

func TestFromServer(t *testing.T) {
	t.Parallel()
	asked := samlmsg.AuthnRequest{
		Endpoint: "https://idp.example/sso?x=1", ID: "_1", Issuer: "jf", ACS: "https://media.example/jf/sso/SAML/post/my%20idp",
		NameIDFormat: "urn:f",
	}
	r, err := samlflow.FromServer(asked)
	want := samlflow.Request{
		Endpoint: "https://idp.example/sso?x=1", ClientID: "jf", NameIDFormat: "urn:f", Callback: "/jf/sso/SAML/post/my%20idp",
		Judge: samlflow.ServersAlone,
	}
	if err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
	asked.Signed = true
	if _, err := samlflow.FromServer(asked); !api.IsCode(err, api.CodeUnsupported) {
		t.Errorf("signed: %v", err)
	}
	for _, acs := range []string{"", "https://media.example", "::"} {
		if _, err := samlflow.FromServer(samlmsg.AuthnRequest{Endpoint: "https://idp.example", ACS: acs}); !api.IsCode(err, api.CodeServerAnswer) {
			t.Errorf("%q: %v", acs, err)
		}
	}
}
