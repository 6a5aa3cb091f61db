package workload

import (
	"go.etcd.io/etcd/api/v3/mvccpb"
)

// longestTxn is the most events that a transaction can have: three puts and three deletes.
const longestTxn = 6

// next makes one operation of the stream.
func (g *Generator) next() Step {
	// No transaction near the end, so that the number of events comes out exactly.
	room := g.config.Events-g.streamed >= longestTxn
	switch p := g.choose.Float64(); {
	case p < 0.04 && room:
		return g.apply(Txn, g.transaction()...)
	case p < 0.08:
		return g.apply(LeasedPut, g.leased())
	case p < 0.18:
		return g.apply(Delete, g.delete())
	case p < 0.28:
		return g.apply(Create, g.create(Kind(g.choose.IntN(Kinds))))
	default:
		return g.apply(Update, g.update(g.skewed()))
	}
}

// skewed picks a live key, the older ones far more often.
func (g *Generator) skewed() *entry {
	return g.keys.live[g.zipf.Uint64()%uint64(len(g.keys.live))]
}

func (g *Generator) create(kind Kind) Change {
	namespace := g.choose.IntN(len(namespaces))
	home := int(kind)*len(namespaces) + namespace
	for {
		key := g.content.key(kind, namespace)
		if _, exists := g.keys.find(home, key); exists {
			continue
		}
		return g.update(&entry{key: key, kind: kind, home: home})
	}
}

func (g *Generator) update(e *entry) Change {
	return Change{Key: []byte(e.key), Value: g.content.value(e.kind, e.key), put: e}
}

// leased puts one of the objects that Kubernetes also gives a lease: its Events. One in five is new.
func (g *Generator) leased() Change {
	group := g.keys.groups[int(Events)*len(namespaces)+g.choose.IntN(len(namespaces))]
	var c Change
	if len(group) == 0 || g.choose.IntN(5) == 0 {
		c = g.create(Events)
	} else {
		c = g.update(group[g.choose.IntN(len(group))])
	}
	c.Lease = g.leases[g.choose.IntN(len(g.leases))].ID
	return c
}

func (g *Generator) delete() Change {
	e := g.keys.live[g.choose.IntN(len(g.keys.live))]
	return Change{Delete: true, Key: []byte(e.key), tombstones: []*entry{e}}
}

// deleteRange removes one to three neighbours.
func (g *Generator) deleteRange() Change {
	first := g.keys.live[g.choose.IntN(len(g.keys.live))]
	count := 1 + g.choose.IntN(5)/2
	group := g.keys.groups[first.home]
	from, _ := g.keys.find(first.home, first.key)
	to := min(from+count, len(group))
	end := group[to-1].key + "\x00"
	if to < len(group) {
		end = group[to].key
	}
	return Change{
		Delete: true, Key: []byte(first.key), End: []byte(end),
		tombstones: append([]*entry(nil), group[from:to]...),
	}
}

// transaction is a range delete with two or three puts, one of them of a new key, either side first.
// etcd refuses a transaction that touches a key twice, so the puts keep out of the range and of each other.
func (g *Generator) transaction() []Change {
	removed := g.deleteRange()
	used := map[string]bool{}
	free := func(key string) bool {
		return !used[key] && (key < string(removed.Key) || key >= string(removed.End))
	}
	var puts []Change
	for want := 2 + g.choose.IntN(2); len(puts) < want; {
		var c Change
		if len(puts) == 0 {
			c = g.create(Kind(g.choose.IntN(Kinds)))
		} else {
			c = g.update(g.skewed())
		}
		if key := string(c.Key); free(key) {
			used[key] = true
			puts = append(puts, c)
		}
	}
	if g.choose.IntN(2) == 0 {
		return append([]Change{removed}, puts...)
	}
	return append(puts, removed)
}

// apply does to the generator's keyspace what etcd does to its own, and gives the events that a watch would see.
func (g *Generator) apply(class Class, changes ...Change) Step {
	g.revision++
	step := Step{Class: class, Revision: g.revision, Changes: changes}
	for i := range changes {
		c := &changes[i]
		if c.Delete {
			for _, e := range c.tombstones {
				g.keys.remove(e)
				step.Events = append(step.Events, &mvccpb.Event{
					Type: mvccpb.Event_DELETE,
					Kv:   &mvccpb.KeyValue{Key: []byte(e.key), ModRevision: g.revision},
				})
			}
			continue
		}
		e := c.put
		if e.version == 0 {
			e.create = g.revision
			g.keys.add(e)
		}
		e.version++
		step.Events = append(step.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
			Key: c.Key, CreateRevision: e.create, ModRevision: g.revision, Version: e.version, Value: c.Value, Lease: c.Lease,
		}})
	}
	return step
}
