package wiring

import (
	"net/http"

	"github.com/google/wire"
	registry "github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/client"
	"github.com/revkeeper/revkeeper/adapters/prometheus"
	"github.com/revkeeper/revkeeper/application/backup"
	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/application/drill"
	"github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/application/role"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/ports"
)

// configSet hands each part of the configuration to its owner.
var configSet = wire.NewSet(
	wire.FieldsOf(new(config.Config), "Etcd", "Store", "Backup", "Retention", "Compact", "Proof", "Drill", "Role", "Heartbeat", "Defrag", "HTTP", "Spool", "Shutdown"),
	newDutyConfig, newPollConfig, newDefragConfig,
)

func newPollConfig(c config.Role) role.Config { return c.Poll() }

func newDutyConfig(c config.Backup) (backup.Config, error) { return c.Duty() }

func newProofConfig(c config.Proof) proof.Config { return c.Duty() }

// observeSet tells everybody what happens.
var observeSet = wire.NewSet(
	newRegistry,
	wire.Bind(new(registry.Registerer), new(*registry.Registry)),
	prometheus.NewObserver,
	wire.Struct(new(eventlog.Ring)),
	wire.Bind(new(httpapi.Events), new(*eventlog.Ring)),
	observers,
)

// archiveSet reads a bucket once, in whichever format it is, or a snapshot file.
var archiveSet = wire.NewSet(revkeeper.New, gardener.New, newEither, newEitherKeeper, openArchive, openKeeper)

// warmArchiveSet looks at one of our own format again and again.
var warmArchiveSet = wire.NewSet(
	revkeeper.New, revkeeper.NewWarm, newOwnWarm,
	wire.Bind(new(ports.Archive), new(either.Own)),
)

// writerSet writes them.
var writerSet = wire.NewSet(
	newWriter,
	newFullSpool,
	wire.Bind(new(ports.FullSpool), new(*fullspool.Spool)),
)

func newWriter(store ports.ObjectStore, c config.Spool) (*revkeeper.Writer, error) {
	return revkeeper.NewWriter(store, c.Dir)
}

// newGuard lets nobody record a proof while the members disagree.
func newGuard(w *revkeeper.Writer, l *proof.Ledger) *proof.Guard { return proof.NewGuard(w, l) }

func newFullSpool(c config.Spool) *fullspool.Spool { return fullspool.New(c.Dir) }

// etcdSet speaks to etcd.
var etcdSet = wire.NewSet(
	dial,
	wire.FieldsOf(new(*etcd.Clients), "Member", "Cluster", "Maintenance", "Defrag", "Watcher", "Voters"),
	wire.Bind(new(ports.Member), new(*etcd.Member)),
	wire.Bind(new(ports.Cluster), new(*etcd.Cluster)),
	wire.Bind(new(role.Others), new(*etcd.Cluster)),
	wire.Bind(new(ports.Maintenance), new(*etcd.Maintenance)),
	wire.Bind(new(ports.Watcher), new(*etcd.Watcher)),
)

// backupSet is the use-cases of the sidecar.
var backupSet = wire.NewSet(
	role.NewPoller,
	takefull.NewTaker,
	newSign, backup.NewState, backup.New,
	newAbout, status.NewReporter,
	wire.Bind(new(httpapi.StatusSource), new(*status.Reporter)), wire.Bind(new(others.Own), new(*status.Reporter)),
	wire.Bind(new(drill.Backup), new(*backup.Backup)),
	wire.Bind(new(proof.Backup), new(*backup.State)), wire.Bind(new(proof.Members), new(*takefull.Taker)),
	newDefrag, wire.Bind(new(httpapi.Defragmenter), new(*defrag.Defrag)),
	newDuties, newServices, newSupervisor,
)

// proofSet proves the backup by what the members hash.
var proofSet = wire.NewSet(
	newProofConfig, proof.NewLedger, newGuard, proof.NewDuty,
	wire.Bind(new(ports.ArchiveWriter), new(*proof.Guard)),
	wire.Bind(new(status.OwnProofs), new(*proof.Ledger)),
	wire.Bind(new(drill.Ledger), new(*proof.Ledger)),
)

// drillSet rebuilds what the store holds.
var drillSet = wire.NewSet(
	newDrillConfig, newDriller, newPlace, drillsSign, drill.NewDuty,
	wire.Bind(new(drill.Somewhere), new(*drill.Place)),
	wire.Bind(new(httpapi.Driller), new(*drill.Driller)),
	wire.Bind(new(httpapi.Drills), new(*drill.Duty)),
)

// compactSet makes chains shorter.
var compactSet = wire.NewSet(leadersSign, newCompactor, newCompactDuty)

// membersSet shows the others that the own member is well, and sees how they are.
var membersSet = wire.NewSet(
	newBeats, newAppearance, newHeartbeatDuty, newOwnHeartbeat,
	wire.Bind(new(status.OwnHeartbeat), new(ownHeartbeat)),
	newPeers, newMembers, newAnnouncer, newBusy, newMaintenance,
	others.NewPromoter,
	wire.Bind(new(httpapi.Members), new(*others.Members)),
	wire.Bind(new(httpapi.Leader), new(*others.Members)),
	wire.Bind(new(httpapi.Maintenance), new(maintenance)),
	wire.Bind(new(http.RoundTripper), new(*client.Client)),
)

// retentionSet tidies the bucket while the own member leads.
var retentionSet = wire.NewSet(
	newRetentionConfig, newArchiveKeeper, newRetention, newTidier,
	wire.Bind(new(ports.ArchiveKeeper), new(*revkeeper.Keeper)),
	wire.Bind(new(status.OwnRetention), new(*retention.Keeper)),
	wire.Bind(new(httpapi.Retention), new(*tidier)),
)

// keeperSet tidies a bucket for a command.
var keeperSet = wire.NewSet(
	newColdKeeper,
	wire.Bind(new(ports.ArchiveKeeper), new(*revkeeper.Keeper)),
)

// serveSet shows them over HTTP.
var serveSet = wire.NewSet(
	newProbes, newSnapshots, newMetrics,
	wire.Bind(new(httpapi.Health), new(*probes)),
	wire.Bind(new(httpapi.Snapshots), new(snapshots)),
	wire.Struct(new(httpapi.Sources), "*"),
	httpapi.New,
)

// restoreSet gives back what was stored.
var restoreSet = wire.NewSet(
	wire.Struct(new(datadir.Dirs)),
	wire.Bind(new(ports.DataDir), new(datadir.Dirs)),
	restore.New,
)
