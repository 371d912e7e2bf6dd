package backend

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"

	"github.com/jellybind/jellybind/backend/profile"
)

// ProfilesInMemory keeps servers for as long as the process runs: those of the demo world, and of a run that may leave
// nothing behind. The zero value is ready.
type ProfilesInMemory struct {
	mu   sync.Mutex
	data profile.Data
}

// Load returns what is kept.
func (p *ProfilesInMemory) Load(context.Context) (profile.Data, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return clone(p.data), nil
}

// Update changes what is kept, or leaves it when change fails.
func (p *ProfilesInMemory) Update(_ context.Context, change func(*profile.Data) error) error {
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
func clone(d profile.Data) profile.Data {
	d.Profiles = slices.Clone(d.Profiles)
	for i := range d.Profiles {
		d.Profiles[i].Providers = slices.Clone(d.Profiles[i].Providers)
	}
	return d
}
