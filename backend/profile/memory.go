package profile

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
)

// Memory stores servers until the process ends. The demo world uses it, and runs that must leave nothing behind. The zero
// value is ready to use. It is safe for concurrent use.
type Memory struct {
	mu   sync.Mutex
	data Data
}

// Load returns a copy of the content.
func (p *Memory) Load(context.Context) (Data, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.data), nil
}

// Update changes the content. If change returns an error, nothing is stored and Update returns that error.
func (p *Memory) Update(_ context.Context, change func(*Data) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	data := clone(p.data)
	if err := change(&data); err != nil {
		return err
	}
	for i := range data.Profiles {
		if data.Profiles[i].DeviceID == "" {
			data.Profiles[i].DeviceID = rand.Text()
		}
	}
	p.data = data
	return nil
}

// clone copies the parts that a caller may change.
func clone(d Data) Data {
	d.Profiles = slices.Clone(d.Profiles)
	for i := range d.Profiles {
		d.Profiles[i].Providers = slices.Clone(d.Profiles[i].Providers)
	}
	return d
}
