package cli

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// flagReader parses flags and collects what is wrong.
type flagReader struct{ problems []fault.Problem }

func (r *flagReader) add(key, value, detail, remedy string) {
	r.problems = append(r.problems, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
}

// timeline checks the flag of that name.
func (r *flagReader) timeline(epoch int) {
	if epoch < 0 {
		r.add("--timeline", itoa(epoch), "is negative", "a timeline of `revkeeper list`, or 0")
	}
}

func leaseTTLFlag(fs *pflag.FlagSet, ttl *time.Duration) {
	fs.DurationVar(ttl, "default-lease-ttl", restore.DefaultLeaseTTL*time.Second, "for leases whose TTL the backup does not have, in whole seconds")
}

// leaseTTL returns the flag of that name in seconds.
func (r *flagReader) leaseTTL(ttl time.Duration) int64 {
	if ttl < time.Second || ttl%time.Second != 0 {
		r.add("--default-lease-ttl", ttl.String(), "is no whole number of seconds above 0", "as in 1m, or 1h")
	}
	return int64(ttl / time.Second)
}

func (r *flagReader) revision(text string) int64 {
	const remedy = "a revision, or " + latest
	if text == latest {
		return chain.Latest
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		r.add("--to-revision", text, "is not a revision", remedy)
	}
	return n
}

func (r *flagReader) urls(flag, text string) []url.URL {
	var out []url.URL
	for _, item := range strings.Split(text, ",") {
		u, err := url.Parse(strings.TrimSpace(item))
		if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
			r.add(flag, item, "is not a peer URL", "as in http://10.0.0.1:2380")
			continue
		}
		out = append(out, *u)
	}
	return out
}

func (r *flagReader) cluster(text string) map[string][]url.URL {
	out := map[string][]url.URL{}
	for _, item := range strings.Split(text, ",") {
		name, peer, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || name == "" {
			r.add("--initial-cluster", item, "is not of the form name=peerURL", "as in m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380")
			continue
		}
		out[name] = append(out[name], r.urls("--initial-cluster", peer)...)
	}
	return out
}
