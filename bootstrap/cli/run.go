package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/logging"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func (p Program) run() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Be the sidecar of one etcd member until told to end",
		Long: "Be the sidecar of one etcd member until SIGTERM or SIGINT. Beside the member that\n" +
			"leads etcd it backs the cluster up; beside the others it stands ready to.\n\n" +
			"A setting may come from a file, the environment or a flag, the later winning:\n" +
			"backup.flush.age, REVKEEPER_BACKUP_FLUSH_AGE, --backup-flush-age.",
		Example: "  revkeeper run --endpoint https://127.0.0.1:2379 --cacert ca.pem --cert client.pem --key client-key.pem \\\n" +
			"    --store 's3://backups/prod?region=eu-central-1'",
		Args: noArgs,
	}
	flags := config.Register(cmd.Flags(), config.Everything)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		started := time.Now()
		c, err := p.load(flags, config.Everything)
		if err != nil {
			return err
		}
		if at, err := c.Store.Location(); err == nil && at.Scheme == config.SchemeSnapshot {
			return fault.Problems{{Key: "store.url", Value: c.Store.URL, Detail: "is a snapshot file, which is only read", Remedy: "file:///folder or s3://bucket/prefix"}}
		}
		log := logging.New(c.Log, p.Stderr)
		logging.Adopt(log)
		build := wiring.Build{Version: p.versionText(), StartedAt: started}
		sidecar, cleanup, err := wiring.InitializeRun(cmd.Context(), c.Config, build, log)
		if err != nil {
			return err
		}
		defer cleanup()
		log.Info("revkeeper begins", "version", build.Version, "name", c.Name, "endpoint", c.Etcd.Endpoint)
		if err := sidecar.Run(cmd.Context()); err != nil {
			return err
		}
		log.Info("revkeeper ended")
		return nil
	}
	return cmd
}
