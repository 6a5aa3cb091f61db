package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	etcdbeat "github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	kubebeat "github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/application/heartbeat"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// The places of heartbeats.
const (
	BeatsAuto       = "auto" // becomes kubernetes inside a pod; elsewhere it is etcd
	BeatsEtcd       = "etcd"
	BeatsKubernetes = "kubernetes"
	BeatsNowhere    = "none"
)

var beatKinds = []string{BeatsAuto, BeatsEtcd, BeatsKubernetes, BeatsNowhere}

// What Kubernetes and its manifests tell a pod of itself.
const (
	envInCluster    = "KUBERNETES_SERVICE_HOST"
	envPodName      = "POD_NAME"
	envPodNamespace = "POD_NAMESPACE"
)

// Heartbeat says where the sidecar shows that its member is well.
type Heartbeat struct {
	Kind       string          `yaml:"kind"`
	Interval   time.Duration   `yaml:"interval"`
	Timeout    time.Duration   `yaml:"timeout"`
	Etcd       etcdbeat.Config `yaml:"etcd"`
	Kubernetes kubebeat.Config `yaml:"kubernetes"`
}

func defaultHeartbeat() Heartbeat {
	return Heartbeat{
		Kind: BeatsAuto, Interval: 5 * time.Second, Timeout: 3 * time.Second,
		Etcd:       etcdbeat.Config{Prefix: "revkeeper", TTL: 20 * time.Second},
		Kubernetes: kubebeat.Config{Duration: 30 * time.Second},
	}
}

// Duty returns the settings of the duty.
func (h Heartbeat) Duty() heartbeat.Config {
	return heartbeat.Config{Interval: h.Interval, Timeout: h.Timeout}
}

// beatsOf is how many renewals fit into the time that a heartbeat lives: with
// fewer, a single one that fails makes a healthy member look dead.
const beatsOf = 3

// Validate returns everything that is wrong with h, keys relative to its
// section. Only the place that is used must be right.
func (h Heartbeat) Validate() []fault.Problem {
	ps := h.Duty().Validate()
	if !slices.Contains(beatKinds, h.Kind) {
		return append(ps, fault.Problem{Key: "kind", Value: h.Kind, Detail: "is no place for heartbeats", Remedy: "one of " + strings.Join(beatKinds, ", ")})
	}
	lives := func(key string, ttl time.Duration) {
		if len(ps) == 0 { // else the durations may be no durations
			ps = append(ps, h.tooShort(key, ttl)...)
		}
	}
	if h.Kind != BeatsKubernetes && h.Kind != BeatsNowhere {
		ps = append(ps, within("etcd", h.Etcd.Validate())...)
		lives("etcd.ttl", h.Etcd.TTL)
	}
	if h.Kind == BeatsKubernetes {
		ps = append(ps, within("kubernetes", h.Kubernetes.Validate())...)
		lives("kubernetes.duration", h.Kubernetes.Duration)
	}
	return ps
}

// tooShort finds a heartbeat that lapses although its member is well.
func (h Heartbeat) tooShort(key string, ttl time.Duration) []fault.Problem {
	var ps []fault.Problem
	if least := beatsOf * h.Interval; ttl < least {
		ps = append(ps, fault.Problem{Key: key, Value: ttl.String(),
			Detail: fmt.Sprintf("is less than %d times heartbeat.interval, %s", beatsOf, h.Interval),
			Remedy: fmt.Sprintf("at least %s", least)})
	}
	// The next renewal begins an interval after the last, and may take its timeout.
	if next := h.Interval + h.Timeout; ttl <= next {
		ps = append(ps, fault.Problem{Key: key, Value: ttl.String(),
			Detail: fmt.Sprintf("ends before a renewal that takes as long as it may: heartbeat.interval and heartbeat.timeout are %s", next),
			Remedy: fmt.Sprintf("more than %s, or a shorter heartbeat.timeout", next)})
	}
	return ps
}

// pod fills in what the surroundings say where nobody said anything: inside a
// pod heartbeats are Leases of the pod's name and namespace.
func (l *loader) pod(environ []string) {
	fill := func(path, before, variable string) {
		if value := lookup(environ, variable); value != "" && l.origins[path] == "" {
			l.set(l.byPath[path], before+value, "environment "+variable)
		}
	}
	kind := l.byPath["heartbeat.kind"]
	if kind.String() == BeatsAuto && lookup(environ, envInCluster) != "" {
		l.set(kind, BeatsKubernetes, "environment "+envInCluster)
	}
	if kind.String() == BeatsKubernetes {
		fill("heartbeat.kubernetes.namespace", "", envPodNamespace)
		fill("heartbeat.kubernetes.memberLease", l.byPath["heartbeat.kubernetes.leasePrefix"].String(), envPodName)
	}
}
