package workload

import (
	"sort"
	"strings"
)

// entry is a live key with what etcd remembers about it.
type entry struct {
	key            string
	kind           Kind
	create         int64
	version        int64
	position, home int
}

// keyspace is the set of live keys: unordered for skewed and uniform choice, and ordered within each group, a group being
// the keys of one kind in one namespace, so that the keys of a range delete are known.
type keyspace struct {
	live   []*entry
	groups [][]*entry
}

func newKeyspace() *keyspace {
	return &keyspace{groups: make([][]*entry, Kinds*len(namespaces))}
}

// find returns where key is, or would be, in its group.
func (k *keyspace) find(group int, key string) (int, bool) {
	return sort.Find(len(k.groups[group]), func(i int) int { return strings.Compare(key, k.groups[group][i].key) })
}

func (k *keyspace) add(e *entry) {
	e.position = len(k.live)
	k.live = append(k.live, e)
	at, _ := k.find(e.home, e.key)
	group := append(k.groups[e.home], nil)
	copy(group[at+1:], group[at:])
	group[at] = e
	k.groups[e.home] = group
}

func (k *keyspace) remove(e *entry) {
	last := len(k.live) - 1
	k.live[e.position] = k.live[last]
	k.live[e.position].position = e.position
	k.live[last] = nil
	k.live = k.live[:last]
	at, _ := k.find(e.home, e.key)
	group := k.groups[e.home]
	k.groups[e.home] = append(group[:at], group[at+1:]...)
}
