package window_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jellybind/jellybind/backend"
	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/visitor"
	"github.com/jellybind/jellybind/backend/profile"
	"github.com/jellybind/jellybind/backend/window"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	ctx := t.Context()
	many := make([]int, 30)
	for i := range many {
		many[i] = 2000 + i
	}
	for name, bad := range map[string]api.Settings{
		"a port that only root may have": {Ports: []int{80}},
		"no port":                        {Ports: []int{0}},
		"a port that is none":            {Ports: []int{4000, 70000}},
		"a port twice":                   {Ports: []int{4000, 4000}},
		"too many ports":                 {Ports: many},
		"a theme":                        {Theme: "pink"},
		"a language":                     {Language: "tlh"},
		"a command":                      {Browser: "sh -c id"},
		"a browser's option":             {Browser: "chromium --gpu-launcher=id"},
	} {
		if err := w.SaveSettings(ctx, bad); !api.IsCode(err, api.CodeUsage) {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	good := api.Settings{Theme: "dark", Language: "de", Browser: "firefox", Ports: []int{4000, 4001}}
	if err := w.SaveSettings(ctx, good); err != nil {
		t.Fatal(err)
	}
	boot, err := w.Bootstrap(ctx, "")
	if got := must(w, boot, err).Settings; got.Theme != "dark" || got.Language != "de" || !slices.Equal(got.Ports, good.Ports) {
		t.Errorf("kept %+v", got)
	}
}

// TestLanguageOfTheLastPage: the page that ends a sign-in in the browser uses the chosen language, in the demo, too.
func TestLanguageOfTheLastPage(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.startDemo(api.FlavourK0lin)
	for language, want := range map[string]string{"de": `lang="de"`, "en": `lang="en"`} {
		if err := w.SaveSettings(t.Context(), api.Settings{Language: language}); err != nil {
			t.Fatal(err)
		}
		started, err := w.StartVerify(t.Context(), api.OIDC, demo.Authelia, "")
		id := must(w, started, err)
		page, err := visitor.New().SignIn(t.Context(), w.flow(id, "sign-in").SignIn.URL, demo.UserName)
		if err != nil || !strings.Contains(page.Body, want) {
			t.Errorf("%s: %v\n%s", language, err, page.Body)
		}
		w.flow(id, "verified")
	}
}

// TestPageLanguage: if the environment names no language, the browser's page uses the window's, in the demo, too, unless the
// person has chosen another one.
func TestPageLanguage(t *testing.T) { //nolint:paralleltest // it changes the environment
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		t.Setenv(name, "")
	}
	b := backend.New(backend.Options{Profiles: &profile.Memory{}})
	w := window.New(b, func(string, any) {})
	if got := b.Language(); got != "" {
		t.Errorf("before the page has said so: %q", got)
	}
	for _, page := range []string{"de-AT", ""} {
		boot, err := w.Bootstrap(t.Context(), page)
		if err != nil || boot.Locale != "de-AT" || backend.New(b.Options).Language() != "de-AT" {
			t.Errorf("the page says %q: locale %q, page %q, %v", page, boot.Locale, b.Language(), err)
		}
	}
	if err := w.SaveSettings(t.Context(), api.Settings{Language: "en"}); err != nil || b.Language() != "en" {
		t.Errorf("chosen: %q, %v", b.Language(), err)
	}
	t.Setenv("LANG", "fr_FR.UTF-8")
	if err := w.SaveSettings(t.Context(), api.Settings{}); err != nil || b.Language() != "fr-FR" {
		t.Errorf("of the environment: %q, %v", b.Language(), err)
	}
}

// TestPortsWhileLinking: settings may be saved while a link is planned.
func TestPortsWhileLinking(t *testing.T) {
	t.Parallel()
	w, d := newWindow(t), world(t, demo.Options{})
	w.secret(d.APIKey().Reveal())
	s, err := w.ConnectKey(t.Context(), d.URL(), "home", d.APIKey().Reveal())
	must(w, s, err)
	req := api.LinkRequest{UserID: w.row(demo.TourName).ID, Protocol: api.OIDC, Provider: demo.Authelia}
	var group sync.WaitGroup
	group.Go(func() {
		for port := range 5 {
			if err := w.SaveSettings(t.Context(), api.Settings{Ports: []int{4000 + port}}); err != nil {
				t.Error(err)
			}
		}
	})
	group.Go(func() {
		for range 5 {
			if _, err := w.PlanLink(t.Context(), req); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	plan, err := w.PlanLink(t.Context(), req)
	if plan = must(w, plan, err); len(plan.Allow) == 0 || !strings.Contains(plan.Allow[0], ":4004/") {
		t.Errorf("the plan does not know the port: %v", plan.Allow)
	}
}
