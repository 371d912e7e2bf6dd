package profile

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
)

// Memory keeps servers for as long as the process runs: those of the demo world, and of a run that may leave
// nothing behind. The zero value is ready.
type Memory struct {
	mu   sync.Mutex
	data Data
}

// Load returns what is kept.
func (p *Memory) Load(context.Context) (Data, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.data), nil
}

// Update changes what is kept, or leaves it when change fails.
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

// clone copies what a change may write to.
func clone(d Data) Data {
	d.Profiles = slices.Clone(d.Profiles)
	for i := range d.Profiles {
		d.Profiles[i].Providers = slices.Clone(d.Profiles[i].Providers)
	}
	return d
}
