package demo

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// memberCommand is the argument by which the demo re-executes itself as an etcd
// member.
const memberCommand = "etcd-member"

// member is one etcd process.
type member struct {
	*process
	name     string
	endpoint string // client URL
	peer     string // peer URL
	dir      string
}

// startMember starts an etcd member; cluster is etcd's initial-cluster.
func (s *story) startMember(m *member, cluster string) error {
	var err error
	m.process, err = start(s.dir, m.name, s.self, memberCommand, "--name", m.name, "--data-dir", m.dir,
		"--client", m.endpoint, "--peer", m.peer, "--cluster", cluster)
	if err == nil {
		s.processes = append(s.processes, m.process)
	}
	return err
}

// newMember chooses addresses and a directory for a member.
func (s *story) newMember(name string) (*member, error) {
	client, err := freeAddress()
	if err != nil {
		return nil, err
	}
	peer, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &member{name: name, endpoint: "http://" + client, peer: "http://" + peer, dir: filepath.Join(s.dir, name)}, nil
}

// runMember is the re-executed process: an etcd server as etcd embeds it.
func runMember(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(memberCommand, flag.ContinueOnError)
	name, dir := flags.String("name", "", ""), flags.String("data-dir", "", "")
	client, peer := flags.String("client", "", ""), flags.String("peer", "", "")
	cluster := flags.String("cluster", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clientURL, err := url.Parse(*client)
	if err != nil {
		return err
	}
	peerURL, err := url.Parse(*peer)
	if err != nil {
		return err
	}
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = *name, *dir, *cluster
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	cfg.LogLevel = "warn"
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer e.Close()
	select {
	case err := <-e.Err():
		return err
	case <-e.Server.StopNotify():
		return fmt.Errorf("etcd ended by itself")
	case <-ctx.Done():
		return nil
	}
}
