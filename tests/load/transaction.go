package load

// transaction changes a few keys in one revision, some of them more than once.
func (p *Program) transaction() Operation {
	if p.rng.IntN(4) == 0 {
		return p.guarded()
	}
	keys := []string{p.key(), p.key(), p.key()}
	keys[2] = keys[0] + "/twice"
	var t touched
	txn := Operation{Kind: Txn}
	for range 2 + p.rng.IntN(5) {
		op := p.change(keys[p.rng.IntN(len(keys))], &t)
		txn.Then = append(txn.Then, p.nest(op, keys, &t))
	}
	return txn
}

// guarded is what applications do most: one put if the key is there, or is not,
// and a delete otherwise.
func (p *Program) guarded() Operation {
	op := p.put(p.key())
	return Operation{Kind: Txn, Key: op.Key, Unless: p.rng.IntN(2) == 0,
		Then: []Operation{op}, Else: []Operation{{Kind: Delete, Key: op.Key}}}
}

// change is a put or a delete that etcd lets follow what the transaction does
// already.
func (p *Program) change(key string, t *touched) Operation {
	if t.mayPut(key) && p.rng.IntN(3) > 0 {
		t.put = append(t.put, key)
		if p.rng.IntN(4) == 0 {
			return p.attached(key)
		}
		return p.put(key)
	}
	op := Operation{Kind: Delete, Key: key}
	if p.rng.IntN(4) == 0 {
		op = deletePrefix(key)
	}
	t.deleted = append(t.deleted, op)
	return op
}

// nest puts a change into a transaction of its own, or two, perhaps with a
// condition and another change otherwise.
func (p *Program) nest(op Operation, keys []string, t *touched) Operation {
	txn := Operation{Kind: Txn, Then: []Operation{op}}
	switch p.rng.IntN(4) {
	case 0:
		txn.Key, txn.Unless = keys[p.rng.IntN(len(keys))], p.rng.IntN(2) == 0
		txn.Else = []Operation{p.change(keys[p.rng.IntN(len(keys))], t)}
	case 1:
		txn = Operation{Kind: Txn, Then: []Operation{txn}}
	}
	return txn
}

// touched is what a transaction does to keys. etcd refuses one that anywhere puts
// a key twice, or puts one after a delete that reaches it (etcd
// server/etcdserver/api/v3rpc/key.go, checkIntervals). A put and then its delete
// pass, where each is nested in a transaction of its own.
type touched struct {
	put     []string
	deleted []Operation
}

func (t *touched) mayPut(key string) bool {
	for _, k := range t.put {
		if k == key {
			return false
		}
	}
	for _, d := range t.deleted {
		if d.reaches(key) {
			return false
		}
	}
	return true
}

// reaches reports whether a delete is one of key.
func (o Operation) reaches(key string) bool {
	if o.End == "" {
		return o.Key == key
	}
	return o.Key <= key && key < o.End
}
