package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// snapshotFlags name one snapshot file in the place of a store.
type snapshotFlags struct {
	file     string
	skipHash bool
}

func (f *snapshotFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "snapshot", "", "instead of --store: a file that etcdctl snapshot save wrote, also in zstd or gzip; other commands take it as --store snapshot:///FILE")
	cmd.Flags().BoolVar(&f.skipHash, "skip-hash-check", false, "with --snapshot: take a file without its SHA-256, as one that was copied from a data directory")
}

// set makes the file the store.
func (f *snapshotFlags) set(cmd *cobra.Command) []fault.Problem {
	store := cmd.Flags().Lookup("store")
	switch {
	case f.file == "" && f.skipHash:
		return []fault.Problem{{Key: "--skip-hash-check", Detail: "is about a file of --snapshot, which is missing", Remedy: "give both, or none; a store snapshot:///FILE takes ?skipHashCheck=true"}}
	case f.file == "":
		return nil
	case store.Changed:
		return []fault.Problem{{Key: "--snapshot", Value: f.file, Detail: "is given beside --store", Remedy: "give one of the two"}}
	}
	path, err := filepath.Abs(f.file)
	if err == nil {
		err = cmd.Flags().Set("store", config.SnapshotURL(path, f.skipHash))
	}
	if err != nil {
		return []fault.Problem{{Key: "--snapshot", Value: f.file, Detail: err.Error(), Remedy: "the path of a file"}}
	}
	return nil
}

// source is the flag that names what is restored from.
func (f *snapshotFlags) source() string {
	switch {
	case f.skipHash:
		return "--skip-hash-check --snapshot"
	case f.file != "":
		return "--snapshot"
	}
	return "--store"
}
