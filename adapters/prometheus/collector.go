package prometheus

import (
	"runtime"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// StatusSource tells what the sidecar says of itself, from memory and at once.
type StatusSource interface {
	View() health.View
}

// Collector shows the view of the moment at which it is asked. What is not
// known is absent rather than nought.
type Collector struct {
	source StatusSource

	role, durable, live, lag, behind, lastFull, lastDelta, spill, build,
	since, reason, fresh, heartbeat, renewed, learner,
	proven, provenAt, verified, verifiedAt, rebuilt, disagree *client.Desc
}

var _ client.Collector = (*Collector)(nil)

// NewCollector returns a collector of source's view; the caller registers it.
func NewCollector(source StatusSource) *Collector {
	desc := func(name, help string, labels ...string) *client.Desc {
		return client.NewDesc(client.BuildFQName(namespace, "", name), help, labels, nil)
	}
	return &Collector{
		source:     source,
		role:       desc("role", "1 for the role that the sidecar has, 0 for the others.", "role"),
		since:      desc("role_since_timestamp_seconds", "When the sidecar took its role."),
		reason:     desc("role_reason", "1 for what the last poll of the own member found, 0 for what else it can find.", "sight"),
		learner:    desc("member_learner", "1 if the own member is a learner, which has no vote."),
		fresh:      desc("backup_fresh", "1 if the backup meets the configured objective, as /backupz says."),
		heartbeat:  desc("heartbeat_status", "1 for the state of the own heartbeat, 0 for the others.", "status"),
		renewed:    desc("heartbeat_renewed_timestamp_seconds", "When the own heartbeat was last renewed."),
		durable:    desc("durable_revision", "Newest revision in the store, as far as is known here."),
		live:       desc("live_revision", "Newest revision of the cluster that is known here."),
		lag:        desc("lag_revisions", "Revisions that the store is behind the cluster."),
		behind:     desc("lag_seconds", "Time since everything the cluster had was last known to be in the store."),
		lastFull:   desc("last_full_timestamp_seconds", "When the newest full was taken."),
		lastDelta:  desc("last_delta_timestamp_seconds", "When the newest delta was taken."),
		spill:      desc("spill_bytes", "Bytes of sealed deltas that wait for the store."),
		proven:     desc("proven_revision", "Newest revision at which live members' hash was recorded."),
		provenAt:   desc("proven_timestamp_seconds", "When that was recorded."),
		verified:   desc("verified_revision", "Newest revision up to which what the store holds was rebuilt and is what members hashed."),
		verifiedAt: desc("verified_timestamp_seconds", "When that was shown."),
		rebuilt:    desc("rebuild_seconds", "How long the rebuilding took in the last drill that this sidecar asked for: what a restore takes at least."),
		disagree:   desc("members_disagree", "1 while the members of etcd disagree about their data; known to the leader alone."),
		build:      desc("build_info", "Always 1; the labels say what was built with what.", "version", "goversion"),
	}
}

// Describe sends every description.
func (c *Collector) Describe(out chan<- *client.Desc) {
	for _, d := range []*client.Desc{c.role, c.durable, c.live, c.lag, c.behind, c.lastFull, c.lastDelta, c.spill, c.build,
		c.since, c.reason, c.fresh, c.heartbeat, c.renewed, c.learner, c.proven, c.provenAt, c.verified, c.verifiedAt, c.rebuilt, c.disagree} {
		out <- d
	}
}

// Collect sends the metrics of the view.
func (c *Collector) Collect(out chan<- client.Metric) {
	gauge := func(d *client.Desc, value float64, labels ...string) {
		out <- client.MustNewConstMetric(d, client.GaugeValue, value, labels...)
	}
	taken := func(d *client.Desc, ref *snapshot.Ref) {
		if ref != nil {
			gauge(d, seconds(ref.At))
		}
	}
	v := c.source.View()
	for _, r := range role.Roles() {
		gauge(c.role, oneIf(r == v.Role), string(r))
	}
	if !v.Since.IsZero() {
		gauge(c.since, seconds(v.Since))
	}
	for _, s := range role.Sights() {
		gauge(c.reason, oneIf(s == v.Sight), string(s))
	}
	if !v.SeenAt.IsZero() {
		gauge(c.learner, oneIf(v.Member.Learner))
	}
	gauge(c.fresh, oneIf(v.Fresh.Fresh))
	for _, s := range heartbeat.Statuses() {
		gauge(c.heartbeat, oneIf(s == v.Heartbeat.Status), string(s))
	}
	if !v.Heartbeat.RenewedAt.IsZero() {
		gauge(c.renewed, seconds(v.Heartbeat.RenewedAt))
	}
	gauge(c.durable, float64(v.Backup.Durable))
	gauge(c.live, float64(v.Backup.Live))
	gauge(c.lag, float64(v.Backup.Lag()))
	if !v.Backup.CaughtUpAt.IsZero() {
		gauge(c.behind, max(0, time.Since(v.Backup.CaughtUpAt).Seconds()))
	}
	taken(c.lastFull, v.Backup.LastFull)
	taken(c.lastDelta, v.Backup.LastDelta)
	gauge(c.spill, float64(v.Backup.SpillBytes))
	if p := v.Proof.Recorded; p.Epoch != 0 {
		gauge(c.proven, float64(p.Revision))
		gauge(c.provenAt, seconds(p.At))
	}
	if p := v.Proof.Verified; p.Epoch != 0 {
		gauge(c.verified, float64(p.Revision))
		gauge(c.verifiedAt, seconds(p.At))
		if p.Took > 0 {
			gauge(c.rebuilt, p.Took.Seconds())
		}
	}
	gauge(c.disagree, oneIf(v.Proof.Differ != nil))
	gauge(c.build, 1, v.Version, runtime.Version())
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus has it: seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
