// Package drill holds the rules of a restore that is made only to prove that it
// works: where it is carried out, what room it needs, and what it shows.
package drill

// Search finds the newest of a row of proofs, oldest first, that a rebuilt history
// agrees with. What agrees once agrees with all before it, as far as anybody can
// tell: a change that was lost shows from its revision on. So the newest is tried
// first, and if that differs, few of the others.
type Search struct {
	agreed  int // the newest that is known to agree; -1 for none
	differs int // the oldest that is known to differ; one past the end for none
	n       int
}

// NewSearch begins a search among n proofs.
func NewSearch(n int) *Search { return &Search{agreed: -1, differs: n, n: n} }

// Next returns which proof to compare next, false when it is found.
func (s *Search) Next() (i int, ok bool) {
	switch {
	case s.differs-s.agreed <= 1:
		return 0, false
	case s.differs == s.n:
		return s.n - 1, true
	}
	return (s.agreed + s.differs) / 2, true
}

// Found notes whether a proof agrees.
func (s *Search) Found(i int, agrees bool) {
	if agrees {
		s.agreed = i
	} else {
		s.differs = i
	}
}

// Gone notes that a proof that Next returned cannot be used: those after it move
// up by one.
func (s *Search) Gone() {
	s.differs--
	s.n--
}

// Agreed returns the newest proof that agrees, false for none.
func (s *Search) Agreed() (i int, ok bool) { return s.agreed, s.agreed >= 0 }

// Differs returns the oldest proof that is known to differ, false for none.
func (s *Search) Differs() (i int, ok bool) { return s.differs, s.differs < s.n }
