//go:build wireinject

package wiring

import (
	"context"
	"log/slog"

	"github.com/google/wire"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/extract"
	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/application/verify"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/ports"
)

// InitializeRun puts the sidecar together. It contacts nobody: etcd and the
// store may be down. The caller runs the cleanup after Run returned.
func InitializeRun(ctx context.Context, c config.Config, b Build, log *slog.Logger) (*Sidecar, func(), error) {
	panic(wire.Build(configSet, observeSet, openStore, meteredStore, warmArchiveSet, writerSet, etcdSet, backupSet, proofSet, drillSet, retentionSet, compactSet, membersSet, serveSet, newSidecar))
}

// InitializeStore puts together what works on a bucket alone, without etcd. It
// contacts nobody. Only the section store of the configuration is used. Of this and
// all that follow a folder that is not there is NotFound.
func InitializeStore(ctx context.Context, c config.Store, log *slog.Logger) (*Bucket, error) {
	panic(wire.Build(loggingObserver, openExisting, patientStore, archiveSet, newOwn, restoreSet, wire.Struct(new(Bucket), "*")))
}

// InitializeRetention puts together what tidies a bucket, without etcd. It contacts
// nobody. Of the configuration only the sections store and retention are used.
func InitializeRetention(ctx context.Context, c config.Store, r config.Retention, log *slog.Logger) (*retention.Keeper, error) {
	panic(wire.Build(loggingObserver, openExisting, patientStore, revkeeper.New, newOwn, keeperSet, newRetentionConfig, newTidy))
}

// InitializeVerification puts together what checks a bucket, without etcd. It
// contacts nobody and writes nothing to the store. Only the sections of
// config.Verification are used.
func InitializeVerification(ctx context.Context, c config.Config, log *slog.Logger) (*verify.Verifier, error) {
	panic(wire.Build(wire.FieldsOf(new(config.Config), "Store", "Spool"), loggingObserver, openExisting, patientStore, archiveSet, newBuilder, verify.New))
}

// InitializeInspection puts together what looks inside a bucket, without etcd. It
// contacts nobody and writes nothing to the store. Only the sections of
// config.Verification are used.
func InitializeInspection(ctx context.Context, c config.Config, log *slog.Logger) (*inspect.Inspector, error) {
	panic(wire.Build(wire.FieldsOf(new(config.Config), "Store", "Spool"), loggingObserver, openExisting, patientStore, archiveSet, newBuilder, inspect.New))
}

// InitializeExport puts together what writes points of a bucket elsewhere, without
// etcd. It contacts nobody. Only the sections of config.Verification are used.
func InitializeExport(ctx context.Context, c config.Config, to Destination, log *slog.Logger) (*Export, error) {
	panic(wire.Build(wire.FieldsOf(new(config.Config), "Store", "Spool"), loggingObserver, openExisting, patientStore, archiveSet, restoreSet, newBuilder, export.New, newTaker, newExport))
}

// InitializeExtraction puts together what takes keys out of a bucket, without etcd.
// It contacts nobody and writes nothing to the store. Only the sections of
// config.Verification are used.
func InitializeExtraction(ctx context.Context, c config.Config, log *slog.Logger) (*extract.Extractor, error) {
	panic(wire.Build(InitializeInspection, extract.New))
}

// InitializeTarget puts together what writes to a live etcd. It contacts nobody. The
// caller runs the cleanup in the end.
func InitializeTarget(c etcd.Config, log *slog.Logger) (extract.Target, func(), error) {
	panic(wire.Build(dial, wire.FieldsOf(new(*etcd.Clients), "Cluster", "Keyspace"),
		wire.Bind(new(ports.Cluster), new(*etcd.Cluster)), wire.Bind(new(ports.Keyspace), new(*etcd.Keyspace)),
		wire.Struct(new(extract.Target), "*")))
}

// InitializeCompaction puts together what makes the chains of a bucket shorter,
// without etcd. It contacts nobody. Only the sections of config.Compaction are
// used.
func InitializeCompaction(ctx context.Context, c config.Config, b Build, log *slog.Logger) (*compact.Compactor, error) {
	panic(wire.Build(wire.FieldsOf(new(config.Config), "Store", "Compact", "Spool"), loggingObserver, openExisting, patientStore, commandsSign, newCompactor))
}
