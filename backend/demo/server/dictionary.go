package server

import "iter"

// dictionary keeps its entries in the order of .NET's Dictionary, which is the order in which the real server lists them:
// entries stand in slots, a new entry takes the slot that was freed last, and only when none is free a new one.
type dictionary[V any] struct {
	slots []slot[V]
	index map[string]int
	free  []int
}

type slot[V any] struct {
	key   string
	value V
	used  bool
}

func (d *dictionary[V]) get(key string) (V, bool) {
	i, ok := d.index[key]
	if !ok {
		var zero V
		return zero, false
	}
	return d.slots[i].value, true
}

func (d *dictionary[V]) set(key string, value V) {
	if i, ok := d.index[key]; ok {
		d.slots[i].value = value
		return
	}
	if d.index == nil {
		d.index = map[string]int{}
	}
	i := len(d.slots)
	if n := len(d.free); n > 0 {
		i, d.free = d.free[n-1], d.free[:n-1]
		d.slots[i] = slot[V]{key, value, true}
	} else {
		d.slots = append(d.slots, slot[V]{key, value, true})
	}
	d.index[key] = i
}

func (d *dictionary[V]) remove(key string) {
	i, ok := d.index[key]
	if !ok {
		return
	}
	delete(d.index, key)
	d.slots[i] = slot[V]{}
	d.free = append(d.free, i)
}

func (d *dictionary[V]) len() int { return len(d.index) }

// all yields the entries in order. Removing entries meanwhile is fine; adding is not.
func (d *dictionary[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for i := range d.slots {
			if d.slots[i].used && !yield(d.slots[i].key, d.slots[i].value) {
				return
			}
		}
	}
}

// compact gives the entries fresh slots in their present order, as reading them from a file does.
func (d *dictionary[V]) compact() {
	fresh := dictionary[V]{}
	for k, v := range d.all() {
		fresh.set(k, v)
	}
	*d = fresh
}
