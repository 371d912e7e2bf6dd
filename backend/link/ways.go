package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jellybind/jellybind/backend/api"
)

// Which way works is found by trying, before anybody is asked to sign in: a start costs nothing. What was found is remembered
// for the provider, and used without trying until it fails or the person wants it tried again.

// tryLimit is how long one try may take.
const tryLimit = 20 * time.Second

// findWay tries the ways that the facts allow, in order, and writes what it finds to f.Tried. It stops at the first that works;
// without a person, who could be asked something, it tries all. With a strategy in the request it tries only that one.
//
// The error says that no way can be tried, such as a server that does not answer.
func (l *Linker) findWay(ctx context.Context, f *Facts, person Person) error {
	f.Tried = map[api.Strategy]api.Attempt{}
	if !f.Request.Retry && l.recall(f) {
		if decided, err := l.askLocal(ctx, f, person); err != nil || !decided {
			return err
		}
	}
	for _, w := range ways(f.Provider.Protocol) {
		if w.asked && w.strategy != f.Request.Strategy || f.Request.Strategy != "" && w.strategy != f.Request.Strategy {
			continue
		}
		if w.option(*f).Why == whyNoLocal {
			if err := l.locate(ctx, f, person); err != nil {
				return err
			}
		}
		if !w.option(*f).OK {
			continue
		}
		if w.try != nil {
			a, err := l.attempt(ctx, w, *f)
			if err != nil {
				return err
			}
			f.Tried[w.strategy] = a
			if !a.OK {
				continue
			}
		}
		if person != nil {
			break
		}
	}
	l.remember(ctx, *f)
	return nil
}

// attempt tries one way. The error says that trying another way makes no sense.
func (l *Linker) attempt(ctx context.Context, w way, f Facts) (api.Attempt, error) {
	limited, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	address, err := w.try(l, limited, f)
	a := api.Attempt{Strategy: w.strategy, OK: err == nil, At: l.Now().UTC(), Address: address}
	if err == nil {
		return a, nil
	}
	if ctx.Err() != nil || !ofTheWay(err) {
		return a, err
	}
	if e, ok := asError(err); ok {
		a.Code, a.Why, a.Params = e.Code, e.Why, e.Params
	}
	return a, nil
}

// recall takes what was found earlier. It reports false if that does not lead to a way that the facts allow.
func (l *Linker) recall(f *Facts) bool {
	if l.Remembered == nil {
		return false
	}
	tried := map[api.Strategy]api.Attempt{}
	for _, a := range l.Remembered(f.Provider.Protocol, f.Provider.Name) {
		tried[a.Strategy] = a
	}
	known := *f
	known.Tried = tried
	for _, w := range ways(f.Provider.Protocol) {
		if w.asked || f.Request.Strategy != "" && w.strategy != f.Request.Strategy {
			continue
		}
		a, ok := tried[w.strategy]
		switch {
		case w.option(known).OK && (ok || w.try == nil):
			f.Tried, f.recalled = tried, true
			return true
		case w.option(known).OK, ok && !a.OK && f.Request.Strategy != "":
			return false
		}
	}
	return false
}

// prove chooses a way and learns who signs in. If a remembered way does not work any more, it chooses again, unless a person
// was asked already; then at least the memory goes.
func (l *Linker) prove(
	ctx context.Context, choose func(retry bool) (Facts, api.Plan, error), person Person,
) (api.Plan, proof, error) {
	for retry := false; ; retry = true {
		f, plan, err := choose(retry)
		if err != nil {
			return plan, proof{}, err
		}
		waiting := api.Progress{Step: "waiting-for-sign-in"}
		if f.hidden() { // the person wonders why
			waiting.Why, waiting.Params = plan.Why, plan.Params
		}
		person.Progress(waiting)
		seen := &asked{Person: person}
		p, err := l.learn(ctx, plan.Strategy, f, seen)
		if err == nil || !f.recalled || ctx.Err() != nil || !ofTheWay(err) {
			return plan, p, err
		}
		l.forget(ctx, f)
		if seen.yes.Load() {
			return plan, p, err
		}
	}
}

// learn learns by a strategy which identity signed in.
func (l *Linker) learn(ctx context.Context, s api.Strategy, f Facts, person Person) (proof, error) {
	for _, w := range ways(f.Provider.Protocol) {
		if w.strategy == s {
			return w.learn(l, ctx, f, person)
		}
	}
	return proof{}, fmt.Errorf("unknown strategy %q", s)
}

// asked is a person, and whether the person was asked to sign in.
type asked struct {
	Person
	yes atomic.Bool
}

func (a *asked) SignIn(ctx context.Context, s api.SignIn) error {
	a.yes.Store(true)
	return a.Person.SignIn(ctx, s)
}

// remember stores what was found, if there is anything and the person did not choose the way.
func (l *Linker) remember(ctx context.Context, f Facts) {
	if l.Remember == nil || f.Request.Strategy != "" || len(f.Tried) == 0 {
		return
	}
	l.Remember(ctx, api.FoundWays{Protocol: f.Provider.Protocol, Provider: f.Provider.Name, Attempts: f.attempts()})
}

// forget drops what was remembered of a provider, because it does not work any more.
func (l *Linker) forget(ctx context.Context, f Facts) {
	if l.Remember != nil {
		l.Remember(ctx, api.FoundWays{Protocol: f.Provider.Protocol, Provider: f.Provider.Name})
	}
}

// attempts lists what was tried of the ways that need not be asked for, in their order.
func (f Facts) attempts() []api.Attempt {
	var list []api.Attempt
	for _, w := range ways(f.Provider.Protocol) {
		if a, ok := f.Tried[w.strategy]; ok && !w.asked {
			list = append(list, a)
		}
	}
	return list
}

// noWay says what would help where no sign-in works.
func noWay(f Facts) *api.NoWay {
	n := &api.NoWay{Attempts: slices.DeleteFunc(f.attempts(), func(a api.Attempt) bool { return a.OK })}
	_, direct := directWrite(f)
	n.Device = f.Tried[api.StrategyDevice].OK && (direct.OK || f.Verifying)
	if f.Provider.Protocol != api.OIDC {
		return n
	}
	if direct.OK || f.Verifying {
		n.Client, n.Allow = f.Provider.ClientID, AppRedirects(f.Base, f.Provider, f.Settings, f.ports(api.StrategyPluginClient))
		n.Secret = pluginClientWorks(f).Why == api.WhySecretMissing
	}
	if f.hidden() {
		n.Local = f.Local == nil
		n.Rules = ProxyRules(f.Base)
	}
	return n
}

// stuck is the error for a provider where no sign-in works.
func stuck(f Facts, options []api.Option) error {
	n := noWay(f)
	if len(n.Attempts) == 0 {
		e := unenterable(f, options)
		e.NoWay = n
		return e
	}
	if f.hidden() {
		e := &api.Error{
			Code: api.CodeLoopbackUnreachable, Why: "no-way", Params: map[string]string{"provider": f.Provider.Name}, NoWay: n,
		}
		relay := f.Tried[api.StrategyRelay]
		e.Because(&api.Error{Code: relay.Code, Why: relay.Why, Params: relay.Params})
		return e
	}
	a := n.Attempts[0]
	return &api.Error{Code: a.Code, Why: a.Why, Params: a.Params, NoWay: n}
}

// unenterable is the error for a provider where no sign-in can even be tried. It names what the person can enter, if that would
// help.
func unenterable(f Facts, options []api.Option) *api.Error {
	enter := slices.IndexFunc(options, func(o api.Option) bool { return o.Code != "" })
	switch {
	case !f.Verifying && f.Capabilities.Credential == api.CredentialKey && enter >= 0 && options[enter].Why == api.WhySecretMissing:
		return &api.Error{
			Code: options[enter].Code, Why: "key-no-sign-in", Params: map[string]string{"provider": f.Provider.Name},
		}
	case !f.Verifying && enter >= 0:
		return unsupported(options[enter])
	case !f.Verifying:
		return unsupported(options[0])
	case f.Provider.Protocol == api.SAML:
		assertion := slices.IndexFunc(options, func(o api.Option) bool { return o.Strategy == api.StrategyAssertion })
		o := options[assertion]
		return api.Ability{Why: o.Why, Params: o.Params}.Refused(api.CodeUnsupported, "server-page")
	case enter >= 0:
		return &api.Error{Code: api.CodeClientMissing, Why: "verify-client", Params: map[string]string{"provider": f.Provider.Name}}
	case f.Provider.Endpoint == "":
		return &api.Error{Code: api.CodeUnsupported, Why: "verify-admin"}
	}
	return api.Ability{Why: options[0].Why, Params: options[0].Params}.Refused(api.CodeLoopbackUnreachable, "server-page")
}

func asError(err error) (*api.Error, bool) { return errors.AsType[*api.Error](err) }
