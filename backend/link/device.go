package link

import (
	"context"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/oidcflow"
)

// A sign-in on another device (RFC 8628) needs no redirect URI, so no proxy is in its way, and the person may be anywhere. The
// client is the plugin's where its secret is known, and otherwise our own.

// deviceWorks reports whether there is a client for a sign-in on another device.
func deviceWorks(f Facts) api.Ability {
	plugin := pluginClientWorks(f)
	if plugin.OK || plugin.Why == api.WhySecretMissing && f.Settings.ClientID == "" {
		return plugin
	}
	return ownClientWorks(f)
}

func deviceReason(Facts, api.WriteMethod) api.Remark { return api.Remark{Why: api.WhyDevice} }

// otherSubject reports whether our own client may be given another subject than the plugin's client, and the link is to that.
func otherSubject(f Facts) bool {
	return f.Provider.NameClaim == "sub" && f.Settings.ClientID != f.Provider.ClientID
}

// tryDevice asks the provider whether it offers the device flow.
func (l *Linker) tryDevice(ctx context.Context, f Facts) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryLimit)
	defer cancel()
	meta, err := client(f).Discover(ctx)
	if err == nil && meta.DeviceEndpoint == "" {
		err = &api.Error{
			Code: api.CodeUnsupported, Why: "device-missing", Params: map[string]string{"host": hostOf(f.Provider.Endpoint)},
		}
	}
	return f.Provider.Endpoint, err
}

// tryDeviceCode asks the provider for a code. Nobody enters it, and it expires by itself.
func (l *Linker) tryDeviceCode(ctx context.Context, f Facts) (address string, err error) {
	_, err = l.startDevice(ctx, f)
	return f.Provider.Endpoint, err
}

// offerDevice finds out for a plan whether the device flow works. Where the person asks for it, the provider must also take the
// client.
func (l *Linker) offerDevice(ctx context.Context, f *Facts) error {
	for _, w := range ways(f.Provider.Protocol) {
		if w.strategy != api.StrategyDevice || !w.option(*f).OK {
			continue
		}
		if f.Request.Strategy == w.strategy {
			w.try = (*Linker).tryDeviceCode
		}
		a, err := l.attempt(ctx, w, *f)
		if err != nil {
			return err
		}
		f.Tried[w.strategy] = a
	}
	return nil
}

// device shows a code, and waits until somebody has signed in with it on another device.
func (l *Linker) device(ctx context.Context, f Facts, person Person) (proof, error) {
	d, err := l.startDevice(ctx, f)
	if err != nil {
		return proof{}, err
	}
	if err := person.SignInElsewhere(ctx, d.Show); err != nil {
		return proof{}, err
	}
	id, err := d.Wait(ctx)
	if err != nil {
		return proof{}, err
	}
	return identified(f, id), nil
}

// startDevice gets a code for the plugin's client. If the provider does not let that client use the device flow, our own client
// takes its place, unless its people might have other names.
func (l *Linker) startDevice(ctx context.Context, f Facts) (*oidcflow.Device, error) {
	if !pluginClientWorks(f).OK {
		return l.startDeviceAs(ctx, f, l.asOwn)
	}
	d, err := l.startDeviceAs(ctx, f, l.asPlugin)
	// Providers use different error codes for a client that may not use the device flow.
	e, ok := asError(err)
	refused := ok && (e.Why == "device-forbidden" || e.Why == "device-refused")
	if refused && ownClientWorks(f).OK && !otherSubject(f) {
		return l.startDeviceAs(ctx, f, l.asOwn)
	}
	return d, err
}

func (l *Linker) startDeviceAs(
	ctx context.Context, f Facts, as func(context.Context, Facts) (oidcflow.Client, error),
) (*oidcflow.Device, error) {
	c, err := as(ctx, f)
	if err != nil {
		return nil, err
	}
	return oidcflow.StartDevice(ctx, c, l.Now)
}
