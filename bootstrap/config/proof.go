package config

import (
	"time"

	duty "github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// Proof is when the cluster is asked for what proves the backup.
type Proof struct {
	Settle    time.Duration `yaml:"settle"`
	ScanAfter time.Duration `yaml:"scanAfter"` // 0 for never
}

const (
	// proofInterval is how often the duty looks at what the backup knows, which
	// costs etcd nothing.
	proofInterval = 5 * time.Second
	// proofAgain is the pause before members are asked again.
	proofAgain = 10 * time.Second
)

func defaultProof() Proof { return Proof{Settle: time.Minute, ScanAfter: 6 * time.Hour} }

// Duty returns the settings of the duty.
func (p Proof) Duty() duty.Config {
	return duty.Config{Rule: proof.Rule{Settle: p.Settle, Again: proofAgain, ScanAfter: p.ScanAfter}, Interval: proofInterval}
}

// Validate returns what is wrong with p, keys relative to its section.
func (p Proof) Validate() []fault.Problem { return p.Duty().Rule.Validate() }
