package render

import (
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
)

// PlanDocument is a plan as a program reads it.
type PlanDocument struct {
	Timeline     int           `json:"timeline"`
	Revision     int64         `json:"revision"`
	DataDir      string        `json:"dataDir"`
	Reason       string        `json:"reason"`
	Chosen       string        `json:"chosen,omitempty"` // how the revision was found, where it was not named
	Full         string        `json:"full"`             // key
	DropsNewer   bool          `json:"dropsNewer"`
	Deltas       []string      `json:"deltas"`    // keys, in order
	Witnesses    []string      `json:"witnesses"` // keys
	Bytes        int64         `json:"bytes"`
	BumpRevision int64         `json:"bumpRevision,omitempty"` // absent: revisions are kept
	Windows      []chain.Range `json:"windows"`
	EtcdVersion  string        `json:"etcdVersion,omitempty"` // that was backed up
	ForEtcd      string        `json:"forEtcd,omitempty"`     // the release that the directory is made for, where one was named
	Suspect      bool          `json:"suspect,omitempty"`     // the revision failed a proof
	Excluded     []Excluded    `json:"excluded,omitempty"`
}

// Excluded is an object that a plan goes around.
type Excluded struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// PlanOf returns the document of a plan.
func PlanOf(plan restore.Plan, req restore.Request) PlanDocument {
	d := PlanDocument{
		Timeline: plan.Epoch, Revision: plan.Target, DataDir: req.Dir, Reason: plan.Reason, Chosen: req.Chosen,
		Full: plan.Base.Key(), DropsNewer: plan.DropsNewer(), Bytes: plan.Bytes(), BumpRevision: plan.BumpTo,
		Deltas: []string{}, Witnesses: []string{}, Windows: plan.Coverage.Windows, Suspect: plan.Suspect(),
	}
	if d.EtcdVersion = plan.EtcdVersion; plan.Etcd.Known() {
		d.ForEtcd = plan.Etcd.String()
	}
	for _, x := range plan.Deltas {
		d.Deltas = append(d.Deltas, x.Key())
	}
	for _, x := range plan.Witnesses {
		d.Witnesses = append(d.Witnesses, x.Key())
	}
	for _, x := range plan.Excluded {
		d.Excluded = append(d.Excluded, Excluded{Key: x.Key, Reason: fault.Found(x.Err, x.Key)})
	}
	return d
}

// ForecastDocument is a plan, and what it needs and takes.
type ForecastDocument struct {
	PlanDocument
	DiskBytes       int64    `json:"diskBytes"`           // about
	FreeBytes       *int64   `json:"freeBytes,omitempty"` // absent: the file system does not tell
	EstimateSeconds float64  `json:"estimateSeconds"`     // by default rates
	Uncertain       []string `json:"uncertain"`
	Folded          bool     `json:"folded,omitempty"`
	Defragmented    bool     `json:"defragmented,omitempty"` // what is folded is, too
}

// ForecastOf returns the document of a forecast.
func ForecastOf(f restore.Forecast, req restore.Request) ForecastDocument {
	d := ForecastDocument{PlanDocument: PlanOf(f.Plan, req), DiskBytes: f.Needs.Total(), EstimateSeconds: f.Took.Seconds(), Uncertain: append([]string{}, f.Uncertain...),
		Folded: req.Fold, Defragmented: req.Fold || req.Defragment}
	if f.Free >= 0 {
		d.FreeBytes = &f.Free
	}
	return d
}

// Forecast writes what a restore would do, need and take.
func Forecast(w io.Writer, f restore.Forecast, req restore.Request) error {
	p := newPage()
	plan := f.Plan
	p.line("would restore revision %d of timeline %d into %s", plan.Target, plan.Epoch, req.Dir)
	chosen(p, req)
	p.row("  because", plan.Reason)
	p.row("  full", fmt.Sprintf("%s (%s)", plan.Base.Key(), size(plan.Base.Size)))
	if n := len(plan.Deltas); n > 0 {
		r := chain.Range{First: plan.Deltas[0].First, Last: plan.Deltas[n-1].Last}
		p.row("  deltas", fmt.Sprintf("%d, revisions %s (%s)", n, r, size(plan.Bytes()-plan.Base.Size)))
	}
	if n := len(plan.Witnesses); n > 0 {
		p.row("  compared", count(n, "other delta", "other deltas")+" of the same revisions")
	}
	for _, x := range plan.Excluded {
		p.row("  without", x.Key+": "+oneLine(fault.Found(x.Err, x.Key)))
	}
	if plan.Suspect() {
		p.row("  suspect", "the revision failed a proof: it is not what the cluster had")
	}
	p.row("  revisions", revisions(plan))
	switch {
	case req.Fold:
		p.row("  folded", fmt.Sprintf("only what lives at revision %d, without the past; the file without free pages", plan.Target))
	case req.Defragment:
		p.row("  defragmented", "the file without free pages")
	}
	p.row("  member", identity(req))
	startedBy(p, plan, release.Release{})
	p.row("  restorable", ranges(plan.Coverage.Windows))
	p.row("  reads", size(plan.Bytes())+" from the store, which by default rates takes "+about(f.Took))
	p.row("  writes", "about "+size(f.Needs.Total())+", "+size(f.Needs.Database)+" of it the database; "+free(f.Free))
	for _, text := range f.Uncertain {
		p.row("  uncertain", oneLine(text))
	}
	return p.writeTo(w)
}

// about is a time that is only estimated.
func about(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return "about " + d.Round(time.Second).String()
}

func free(bytes int64) string {
	if bytes < 0 {
		return "the file system does not tell what is free"
	}
	return size(bytes) + " free"
}

// chosen says how the revision was found that nobody named.
func chosen(p *page, req restore.Request) {
	if req.Chosen != "" {
		p.row("  chosen", oneLine(req.Chosen))
	}
}

// startedBy says which etcd starts with what is restored, as far as the description
// of the full tells, and else what the restored database names, if there is one.
func startedBy(p *page, plan restore.Plan, named release.Release) {
	of, err := release.Parse(plan.EtcdVersion)
	switch {
	case plan.Etcd.Known():
		p.row("  etcd", fmt.Sprintf("made for %s and newer", plan.Etcd))
	case err == nil:
		p.row("  etcd", fmt.Sprintf("as backed up from %s: for %s and newer; --etcd-version makes it for an older one", plan.EtcdVersion, of))
	case named.Known():
		p.row("  etcd", fmt.Sprintf("as backed up from %s: for %s and newer; --etcd-version makes it for an older one", named, named))
	}
}

// revisions says what clients of the restored cluster see.
func revisions(plan restore.Plan) string {
	if plan.BumpTo == 0 {
		return "kept as they were"
	}
	return fmt.Sprintf("%d → %d; all below is marked compacted, so that no client meets a revision twice", plan.Target, plan.BumpTo)
}

func identity(req restore.Request) string {
	token := "token " + req.Identity.ClusterToken
	switch {
	case req.Identity.ClusterToken != "":
	case len(req.Identity.InitialCluster) > 1:
		token = "a token that is to be named"
	default:
		token = "a fresh token"
	}
	return fmt.Sprintf("%s of a cluster of %d, %s", req.Identity.Name, len(req.Identity.InitialCluster), token)
}
