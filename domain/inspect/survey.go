package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Usage is how much room keys take.
type Usage struct {
	Keys       int64 `json:"keys"`       // that live
	KeyBytes   int64 `json:"keyBytes"`   // of their names
	ValueBytes int64 `json:"valueBytes"` // of their values
	// Records and HistoryBytes are of everything that the history holds: older
	// versions and tombstones too, with the revision that each stands under.
	Records      int64 `json:"records"`
	HistoryBytes int64 `json:"historyBytes"`
}

// Bytes is what the living keys and their values take.
func (u Usage) Bytes() int64 { return u.KeyBytes + u.ValueBytes }

// Group is the usage of the keys that begin alike.
type Group struct {
	Prefix string
	Usage
}

// Survey is what a history holds.
type Survey struct {
	Groups      []Group // biggest first
	Total       Usage
	First, Last int64 // oldest and newest revision with a record, 0 for none
	Revisions   int64 // with a record
	Leases      int64 // that living keys are attached to
	Leased      int64 // keys that are attached to one
}

// MaxGroups bounds the groups of a survey, and with it its memory.
const MaxGroups = 100_000

// Order is by what groups are big.
type Order string

// The orders.
const (
	ByBytes   Order = "bytes"   // of living keys and values
	ByKeys    Order = "keys"    // that live
	ByHistory Order = "history" // bytes of everything that is held
)

// Orders lists every order.
func Orders() []Order { return []Order{ByBytes, ByKeys, ByHistory} }

// Look surveys the keys that begin with prefix, in groups that are depth parts of
// the key long beyond it. It reads the history once, and needs about 50 bytes of
// memory per key. More than MaxGroups groups are Invalid.
func Look(h proof.History, prefix []byte, depth int, by Order) (Survey, error) {
	s := surveyor{prefix: prefix, depth: depth, seen: map[record.Fingerprint]struct{}{}, groups: map[string]*Group{}, leases: map[int64]struct{}{}}
	for r, err := range h.Backward() {
		if err != nil {
			return Survey{}, err
		}
		if err := s.add(r); err != nil {
			return Survey{}, err
		}
	}
	return s.result(by), nil
}

type surveyor struct {
	out    Survey
	prefix []byte
	depth  int
	seen   map[record.Fingerprint]struct{}
	groups map[string]*Group
	leases map[int64]struct{}
}

// add takes the next record, newest first.
func (s *surveyor) add(r record.Record) error {
	kv, err := record.ParseKeyValue(r.KeyValue)
	if err != nil || !isOf(kv.Key, s.prefix) {
		return err
	}
	if r.Main != s.out.First {
		s.out.Revisions++
	}
	s.out.First, s.out.Last = r.Main, max(s.out.Last, r.Main)
	g, err := s.group(kv.Key)
	if err != nil {
		return err
	}
	newest := isFirst(s.seen, kv.Key)
	for _, u := range []*Usage{&g.Usage, &s.out.Total} {
		u.Records++
		u.HistoryBytes += int64(r.KeySize() + len(r.KeyValue))
		if newest && !r.Tombstone {
			u.Keys++
			u.KeyBytes += int64(len(kv.Key))
			u.ValueBytes += int64(len(kv.Value))
		}
	}
	if newest && kv.Lease != 0 {
		s.out.Leased++
		s.leases[kv.Lease] = struct{}{}
	}
	return nil
}

func (s *surveyor) group(key []byte) (*Group, error) {
	name := GroupOf(key, len(s.prefix), s.depth)
	if g := s.groups[string(name)]; g != nil {
		return g, nil
	}
	if len(s.groups) == MaxGroups {
		return nil, fault.New(fault.Invalid, "inspect", string(s.prefix), fmt.Sprintf("at depth %d there are more than %d prefixes", s.depth, MaxGroups)).
			WithRemedy("give a smaller --depth, or a longer --prefix")
	}
	g := &Group{Prefix: string(name)}
	s.groups[g.Prefix] = g
	return g, nil
}

func (s *surveyor) result(by Order) Survey {
	for _, g := range s.groups {
		s.out.Groups = append(s.out.Groups, *g)
	}
	of := func(g Group) int64 {
		switch by {
		case ByKeys:
			return g.Keys
		case ByHistory:
			return g.HistoryBytes
		}
		return g.Bytes()
	}
	slices.SortFunc(s.out.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(of(b), of(a)), cmp.Compare(b.HistoryBytes, a.HistoryBytes), cmp.Compare(a.Prefix, b.Prefix))
	})
	s.out.Leases = int64(len(s.leases))
	return s.out
}

// GroupOf returns how a key begins: its first bytes, of which there are from, and
// up to depth parts after them that end in a slash, as far as the key has them. A
// slash right there ends no part. It aliases the key.
func GroupOf(key []byte, from, depth int) []byte {
	end := from
	for range depth {
		start := end
		if end == from && start < len(key) && key[start] == '/' {
			start++
		}
		slash := bytes.IndexByte(key[start:], '/')
		if slash < 0 {
			break
		}
		end = start + slash + 1
	}
	return key[:end]
}
