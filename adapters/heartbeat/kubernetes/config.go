package kubernetes

import (
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// The limits of Config.Duration.
const (
	minDuration = 2 * time.Second
	maxDuration = time.Hour
)

// Config says where the Leases are and how they are called. Without Kubeconfig
// the service account of the pod is used.
type Config struct {
	// Namespace of all Leases. Empty: the one that the kubeconfig's context names,
	// which is "default" if it names none; in a pod, that of its service account.
	Namespace string `yaml:"namespace"`
	// Kubeconfig is the path of a kubeconfig, for a sidecar outside of pods. Its
	// credentials are a token, a token file or a certificate; a command that makes
	// them is refused, since nothing could end one that hangs.
	Kubeconfig string `yaml:"kubeconfig"`
	// MemberLease is the own heartbeat's Lease. Empty: LeasePrefix followed by the
	// heartbeat's name. The others look for it under LeasePrefix followed by the
	// name of the etcd member.
	MemberLease string `yaml:"memberLease"`
	// LeasePrefix comes before a name to give that of its Lease. May be empty.
	LeasePrefix string `yaml:"leasePrefix"`
	// FullLease and DeltaLease show how far fulls and deltas reach; empty: nowhere.
	FullLease  string `yaml:"fullLease"`
	DeltaLease string `yaml:"deltaLease"`
	// Duration without renewal is the end of a heartbeat: whole seconds, 2 s to 1 h.
	Duration time.Duration `yaml:"duration"`
}

// Validate returns everything that is wrong with c, without reading any file.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	if bad := validation.IsDNS1123Label(c.Namespace); c.Namespace != "" && len(bad) > 0 {
		add("namespace", c.Namespace, "is not the name of a namespace", "lower-case letters, digits and dashes")
	}
	if c.Kubeconfig != "" && !filepath.IsAbs(c.Kubeconfig) {
		add("kubeconfig", c.Kubeconfig, "is not an absolute path", "")
	}
	if c.LeasePrefix != "" && !isLeaseName(c.LeasePrefix+"x") {
		add("leasePrefix", c.LeasePrefix, "no name of a Lease begins so", remedyName)
	}
	used := map[string]string{}
	for _, l := range []struct{ key, name string }{
		{"memberLease", c.MemberLease}, {"fullLease", c.FullLease}, {"deltaLease", c.DeltaLease},
	} {
		switch other := used[l.name]; {
		case l.name == "":
		case !isLeaseName(l.name):
			add(l.key, l.name, "is not the name of a Lease", remedyName)
		case other != "":
			add(l.key, l.name, "is the name that "+other+" has", "give each a Lease of its own")
		}
		used[l.name] = l.key
	}
	if c.Duration < minDuration || c.Duration > maxDuration || c.Duration%time.Second != 0 {
		add("duration", c.Duration.String(), "is out of range", "whole seconds, from 2s to 1h")
	}
	return ps
}

const remedyName = "lower-case letters, digits, dashes and dots"

// isLeaseName reports whether a Lease may be called name.
func isLeaseName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// memberLease is the Lease of the own heartbeat of that name.
func (c Config) memberLease(name string) string {
	if c.MemberLease != "" {
		return c.MemberLease
	}
	return c.LeasePrefix + name
}
