// Package config is the one place that knows what revkeeper can be told, what
// it does when told nothing, and where a setting came from: the defaults, a YAML
// file, the environment, or a flag, each winning over the one before.
//
// The name of a setting is its path in the file, "backup.flush.age". Its
// variable, REVKEEPER_BACKUP_FLUSH_AGE, and its flag, --backup-flush-age, follow
// from it. Secrets are never settings: settings name the files that hold them.
package config

import (
	"os"
	"path/filepath"
	"time"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/objectstore/retry"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/bootstrap/logging"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
)

// Config is everything that revkeeper can be told.
type Config struct {
	Name      string           `yaml:"name"`
	Etcd      etcd.Config      `yaml:"etcd"`
	Store     Store            `yaml:"store"`
	Backup    Backup           `yaml:"backup"`
	Retention Retention        `yaml:"retention"`
	Compact   Compact          `yaml:"compact"`
	Proof     Proof            `yaml:"proof"`
	Drill     Drill            `yaml:"drill"`
	Role      Role             `yaml:"role"`
	Heartbeat Heartbeat        `yaml:"heartbeat"`
	Objective health.Objective `yaml:"objective"`
	Defrag    Defrag           `yaml:"defrag"`
	HTTP      httpapi.Config   `yaml:"http"`
	Spool     Spool            `yaml:"spool"`
	Log       logging.Config   `yaml:"log"`
	Shutdown  Shutdown         `yaml:"shutdown"`
}

// Store says where backups are and how patiently it is asked.
type Store struct {
	URL   string       `yaml:"url"` // file:///folder or s3://bucket/prefix?…
	Retry retry.Policy `yaml:"retry"`
}

// Spool is where a sidecar keeps what does not fit into memory.
type Spool struct {
	Dir string `yaml:"dir"` // made 0700 when it is first needed
}

// Role is how the role is found out.
type Role struct {
	Interval time.Duration `yaml:"interval"`
	Timeout  time.Duration `yaml:"timeout"`
	// PromoteLearners gives the own member a vote once it has caught up.
	PromoteLearners bool `yaml:"promoteLearners"`
}

// Poll returns the settings of the role poll.
func (r Role) Poll() role.Config { return role.Config{Interval: r.Interval, Timeout: r.Timeout} }

// Validate returns what is wrong with r, keys relative to its section.
func (r Role) Validate() []fault.Problem { return r.Poll().Validate() }

// Shutdown says how a sidecar ends.
type Shutdown struct {
	// Flush bounds what a leader that is told to end may take to store what is
	// pending; 0 to 1 minute.
	Flush time.Duration `yaml:"flush"`
}

// Scope names the sections that a command uses: it has their flags, and they
// alone must be valid.
type Scope []string

// The scopes.
var (
	Everything = Scope{"name", "etcd", "store", "backup", "retention", "compact", "proof", "drill", "role", "heartbeat", "objective", "defrag", "http", "spool", "log", "shutdown"}
	StoreOnly  = Scope{"store", "log"}
	// Compaction is what works on the store alone and writes to it.
	Compaction = Scope{"name", "store", "compact", "spool", "log"}
	// Verification is what reads the store and needs room to rebuild what it holds.
	Verification = Scope{"store", "spool", "log"}
	// PuttingBack is what does so and writes to etcd.
	PuttingBack = Scope{"etcd", "store", "spool", "log"}
	// PuttingBackFile is what writes to etcd and needs no store.
	PuttingBackFile = Scope{"etcd", "log"}
	// Tidying is what deletes from the store.
	Tidying = Scope{"store", "retention", "log"}
)

// Default returns what a sidecar does that was told nothing.
func Default() Config {
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	return Config{
		Name: host,
		Etcd: etcd.Config{DialTimeout: etcd.DefaultDialTimeout},
		Store: Store{Retry: retry.Policy{
			Attempts: 5, Backoff: 500 * time.Millisecond, MaxBackoff: 10 * time.Second,
			AttemptTimeout: 30 * time.Second, MinRate: int64(MiB),
		}},
		Backup:    defaultBackup(),
		Retention: defaultRetention(),
		Compact:   defaultCompact(),
		Proof:     defaultProof(),
		Drill:     defaultDrill(),
		Role:      Role{Interval: 2 * time.Second, Timeout: 3 * time.Second, PromoteLearners: true},
		Heartbeat: defaultHeartbeat(),
		Objective: health.Objective{Age: 5 * time.Minute},
		Defrag:    defaultDefrag(),
		HTTP:      defaultHTTP(host),
		Spool:     Spool{Dir: filepath.Join(os.TempDir(), "revkeeper")},
		Log:       logging.Default(),
		Shutdown:  Shutdown{Flush: 5 * time.Second},
	}
}

// defaultHTTP is a server that others find under the host's name, once it listens
// on every interface.
func defaultHTTP(host string) httpapi.Config {
	c := httpapi.Default()
	c.Hostname = host
	return c
}
