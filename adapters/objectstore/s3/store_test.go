package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestContract(t *testing.T) {
	server := start(t)
	var stores atomic.Int64
	contract.Run(t, "s3 on versitygw", func(t *testing.T) ports.ObjectStore {
		cfg := config(server)
		cfg.Prefix = fmt.Sprintf("clusters/%d", stores.Add(1))
		t.Cleanup(func() { wantNoUploads(t, server) })
		return open(t, cfg)
	})
	rooted := start(t)
	contract.Run(t, "s3 without prefix and conditional put on versitygw", func(t *testing.T) ports.ObjectStore {
		cfg := config(rooted)
		cfg.NoConditionalPut = true
		s := open(t, cfg)
		t.Cleanup(func() { empty(t, s); wantNoUploads(t, rooted) })
		return s
	})
}

func TestKeeperContract(t *testing.T) {
	server := start(t)
	var stores atomic.Int64
	contract.RunKeeper(t, "s3 on versitygw", func(t *testing.T) contract.KeptStore {
		cfg := config(server)
		cfg.Prefix = fmt.Sprintf("clusters/%d", stores.Add(1))
		// What others upload is not ours to abort, wherever it goes.
		abandon(t, server, "elsewhere/timelines/00000001/timeline.json")
		abandon(t, server, cfg.Prefix+"/somebody's/file")
		return open(t, cfg)
	}, func(t *testing.T, _ contract.KeptStore) {
		abandon(t, server, fmt.Sprintf("clusters/%d/timelines/00000001/full/00000000000000000457-00000000000000000001-20260102T030405.678Z-4a025a21.db.zst", stores.Load()))
	})
}

// abandon begins an upload in parts and leaves it.
func abandon(t *testing.T, server servers.S3, key string) {
	t.Helper()
	_, err := client(server).CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: &server.Bucket, Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a server and makes its credentials the only ones around.
func start(t *testing.T) servers.S3 {
	t.Helper()
	server := servers.StartVersityGW(t)
	isolate(t, server.AccessKey, server.SecretKey)
	return server
}

// isolate gives the default credential chain nothing but the given key.
func isolate(t *testing.T, accessKey, secretKey string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_PROFILE": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_CA_BUNDLE": "",
	} {
		t.Setenv(name, value)
	}
}

func config(server servers.S3) s3.Config {
	return s3.Config{Bucket: server.Bucket, Endpoint: server.Endpoint, PathStyle: true}
}

func open(t *testing.T, cfg s3.Config) *s3.Store {
	t.Helper()
	s, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(s ports.ObjectStore, key, content string) error {
	return s.Create(context.Background(), key, strings.NewReader(content), int64(len(content)))
}

func empty(t *testing.T, s ports.ObjectStore) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var keys []string
	for o, err := range s.List(ctx, "", "") {
		if err != nil {
			t.Error(err)
			return
		}
		keys = append(keys, o.Key)
	}
	var group errgroup.Group
	group.SetLimit(16)
	for _, key := range keys {
		group.Go(func() error { return s.Delete(ctx, key) })
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// wantNoUploads asks the server itself, past the store, for multipart uploads
// that were begun and neither completed nor aborted.
func client(server servers.S3) *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: aws.String(server.Endpoint), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	})
}

func wantNoUploads(t *testing.T, server servers.S3) {
	t.Helper()
	out, err := client(server).ListMultipartUploads(context.WithoutCancel(t.Context()), &awss3.ListMultipartUploadsInput{Bucket: &server.Bucket})
	if err != nil {
		t.Error(err)
		return
	}
	for _, u := range out.Uploads {
		t.Errorf("a multipart upload of %s was left behind", aws.ToString(u.Key))
	}
}

// Both look before they upload and find nothing, so the condition at the
// completion decides.
func TestConcurrentLargeCreates(t *testing.T) {
	server := start(t)
	s := open(t, config(server))
	const size = 12 << 20
	var errs [3]error
	var group errgroup.Group
	var begun atomic.Int64
	gate := make(chan struct{})
	for i := range errs {
		group.Go(func() error {
			body := &gated{Reader: bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, size)), gate: gate, arrive: func() {
				if begun.Add(1) == int64(len(errs)) {
					close(gate)
				}
			}}
			errs[i] = s.Create(t.Context(), "large", body, size)
			return nil
		})
	}
	_ = group.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, fault.Conflict):
			t.Errorf("create %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d creates succeeded", won)
	}
	wantNoUploads(t, server)
}

// gated holds its first read until every other body was read from too.
type gated struct {
	*bytes.Reader
	gate   chan struct{}
	arrive func()
	met    atomic.Bool
}

// ReadAt implements io.ReaderAt.
func (g *gated) ReadAt(p []byte, offset int64) (int, error) {
	if g.met.CompareAndSwap(false, true) {
		g.arrive()
		<-g.gate
	}
	return g.Reader.ReadAt(p, offset)
}

func TestCapabilities(t *testing.T) {
	isolate(t, "a", "b")
	cfg := s3.Config{Bucket: "b", Prefix: "p/q", Region: "eu-west-1", NoConditionalPut: true}
	want := ports.Capabilities{Location: "s3://b/p/q", AtomicCreate: false}
	if got := open(t, cfg).Capabilities(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
