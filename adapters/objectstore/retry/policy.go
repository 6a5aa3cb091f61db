package retry

import (
	"math/rand/v2"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Policy says how often and how patiently a call is tried.
type Policy struct {
	Attempts   int           `yaml:"attempts"`   // tries of one call in all, 1 to 100; 1 retries nothing
	Backoff    time.Duration `yaml:"backoff"`    // wait after the first failure; doubles with each
	MaxBackoff time.Duration `yaml:"maxBackoff"` // the longest wait
	// AttemptTimeout bounds one try of a call, and each wait for more of a
	// stream or a listing.
	AttemptTimeout time.Duration `yaml:"attemptTimeout"`
	// MinRate lengthens the timeout of a Create by size divided by MinRate, in
	// bytes per second.
	MinRate int64 `yaml:"minRate"`
}

// Validate returns everything that is wrong with p.
func (p Policy) Validate() []fault.Problem {
	var ps []fault.Problem
	require := func(ok bool, key, detail string) {
		if !ok {
			ps = append(ps, fault.Problem{Key: key, Detail: detail})
		}
	}
	require(p.Attempts >= 1 && p.Attempts <= 100, "attempts", "must be between 1 and 100")
	require(p.Backoff > 0, "backoff", "must be positive")
	require(p.MaxBackoff >= p.Backoff, "maxBackoff", "must not be less than backoff")
	require(p.AttemptTimeout > 0, "attemptTimeout", "must be positive")
	require(p.MinRate > 0, "minRate", "must be positive")
	return ps
}

// wait returns how long to wait after the given number of failures, 1 or more:
// between half of the exponential step and all of it, so that many clients of
// one store do not come back at the same moment.
func (p Policy) wait(failures int) time.Duration {
	step := p.MaxBackoff
	if shift := failures - 1; shift < 32 && p.Backoff <= p.MaxBackoff>>shift {
		step = p.Backoff << shift
	}
	return step/2 + rand.N(step/2+1)
}

// timeout bounds one try of sending size bytes.
func (p Policy) timeout(size int64) time.Duration {
	// In float64, because size times a second overflows beyond 9 GB.
	return p.AttemptTimeout + time.Duration(float64(size)/float64(p.MinRate)*float64(time.Second))
}
