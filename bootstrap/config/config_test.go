package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// enough is what every configuration needs.
var enough = []string{"REVKEEPER_ETCD_ENDPOINT=http://127.0.0.1:2379", "REVKEEPER_STORE_URL=file:///backup"}

// given is what a test is told in the three ways.
type given struct {
	file  string // content; empty for no file
	env   []string
	flags []string
}

func load(t *testing.T, g given, scope config.Scope) (config.Loaded, error) {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := config.Register(fs, scope)
	if err := fs.Parse(g.flags); err != nil {
		t.Fatal(err)
	}
	env := g.env
	if g.file != "" {
		name := filepath.Join(t.TempDir(), "rk.yaml")
		if err := os.WriteFile(name, []byte(g.file), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append([]string{config.FileEnv + "=" + name}, env...)
	}
	return config.Load(config.Input{Environ: env, Flags: flags}, scope)
}

func TestLaterSourcesWin(t *testing.T) {
	const file = "backup: {flush: {age: 1s}}"
	for _, tc := range []struct {
		name string
		given
		want time.Duration
		from string
	}{
		{"nobody said anything", given{}, 5 * time.Second, ""},
		{"the file wins over the default", given{file: file}, time.Second, "rk.yaml line 1"},
		{"the environment wins over the file", given{file: file, env: []string{"REVKEEPER_BACKUP_FLUSH_AGE=2s"}}, 2 * time.Second, "environment REVKEEPER_BACKUP_FLUSH_AGE"},
		{"the flag wins over all", given{file: file, env: []string{"REVKEEPER_BACKUP_FLUSH_AGE=2s"}, flags: []string{"--backup-flush-age=3s"}}, 3 * time.Second, "flag --backup-flush-age"},
		{"an empty variable is no variable", given{file: file, env: []string{"REVKEEPER_BACKUP_FLUSH_AGE="}}, time.Second, "rk.yaml line 1"},
		{"a key without a value sets nothing", given{file: "backup: {flush: {age: }}"}, 5 * time.Second, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.env = append(tc.env, enough...)
			c, err := load(t, tc.given, config.Everything)
			if err != nil {
				t.Fatal(err)
			}
			if c.Backup.Flush.Age != tc.want {
				t.Errorf("age = %s, want %s", c.Backup.Flush.Age, tc.want)
			}
			if got := originOf(c, "backup.flush.age"); !strings.HasSuffix(got, tc.from) || (got == "") != (tc.from == "") {
				t.Errorf("origin = %q, want %q", got, tc.from)
			}
		})
	}
}

func originOf(c config.Loaded, path string) string {
	for _, g := range c.Given() {
		if g.Path == path {
			return g.Origin
		}
	}
	return ""
}

func TestFlagWinsOverVariableOfFileName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(name, []byte("name: other"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, given{file: "name: first", env: enough, flags: []string{"--config", name}}, config.Everything)
	if err != nil || c.Name != "other" {
		t.Errorf("name = %q, %v", c.Name, err)
	}
}

func TestEveryKindOfValue(t *testing.T) {
	const file = `
name: m1
etcd:
  endpoint: https://10.0.0.1:2379
  clusterEndpoints: [https://10.0.0.2:2379, https://10.0.0.3:2379]
  insecureSkipVerify: true
store:
  url: s3://bucket/a/prefix?endpoint=https://minio:9000&region=eu&ca=/ca.pem
  retry: {attempts: 7}
backup:
  flush: {bytes: 64 KiB}
  full: {cron: "", deltaBytes: 0}
`
	c, err := load(t, given{file: file}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	at, err := c.Store.Location()
	if err != nil {
		t.Fatal(err)
	}
	duty, err := c.Backup.Duty()
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range []struct {
		what string
		ok   bool
	}{
		{"name", c.Name == "m1"},
		{"list", len(c.Etcd.ClusterEndpoints) == 2 && c.Etcd.ClusterEndpoints[1] == "https://10.0.0.3:2379"},
		{"bool", c.Etcd.InsecureSkipVerify},
		{"number", c.Store.Retry.Attempts == 7},
		{"size", c.Backup.Flush.Bytes == 64*config.KiB && duty.Flush.Bytes == 65536},
		{"no cron", duty.Full.Next == nil},
		{"bucket", at.S3.Bucket == "bucket" && at.S3.Prefix == "a/prefix" && at.S3.Region == "eu" && at.S3.CAFile == "/ca.pem"},
		{"an endpoint of its own wants the bucket in the path", at.S3.PathStyle},
	} {
		if !check.ok {
			t.Errorf("%s was not taken over: %+v %+v", check.what, c.Config, at)
		}
	}
}

func TestListsFromFlagsAndVariables(t *testing.T) {
	for _, g := range []given{
		{env: []string{"REVKEEPER_ETCD_CLUSTER_ENDPOINTS=http://a:1, http://b:2"}},
		{flags: []string{"--etcd-cluster-endpoints=http://a:1", "--etcd-cluster-endpoints=http://b:2"}},
		{flags: []string{"--etcd-cluster-endpoints=http://a:1,http://b:2"}},
	} {
		g.env = append(g.env, enough...)
		c, err := load(t, g, config.Everything)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.Etcd.ClusterEndpoints, " "); got != "http://a:1 http://b:2" {
			t.Errorf("endpoints = %q", got)
		}
	}
}

func TestCronIsInUTC(t *testing.T) {
	duty, err := config.Default().Backup.Duty()
	if err != nil {
		t.Fatal(err)
	}
	got := duty.Full.Next(time.Date(2026, 1, 1, 4, 0, 0, 0, time.FixedZone("far east", 9*3600)))
	if want := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("next = %s, want %s", got, want)
	}
}

// TestProblems: each row is one mistake, and what the operator is told of it.
func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		name string
		given
		key, says string
	}{
		{"a key with a typo", given{file: "bakcup: {}"}, "bakcup", "did you mean backup?"},
		{"a key in a section with a typo", given{file: "backup: {flsh: {age: 1s}}"}, "backup.flsh", "did you mean flush?"},
		{"a key of another section", given{file: "backup: {listen: x}"}, "backup.listen", "did you mean http.listen?"},
		{"a key that is like nothing", given{file: "spool: {retention: x}"}, "spool.retention", "known are dir"},
		{"a key that is there twice", given{file: "name: a\nname: b"}, "name", "line 2: is there twice"},
		{"a value where a section belongs", given{file: "backup: 5s"}, "backup", "is a section"},
		{"a section where a value belongs", given{file: "name: {a: b}"}, "name", "is a string"},
		{"no YAML", given{file: "a: [b"}, "config", "must be YAML"},
		{"two documents", given{file: "name: a\n---\nname: b"}, "config", "more than one document"},
		{"a file that is not there", given{flags: []string{"--config=/nowhere/rk.yaml"}}, "config", "no such file"},
		{"a variable that stops too soon", given{env: []string{"REVKEEPER_STORE=file:///x"}}, "REVKEEPER_STORE", "did you mean REVKEEPER_STORE_URL?"},
		{"a variable like no other", given{env: []string{"REVKEEPER_FOO=x"}}, "REVKEEPER_FOO", "`revkeeper config show` lists every setting"},
		{"a variable with a typo", given{env: []string{"REVKEEPER_LOG_LEVLE=debug"}}, "REVKEEPER_LOG_LEVLE", "did you mean REVKEEPER_LOG_LEVEL?"},
		{"a duration without unit", given{env: []string{"REVKEEPER_ROLE_INTERVAL=5"}}, "role.interval", "is not a duration; it comes from environment"},
		{"an impossible duration", given{file: "role: {interval: -2s}"}, "role.interval", "out of range"},
		{"a size with a strange unit", given{file: "backup: {spill: {size: 1MX}}"}, "backup.spill.size", "is not a size"},
		{"a size beyond counting", given{file: "backup: {spill: {size: 99999999TiB}}"}, "backup.spill.size", "is not a size"},
		{"a number that is none", given{flags: []string{"--backup-catch-up=many"}}, "backup.catchUp", "whole number"},
		{"neither true nor false", given{file: "etcd: {insecureSkipVerify: yes}"}, "etcd.insecureSkipVerify", "true or false"},
		{"six fields of cron", given{file: `backup: {full: {cron: "0 0 3 * * *"}}`}, "backup.full.cron", "five fields"},
		{"an hour that is none", given{file: `backup: {full: {cron: "0 25 * * *"}}`}, "backup.full.cron", "is not a schedule"},
		{"a flush above the spill", given{file: "backup: {flush: {bytes: 64MiB}, spill: {size: 32MiB}}"}, "backup.spill.size", "less than backup.flush.bytes"},
		{"more memory than spill", given{file: "backup: {spill: {memory: 2GiB}}"}, "backup.spill.memory", "not a part of"},
		{"retries that shrink", given{file: "backup: {retry: {min: 2m}}"}, "backup.retry.max", "below backup.retry.min"},
		{"a store's retries", given{file: "store: {retry: {attempts: 0}}"}, "store.retry.attempts", "between 1 and 100"},
		{"a relative spool", given{file: "spool: {dir: here}"}, "spool.dir", "absolute"},
		{"an endless shutdown", given{file: "shutdown: {flush: 1h}"}, "shutdown.flush", "out of range"},
		{"an empty name", given{file: `name: ""`}, "name", "one line"},
		{"a log level", given{file: "log: {level: loud}"}, "log.level", "debug, info"},
		{"an address", given{flags: []string{"--listen=here"}}, "http.listen", "host:port"},
		{"a rule with a typo", given{file: `defrag: {rule: "dbSizeFre > 1"}`}, "defrag.rule", "dbSizeFree"},
		{"a rule that is no question", given{file: `defrag: {rule: "dbSizeFree"}`}, "defrag.rule", "is not a rule"},
		{"a rule with a loop", given{file: `defrag: {rule: "all(1..10, # > dbSize)"}`}, "defrag.rule", "more than numbers"},
		{"six fields of cron, for members", given{file: `defrag: {cron: "0 0 3 * * *"}`}, "defrag.cron", "five fields"},
		{"a window without a day of the week", given{file: `defrag: {cron: "0 3 * * *", window: "Caturday 01:00-02:00"}`}, "defrag.window", "is not a window"},
		{"a window that is of no use", given{file: `defrag: {window: "01:00-02:00"}`}, "defrag.window", "without defrag.cron"},
		{"a window that never meets its schedule", given{file: `defrag: {cron: "0 3 * * *", window: "01:00-02:00"}`}, "defrag.window", "never open"},
		{"a quota below nothing", given{file: "defrag: {quota: -1}"}, "defrag.quota", "negative"},
		{"no time to settle", given{file: "defrag: {settle: 0s}"}, "defrag.settle", "out of range"},
		{"a stall below nothing", given{file: "defrag: {leaderStall: -1s}"}, "defrag.leaderStall", "out of range"},
		{"all of the quota", given{file: "defrag: {noSpacePercent: 100}"}, "defrag.noSpacePercent", "out of range"},
		{"a path as store", given{flags: []string{"--store=/backup"}}, "store.url", "file:///folder"},
		{"a relative folder", given{flags: []string{"--store=file://backup"}}, "store.url", "three slashes"},
		{"a store of another kind", given{flags: []string{"--store=gs://bucket"}}, "store.url", "not known"},
		{"a parameter with a typo", given{flags: []string{"--store=s3://b?regoin=eu"}}, "store.url", "did you mean region?"},
		{"a flag in a URL", given{flags: []string{"--store=s3://b?pathStyle=1"}}, "store.url", "neither true nor false"},
		{"no bucket", given{flags: []string{"--store=s3:///p"}}, "store.url", "bucket is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := append([]string{}, enough...)
			tc.env = append(env, tc.env...)
			_, err := load(t, tc.given, config.Everything)
			var ps fault.Problems
			if !errors.As(err, &ps) || !errors.Is(err, fault.Invalid) {
				t.Fatalf("err = %v, want problems", err)
			}
			if len(ps) != 1 || ps[0].Key != tc.key || !strings.Contains(ps[0].String(), tc.says) {
				t.Errorf("got  %v\nwant one problem of %s that says %q", ps, tc.key, tc.says)
			}
		})
	}
}

func TestCompactionThatIsWrong(t *testing.T) {
	for flag, want := range map[string]string{
		"--compact-schedule=every hour": "compact.schedule",
		"--compact-window=1s":           "compact.window",
		"--compact-target=1KiB":         "compact.target",
		"--compact-segments=1":          "compact.segments",
		"--compact-bandwidth=1MiB":      "store.retry.minRate",
		"--compact-bandwidth=-1":        "compact.bandwidth",
		"--compact-full-bytes=1":        "compact.full.bytes",
		"--compact-full-revisions=-1":   "compact.full.revisions",
		"--compact-full-target-rto=-5m": "compact.full.targetRto",
	} {
		_, err := load(t, given{env: enough, flags: []string{flag}}, config.Everything)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	if _, err := load(t, given{env: enough, flags: []string{"--compact-bandwidth=0", "--compact-schedule=17 * * * *"}}, config.Everything); err != nil {
		t.Error(err)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	_, err := load(t, given{
		file:  "nmae: x\nbackup: {flush: {age: soon, bytes: 1}, full: {cron: never}}",
		env:   []string{"REVKEEPER_ROLE_TIMEOUT=x", "REVKEEPER_NONSENSE=1"},
		flags: []string{"--log-format=xml"},
	}, config.Everything)
	var ps fault.Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	for _, key := range []string{"nmae", "backup.flush.age", "backup.flush.bytes", "backup.full.cron", "role.timeout",
		"REVKEEPER_NONSENSE", "log.format", "etcd.endpoint", "store.url"} {
		n := 0
		for _, p := range ps {
			if p.Key == key {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is reported %d times in\n%v", key, n, ps)
		}
	}
}

func TestCommandsAreNotBotheredWithWhatTheyDoNotUse(t *testing.T) {
	if _, err := load(t, given{file: "role: {interval: 1ns}", flags: []string{"--store=file:///backup"}}, config.StoreOnly); err != nil {
		t.Errorf("a store-only command was refused: %v", err)
	}
	if _, err := load(t, given{file: "rolle: {}", flags: []string{"--store=file:///backup"}}, config.StoreOnly); err == nil {
		t.Error("an unknown key was let through")
	}
}

func TestKubernetesServiceLinksAreNotSettings(t *testing.T) {
	env := append([]string{
		"REVKEEPER_SERVICE_HOST=10.0.0.1", "REVKEEPER_SERVICE_PORT=8380", "REVKEEPER_SERVICE_PORT_HTTP=8380",
		"REVKEEPER_PORT=tcp://10.0.0.1:8380", "REVKEEPER_PORT_8380_TCP=tcp://10.0.0.1:8380",
		"REVKEEPER_PORT_8380_TCP_ADDR=10.0.0.1", "REVKEEPER_METRICS_SERVICE_HOST=10.0.0.2",
	}, enough...)
	if _, err := load(t, given{env: env}, config.Everything); err != nil {
		t.Error(err)
	}
}

// TestSecretsAreNeverShown: wherever an operator puts a secret by mistake, it
// comes out nowhere.
func TestSecretsAreNeverShown(t *testing.T) {
	const secret = "hunter2"
	for _, g := range []given{
		{file: "etcd: {password: hunter2}"},
		{file: "hunter: {x: hunter2}"},
		{env: []string{"REVKEEPER_ETCD_PASSWORD=hunter2"}},
		{flags: []string{"--store=s3://key:hunter2@bucket"}},
		{flags: []string{"--store=s3://bucket?secretKey=hunter2"}},
		{flags: []string{"--store=s3://bucket?endpoint=https://user:hunter2@minio"}},
		{flags: []string{"--store=gs://key:hunter2@bucket"}},
		{flags: []string{"--endpoint=https://root:hunter2@etcd:2379"}},
		{flags: []string{"--etcd-cluster-endpoints=https://root:hunter2@etcd:2379"}},
		{flags: []string{"--store=s3://key:hunter2@bucket/%zz"}},
	} {
		c, err := load(t, g, config.Everything)
		if err == nil {
			t.Errorf("%+v was accepted", g)
			continue
		}
		text, yamlErr := c.YAML()
		if yamlErr != nil {
			t.Fatal(yamlErr)
		}
		for _, s := range c.Given() {
			text += s.Value
		}
		if strings.Contains(err.Error()+text, secret) {
			t.Errorf("%+v: the secret is shown:\n%v\n%s", g, err, text)
		}
	}
}

// TestShownFileGivesTheSame: what is shown can be fed back.
func TestShownFileGivesTheSame(t *testing.T) {
	first, err := load(t, given{env: enough, flags: []string{"--backup-spill-size=3GiB", "--etcd-cluster-endpoints=http://a:1,http://b:2"}}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	text, err := first.YAML()
	if err != nil {
		t.Fatal(err)
	}
	second, err := load(t, given{file: text}, config.Everything)
	if err != nil {
		t.Fatal(err)
	}
	again, err := second.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if text != again {
		t.Errorf("shown first:\n%s\nshown from that:\n%s", text, again)
	}
	for _, want := range []string{"size: 3GiB", "age: 5s", "# when fulls are taken"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestHeartbeatsFollowTheSurroundings(t *testing.T) {
	base := []string{"REVKEEPER_ETCD_ENDPOINT=http://127.0.0.1:2379", "REVKEEPER_STORE_URL=file:///backup"}
	pod := []string{"KUBERNETES_SERVICE_HOST=10.0.0.1", "POD_NAME=etcd-0", "POD_NAMESPACE=databases"}
	for _, tc := range []struct {
		name                   string
		environ                []string
		kind, lease, namespace string
	}{
		{"on a host", nil, config.BeatsAuto, "", ""},
		{"in a pod", pod, config.BeatsKubernetes, "etcd-0", "databases"},
		{"in a pod, with a prefix", append([]string{"REVKEEPER_HEARTBEAT_KUBERNETES_LEASE_PREFIX=main-"}, pod...), config.BeatsKubernetes, "main-etcd-0", "databases"},
		{"in a pod, named", append([]string{"REVKEEPER_HEARTBEAT_KUBERNETES_MEMBER_LEASE=mine", "REVKEEPER_HEARTBEAT_KUBERNETES_NAMESPACE=other"}, pod...), config.BeatsKubernetes, "mine", "other"},
		{"in a pod, told to use etcd", append([]string{"REVKEEPER_HEARTBEAT_KIND=etcd"}, pod...), config.BeatsEtcd, "", ""},
		{"in a pod, told not to", append([]string{"REVKEEPER_HEARTBEAT_KIND=none"}, pod...), config.BeatsNowhere, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Input{Environ: append(base, tc.environ...)}, config.Everything)
			if err != nil {
				t.Fatal(err)
			}
			h := c.Heartbeat
			if h.Kind != tc.kind || h.Kubernetes.MemberLease != tc.lease || h.Kubernetes.Namespace != tc.namespace {
				t.Errorf("%s, lease %q in %q", h.Kind, h.Kubernetes.MemberLease, h.Kubernetes.Namespace)
			}
		})
	}
}

func TestHeartbeatsThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(h *config.Heartbeat)
		key    string
	}{
		{"an unknown place", func(h *config.Heartbeat) { h.Kind = "consul" }, "kind"},
		{"it lives for two beats only", func(h *config.Heartbeat) { h.Etcd.TTL = 10 * time.Second }, "etcd.ttl"},
		{"it lives for two beats only, as a Lease", func(h *config.Heartbeat) {
			h.Kind, h.Kubernetes.Duration = config.BeatsKubernetes, 10*time.Second
		}, "kubernetes.duration"},
		{"it ends with the renewal that takes longest", func(h *config.Heartbeat) {
			h.Interval, h.Timeout, h.Etcd.TTL = time.Second, 9*time.Second, 10*time.Second
		}, "etcd.ttl"},
		{"it lives a little longer", func(h *config.Heartbeat) {
			h.Interval, h.Timeout, h.Etcd.TTL = time.Second, 9*time.Second, 10*time.Second+time.Millisecond
		}, ""},
		{"it ends before that renewal, as a Lease", func(h *config.Heartbeat) {
			h.Kind, h.Timeout, h.Kubernetes.Duration = config.BeatsKubernetes, time.Minute, time.Minute
		}, "kubernetes.duration"},
		{"a renewal may take for ever where none is made", func(h *config.Heartbeat) { h.Kind, h.Timeout = config.BeatsNowhere, time.Minute }, ""},
		{"a bad prefix", func(h *config.Heartbeat) { h.Etcd.Prefix = "" }, "etcd.prefix"},
		{"a bad Lease", func(h *config.Heartbeat) { h.Kind, h.Kubernetes.FullLease = config.BeatsKubernetes, "NO NAME" }, "kubernetes.fullLease"},
		{"what is not used need not be right", func(h *config.Heartbeat) { h.Kind, h.Etcd.Prefix = config.BeatsNowhere, "" }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := config.Default().Heartbeat
			tc.change(&h)
			ps := h.Validate()
			if tc.key == "" && len(ps) != 0 || tc.key != "" && (len(ps) != 1 || ps[0].Key != tc.key || ps[0].Remedy == "") {
				t.Errorf("%+v", ps)
			}
		})
	}
}

// The default rule, as an operator meets it.
func TestTheDefaultRuleOfDefragmentation(t *testing.T) {
	duty, err := config.Default().Defrag.Duty()
	if err != nil {
		t.Fatal(err)
	}
	const mib = 1 << 20
	for _, tc := range []struct {
		name               string
		size, inUse, quota int64
		wanted             bool
	}{
		{"a small database is left alone, however loose", 250, 10, 0, false},
		{"half of it is free", 600, 300, 0, true},
		{"much is free, but a small part", 4000, 3000, 0, false},
		{"the quota is nearly taken, and a fifth is free", 900, 720, 1000, true},
		{"the quota is nearly taken, and nothing is free", 900, 890, 1000, false},
		{"the quota is far", 900, 720, 8000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, why := duty.Wanted(cluster.Status{DBSize: tc.size * mib, DBInUse: tc.inUse * mib, DBQuota: tc.quota * mib}); got != tc.wanted {
				t.Errorf("%v (%s)", got, why)
			}
		})
	}
	if duty.Next != nil || duty.NoSpace || duty.Single || duty.Stale || !duty.Lead.Move {
		t.Errorf("told nothing, it does %+v", duty)
	}
}
